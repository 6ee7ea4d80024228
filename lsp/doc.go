// Package lsp serves one connection to one editor: the documents that it has
// open, the standard language features answered from running kernels, and the
// reval/* messages that bring output while it happens.
//
// [Serve] is the entry. The wire format of everything that is not plain LSP
// stands in messages.go, and docs/protocol.md is made from it.
package lsp

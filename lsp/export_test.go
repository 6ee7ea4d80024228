package lsp

import (
	"io"
	"log/slog"

	"go.lsp.dev/jsonrpc2"
)

// NewStream is newStream's, for the fuzz target.
func NewStream(rw io.ReadWriteCloser, logger *slog.Logger) jsonrpc2.Stream {
	return newStream(rw, logger)
}

package gokernel

import (
	"testing"

	"github.com/reval-editor/reval/jupyter"
)

// BenchmarkStart is the time from a kernel's start to its kernel_info_reply.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		c := startKernel(b)
		c.ask(jupyter.KernelInfoRequest, struct{}{})
		b.StopTimer()
		r := c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
		c.expect(c.control, jupyter.ShutdownReply, r)
		c.waitExit()
		b.StartTimer()
	}
}

// BenchmarkCell is the time from a simple cell's request to its idle status.
func BenchmarkCell(b *testing.B) {
	c := startKernel(b)
	c.run("x := 1")
	for b.Loop() {
		c.run("x + 1")
	}
}

// BenchmarkComplete is the time of a completion of a package's members.
func BenchmarkComplete(b *testing.B) {
	c := startKernel(b)
	c.run("import \"strings\"")
	for b.Loop() {
		c.ask(jupyter.CompleteRequest, jupyter.CompleteRequestContent{Code: "strings.T", CursorPos: 9})
	}
}

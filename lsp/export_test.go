package lsp

import (
	"fmt"
	"io"
	"log/slog"

	"go.lsp.dev/jsonrpc2"
)

// NewStream is newStream's, for the fuzz target.
func NewStream(rw io.ReadWriteCloser, logger *slog.Logger) jsonrpc2.Stream {
	return newStream(rw, logger)
}

// Deadlines are how long a client waits at most, for the page of the protocol.
var Deadlines = map[string]string{
	"start": fmt.Sprint(startDeadline), "interrupt": fmt.Sprint(interruptDeadline), "rest": fmt.Sprint(restDeadline), "silent": fmt.Sprint(silentDeadline), "busy": fmt.Sprint(busyDeadline),
	"pause": fmt.Sprint(streamPause), "progress": fmt.Sprint(progressDelay),
}

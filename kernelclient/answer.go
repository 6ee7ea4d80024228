package kernelclient

import (
	"bytes"
	"os/exec"
	"time"
)

// answerOf runs a program and gives what it prints, at most maxAnswer bytes: what prints
// more is ended.
func answerOf(cmd *exec.Cmd) ([]byte, error) {
	var out answer
	cmd.Stdout = &out
	cmd.WaitDelay = time.Second // what it has started may hold the pipe open
	err := cmd.Run()
	if out.tooLong {
		return nil, errTooLong
	}
	return out.text.Bytes(), err
}

// answer collects what a program prints. When its Write fails, the program finds the
// pipe closed.
type answer struct {
	text    bytes.Buffer
	tooLong bool
}

func (a *answer) Write(p []byte) (int, error) {
	if a.text.Len()+len(p) > maxAnswer {
		a.tooLong = true
		return 0, errTooLong
	}
	return a.text.Write(p)
}

// Package child lets the benchmark ask programs of several languages to do the same
// thing: a program reads a request a line from its standard input, a JSON object
// whose "do" names what is asked for, and answers with one line of JSON, where an
// object with "error" tells a failure. It ends at the end of its input.
package child

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// Request is what is asked for; the fields that it does not need are zero.
type Request struct {
	Do        string `json:"do"`
	N         int    `json:"n"` // how often
	Endpoint  string `json:"endpoint,omitempty"`
	FrameSize int    `json:"frame_size,omitempty"` // in bytes
	Frames    int    `json:"frames,omitempty"`     // of one message
	File      string `json:"file,omitempty"`       // a connection file
	Code      string `json:"code,omitempty"`
	// WarmUp is how often the same is done before, untimed.
	WarmUp int `json:"warm_up,omitempty"`
}

// Usage is what a process has used.
type Usage struct {
	CPU  time.Duration `json:"cpu"`  // of user and system
	Peak int64         `json:"peak"` // resident memory at its highest, in bytes
	// Resident is its memory now, Own what of that is no file's; UsageNow alone tells.
	Resident, Own int64 `json:"-"`
}

// Child is a program that answers.
type Child struct {
	name string
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

// Start starts a program. Its errors go to this process's.
func Start(ctx context.Context, name, program string, args ...string) (*Child, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	in, out, err := Pipe(cmd)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return &Child{name: name, cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// Pipe starts a command with its standard streams as pipes.
func Pipe(cmd *exec.Cmd) (io.WriteCloser, io.Reader, error) {
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return in, out, cmd.Start()
}

// Ask lets the child do something and reads its answer, if it is wanted.
func (c *Child) Ask(r Request, answer any) error {
	if err := c.Tell(r); err != nil {
		return err
	}
	return c.Answer(answer)
}

// Tell hands a request over without waiting; Answer gives what came of it.
func (c *Child) Tell(r Request) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("%s: %s: %w", c.name, r.Do, err)
	}
	return nil
}

// Answer waits for the answer to the oldest request that was told.
func (c *Child) Answer(answer any) error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("%s: wait for an answer: %w", c.name, err)
	}
	var failure struct{ Error string }
	if json.Unmarshal(line, &failure) == nil && failure.Error != "" {
		return fmt.Errorf("%s: %s", c.name, failure.Error)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(line, answer); err != nil {
		return fmt.Errorf("%s: answered %.100q: %w", c.name, line, err)
	}
	return nil
}

// Close lets the child end and waits for it.
func (c *Child) Close() error {
	c.in.Close()
	if err := c.cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w", c.name, err)
	}
	return nil
}

// Serve is the child's side: it answers requests by the functions of their names,
// and "usage" itself.
func Serve(do map[string]func(Request) (any, error)) error {
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := out.Encode(answer(do, line)); err != nil {
			return err
		}
	}
}

func answer(do map[string]func(Request) (any, error), line []byte) any {
	var r Request
	err := json.Unmarshal(line, &r)
	var v any
	switch {
	case err != nil:
	case r.Do == "usage":
		v, err = usage()
	case do[r.Do] == nil:
		err = errors.New("nobody does that")
	default:
		v, err = do[r.Do](r)
	}
	if err != nil {
		return map[string]string{"error": fmt.Sprintf("%s: %v", r.Do, err)}
	}
	return v
}

package daemon

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// Protocol is the number of what is said before the bytes. It changes only if a preface
// of before would be misunderstood.
const Protocol = 1

// Purposes of connections. More of them are whatever [ServeOptions.Handlers] has.
const (
	LSP     = "lsp"
	Control = "control"
)

// Preface is what a client says of itself.
type Preface struct {
	Build
	PID     int
	Purpose string
	// Dir is the client's working directory, Env its environment as of os.Environ.
	Dir string
	Env []string
	// Log is the absolute path of the file that this connection's log goes to; empty for
	// the daemon's.
	Log string
}

// NewPreface describes this process.
func NewPreface(b Build, purpose string) Preface {
	dir, _ := os.Getwd() // a folder that was removed has no name
	return Preface{Build: b, PID: os.Getpid(), Purpose: purpose, Dir: dir, Env: os.Environ()}
}

// wirePreface is a Preface as it is sent: paths and environments need not be UTF-8.
type wirePreface struct {
	Protocol int `json:"reval"`
	Build
	PID     int      `json:"pid"`
	Purpose string   `json:"for"`
	Dir     []byte   `json:"dir,omitempty"`
	Env     [][]byte `json:"env,omitempty"`
	Log     []byte   `json:"log,omitempty"`
}

func (p Preface) wire() wirePreface {
	w := wirePreface{Protocol, p.Build, p.PID, p.Purpose, []byte(p.Dir), nil, []byte(p.Log)}
	for _, v := range p.Env {
		w.Env = append(w.Env, []byte(v))
	}
	return w
}

func (w wirePreface) preface() Preface {
	p := Preface{w.Build, w.PID, w.Purpose, string(w.Dir), nil, string(w.Log)}
	for _, v := range w.Env {
		p.Env = append(p.Env, string(v))
	}
	return p
}

// Welcome is the daemon's answer to a preface.
type Welcome struct {
	Protocol int `json:"reval"`
	Build
	PID int `json:"pid"`
	// Refusal says why not, and what to do; empty for a welcome.
	Refusal string `json:"refusal,omitempty"`
}

// RefusedError is the words of a daemon that is there and does not serve this client.
type RefusedError struct{ Words string }

func (e RefusedError) Error() string { return e.Words }

// Bounds of what is said before the bytes.
const (
	// maxPreface is in bytes: systems allow a program some 2 MiB of environment.
	maxPreface = 8 << 20
	maxWelcome = 64 << 10
	// maxName bounds what is said again in a refusal.
	maxName = 200
	// maxControl bounds a request and an answer.
	maxControl = 1 << 20
)

var errLongLine = errors.New("the line is too long")

// readLine reads a line of at most limit bytes from r.
func readLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > limit {
			return nil, errLongLine
		}
		line = append(line, part...)
		if err != bufio.ErrBufferFull {
			return line, err
		}
	}
}

// readShortLine reads a line and no byte more: what follows is for others.
func readShortLine(r io.Reader, limit int) ([]byte, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < limit; {
		if _, err := r.Read(one); err != nil {
			return nil, err
		}
		if line = append(line, one[0]); one[0] == '\n' {
			return line, nil
		}
	}
	return nil, errLongLine
}

// writeLine writes one line of JSON.
func writeLine(w io.Writer, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// greet introduces a client to the daemon at the other end of a socket.
func greet(c *net.UnixConn, p Preface, deadline time.Time) (Welcome, error) {
	var w Welcome
	if err := c.SetDeadline(deadline); err != nil {
		return w, err
	}
	if err := writeLine(c, p.wire()); err != nil {
		return w, err
	}
	line, err := readShortLine(c, maxWelcome)
	if err != nil {
		return w, err
	}
	if err := json.Unmarshal(line, &w); err != nil {
		return w, fmt.Errorf("the daemon's answer is none: %w", err)
	}
	if w.Refusal != "" {
		return w, RefusedError{w.Refusal}
	}
	return w, c.SetDeadline(time.Time{})
}

// parsePreface reads a preface's line.
func parsePreface(line []byte) (p Preface, protocol int, err error) {
	var w wirePreface
	if err := json.Unmarshal(bytes.TrimSpace(line), &w); err != nil {
		return Preface{}, 0, fmt.Errorf("the preface is none: %w", err)
	}
	if len(w.Version) > maxName || len(w.ID) > maxName || len(w.Purpose) > maxName {
		return Preface{}, 0, errors.New("the preface is none: its names are too long")
	}
	return w.preface(), w.Protocol, nil
}

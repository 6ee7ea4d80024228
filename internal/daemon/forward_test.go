//go:build !windows

package daemon

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reval-editor/reval/internal/testenv"
)

// pair is a connection and the daemon's end of it.
func pair(t testing.TB) (*Conn, *net.UnixConn) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(testenv.RuntimeDir(t), "s"), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := net.DialUnix("unix", nil, l.Addr().(*net.UnixAddr))
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := l.AcceptUnix()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Close()
		theirs.Close()
	})
	return &Conn{UnixConn: c}, theirs
}

// TestForwardCut: whoever ends at whichever byte, the other side has got a beginning of what
// was said and learns of the end, and a daemon's death is told from an end in order.
func TestForwardCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		said := rapid.SliceOfN(rapid.Byte(), 0, 200_000).Draw(rt, "said")
		cut := rapid.IntRange(0, len(said)).Draw(rt, "cut")
		who := rapid.SampledFrom([]string{"editor ends", "editor does not read", "daemon dies", "daemon ends"}).Draw(rt, "who")
		conn, theirs := pair(t)
		stdin, editorOut, err := os.Pipe()
		if err != nil {
			rt.Fatal(err)
		}
		editorIn, stdout, err := os.Pipe()
		if err != nil {
			rt.Fatal(err)
		}
		defer func() {
			for _, f := range []*os.File{stdin, editorOut, editorIn, stdout} {
				f.Close()
			}
		}()
		forwarded := make(chan error, 1)
		go func() { forwarded <- Forward(context.Background(), conn, stdin, stdout) }()
		var got []byte
		switch who {
		case "editor ends":
			go func() {
				editorOut.Write(said[:cut])
				editorOut.Close()
			}()
			got, _ = io.ReadAll(theirs)
			theirs.Close() // as a server does whose client is gone
		case "editor does not read":
			heard := make(chan []byte)
			go func() {
				got, _ := io.ReadAll(io.LimitReader(editorIn, int64(cut)))
				editorIn.Close()
				heard <- got
			}()
			for err == nil { // until it is told that nobody reads
				_, err = theirs.Write(append(said, 0))
			}
			if got = <-heard; !bytes.HasPrefix(bytes.Repeat(append(said, 0), 1+cut/(len(said)+1)), got) {
				rt.Fatal("the editor read something else")
			}
			got = said[:cut]
		case "daemon dies", "daemon ends":
			go func() {
				theirs.Write(said[:cut])
				if who == "daemon dies" {
					theirs.Close()
					return
				}
				theirs.CloseWrite()
				io.Copy(io.Discard, theirs)
				theirs.Close()
			}()
			got, _ = io.ReadAll(io.LimitReader(editorIn, int64(cut)))
		}
		if !bytes.Equal(got, said[:cut]) {
			rt.Errorf("of %d bytes came %d", cut, len(got))
		}
		if err := <-forwarded; (err != nil) != (who == "daemon dies") {
			rt.Errorf("%s: %v", who, err)
		}
	})
}

// TestForwardBothWays: bytes are passed on as they are, at once.
func TestForwardBothWays(t *testing.T) {
	p := newPlace(t)
	serve(t, ServeOptions{Place: p})
	stdin, editorOut := io.Pipe()
	editorIn, stdout := io.Pipe()
	forwarded := make(chan error, 1)
	c := join(t, joining(p))
	go func() { forwarded <- Forward(t.Context(), c, stdin, stdout) }()
	for _, words := range []string{"a", "Content-Length: 2\r\n\r\n{}", strings.Repeat("\x00\xff", 100_000)} {
		go io.WriteString(editorOut, words)
		got := make([]byte, len(words))
		if _, err := io.ReadFull(editorIn, got); err != nil || string(got) != words {
			t.Fatalf("%d bytes did not come back: %v", len(words), err)
		}
	}
	editorOut.Close()
	if err := <-forwarded; err != nil {
		t.Error(err)
	}
}

// TestForwardEndsWithItsContext, whatever the two sides do.
func TestForwardEndsWithItsContext(t *testing.T) {
	c, theirs := pair(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Forward(ctx, c, blocked(t), io.Discard); err != nil {
		t.Error(err)
	}
	if _, err := theirs.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the daemon is not told: %v", err)
	}
}

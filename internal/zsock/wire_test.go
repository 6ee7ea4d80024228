package zsock

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// decoded is all that a wireReader made of some bytes.
type decoded struct {
	messages [][][]byte
	commands []string // name and data
	err      error
}

func decode(r io.Reader, size int, maxFrame, maxMessage int64) (d decoded) {
	w := wireReader{br: bufio.NewReaderSize(r, size), maxFrame: maxFrame, maxMessage: maxMessage}
	for {
		m, err := w.next(func(name string, data []byte) error {
			d.commands = append(d.commands, name+" "+string(data))
			return nil
		})
		if err != nil {
			d.err = err
			return d
		}
		d.messages = append(d.messages, m)
	}
}

func encode(t testing.TB, messages ...[][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := bufio.NewWriterSize(&b, 16) // smaller than the header and body of any interest
	for _, m := range messages {
		if err := writeMessage(w, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The bytes are those of the examples' shape in ZMTP 3.0 "Framing".
func TestEncoding(t *testing.T) {
	long := strings.Repeat("x", 256)
	for want, m := range map[string][][]byte{
		"\x00\x05hello":                               message("hello"),
		"\x01\x00\x00\x01y":                           message("", "y"),
		"\x00\xff" + long[1:]:                         message(long[1:]),
		"\x02\x00\x00\x00\x00\x00\x00\x01\x00" + long: message(long),
	} {
		if got := encode(t, m); string(got) != want {
			t.Errorf("%.20q is encoded %.40q, want %.40q", m, got, want)
		}
	}
}

func TestDecodingFaults(t *testing.T) {
	const maxFrame, maxMessage = 1000, 2000
	for name, test := range map[string]struct {
		in   string
		want error
	}{
		"nothing":              {"", io.EOF},
		"after a message":      {"\x00\x01x", io.EOF},
		"half a short header":  {"\x00", io.ErrUnexpectedEOF},
		"half a long header":   {"\x02\x00\x00", io.ErrUnexpectedEOF},
		"half a frame":         {"\x00\x05hel", io.ErrUnexpectedEOF},
		"no last frame":        {"\x01\x01x", io.ErrUnexpectedEOF},
		"reserved flags":       {"\x08\x01x", ErrProtocol},
		"command of two":       {"\x05\x01x", ErrProtocol},
		"command without name": {"\x04\x00", ErrProtocol},
		"command cut short":    {"\x04\x02\x02x", ErrProtocol},
		"huge command":         {"\x06\x00\x00\x00\x00\x00\x01\x00\x01", ErrTooLarge},
		"frame over the cap":   {"\x02\x00\x00\x00\x00\x00\x00\x03\xe9", ErrTooLarge},
		"frame of 2^62":        {"\x02\x40\x00\x00\x00\x00\x00\x00\x00", ErrTooLarge},
		"frame of 2^64-1":      {"\x02\xff\xff\xff\xff\xff\xff\xff\xff", ErrTooLarge},
		"message over the cap": {strings.Repeat("\x01\xff"+strings.Repeat("x", 255), 8) + "\x00\x00", ErrTooLarge},
		"endless empty frames": {strings.Repeat("\x01\x00", maxMessage), ErrTooLarge},
	} {
		for _, size := range []int{16, 64 << 10} {
			if d := decode(strings.NewReader(test.in), size, maxFrame, maxMessage); !errors.Is(d.err, test.want) {
				t.Errorf("%s: %v, want %v", name, d.err, test.want)
			}
		}
	}
}

// Two bytes on the wire must not cost the memory of a slice, without end.
func TestFramesAreCapped(t *testing.T) {
	in := strings.Repeat("\x01\x00", maxFrames+1)
	if d := decode(strings.NewReader(in), 64<<10, 1<<30, 1<<30); !errors.Is(d.err, ErrTooLarge) || len(d.messages) > 0 {
		t.Errorf("%d messages, %v", len(d.messages), d.err)
	}
	if d := decode(strings.NewReader(in[4:]+"\x00\x00"), 64<<10, 1<<30, 1<<30); d.err != io.EOF || len(d.messages) != 1 || len(d.messages[0]) != maxFrames {
		t.Errorf("%d messages, %v", len(d.messages), d.err)
	}
}

// libzmq sends a PING when its time has come, also between two frames.
func TestCommandWithinAMessage(t *testing.T) {
	in := append([]byte("\x01\x01a"), command("PING", []byte("\x00\x01ctx"))...)
	in = append(in, "\x00\x01b"...)
	d := decode(bytes.NewReader(in), 64<<10, 1000, 1000)
	if len(d.messages) != 1 || !equal(d.messages[0], message("a", "b")) || len(d.commands) != 1 || d.commands[0] != "PING \x00\x01ctx" {
		t.Errorf("decoded %+v", d)
	}
}

// A declared length costs nothing before its bytes come.
func TestDeclaredLengthIsNotAllocated(t *testing.T) {
	in := "\x02\x00\x00\x00\x00\x40\x00\x00\x00" + strings.Repeat("x", 1000) // 1 GiB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	d := decode(strings.NewReader(in), 64<<10, 2<<30, 2<<30)
	runtime.ReadMemStats(&after)
	if !errors.Is(d.err, io.ErrUnexpectedEOF) {
		t.Errorf("decoded with %v", d.err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("allocated %d bytes for 1000 that came", used)
	}
}

// FuzzWire holds two ways through the reader against each other: the bytes at
// once, mostly decoded from the buffer, and one by one. What both decode must also
// survive being encoded again.
func FuzzWire(f *testing.F) {
	f.Add([]byte("\x01\x02id\x01\x00\x00\x05hello\x00\x00"))
	f.Add(append(command("PING", []byte("\x00\x01ctx")), "\x00\x01\x01"...))
	f.Add([]byte("\x01\x01a\x04\x05\x04PONG\x00\x01b"))
	f.Add(encode(f, message("topic", strings.Repeat("x", 300)), message("", "")))
	f.Add([]byte("\x02\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00\x01x\x08\x00"))
	f.Fuzz(func(t *testing.T, in []byte) {
		const maxFrame, maxMessage = 1 << 10, 1 << 11
		whole := decode(bytes.NewReader(in), 64<<10, maxFrame, maxMessage)
		single := decode(iotest.OneByteReader(bytes.NewReader(in)), 16, maxFrame, maxMessage)
		if whole.err.Error() != single.err.Error() {
			t.Errorf("errors differ: %v, %v", whole.err, single.err)
		}
		same := func(a, b [][][]byte) bool {
			if len(a) != len(b) {
				return false
			}
			for i := range a {
				if !equal(a[i], b[i]) {
					return false
				}
			}
			return true
		}
		if !same(whole.messages, single.messages) || strings.Join(whole.commands, "\n") != strings.Join(single.commands, "\n") {
			t.Errorf("decoded differently: %+v, %+v", whole, single)
		}
		again := decode(bytes.NewReader(encode(t, whole.messages...)), 64<<10, maxFrame, maxMessage)
		if again.err != io.EOF || !same(again.messages, whole.messages) {
			t.Errorf("encoded again: %q, %v, want %q", again.messages, again.err, whole.messages)
		}
	})
}

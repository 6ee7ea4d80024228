package zsock

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Flags of a frame, ZMTP 3.0 "Framing". The other bits are reserved and zero.
const (
	flagMore    = 1 << 0
	flagLong    = 1 << 1 // the length has 8 bytes, big endian, instead of 1
	flagCommand = 1 << 2
)

const (
	bufferSize = 64 << 10 // of reading and of writing, per connection

	// maxCommand caps commands, which are small by nature, and the topics of a SUBSCRIBE.
	maxCommand = 64 << 10

	// growFrom is the size, in bytes, from which a frame's memory grows as its
	// bytes arrive, instead of being allocated on the word of the peer.
	growFrom = 256 << 10
	// growBy is how many times as much is allocated as has arrived: the peer pays a
	// sixteenth, and of a large frame a fifteenth is allocated, and copied, twice.
	growBy = 16

	// frameCost is what a frame counts towards MaxMessage beside its bytes: the
	// memory of its slice.
	frameCost = 24

	// maxFrames caps the frames of one message, so that endless empty ones, of two
	// bytes each on the wire, do not cost all that MaxMessage grants.
	maxFrames = 64 << 10
)

// wireReader reads messages and commands, with caps.
type wireReader struct {
	br                   *bufio.Reader
	maxFrame, maxMessage int64
}

// next returns the next message. Commands are given to command as they come: also
// between the frames of a message, where libzmq puts its PINGs. The body given to
// command is the callee's to keep. The error is io.EOF only between two messages.
func (r *wireReader) next(command func(name string, body []byte) error) ([][]byte, error) {
	if frames := r.buffered(); frames != nil {
		return frames, nil
	}
	var (
		frames [][]byte
		total  int64
	)
	for {
		flags, size, err := r.header()
		if err == io.EOF && frames != nil {
			err = cut(err)
		}
		if err != nil {
			return nil, err
		}
		if flags&flagCommand != 0 {
			if err := r.command(flags, size, command); err != nil {
				return nil, err
			}
			continue
		}
		if size > r.maxFrame {
			return nil, fmt.Errorf("peer declared a frame of %d bytes, cap is %d: %w", size, r.maxFrame, ErrTooLarge)
		}
		if len(frames) == maxFrames {
			return nil, fmt.Errorf("peer sent a message of more than %d frames: %w", maxFrames, ErrTooLarge)
		}
		if total += size + frameCost; total > r.maxMessage {
			return nil, fmt.Errorf("peer declared a message of more than %d bytes: %w", r.maxMessage, ErrTooLarge)
		}
		body, err := r.body(size)
		if err != nil {
			return nil, err
		}
		frames = append(frames, body)
		if flags&flagMore == 0 {
			return frames, nil
		}
	}
}

// buffered returns the next message if it is in the read buffer as a whole, which
// small messages mostly are: two allocations for all frames. Anything else, a
// command or a fault among it, is left to next, and the answer is nil.
func (r *wireReader) buffered() [][]byte {
	if _, err := r.br.Peek(2); err != nil {
		return nil
	}
	p, _ := r.br.Peek(r.br.Buffered())
	var n, at, size int
	for more := true; more; n++ {
		flags, s, head := parseHeader(p[at:])
		if head == 0 || flags&^(flagMore|flagLong) != 0 || s > r.maxFrame || s > int64(len(p)-at-head) {
			return nil
		}
		at += head + int(s)
		size += int(s)
		more = flags&flagMore != 0
	}
	if int64(size)+int64(n)*frameCost > r.maxMessage {
		return nil
	}
	frames, data := make([][]byte, 0, n), make([]byte, 0, size)
	for p = p[:at]; len(p) > 0; {
		_, s, head := parseHeader(p)
		end := head + int(s)
		start := len(data)
		data = append(data, p[head:end]...)
		frames = append(frames, data[start:len(data):len(data)])
		p = p[end:]
	}
	r.br.Discard(at)
	return frames
}

// parseHeader reads a frame's header from the start of p. The head length is 0
// when p is too short or the size is beyond an int64.
func parseHeader(p []byte) (flags byte, size int64, head int) {
	switch {
	case len(p) < 2:
		return 0, 0, 0
	case p[0]&flagLong == 0:
		return p[0], int64(p[1]), 2
	case len(p) < 9 || p[1] > math.MaxInt8:
		return 0, 0, 0
	}
	return p[0], int64(binary.BigEndian.Uint64(p[1:])), 9
}

// header reads the header of one frame and checks what needs no cap.
func (r *wireReader) header() (flags byte, size int64, err error) {
	var h [9]byte
	if h[0], err = r.br.ReadByte(); err != nil {
		return 0, 0, err // io.EOF here is a clean end
	}
	if h[0]&^(flagMore|flagLong|flagCommand) != 0 || h[0]&flagCommand != 0 && h[0]&flagMore != 0 {
		return 0, 0, fmt.Errorf("frame with flags 0x%02x: %w", h[0], ErrProtocol)
	}
	n := 2
	if h[0]&flagLong != 0 {
		n = 9
	}
	if _, err := io.ReadFull(r.br, h[1:n]); err != nil {
		return 0, 0, cut(err)
	}
	flags, size, head := parseHeader(h[:n])
	if head == 0 || size > math.MaxInt {
		return 0, 0, fmt.Errorf("peer declared a frame of %d bytes: %w", binary.BigEndian.Uint64(h[1:]), ErrTooLarge)
	}
	return flags, size, nil
}

// body reads size bytes.
func (r *wireReader) body(size int64) ([]byte, error) {
	first := size
	for first > growFrom {
		first = (first + growBy - 1) / growBy
	}
	buf := make([]byte, first)
	for have := 0; ; {
		n, err := io.ReadFull(r.br, buf[have:])
		if err != nil {
			return nil, cut(err)
		}
		if have += n; int64(have) == size {
			return buf[:have:have], nil
		}
		grown := make([]byte, min(size, growBy*int64(have)))
		copy(grown, buf)
		buf = grown
	}
}

func (r *wireReader) command(flags byte, size int64, command func(string, []byte) error) error {
	if size > maxCommand {
		return fmt.Errorf("peer declared a command of %d bytes, cap is %d: %w", size, maxCommand, ErrTooLarge)
	}
	body, err := r.body(size)
	if err != nil {
		return err
	}
	name, body, err := parseCommand(body)
	if err != nil {
		return err
	}
	return command(name, body)
}

// parseCommand splits the body of a command frame: a length byte, the name, the data.
func parseCommand(body []byte) (name string, data []byte, err error) {
	if len(body) == 0 || int(body[0]) > len(body)-1 {
		return "", nil, fmt.Errorf("command without a name: %w", ErrProtocol)
	}
	n := 1 + int(body[0])
	return string(body[1:n]), body[n:], nil
}

// cut says that the connection ended where it must not.
func cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("connection ended within a message: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// writeMessage puts the frames of one message into w: at once if it has room for all,
// else one after the other, of which w writes those larger than its buffer without a copy.
func writeMessage(w *bufio.Writer, frames [][]byte) error {
	if wireSize(frames) <= w.Available() {
		_, err := w.Write(appendMessage(w.AvailableBuffer(), frames))
		return err
	}
	for i, f := range frames {
		if err := writeFrame(w, moreAfter(i, frames), f); err != nil {
			return err
		}
	}
	return nil
}

// wireSize is the most that a message takes on the wire, in bytes.
func wireSize(frames [][]byte) int {
	n := 9 * len(frames)
	for _, f := range frames {
		n += len(f)
	}
	return n
}

func appendMessage(p []byte, frames [][]byte) []byte {
	for i, f := range frames {
		p = append(appendHeader(p, moreAfter(i, frames), len(f)), f...)
	}
	return p
}

// moreAfter are the flags of a message's frame i.
func moreAfter(i int, frames [][]byte) byte {
	if i < len(frames)-1 {
		return flagMore
	}
	return 0
}

// writeCommand puts one command into w. The name has at most 255 bytes.
func writeCommand(w *bufio.Writer, name string, data []byte) error {
	body := append(append([]byte{byte(len(name))}, name...), data...)
	return writeFrame(w, flagCommand, body)
}

func writeFrame(w *bufio.Writer, flags byte, body []byte) error {
	if _, err := w.Write(appendHeader(w.AvailableBuffer(), flags, len(body))); err != nil {
		return err
	}
	_, err := w.Write(body)
	return err
}

// appendHeader appends the header of a frame of size bytes to p.
func appendHeader(p []byte, flags byte, size int) []byte {
	if size <= math.MaxUint8 {
		return append(p, flags, byte(size))
	}
	return binary.BigEndian.AppendUint64(append(p, flags|flagLong), uint64(size))
}

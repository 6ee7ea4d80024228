package zsock

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zeromq/zmq4"
)

// badHandshakes are what a peer may send instead of a handshake and then hang up.
var badHandshakes = map[string]struct {
	bytes []byte
	want  error
	text  string // that the error must have
}{
	"hang-up":           {nil, io.ErrUnexpectedEOF, "within the handshake"},
	"half a greeting":   {greeting()[:20], io.ErrUnexpectedEOF, "within the handshake"},
	"greeting alone":    {greeting(), io.ErrUnexpectedEOF, "within the handshake"},
	"http":              {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), ErrProtocol, "does not speak ZMTP"},
	"zmtp 2":            {slices.Replace(greeting(), 10, 11, 2), ErrProtocol, "version"},
	"curve":             {slices.Replace(greeting(), 12, 16, []byte("CURV")...), ErrProtocol, "mechanism"},
	"message first":     {append(greeting(), "\x00\x01x"...), ErrProtocol, "before its READY"},
	"other command":     {append(greeting(), command("HELLO", nil)...), ErrProtocol, "command"},
	"refusal":           {append(greeting(), command("ERROR", []byte("\x03no!"))...), ErrProtocol, "no!"},
	"huge command":      {append(greeting(), "\x06\x7f\xff\xff\xff\xff\xff\xff\xff"...), ErrTooLarge, "cap"},
	"overflown command": {append(greeting(), "\x06\xff\xff\xff\xff\xff\xff\xff\xff"...), ErrTooLarge, "declared"},
	"empty command":     {append(greeting(), "\x04\x00"...), ErrProtocol, "without a name"},
	"cut name":          {append(greeting(), command("READY", []byte("\x0bSocket"))...), ErrProtocol, "metadata"},
	"cut length":        {append(greeting(), command("READY", []byte("\x06Socket\x00"))...), ErrProtocol, "malformed"},
	"long value":        {append(greeting(), command("READY", []byte("\x01x\xff\xff\xff\xff"))...), ErrProtocol, "metadata"},
	"no socket type":    {append(greeting(), command("READY", nil)...), ErrProtocol, "malformed"},
	"unknown type":      {append(greeting(), ready("TEAPOT")...), ErrProtocol, "TEAPOT"},
	"unfit type":        {append(greeting(), ready("PUB")...), ErrProtocol, "PUB"},
	"reserved identity": {append(greeting(), command("READY", append(property("Socket-Type", "ROUTER"), property("Identity", "\x00abcd")...))...), ErrProtocol, "reserved"},
	"endless identity":  {append(greeting(), command("READY", append(property("Socket-Type", "ROUTER"), property("Identity", strings.Repeat("x", 256))...))...), ErrProtocol, "too long"},
}

func TestBadHandshakeOfAServer(t *testing.T) {
	for name, test := range badHandshakes {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(within(t))
			defer stop()
			attempts := 0
			endpoint := rawListen(t, func(p raw) {
				if attempts++; attempts == 2 { // a hang-up is tried again until ctx ends
					stop()
				}
				p.Write(test.bytes)
				p.Conn.(*net.TCPConn).CloseWrite()
				io.Copy(io.Discard, p) // until our side hangs up
			})
			_, err := DialDealer(ctx, endpoint, Options{})
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), endpoint) || strings.Contains(err.Error(), "\n") {
				t.Errorf("dial: %v; want one line with %q", err, test.text)
			}
			if again := errors.Is(err, context.Canceled); again != (test.want == io.ErrUnexpectedEOF) {
				t.Errorf("dial was tried again: %v, after %v", again, err)
			}
		})
	}
}

func TestBadHandshakeOfAClient(t *testing.T) {
	refused := make(chan error, 1)
	r := router(t, Options{OnRefuse: func(err error) { refused <- err }})
	for name, test := range badHandshakes {
		t.Run(name, func(t *testing.T) {
			p := rawDial(t, r.Endpoint())
			p.Write(test.bytes)
			p.Conn.(*net.TCPConn).CloseWrite()
			if err := next(t, refused); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("refused with %v; want %q", err, test.text)
			}
		})
	}
	send(t, dealer(t, r.Endpoint(), Options{Identity: []byte("d")}), "still served")
	expect(t, r, "d", "still served")
}

func TestMuteClientsBlockNobody(t *testing.T) {
	refused := make(chan error, 1)
	r := router(t, Options{HandshakeTimeout: 300 * time.Millisecond, OnRefuse: func(err error) { refused <- err }})
	rawDial(t, r.Endpoint())
	half := rawDial(t, r.Endpoint())
	half.write(greeting()[:30])
	send(t, dealer(t, r.Endpoint(), Options{Identity: []byte("d")}), "hello")
	expect(t, r, "d", "hello")
	for range 2 {
		if err := next(t, refused); !errors.Is(err, os.ErrDeadlineExceeded) || !strings.Contains(err.Error(), "no ZMTP handshake within 300ms") {
			t.Errorf("mute client: %v", err)
		}
	}
}

func TestMuteServerDoesNotHoldADial(t *testing.T) {
	for name, test := range map[string]struct {
		timeout  time.Duration
		attempts int // after which ctx ends
		text     string
	}{
		"ctx":     {time.Hour, 1, "handshake: context canceled"},
		"timeout": {20 * time.Millisecond, 2, "no ZMTP handshake within 20ms"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(within(t))
			defer stop()
			attempts := 0
			endpoint := rawListen(t, func(p raw) {
				io.ReadFull(p, make([]byte, greetingSize)) // the handshake has begun
				if attempts++; attempts == test.attempts {
					stop()
				}
				io.Copy(io.Discard, p)
			})
			_, err := DialDealer(ctx, endpoint, Options{HandshakeTimeout: test.timeout})
			if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("dial: %v; want %q", err, test.text)
			}
		})
	}
}

func TestCloseDuringAHandshake(t *testing.T) {
	r := router(t, Options{HandshakeTimeout: time.Hour})
	p := rawDial(t, r.Endpoint())
	if _, err := io.ReadFull(p, make([]byte, greetingSize)); err != nil { // the handshake has begun
		t.Fatal(err)
	}
	r.Close()
	if _, err := io.Copy(io.Discard, p); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// What a peer does wrong after its handshake ends its connection, and it alone.
func TestFaultsAfterTheHandshake(t *testing.T) {
	lost := make(chan error, 1)
	r := router(t, Options{MaxFrame: 1000, MaxMessage: 1500, OnDisconnect: func(err error) { lost <- err }})
	d := dealer(t, r.Endpoint(), Options{Identity: []byte("d")})
	for name, test := range map[string]struct {
		sent string
		want error
	}{
		"huge frame":      {"\x02\x7f\xff\xff\xff\xff\xff\xff\xff", ErrTooLarge},
		"half a frame":    {"\x00\x05hal", io.ErrUnexpectedEOF},
		"half a message":  {"\x01\x04half", io.ErrUnexpectedEOF},
		"huge message":    {strings.Repeat("\x01\xff"+strings.Repeat("x", 255), 6), ErrTooLarge},
		"reserved flags":  {"\xf8\x00", ErrProtocol},
		"short ping":      {string(command("PING", []byte("x"))), ErrProtocol},
		"lost subscriber": {string(command("SUBSCRIBE", []byte("x"))), ErrProtocol},
		"error":           {string(command("ERROR", []byte("\x03why"))), ErrProtocol},
		"hang-up":         {"", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			p := rawDial(t, r.Endpoint())
			p.shake("DEALER")
			p.write([]byte(test.sent))
			p.Conn.(*net.TCPConn).CloseWrite()
			if err := next(t, lost); !errors.Is(err, test.want) {
				t.Errorf("lost with %v, want %v", err, test.want)
			}
			send(t, d, "still served")
			expect(t, r, "d", "still served")
		})
	}
}

func TestPingIsAnswered(t *testing.T) {
	r := router(t, Options{})
	p := rawDial(t, r.Endpoint())
	wire := p.shake("DEALER")
	// Between two frames, alone, and with an unknown command before.
	p.write([]byte("\x01\x01a"), command("PING", []byte("\x00\x0aone")), []byte("\x00\x01b"))
	if got := recv(t, r); !equal(got[1:], message("a", "b")) {
		t.Errorf("received %q", got)
	}
	p.write(command("WHATEVER", []byte("x")), command("PING", []byte("\x00\x0a")))
	var answers []string
	enough := errors.New("enough")
	_, err := wire.next(func(name string, data []byte) error {
		if answers = append(answers, name+" "+string(data)); len(answers) == 2 {
			return enough
		}
		return nil
	})
	if err != enough || !slices.Equal(answers, []string{"PONG one", "PONG "}) {
		t.Errorf("answered %q, %v", answers, err)
	}
}

// canned is a connection whose peer has said everything already.
type canned struct {
	net.Conn
	*bytes.Reader
}

func (c canned) Read(p []byte) (int, error)  { return c.Reader.Read(p) }
func (c canned) Write(p []byte) (int, error) { return len(p), nil }

// FuzzHandshake: no bytes of a peer make a handshake panic, and what is accepted
// has an identity that a ROUTER can use.
func FuzzHandshake(f *testing.F) {
	for _, test := range badHandshakes {
		f.Add(test.bytes)
	}
	f.Add(append(greeting(), command("READY", append(property("Socket-Type", "DEALER"), property("identity", "me")...))...))
	f.Fuzz(func(t *testing.T, in []byte) {
		c := canned{Reader: bytes.NewReader(in)}
		g := &guard{Conn: c, br: bufio.NewReader(c)}
		id, err := open(g, zmq4.Router, true, nil)
		if err == nil && (len(id) > 255 || id != "" && id[0] == 0) {
			t.Errorf("accepted the identity %q", id)
		}
		if err != nil && id != "" {
			t.Errorf("identity %q beside %v", id, err)
		}
	})
}

package kernelclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/reval-editor/reval/jupyter"
)

const (
	// maxWebsocketMessage bounds a message from a server, in bytes.
	maxWebsocketMessage = 512 << 20
	// A connection on which nothing was heard for pingEvery is asked for a sign of
	// life, which must come within pingPatience.
	pingEvery    = 15 * time.Second
	pingPatience = 10 * time.Second
	// The pauses between attempts to connect again grow from the first to the last.
	firstPause = 100 * time.Millisecond
	lastPause  = 15 * time.Second
	// writeTimeout bounds the writing of one message.
	writeTimeout = time.Minute
)

// errConnectionLost is the end of a request that went under with a connection.
var errConnectionLost = errors.New("its answer was lost while the connection to the server was down")

// webChannels are the channels of a kernel on a Jupyter server, multiplexed on a
// websocket ("WebSocket protocols", Jupyter Server). When the connection breaks it
// is made again with the same session id, by which the server knows what it kept.
//
// Goroutines: run, started by read, which reads and connects again until close or
// until the server says that the kernel is gone; ping, one for each connection.
type webChannels struct {
	server  *Server
	id      string // the kernel's
	session string // the client's
	limit   int64  // bytes of one message
	// malformed is told of a message that cannot be read.
	malformed func(jupyter.Channel, error)
	// down and up are told that the connection broke, with the cause, and that it
	// is there again.
	down func(error)
	up   func()

	ctx    context.Context
	cancel context.CancelFunc
	ended  chan struct{}

	mu   sync.Mutex
	conn *websocket.Conn // nil while there is none
	// turn is closed when conn was set, and renewed when it was lost.
	turn chan struct{}
}

// dialWeb connects to a server's kernel.
func dialWeb(ctx context.Context, server *Server, id, session string) (*webChannels, error) {
	w := newWebChannels(server, id, session)
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	return w, nil
}

func newWebChannels(server *Server, id, session string) *webChannels {
	w := &webChannels{server: server, id: id, session: session, limit: maxWebsocketMessage, ended: make(chan struct{}), turn: make(chan struct{})}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// open makes the first connection.
func (w *webChannels) open(ctx context.Context) error {
	conn, err := w.dial(ctx)
	if err != nil {
		w.cancel()
		return err
	}
	w.connected(conn)
	return nil
}

func (w *webChannels) dial(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	u, err := w.server.endpoint("api", "kernels", w.id, "channels")
	if err != nil {
		return nil, err
	}
	u.RawQuery = url.Values{"session_id": {w.session}}.Encode()
	conn, response, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{
		// The client's timeout would end the connection, too.
		HTTPClient:   &http.Client{Transport: w.server.http.Transport, CheckRedirect: redirect},
		HTTPHeader:   w.server.header(),
		Subprotocols: []string{jupyter.WebsocketProtocol},
	})
	if err != nil {
		if response != nil {
			body := []byte(nil)
			if response.Body != nil {
				body, _ = io.ReadAll(io.LimitReader(response.Body, 1<<10))
			}
			if refused := refusal(response, body); refused != nil {
				return nil, refused
			}
		}
		return nil, plain(err)
	}
	conn.SetReadLimit(w.limit)
	return conn, nil
}

func (w *webChannels) connected(conn *websocket.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	close(w.turn)
}

// lose forgets the connection; what is sent waits for the next.
func (w *webChannels) lose() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = nil
	w.turn = make(chan struct{})
}

// send writes a message, as soon as there is a connection. One whose writing broke
// is not sent again: the kernel may have it.
func (w *webChannels) send(ctx context.Context, channel jupyter.Channel, m *jupyter.Message) error {
	for {
		w.mu.Lock()
		conn, turn := w.conn, w.turn
		w.mu.Unlock()
		if conn != nil {
			return w.write(conn, channel, m)
		}
		select {
		case <-turn:
		case <-ctx.Done():
			return fmt.Errorf("there is no connection to the server: %w", context.Cause(ctx))
		case <-w.ctx.Done():
			return errors.New("the connection to the server was closed")
		}
	}
}

func (w *webChannels) write(conn *websocket.Conn, channel jupyter.Channel, m *jupyter.Message) error {
	kind := websocket.MessageBinary
	var data []byte
	var err error
	if conn.Subprotocol() == jupyter.WebsocketProtocol {
		data, err = jupyter.EncodeWebsocket(channel, m)
	} else {
		var isBinary bool
		if data, isBinary, err = jupyter.EncodeLegacyWebsocket(channel, m); !isBinary {
			kind = websocket.MessageText
		}
	}
	if err != nil {
		return err
	}
	// The end of a caller's context in the middle of a write would end the connection.
	ctx, cancel := context.WithTimeout(w.ctx, writeTimeout)
	defer cancel()
	return conn.Write(ctx, kind, data)
}

func (w *webChannels) read(handle func(jupyter.Channel, *jupyter.Message), lost func(error)) {
	go func() {
		defer close(w.ended)
		lost(w.run(handle))
	}()
}

// run reads until the channels are closed or the kernel is gone, which the error says.
func (w *webChannels) run(handle func(jupyter.Channel, *jupyter.Message)) error {
	for {
		w.mu.Lock()
		conn := w.conn
		w.mu.Unlock()
		cause := w.receive(conn, handle)
		conn.CloseNow()
		w.lose()
		if w.ctx.Err() != nil {
			return errors.New("the connection to the server was closed")
		}
		var gone kernelGone
		if errors.As(cause, &gone) {
			return gone
		}
		w.down(cause)
		if err := w.reconnect(); err != nil {
			return err
		}
		w.up()
	}
}

// reconnect tries until there is a connection; the error says that there will be none.
func (w *webChannels) reconnect() error {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-w.ctx.Done():
			timer.Stop()
			return errors.New("the connection to the server was closed")
		}
		conn, err := w.dial(w.ctx)
		if err == nil {
			w.connected(conn)
			return nil
		}
		if errors.Is(err, ErrToken) || errors.Is(err, ErrNoSuchKernel) {
			return err
		}
		w.down(err)
	}
}

// kernelGone is why there is no use in connecting again, such as what a server says of a
// kernel whose process has ended.
type kernelGone string

func (k kernelGone) Error() string { return string(k) }

// readMessage is conn.Read in a buffer that doubles: io.ReadAll, by which that reads, leaves
// several times a large message's size behind.
func readMessage(ctx context.Context, conn *websocket.Conn) (websocket.MessageType, []byte, error) {
	kind, r, err := conn.Reader(ctx)
	if err != nil {
		return 0, nil, err
	}
	var data bytes.Buffer
	_, err = data.ReadFrom(r)
	return kind, data.Bytes(), err
}

// receive reads one connection to its end.
func (w *webChannels) receive(conn *websocket.Conn, handle func(jupyter.Channel, *jupyter.Message)) error {
	ctx, cancel := context.WithCancelCause(w.ctx)
	defer cancel(nil)
	heard := make(chan struct{}, 1)
	var pinging sync.WaitGroup
	defer pinging.Wait()
	defer cancel(nil)
	pinging.Go(func() { ping(ctx, conn, heard, cancel) })
	for {
		kind, data, err := readMessage(ctx, conn)
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			if errors.Is(err, websocket.ErrMessageTooBig) { // and would be again
				return kernelGone(fmt.Sprintf("the server sent a message of more than %d MiB", w.limit>>20))
			}
			var closed websocket.CloseError
			if errors.As(err, &closed) {
				return fmt.Errorf("the server closed the connection (%d %s)", closed.Code, closed.Reason)
			}
			if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) {
				err = errors.New("it was closed")
			}
			return plain(err)
		}
		select {
		case heard <- struct{}{}:
		default:
		}
		var channel jupyter.Channel
		var m *jupyter.Message
		if conn.Subprotocol() == jupyter.WebsocketProtocol {
			channel, m, err = jupyter.DecodeWebsocket(data)
		} else {
			channel, m, err = jupyter.DecodeLegacyWebsocket(data, kind == websocket.MessageBinary)
		}
		if err != nil {
			w.malformed(channel, err)
			continue
		}
		if gone, ok := says(channel, m); ok {
			return gone
		}
		handle(channel, m)
	}
}

// says reads from IOPub that the process ended: the server says so in its kernel's
// name, and the kernel when one of its clients asked it to.
func says(channel jupyter.Channel, m *jupyter.Message) (gone kernelGone, ok bool) {
	if channel != jupyter.IOPub {
		return "", false
	}
	const anew = "its server started it anew: what was defined is gone"
	switch m.Header.MsgType {
	case jupyter.StatusMsg:
		var status jupyter.StatusContent
		if m.Decode(&status) != nil {
			return "", false
		}
		switch status.ExecutionState {
		case "restarting", "autorestarting":
			return anew, true
		case "dead":
			return "its process ended, and its server does not start it anew", true
		}
	case jupyter.ShutdownReply:
		var reply jupyter.ShutdownContent
		if m.Decode(&reply) == nil && reply.Restart {
			return anew, true
		}
		return "another client shut it down", true
	}
	return "", false
}

// ping asks for a sign of life when nothing is heard, and breaks the connection off
// if none comes: a network that was cut says nothing by itself.
func ping(ctx context.Context, conn *websocket.Conn, heard <-chan struct{}, broken context.CancelCauseFunc) {
	timer := time.NewTimer(pingEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-heard:
		case <-timer.C:
			wait, cancel := context.WithTimeout(ctx, pingPatience)
			err := conn.Ping(wait)
			cancel()
			if err != nil {
				broken(fmt.Errorf("the server does not answer within %v", pingPatience))
				return
			}
		}
		timer.Reset(pingEvery)
	}
}

func (w *webChannels) drained() <-chan struct{} { return w.ended }

func (w *webChannels) close() {
	w.cancel()
	<-w.ended
}

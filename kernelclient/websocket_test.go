package kernelclient

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"

	"github.com/reval-editor/reval/jupyter"
)

// A message without end ends the channels: a server that sends one would send it again.
func TestWebsocketMessageWithoutEnd(t *testing.T) {
	var connections atomic.Int32
	peer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		connections.Add(1)
		message, err := conn.Writer(r.Context(), websocket.MessageBinary)
		for err == nil {
			_, err = message.Write(make([]byte, 64<<10))
		}
	}))
	defer peer.Close()
	w := newWebChannels(placeOf(t, peer.URL).Server, "kernel", "session")
	w.limit = 1 << 20
	w.down = func(err error) { t.Errorf("it is connected to again after: %v", err); w.cancel() }
	if err := w.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	lost := make(chan error, 1)
	w.read(func(jupyter.Channel, *jupyter.Message) {}, func(err error) { lost <- err })
	if err := <-lost; err == nil || !strings.Contains(err.Error(), "more than 1 MiB") {
		t.Errorf("the channels ended with: %v", err)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}

package jupyter

import (
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
)

func websocketMessage(t testing.TB, buffers ...[]byte) *Message {
	t.Helper()
	m, err := NewMessage("session", ExecuteRequest, map[string]string{"code": "é 😀"})
	if err != nil {
		t.Fatal(err)
	}
	m.Parent = Header{MsgID: "parent", MsgType: KernelInfoRequest}
	m.Metadata = json.RawMessage(`{"a": 1}`)
	m.Buffers = buffers
	return m
}

func sameMessage(t *testing.T, channel Channel, got, want *Message) {
	t.Helper()
	if channel != Shell || got.Header.MsgID != want.Header.MsgID || got.Parent.MsgID != want.Parent.MsgID ||
		!jsonEqual(t, got.Content, want.Content) || !jsonEqual(t, got.Metadata, want.Metadata) {
		t.Errorf("%s %+v, want %+v", channel, got, want)
	}
	if len(got.Buffers) != len(want.Buffers) {
		t.Fatalf("%d buffers, want %d", len(got.Buffers), len(want.Buffers))
	}
	for i := range got.Buffers {
		if !bytes.Equal(got.Buffers[i], want.Buffers[i]) {
			t.Errorf("buffer %d is %q, want %q", i, got.Buffers[i], want.Buffers[i])
		}
	}
}

func jsonEqual(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func TestWebsocketRoundTrip(t *testing.T) {
	for _, buffers := range [][][]byte{nil, {{}}, {[]byte("one"), {0, 255}, {}}} {
		want := websocketMessage(t, buffers...)
		data, err := EncodeWebsocket(Shell, want)
		if err != nil {
			t.Fatal(err)
		}
		channel, got, err := DecodeWebsocket(data)
		if err != nil {
			t.Fatal(err)
		}
		sameMessage(t, channel, got, want)

		data, isBinary, err := EncodeLegacyWebsocket(Shell, want)
		if err != nil {
			t.Fatal(err)
		}
		if isBinary != (len(buffers) > 0) {
			t.Errorf("%d buffers: binary is %v", len(buffers), isBinary)
		}
		if channel, got, err = DecodeLegacyWebsocket(data, isBinary); err != nil {
			t.Fatal(err)
		}
		sameMessage(t, channel, got, want)
	}
}

// What we encode is what Jupyter Server itself reads, and the other way round.
func TestWebsocketAsJupyterServerHasIt(t *testing.T) {
	python := testenv.Python(t)
	want := websocketMessage(t, []byte("one"), []byte{0, 255})
	v1, err := EncodeWebsocket(Shell, want)
	if err != nil {
		t.Fatal(err)
	}
	legacy, _, err := EncodeLegacyWebsocket(Shell, want)
	if err != nil {
		t.Fatal(err)
	}
	// It reads both messages, prints the channel and the code, and writes both anew.
	const program = `
import json, struct, sys
from jupyter_server.services.kernels.connection.base import (
    deserialize_binary_message, deserialize_msg_from_ws_v1, serialize_binary_message, serialize_msg_to_ws_v1)
def read():
    return sys.stdin.buffer.read(struct.unpack(">I", sys.stdin.buffer.read(4))[0])
def write(b):
    sys.stdout.buffer.write(struct.pack(">I", len(b)) + b)
channel, parts = deserialize_msg_from_ws_v1(read())
assert json.loads(parts[3])["code"] == "é 😀", parts
assert list(map(bytes, parts[4:])) == [b"one", b"\x00\xff"], parts
write(serialize_msg_to_ws_v1(parts, channel))
m = deserialize_binary_message(read())
assert m["content"]["code"] == "é 😀" and m["channel"] == "shell", m
assert list(map(bytes, m["buffers"])) == [b"one", b"\x00\xff"], m
write(serialize_binary_message(m))
`
	cmd := exec.Command(python, "-c", program)
	var in bytes.Buffer
	for _, b := range [][]byte{v1, legacy} {
		in.Write([]byte{byte(len(b) >> 24), byte(len(b) >> 16), byte(len(b) >> 8), byte(len(b))})
		in.Write(b)
	}
	cmd.Stdin = &in
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	next := func() []byte {
		n := int(out[0])<<24 | int(out[1])<<16 | int(out[2])<<8 | int(out[3])
		b := out[4 : 4+n]
		out = out[4+n:]
		return b
	}
	channel, got, err := DecodeWebsocket(next())
	if err != nil {
		t.Fatal(err)
	}
	sameMessage(t, channel, got, want)
	if channel, got, err = DecodeLegacyWebsocket(next(), true); err != nil {
		t.Fatal(err)
	}
	sameMessage(t, channel, got, want)
}

func FuzzDecodeWebsocket(f *testing.F) {
	for _, m := range []*Message{websocketMessage(f), websocketMessage(f, []byte("buffer"))} {
		data, err := EncodeWebsocket(IOPub, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte{6, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		channel, m, err := DecodeWebsocket(data)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
			return
		}
		again, err := EncodeWebsocket(channel, m)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := DecodeWebsocket(again); err != nil {
			t.Errorf("what was read is not read again: %v", err)
		}
	})
}

func FuzzDecodeLegacyWebsocket(f *testing.F) {
	for _, m := range []*Message{websocketMessage(f), websocketMessage(f, []byte("buffer"))} {
		data, isBinary, err := EncodeLegacyWebsocket(IOPub, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, isBinary)
	}
	f.Fuzz(func(t *testing.T, data []byte, isBinary bool) {
		channel, m, err := DecodeLegacyWebsocket(data, isBinary)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("%v does not wrap ErrMalformed", err)
			}
			return
		}
		if _, _, err := EncodeLegacyWebsocket(channel, m); err != nil {
			t.Fatal(err)
		}
	})
}

package jupyter

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func newWire(t testing.TB, key string) *Wire {
	t.Helper()
	w, err := NewWire(SignatureScheme, key)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func request(t testing.TB) *Message {
	t.Helper()
	m, err := NewMessage("session", ExecuteRequest, ExecuteRequestContent{Code: "größe = '🙂'"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestRoundTrip(t *testing.T) {
	for _, key := range []string{"", "secret"} {
		m := request(t)
		m.Identities = [][]byte{[]byte("peer")}
		m.Buffers = [][]byte{{0, 255}, {}}
		m.Parent = Header{MsgID: "parent", MsgType: KernelInfoRequest}
		frames, err := newWire(t, key).Encode(m)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newWire(t, key).Decode(frames)
		if err != nil {
			t.Fatalf("key %q: %v", key, err)
		}
		m.Metadata = json.RawMessage("{}")
		if d := cmp.Diff(m, got, cmpopts.IgnoreUnexported(Header{})); d != "" {
			t.Errorf("key %q: %s", key, d)
		}
	}
}

func TestKnownSignature(t *testing.T) {
	// By Python: hmac.new(b"secret", b'{"msg_id":"1","msg_type":"status"}{}{}{}', "sha256").hexdigest()
	frames := [][]byte{
		delimiter, []byte("ff56ae753c0e784b57ad4a34ad742eafe47cccb0bdfcf553b79236112c99c977"),
		[]byte(`{"msg_id":"1","msg_type":"status"}`), []byte("{}"), []byte("{}"), []byte("{}"),
	}
	if _, err := newWire(t, "secret").Decode(frames); err != nil {
		t.Error(err)
	}
}

func TestUnknownHeaderFieldsSurviveInReplies(t *testing.T) {
	w := newWire(t, "")
	m, err := w.Decode([][]byte{
		delimiter, nil, []byte(`{"msg_id":"1","msg_type":"execute_request","new_field":[1]}`), []byte("null"), []byte("{}"), []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !m.Parent.IsZero() {
		t.Errorf("a null parent decodes as %+v", m.Parent)
	}
	r, err := m.Reply("kernel", ExecuteReply, ExecuteReplyContent{Status: StatusOK})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := w.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if parent := string(frames[3]); !strings.Contains(parent, `"new_field":[1]`) {
		t.Errorf("the reply's parent lost a field: %s", parent)
	}
}

func TestDecodeRefuses(t *testing.T) {
	signed := func(dicts ...string) [][]byte {
		w := newWire(t, "secret")
		frames := [][]byte{delimiter, nil}
		for _, d := range dicts {
			frames = append(frames, []byte(d))
		}
		sum := w.digest(frames[2:])
		frames[1] = []byte(hex.EncodeToString(sum[:]))
		return frames
	}
	header := `{"msg_id":"1","msg_type":"status"}`
	tests := []struct {
		name   string
		frames [][]byte
		want   error
	}{
		{"no frames", nil, ErrMalformed},
		{"no delimiter", [][]byte{[]byte("a"), []byte("b")}, ErrMalformed},
		{"too few frames", [][]byte{delimiter, nil, []byte("{}")}, ErrMalformed},
		{"no signature", [][]byte{delimiter, nil, []byte(header), []byte("{}"), []byte("{}"), []byte("{}")}, ErrSignature},
		{"signature is no hex", [][]byte{delimiter, []byte(strings.Repeat("x", 64)), []byte(header), []byte("{}"), []byte("{}"), []byte("{}")}, ErrSignature},
		{"wrong signature", [][]byte{delimiter, []byte(strings.Repeat("0", 64)), []byte(header), []byte("{}"), []byte("{}"), []byte("{}")}, ErrSignature},
		{"header is a list", signed("[]", "{}", "{}", "{}"), ErrMalformed},
		{"header has no type", signed(`{"msg_id":"1"}`, "{}", "{}", "{}"), ErrMalformed},
		{"type is a number", signed(`{"msg_id":"1","msg_type":3}`, "{}", "{}", "{}"), ErrMalformed},
		{"parent is a string", signed(header, `"p"`, "{}", "{}"), ErrMalformed},
		{"content is a list", signed(header, "{}", "{}", "[]"), ErrMalformed},
		{"content is cut off", signed(header, "{}", "{}", `{"a":`), ErrMalformed},
		{"content is empty", signed(header, "{}", "{}", ""), ErrMalformed},
		{"metadata is a number", signed(header, "{}", "1", "{}"), ErrMalformed},
	}
	for _, tt := range tests {
		if m, err := newWire(t, "secret").Decode(tt.frames); !errors.Is(err, tt.want) {
			t.Errorf("%s: got %+v, %v; want error %v", tt.name, m, err, tt.want)
		}
	}
}

func TestReplayIsRefused(t *testing.T) {
	frames, err := newWire(t, "secret").Encode(request(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, "secret")
	if _, err := w.Decode(frames); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Decode(frames); !errors.Is(err, ErrReplayed) {
		t.Errorf("second time: %v, want %v", err, ErrReplayed)
	}
	// It is still refused after half a generation of others.
	for range maxSeen / 2 {
		f, err := newWire(t, "secret").Encode(&Message{Header: Header{MsgID: NewID(), MsgType: StatusMsg}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Decode(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Decode(frames); !errors.Is(err, ErrReplayed) {
		t.Errorf("after others: %v, want %v", err, ErrReplayed)
	}
	if n := len(w.seen) + len(w.old); n > maxSeen {
		t.Errorf("%d digests are kept, the limit is %d", n, maxSeen)
	}
}

func TestUnknownSignatureScheme(t *testing.T) {
	if _, err := NewWire("hmac-md5", "k"); err == nil || !strings.Contains(err.Error(), "hmac-md5") {
		t.Errorf("got %v", err)
	}
}

func TestNewMessageHeader(t *testing.T) {
	a, b := request(t), request(t)
	if a.Header.MsgID == b.Header.MsgID {
		t.Error("two messages have one id")
	}
	if _, err := time.Parse(time.RFC3339Nano, a.Header.Date); err != nil {
		t.Error(err)
	}
}

func TestErrorFieldsStandInErrorsOnly(t *testing.T) {
	ok, err := json.Marshal(ExecuteReplyContent{Status: StatusOK})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(ok), "ename") {
		t.Errorf("a reply without error has its fields: %s", ok)
	}
	var reply ExecuteReplyContent
	if err := json.Unmarshal([]byte(`{"status":"error","ename":"E","evalue":"","traceback":["t"]}`), &reply); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(ErrorContent{Name: "E", Traceback: []string{"t"}}, reply.Failure()); d != "" {
		t.Error(d)
	}
	reply = ExecuteReplyContent{Status: StatusError}
	if reply.Failure().Name == "" {
		t.Error("an error without fields has no name")
	}
}

func TestConnectionFile(t *testing.T) {
	c := ConnectionInfo{
		Transport: "tcp", IP: "127.0.0.1", ShellPort: 1, IOPubPort: 2, StdinPort: 3, ControlPort: 4, HBPort: 5,
		SignatureScheme: SignatureScheme, Key: NewKey(), KernelName: "python3",
	}
	path := filepath.Join(t.TempDir(), "new", "kernel.json")
	for range 2 { // the second write replaces the first
		if err := c.WriteFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: %v, %v", st.Mode(), err)
	}
	got, err := ReadConnectionFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(c, got); d != "" {
		t.Error(d)
	}
	if got := c.Endpoint(IOPub); got != "tcp://127.0.0.1:2" {
		t.Error(got)
	}
	c.Transport, c.IP = "ipc", "/run/k"
	if got := c.Endpoint(Heartbeat); got != "ipc:///run/k-5" {
		t.Error(got)
	}
}

func TestConnectionFileErrors(t *testing.T) {
	ports := `"shell_port":1,"iopub_port":2,"stdin_port":3,"control_port":4,"hb_port":5`
	tests := []struct{ name, text, want string }{
		{"not JSON", "hello", "no JSON object"},
		{"a list", "[]", "no JSON object"},
		{"port is a string", `{"ip":"127.0.0.1","shell_port":"1"}`, "no JSON object"},
		{"no ip", `{` + ports + `}`, "no ip"},
		{"no ports", `{"ip":"127.0.0.1"}`, "shell_port"},
		{"port out of range", `{"ip":"127.0.0.1",` + strings.Replace(ports, `"hb_port":5`, `"hb_port":70000`, 1) + `}`, "hb_port"},
		{"transport", `{"transport":"udp","ip":"127.0.0.1",` + ports + `}`, `"udp"`},
		{"scheme", `{"ip":"127.0.0.1","signature_scheme":"hmac-md5",` + ports + `}`, "hmac-md5"},
		{"curve", `{"ip":"127.0.0.1","curve_publickey":"k",` + ports + `}`, "CURVE"},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "k.json")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadConnectionFile(path)
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %q, want one line with the path and %q", tt.name, err, tt.want)
		}
	}
	if _, err := ReadConnectionFile(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	frames, err := newWire(f, "").Encode(request(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(frames[2], frames[3], frames[4], frames[5])
	f.Add([]byte("null"), []byte("null"), []byte("null"), []byte("null"))
	f.Add([]byte(`{"msg_type":"x","subshell_id":"s"}`), []byte(`{"msg_id":"p"}`), []byte("{}"), []byte(`{"a":[{}]}`))
	f.Fuzz(func(t *testing.T, header, parent, metadata, content []byte) {
		w := newWire(t, "")
		m, err := w.Decode([][]byte{delimiter, nil, header, parent, metadata, content})
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("unexpected kind of error: %v", err)
			}
			return
		}
		frames, err := w.Encode(m)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		if _, err := w.Decode(frames); err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
	})
}

// What is read without package json must read as with it.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		`{"msg_id":"1","session":"s","username":"ü","date":"d","msg_type":"status","version":"5.4"}`,
		`{ "msg_id" : "1" , "subshell_id" : null }`, `{"msg_id":"1","subshell_id":"s","subshell_id":null}`,
		`{"msg_id":"a\n"}`, `{"msg_id":"a","Session":"folded"}`, `{"msg_id":null}`, `{"msg_id":1}`, `{"msg_id":"1",}`,
		`{"msg_id":"1","new":{"a":[]}}`, "{\"msg_id\":\"\xff\"}", `{"msg_id":"1"}}`, `{"msg_id":"1"`, `[]`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var h Header
		if !h.plain(string(text)) {
			return
		}
		var want headerFields
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatalf("%q was read, but %v", text, err)
		}
		if d := cmp.Diff(Header(want), h, cmpopts.IgnoreUnexported(Header{})); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	})
}

func TestPlainHeadersNeedNoPackageJSON(t *testing.T) {
	w := newWire(t, "")
	frames, err := w.Encode(request(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{string(frames[2]), `{"msg_id": "1", "msg_type": "status", "subshell_id": null}`} {
		if !new(Header).plain(s) {
			t.Errorf("%s is read the slow way", s)
		}
	}
}

// A header whose less important fields have another type than expected is read.
func TestHeaderOfOtherTypes(t *testing.T) {
	for text, want := range map[string]Header{
		`{"msg_id":"i","msg_type":"t","date":5,"version":5.3,"username":null,"session":{}}`: {MsgID: "i", MsgType: "t"},
		`{"date":[],"msg_id":"i","session":"s","msg_type":"t","subshell_id":7}`:             {MsgID: "i", MsgType: "t", Session: "s"},
		`{"msg_id":5,"msg_type":"t"}`:        {},
		`{"msg_id":"i","msg_type":["t"]}`:    {},
		`{"msg_id":"i","msg_type":"t","date`: {},
		`"text"`:                             {},
		`[]`:                                 {},
	} {
		var h Header
		err := json.Unmarshal([]byte(text), &h)
		if want.MsgID == "" {
			if err == nil {
				t.Errorf("%s was read as %+v", text, h)
			}
			continue
		}
		if again, err := json.Marshal(h); err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
		h.raw, h.SubshellID = "", nil
		if err != nil || h != want {
			t.Errorf("%s was read as %+v, %v", text, h, err)
		}
	}
}

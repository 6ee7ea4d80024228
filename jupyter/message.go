package jupyter

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os/user"
	"sync"
	"time"
)

// Header is a message's header or parent header ("General Message Format").
// Fields that it does not name survive in raw and are sent on when the header
// becomes a parent.
type Header struct {
	MsgID    string  `json:"msg_id"`
	Session  string  `json:"session"`
	Username string  `json:"username"`
	Date     string  `json:"date"` // ISO 8601, UTC
	MsgType  MsgType `json:"msg_type"`
	Version  string  `json:"version"`
	// SubshellID chooses a subshell for a shell request (JEP 91); nil is the
	// parent shell.
	SubshellID *string `json:"subshell_id,omitempty"`

	raw json.RawMessage
}

// IsZero reports a header that names no message, which is how an absent parent
// ({} or null) decodes.
func (h Header) IsZero() bool { return h.MsgID == "" && h.MsgType == "" && h.raw == nil }

// headerFields has Header's fields without its methods.
type headerFields Header

// MarshalJSON gives the header as it was received, if it was, else its fields.
// The zero Header is {}.
func (h Header) MarshalJSON() ([]byte, error) {
	switch {
	case h.raw != nil:
		return h.raw, nil
	case h.IsZero():
		return []byte("{}"), nil
	}
	return json.Marshal(headerFields(h))
}

// UnmarshalJSON reads a header. null and {} give the zero Header: kernels send
// both for a message without a parent.
func (h *Header) UnmarshalJSON(b []byte) error {
	*h = Header{}
	trimmed := bytes.TrimSpace(b)
	if bytes.Equal(trimmed, []byte("null")) || bytes.Equal(trimmed, []byte("{}")) {
		return nil
	}
	if err := json.Unmarshal(b, (*headerFields)(h)); err != nil {
		return err
	}
	h.raw = bytes.Clone(b)
	return nil
}

// Message is one message of any channel. Metadata and Content are JSON objects
// as they stand on the wire; nil means {}.
type Message struct {
	// Identities are the routing frames before the delimiter: the ZeroMQ
	// identity on ROUTER sockets, the topic on IOPub, none on DEALER sockets.
	Identities [][]byte
	Header     Header
	Parent     Header
	Metadata   json.RawMessage
	Content    json.RawMessage
	// Buffers are the binary frames after the content, not copied on decode.
	Buffers [][]byte
}

// Decode reads the content into v.
func (m *Message) Decode(v any) error {
	content := m.Content
	if len(content) == 0 {
		content = []byte("{}")
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fmt.Errorf("decode content of %s %s: %w", m.Header.MsgType, m.Header.MsgID, err)
	}
	return nil
}

// NewID gives a random id of 128 bits, in the 36-character form of a UUID
// (version 4), which some kernels expect of message and session ids.
func NewID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var username = sync.OnceValue(func() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "reval"
})

// NewMessage makes a message of a session: a fresh id, the time, and content
// encoded as JSON. content must encode to a JSON object.
func NewMessage(session string, t MsgType, content any) (*Message, error) {
	body, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode content of %s: %w", t, err)
	}
	return &Message{
		Header: Header{
			MsgID:    NewID(),
			Session:  session,
			Username: username(),
			Date:     time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"),
			MsgType:  t,
			Version:  ProtocolVersion,
		},
		Content: body,
	}, nil
}

// Reply makes a message whose parent is m.
func (m *Message) Reply(session string, t MsgType, content any) (*Message, error) {
	r, err := NewMessage(session, t, content)
	if err != nil {
		return nil, err
	}
	r.Parent = m.Header
	return r, nil
}

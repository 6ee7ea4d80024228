package jupyter

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os/user"
	"sync"
	"time"
)

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
	var id [36]byte
	hex.Encode(id[:], b[:4])
	hex.Encode(id[9:], b[4:6])
	hex.Encode(id[14:], b[6:8])
	hex.Encode(id[19:], b[8:10])
	hex.Encode(id[24:], b[10:])
	for _, dash := range []int{8, 13, 18, 23} {
		id[dash] = '-'
	}
	return string(id[:])
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

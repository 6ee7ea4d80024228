package jupyter

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// Errors of [Wire.Decode]. A message that gives one of them is to be dropped,
// and the connection kept.
var (
	ErrMalformed = errors.New("malformed message")
	ErrSignature = errors.New("message signature does not verify")
	ErrReplayed  = errors.New("message signature was seen before")
)

// delimiter separates routing frames from the message ("The Wire Protocol").
var delimiter = []byte("<IDS|MSG>")

// maxSeen bounds the digests that a Wire remembers; beyond it the older half is
// forgotten, as jupyter_client does.
const maxSeen = 1 << 16

// seenDigest is the first half of a digest: 128 bits do not come twice by chance.
type seenDigest [sha256.Size / 2]byte

// Wire signs and encodes messages, and verifies and decodes frames, for one
// kernel. It is safe for concurrent use.
type Wire struct {
	macs sync.Pool // of *mac; nil New = unsigned

	mu   sync.Mutex
	seen map[seenDigest]struct{} // digests of the current generation
	old  map[seenDigest]struct{} // those of the one before
}

// NewWire makes a Wire from a connection file's signature_scheme and key. An
// empty key means unsigned messages; an empty scheme is hmac-sha256, the only
// one there is in use.
func NewWire(scheme, key string) (*Wire, error) {
	if scheme != "" && scheme != SignatureScheme {
		return nil, fmt.Errorf("signature scheme %q is not supported, only %s", scheme, SignatureScheme)
	}
	w := &Wire{seen: map[seenDigest]struct{}{}, old: map[seenDigest]struct{}{}}
	if key != "" {
		w.macs.New = func() any { return &mac{Hash: hmac.New(sha256.New, []byte(key))} }
	}
	return w, nil
}

func (w *Wire) signed() bool { return w.macs.New != nil }

// mac is a keyed hash, and where its sum goes.
type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func (w *Wire) digest(parts [][]byte) [sha256.Size]byte {
	m := w.macs.Get().(*mac)
	defer w.macs.Put(m)
	m.Reset()
	for _, p := range parts {
		m.Write(p)
	}
	m.Sum(m.sum[:0])
	return m.sum
}

// Encode gives the frames of a message:
// identities, <IDS|MSG>, signature, header, parent, metadata, content, buffers.
func (w *Wire) Encode(m *Message) ([][]byte, error) {
	dicts, err := m.dicts()
	if err != nil {
		return nil, err
	}
	var signature []byte
	if w.signed() {
		sum := w.digest(dicts[:])
		signature = hex.AppendEncode(nil, sum[:])
	}
	frames := make([][]byte, 0, len(m.Identities)+6+len(m.Buffers))
	frames = append(frames, m.Identities...)
	frames = append(frames, delimiter, signature)
	frames = append(frames, dicts[:]...)
	return append(frames, m.Buffers...), nil
}

// dicts are the message's JSON objects: header, parent, metadata, content.
func (m *Message) dicts() (d [4][]byte, err error) {
	if d[0], err = m.Header.MarshalJSON(); err != nil {
		return d, fmt.Errorf("encode header of %s: %w", m.Header.MsgType, err)
	}
	if d[1], err = m.Parent.MarshalJSON(); err != nil {
		return d, fmt.Errorf("encode parent of %s: %w", m.Header.MsgType, err)
	}
	d[2], d[3] = orEmpty(m.Metadata), orEmpty(m.Content)
	return d, nil
}

func orEmpty(b json.RawMessage) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

// Decode verifies and decodes the frames of a message. It does not copy:
// content, metadata and buffers alias the frames. The error wraps ErrMalformed,
// ErrSignature or ErrReplayed.
func (w *Wire) Decode(frames [][]byte) (*Message, error) {
	return w.decode(frames, true)
}

// Check is Decode of a message that will be decoded once more: it is not remembered.
func (w *Wire) Check(frames [][]byte) (*Message, error) {
	return w.decode(frames, false)
}

func (w *Wire) decode(frames [][]byte, remember bool) (*Message, error) {
	at := -1
	for i, f := range frames {
		if bytes.Equal(f, delimiter) {
			at = i
			break
		}
	}
	if at < 0 {
		return nil, fmt.Errorf("%w: no <IDS|MSG> among its %d frames", ErrMalformed, len(frames))
	}
	rest := frames[at+1:]
	if len(rest) < 5 {
		return nil, fmt.Errorf("%w: %d frames after <IDS|MSG>, not at least 5", ErrMalformed, len(rest))
	}
	if w.signed() {
		if err := w.verify(rest[0], rest[1:5], remember); err != nil {
			return nil, err
		}
	}
	m, err := decodeDicts(rest[1:5])
	if err != nil {
		return nil, err
	}
	m.Identities = frames[:at:at]
	if len(rest) > 5 {
		m.Buffers = rest[5:]
	}
	return m, nil
}

// decodeDicts makes a message of its four JSON objects, which it does not copy.
func decodeDicts(dicts [][]byte) (*Message, error) {
	m := &Message{Metadata: dicts[2], Content: dicts[3]}
	if err := m.Header.decode(dicts[0]); err != nil {
		return nil, fmt.Errorf("%w: header: %v", ErrMalformed, err)
	}
	if m.Header.MsgType == "" {
		return nil, fmt.Errorf("%w: header without msg_type", ErrMalformed)
	}
	if err := m.Parent.decode(dicts[1]); err != nil {
		return nil, fmt.Errorf("%w: parent header of %s: %v", ErrMalformed, m.Header.MsgType, err)
	}
	for i, name := range []string{"metadata", "content"} {
		if !isObject(dicts[2+i]) {
			return nil, fmt.Errorf("%w: %s of %s %s is no JSON object", ErrMalformed, name, m.Header.MsgType, m.Header.MsgID)
		}
	}
	return m, nil
}

// isObject tells whether b is a JSON object, or null, which some kernels send for an
// empty one.
func isObject(b []byte) bool {
	b = bytes.TrimSpace(b)
	switch string(b) {
	case "{}", "null":
		return true
	case "":
		return false
	}
	return b[0] == '{' && json.Valid(b)
}

// verify checks a signature in constant time and refuses one that came before:
// a replayed execute_request would run twice.
func (w *Wire) verify(signature []byte, dicts [][]byte, remember bool) error {
	var got [sha256.Size]byte
	if len(signature) != hex.EncodedLen(len(got)) {
		return fmt.Errorf("%w: it has %d characters, not %d", ErrSignature, len(signature), hex.EncodedLen(len(got)))
	}
	if _, err := hex.Decode(got[:], signature); err != nil {
		return fmt.Errorf("%w: %v", ErrSignature, err)
	}
	want := w.digest(dicts)
	if !hmac.Equal(got[:], want[:]) {
		return ErrSignature
	}
	digest := seenDigest(got[:])
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, ok := w.seen[digest]; ok {
		return ErrReplayed
	}
	if _, ok := w.old[digest]; ok {
		return ErrReplayed
	}
	if !remember {
		return nil
	}
	if len(w.seen) >= maxSeen/2 {
		w.old, w.seen = w.seen, w.old
		clear(w.seen)
	}
	w.seen[digest] = struct{}{}
	return nil
}

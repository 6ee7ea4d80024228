package jupyter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// WebsocketProtocol is the subprotocol of a Jupyter server's websocket in which a
// message is laid out by [EncodeWebsocket]. A server that does not choose it speaks
// the older one of [EncodeLegacyWebsocket] ("WebSocket protocols", Jupyter Server).
const WebsocketProtocol = "v1.kernel.websocket.jupyter.org"

// EncodeWebsocket gives a message as one binary websocket message: the number of
// offsets, the offsets (64 bits each, little endian, from the start), the channel's
// name, header, parent header, metadata, content and buffers. The last offset is
// the whole length. Messages on a websocket are not signed.
func EncodeWebsocket(channel Channel, m *Message) ([]byte, error) {
	dicts, err := m.dicts()
	if err != nil {
		return nil, err
	}
	parts := append([][]byte{[]byte(channel)}, dicts[:]...)
	parts = append(parts, m.Buffers...)
	at := 8 * (len(parts) + 2)
	size := at
	for _, p := range parts {
		size += len(p)
	}
	data := make([]byte, 0, size)
	data = binary.LittleEndian.AppendUint64(data, uint64(len(parts)+1))
	data = binary.LittleEndian.AppendUint64(data, uint64(at))
	for _, p := range parts {
		at += len(p)
		data = binary.LittleEndian.AppendUint64(data, uint64(at))
	}
	for _, p := range parts {
		data = append(data, p...)
	}
	return data, nil
}

// DecodeWebsocket reads what [EncodeWebsocket] lays out. It does not copy: content,
// metadata and buffers alias data. The error wraps ErrMalformed.
func DecodeWebsocket(data []byte) (Channel, *Message, error) {
	word := func(i int) (uint64, bool) {
		if len(data) < 8*(i+1) {
			return 0, false
		}
		return binary.LittleEndian.Uint64(data[8*i:]), true
	}
	count, ok := word(0)
	// Six offsets bound the five parts that every message has.
	if !ok || count < 6 || count > uint64(len(data)/8) {
		return "", nil, fmt.Errorf("%w: websocket message of %d bytes with %d offsets", ErrMalformed, len(data), count)
	}
	parts := make([][]byte, count-1)
	for i := range parts {
		from, _ := word(i + 1)
		to, ok := word(i + 2)
		if !ok || from > to || to > uint64(len(data)) {
			return "", nil, fmt.Errorf("%w: part %d of a websocket message is from byte %d to %d of %d", ErrMalformed, i, from, to, len(data))
		}
		parts[i] = data[from:to:to]
	}
	m, err := decodeDicts(parts[1:5])
	if err != nil {
		return "", nil, err
	}
	if len(parts) > 5 {
		m.Buffers = parts[5:]
	}
	return Channel(parts[0]), m, nil
}

// legacyMessage is a message of the older websocket protocol.
type legacyMessage struct {
	Channel  Channel           `json:"channel"`
	Header   json.RawMessage   `json:"header"`
	Parent   json.RawMessage   `json:"parent_header"`
	Metadata json.RawMessage   `json:"metadata"`
	Content  json.RawMessage   `json:"content"`
	Buffers  []json.RawMessage `json:"buffers"` // always empty: they stand behind the JSON
}

// EncodeLegacyWebsocket gives a message of the websocket without a subprotocol:
// JSON in a text message, or, if it has buffers, a binary message with the number
// of parts and their offsets (32 bits each, big endian) before the JSON and the
// buffers.
func EncodeLegacyWebsocket(channel Channel, m *Message) (data []byte, isBinary bool, err error) {
	dicts, err := m.dicts()
	if err != nil {
		return nil, false, err
	}
	text, err := json.Marshal(legacyMessage{channel, dicts[0], dicts[1], dicts[2], dicts[3], []json.RawMessage{}})
	if err != nil {
		return nil, false, fmt.Errorf("encode %s: %w", m.Header.MsgType, err)
	}
	if len(m.Buffers) == 0 {
		return text, false, nil
	}
	parts := append([][]byte{text}, m.Buffers...)
	at := 4 * (len(parts) + 1)
	data = binary.BigEndian.AppendUint32(nil, uint32(len(parts)))
	for _, p := range parts {
		data = binary.BigEndian.AppendUint32(data, uint32(at))
		at += len(p)
	}
	for _, p := range parts {
		data = append(data, p...)
	}
	return data, true, nil
}

// DecodeLegacyWebsocket reads what [EncodeLegacyWebsocket] gives. The error wraps
// ErrMalformed.
func DecodeLegacyWebsocket(data []byte, isBinary bool) (Channel, *Message, error) {
	text, buffers := data, [][]byte(nil)
	if isBinary {
		parts, err := legacyParts(data)
		if err != nil {
			return "", nil, err
		}
		text, buffers = parts[0], parts[1:]
	}
	var l legacyMessage
	if err := json.Unmarshal(text, &l); err != nil {
		return "", nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	m, err := decodeDicts([][]byte{l.Header, orNull(l.Parent), orEmpty(l.Metadata), orEmpty(l.Content)})
	if err != nil {
		return "", nil, err
	}
	if len(buffers) > 0 {
		m.Buffers = buffers
	}
	return l.Channel, m, nil
}

func legacyParts(data []byte) ([][]byte, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: binary websocket message of %d bytes", ErrMalformed, len(data))
	}
	count := uint64(binary.BigEndian.Uint32(data))
	if count < 1 || count > uint64(len(data)/4-1) {
		return nil, fmt.Errorf("%w: binary websocket message of %d bytes with %d parts", ErrMalformed, len(data), count)
	}
	parts := make([][]byte, count)
	end := uint64(len(data))
	for i := int(count) - 1; i >= 0; i-- {
		from := uint64(binary.BigEndian.Uint32(data[4*(i+1):]))
		if from > end {
			return nil, fmt.Errorf("%w: part %d of a websocket message begins at byte %d of %d", ErrMalformed, i, from, end)
		}
		parts[i] = data[from:end:end]
		end = from
	}
	return parts, nil
}

func orNull(b json.RawMessage) []byte {
	if len(b) == 0 {
		return []byte("null")
	}
	return b
}

package jupyter

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
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

	raw string // valid JSON; empty if the header was not received
}

// IsZero reports a header that names no message, which is how an absent parent
// ({} or null) decodes.
func (h Header) IsZero() bool { return h.MsgID == "" && h.MsgType == "" && h.raw == "" }

// headerFields has Header's fields without its methods.
type headerFields Header

// MarshalJSON gives the header as it was received, if it was, else its fields.
// The zero Header is {}.
func (h Header) MarshalJSON() ([]byte, error) {
	switch {
	case h.raw != "":
		return []byte(h.raw), nil
	case h.IsZero():
		return []byte("{}"), nil
	}
	return json.Marshal(headerFields(h))
}

// UnmarshalJSON reads a header. null and {} give the zero Header: kernels send
// both for a message without a parent.
func (h *Header) UnmarshalJSON(b []byte) error { return h.decode(b) }

// decode reads a header. Every message has two, so those that are written as almost
// all are, as an object of the fields that are known and plain strings, are read
// without package json: it takes ten times as long.
func (h *Header) decode(b []byte) error {
	*h = Header{}
	b = bytes.TrimSpace(b)
	switch string(b) {
	case "{}", "null":
		return nil
	}
	text := string(b)
	if h.plain(text) {
		h.raw = text
		return nil
	}
	*h = Header{}
	// A field of another type is left out, and the others are read: a date that is a
	// number is no reason to lose a message. Which message it is must be there.
	err := json.Unmarshal(b, (*headerFields)(h))
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && h.MsgType != "" && h.MsgID != "" && wrong.Field != "" {
		err = nil
	}
	if err != nil {
		return err
	}
	h.raw = text
	return nil
}

// plain reads a header of plain strings, which then share the text's memory; false if
// it is anything else, of which some fields may have been set.
func (h *Header) plain(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	s := scanner{rest: text}
	if !s.token('{') {
		return false
	}
	for {
		name, ok := s.string()
		if !ok || !s.token(':') {
			return false
		}
		if name == "subshell_id" && s.null() {
			h.SubshellID = nil
		} else {
			value, ok := s.string()
			if !ok || !h.set(name, value) {
				return false
			}
		}
		if s.token('}') {
			return s.rest == ""
		}
		if !s.token(',') {
			return false
		}
	}
}

// set sets the field of a JSON name; false if there is none.
func (h *Header) set(name, value string) bool {
	switch name {
	case "msg_id":
		h.MsgID = value
	case "session":
		h.Session = value
	case "username":
		h.Username = value
	case "date":
		h.Date = value
	case "msg_type":
		h.MsgType = MsgType(value)
	case "version":
		h.Version = value
	case "subshell_id":
		id := value // so that not every value is put on the heap
		h.SubshellID = &id
	default:
		return false
	}
	return true
}

// scanner reads JSON from the start of rest.
type scanner struct{ rest string }

func (s *scanner) space() {
	for i := range len(s.rest) {
		switch s.rest[i] {
		case ' ', '\t', '\n', '\r':
		default:
			s.rest = s.rest[i:]
			return
		}
	}
	s.rest = ""
}

// token reads white space and then c, if that is what comes.
func (s *scanner) token(c byte) bool {
	s.space()
	if s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) null() bool {
	s.space()
	if len(s.rest) < 4 || s.rest[:4] != "null" {
		return false
	}
	s.rest = s.rest[4:]
	return true
}

// string reads a string without escapes.
func (s *scanner) string() (text string, ok bool) {
	if !s.token('"') {
		return "", false
	}
	for i := range len(s.rest) {
		switch c := s.rest[i]; {
		case c == '"':
			text, s.rest = s.rest[:i], s.rest[i+1:]
			return text, true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

package record

import (
	"encoding/json"
	"fmt"

	"github.com/reval-editor/reval/jupyter"
)

// Entry is one thing that came of an evaluation, as its kernel gave it. In JSON it is an
// output as notebooks have it (nbformat 4.5, "Output types"), with the types of messages
// that notebooks do not keep, and the display_id where messages have it ("Messages on the
// IOPub channel", Jupyter messaging).
type Entry struct {
	// Kind is Stream, Result, Display, Update, Page, Error or Clear.
	Kind Kind
	// Name is stdout or stderr, of a stream; of an error its name.
	Name string
	// Text is a stream's, which may end in the middle of a line or of an escape sequence;
	// of an error its value.
	Text      string
	Traceback []string
	Data      jupyter.MIMEBundle
	Metadata  map[string]json.RawMessage
	// DisplayID is a display's that updates refer to, and an update's.
	DisplayID string
	// Count is a result's execution count.
	Count int
	// Wait is of a Clear: it comes into effect with the next entry.
	Wait bool
}

// types are the kinds as messages and notebooks call them. A page is one that the reply
// to the execution had ("Payloads", Jupyter messaging).
var types = map[Kind]string{
	Stream: "stream", Result: "execute_result", Display: "display_data", Update: "update_display_data",
	Page: "page", Error: "error", Clear: "clear_output",
}

type entryJSON struct {
	Type      string                     `json:"output_type"`
	Name      *string                    `json:"name,omitempty"`
	Text      *string                    `json:"text,omitempty"`
	Data      jupyter.MIMEBundle         `json:"data,omitempty"`
	Metadata  map[string]json.RawMessage `json:"metadata,omitempty"`
	Transient *transient                 `json:"transient,omitempty"`
	Count     *int                       `json:"execution_count,omitempty"`
	ErrorName *string                    `json:"ename,omitempty"`
	Value     *string                    `json:"evalue,omitempty"`
	Traceback []string                   `json:"traceback,omitempty"`
	Wait      bool                       `json:"wait,omitempty"`
}

type transient struct {
	DisplayID string `json:"display_id"`
}

// MarshalJSON gives the entry's output.
func (e Entry) MarshalJSON() ([]byte, error) {
	j := entryJSON{Type: types[e.Kind], Data: e.Data, Metadata: e.Metadata, Wait: e.Wait}
	switch e.Kind {
	case Stream:
		j.Name, j.Text = &e.Name, &e.Text
	case Error:
		j.ErrorName, j.Value, j.Traceback = &e.Name, &e.Text, e.Traceback
	case Result:
		j.Count = &e.Count
	}
	if e.DisplayID != "" {
		j.Transient = &transient{e.DisplayID}
	}
	if j.Type == "" {
		return nil, fmt.Errorf("encode an output: no type for %q", e.Kind)
	}
	return json.Marshal(j)
}

// UnmarshalJSON reads an output that MarshalJSON gave.
func (e *Entry) UnmarshalJSON(data []byte) error {
	var j entryJSON
	if err := json.Unmarshal(data, &j); err != nil {
		return err
	}
	*e = Entry{Data: j.Data, Metadata: j.Metadata, Traceback: j.Traceback, Wait: j.Wait, Count: value(j.Count)}
	for kind, name := range types {
		if name == j.Type {
			e.Kind = kind
		}
	}
	switch e.Kind {
	case "":
		return fmt.Errorf("an output of the unknown type %q", j.Type)
	case Error:
		e.Name, e.Text = value(j.ErrorName), value(j.Value)
	default:
		e.Name, e.Text = value(j.Name), value(j.Text)
	}
	if j.Transient != nil {
		e.DisplayID = j.Transient.DisplayID
	}
	return nil
}

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// Size is about what the entry takes, in bytes.
func (e *Entry) Size() int {
	const small = 100
	n := small + len(e.Text)
	for _, data := range e.Data {
		n += len(data)
	}
	for _, line := range e.Traceback {
		n += len(line)
	}
	return n
}

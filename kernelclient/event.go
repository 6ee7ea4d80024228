package kernelclient

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/reval-editor/reval/jupyter"
)

// Event is something that an execution brought: a Stream, Display, Result,
// Error, Input, Clear, InputRequest, Payload, Comm, Debug or Unknown.
type Event interface{ event() }

// Stream is text that the code printed. Text may end in the middle of a line or
// of an escape sequence.
type Stream struct {
	Name string // stdout or stderr
	Text string
}

// Display is display data. With Update it replaces every display with its ID,
// whichever execution they came from.
type Display struct {
	Data     jupyter.MIMEBundle
	Metadata map[string]json.RawMessage
	ID       string // display_id, empty if it has none
	Update   bool
}

// Result is the value of the execution.
type Result struct {
	Data     jupyter.MIMEBundle
	Metadata map[string]json.RawMessage
	Count    int
}

// Error is an exception that ended the execution.
type Error struct {
	jupyter.ErrorContent
}

// Input tells that the kernel began, and with which execution count.
type Input struct {
	Code  string
	Count int
}

// Clear asks to clear the execution's output: at once or, with Wait, when the
// next output comes.
type Clear struct {
	Wait bool
}

// InputRequest asks for a line of input. Whoever answers calls Reply once, from
// any goroutine; what comes after the execution's end is ignored by the kernel.
type InputRequest struct {
	Prompt   string
	Password bool
	Reply    func(value string) error
}

// Sources of a Payload ("Payloads", Jupyter messaging).
const (
	PayloadPage         = "page"           // Data is to be shown in a pager, from line Start
	PayloadSetNextInput = "set_next_input" // Text is code to go on with, in the cell's place with Replace
	PayloadEdit         = "edit_magic"     // Filename is to be opened at Line
	PayloadExit         = "ask_exit"       // the client is to end, and the kernel unless KeepKernel
)

// Payload is one of the reply's payloads. Which fields it has its Source says.
type Payload struct {
	Source     string             `json:"source"`
	Data       jupyter.MIMEBundle `json:"data"`
	Start      int                `json:"start"` // from 0
	Text       string             `json:"text"`
	Replace    bool               `json:"replace"`
	Filename   string             `json:"filename"`
	Line       int                `json:"line_number"` // from 1
	KeepKernel bool               `json:"keepkernel"`
	JSON       json.RawMessage    `json:"-"` // the whole of it
}

// Debug is an event of the debugger (debug_event): JSON is a message of the Debug
// Adapter Protocol.
type Debug struct {
	JSON json.RawMessage
}

// Unknown is an IOPub message of a type that this package has no event for.
type Unknown struct {
	Message *jupyter.Message
}

func (Stream) event()       {}
func (Display) event()      {}
func (Result) event()       {}
func (Error) event()        {}
func (Input) event()        {}
func (Clear) event()        {}
func (InputRequest) event() {}
func (Payload) event()      {}
func (Comm) event()         {}
func (Debug) event()        {}
func (Unknown) event()      {}

// decodeEvent turns an IOPub message into an event; nil for a status.
func decodeEvent(m *jupyter.Message) (Event, error) {
	switch m.Header.MsgType {
	case jupyter.StatusMsg, jupyter.IOPubWelcomeMsg:
		return nil, nil
	case jupyter.StreamMsg:
		c, err := decode[jupyter.StreamContent](m)
		return Stream{Name: c.Name, Text: c.Text}, err
	case jupyter.DisplayDataMsg, jupyter.UpdateDisplayDataMsg:
		c, err := decode[jupyter.DisplayDataContent](m)
		return Display{
			Data: c.Data, Metadata: c.Metadata, ID: c.Transient.DisplayID,
			Update: m.Header.MsgType == jupyter.UpdateDisplayDataMsg,
		}, err
	case jupyter.ExecuteResultMsg:
		c, err := decode[jupyter.DisplayDataContent](m)
		return Result{Data: c.Data, Metadata: c.Metadata, Count: c.ExecutionCount}, err
	case jupyter.ErrorMsg:
		c, err := decode[jupyter.ErrorContent](m)
		return Error{c}, err
	case jupyter.ExecuteInputMsg:
		c, err := decode[jupyter.ExecuteInputContent](m)
		return Input{Code: c.Code, Count: c.ExecutionCount}, err
	case jupyter.ClearOutputMsg:
		c, err := decode[jupyter.ClearOutputContent](m)
		return Clear{Wait: c.Wait}, err
	case jupyter.CommOpen, jupyter.CommMsg, jupyter.CommClose:
		c, err := decode[jupyter.CommContent](m)
		return Comm{Type: m.Header.MsgType, CommContent: c, Metadata: m.Metadata, Buffers: m.Buffers}, err
	case jupyter.DebugEventMsg:
		return Debug{m.Content}, nil
	}
	return Unknown{m}, nil
}

// decodePayload reads a payload; what does not fit stays in its JSON.
func decodePayload(data json.RawMessage) Payload {
	var p struct {
		Payload
		Line looseInt `json:"line_number"`
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return Payload{JSON: data}
	}
	p.Payload.Line, p.JSON = int(p.Line), data
	return p.Payload
}

// looseInt is a number that may come as a string, as ipykernel writes the line that a
// user gave to %edit, or as null.
type looseInt int

func (n *looseInt) UnmarshalJSON(data []byte) error {
	number, err := strconv.Atoi(strings.Trim(string(data), `"`))
	if err == nil {
		*n = looseInt(number)
	}
	return nil
}

func decode[T any](m *jupyter.Message) (T, error) {
	var v T
	err := m.Decode(&v)
	return v, err
}

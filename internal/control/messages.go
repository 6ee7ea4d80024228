// Package control is what a terminal asks of the process that has a user's sessions, over a
// connection: which there are, what happens in one, and that one ends. Both sides speak
// lines of JSON: one Request, then Answers until the connection's end.
package control

import (
	"time"

	"github.com/reval-editor/reval/internal/record"
)

// Request is what a client asks.
type Request struct {
	// Do is Sessions, Tail or Stop.
	Do string `json:"do"`
	// Session names the session of Tail and Stop: the beginning of its id, a part of its
	// folder's path, or the name of its kernel, if only one session is meant by it. Empty
	// is the only session.
	Session string `json:"session,omitempty"`
	// All has Tail begin with all that the session knows, not with what runs.
	All bool `json:"all,omitempty"`
}

// What a client may ask.
const (
	Sessions = "sessions"
	Tail     = "tail"
	Stop     = "stop"
)

// Answer is one line of the answer: it has one of these.
type Answer struct {
	// Error says in one line why the request cannot be done, and ends the answer.
	Error   string   `json:"error,omitempty"`
	Session *Session `json:"session,omitempty"`
	Event   *Event   `json:"event,omitempty"`
	// Done ends the answer.
	Done bool `json:"done,omitempty"`
}

// Session is one session, as `reval sessions --json` tells it; the keys stay.
type Session struct {
	ID     string `json:"session"`
	Kernel string `json:"kernel"`
	// PID is its process; 0 if it has none, or was not started by a session.
	PID         int    `json:"pid"`
	DisplayName string `json:"display_name"`
	Language    string `json:"language"`
	Folder      string `json:"folder"`
	Environment string `json:"environment,omitempty"`
	// State is one of none, starting, idle, busy, restarting, dead, disconnected and
	// unresponsive.
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	Queued  int    `json:"queued"`
	// Clients are the names of who listens.
	Clients     []string `json:"clients"`
	Evaluations int      `json:"evaluations"` // that it knows
	// Files are the paths of the files that have them.
	Files []string `json:"files"`
	// Used is when the last evaluation ended.
	Used time.Time `json:"used,omitzero"`
}

// Event is one thing that happens in a session, as `reval tail --json` tells it; the keys stay.
// It has one of State, Evaluation, Output, Input and LeftOut.
type Event struct {
	State      *State      `json:"state,omitempty"`
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	Output     *Output     `json:"output,omitempty"`
	Input      *Input      `json:"input,omitempty"`
	// LeftOut is how many bytes of output were left out, since they were not read in time.
	LeftOut int `json:"left_out,omitempty"`
}

// State is a new state of the session.
type State struct {
	State   string `json:"state"`
	Message string `json:"message,omitempty"`
	Queued  int    `json:"queued"`
}

// Evaluation is a new state of an evaluation.
type Evaluation struct {
	ID string `json:"id"`
	// Client is the name of who asked for it.
	Client string `json:"client"`
	URI    string `json:"uri,omitempty"`
	Line   int    `json:"line"` // of its beginning in the document, from 0
	Code   string `json:"code"`
	// State is one of queued, running, done, error, cancelled and lost.
	State   string    `json:"state"`
	Count   int       `json:"count,omitempty"`
	Started time.Time `json:"started,omitzero"`
	Ended   time.Time `json:"ended,omitzero"`
	Message string    `json:"message,omitempty"`
	// Again is set where the session tells what it knows: outputs of before are told again.
	Again bool `json:"again,omitempty"`
}

// Output is what came of an evaluation, as its kernel gave it.
type Output struct {
	Evaluation string       `json:"evaluation"`
	Output     record.Entry `json:"output"`
}

// Input is a question of an evaluation.
type Input struct {
	Evaluation string `json:"evaluation"`
	Prompt     string `json:"prompt"`
	Password   bool   `json:"password,omitempty"`
}

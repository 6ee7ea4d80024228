package lsp

import (
	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/output"
)

// Commands of workspace/executeCommand. Each takes one object argument.
const (
	// Evaluate a range or the unit around a position. The answer comes as soon as
	// the code stands in the queue; what becomes of it is told by reval/evaluation
	// and reval/output. Results that the range touches are replaced. What has code of
	// several cells is evaluated cell by cell, in order: each is an evaluation of its
	// own, an error cancels those behind it.
	CommandEvaluate = "reval.evaluate" // EvaluateParams → EvaluateResult
	// Interrupt what the session runs, and take from its queue what waits.
	CommandInterrupt = "reval.interrupt" // DocumentParams → null
	// End the kernel and start it anew. What ran or waited is lost.
	CommandRestart = "reval.restart" // DocumentParams → null
	// End the kernel; the next evaluation starts another. A kernel that was
	// attached to is left running.
	CommandShutdown = "reval.shutdown" // DocumentParams → null
	// List what runs in the document's session and what waits, in order, whoever asked.
	CommandQueue = "reval.queue" // DocumentParams → []Waiting
	// Move an evaluation that waits to another place in the queue.
	CommandMove = "reval.move" // MoveParams → null
	// Take one evaluation from the queue, or interrupt it if it runs.
	CommandCancel = "reval.cancel" // EvaluationRef → null
	// Bind the document, and those of its folder and language to come, to a kernel,
	// and start it.
	CommandSelectKernel = "reval.selectKernel" // SelectKernelParams → StateParams
	// List the kernels that can be selected: those to be started, the preferred ones
	// first, and then those that run.
	CommandKernels = "reval.kernels" // KernelsParams → []Kernel
	// Tell the state of the document's session.
	CommandState = "reval.state" // DocumentParams → StateParams
	// Remove results.
	CommandClear = "reval.clear" // ClearParams → null
	// Tell what the kernel knows of the name at a position.
	CommandInspect = "reval.inspect" // InspectParams → InspectResult
	// Give everything that an evaluation brought so far, each output once and whole, or
	// one output with the data that was withheld.
	CommandOutput = "reval.output" // OutputRef → OutputParams
	// List the document's cells.
	CommandCells = "reval.cells" // DocumentParams → []Cell
	// Tell where a link of an output leads now. It fails where that is not known any
	// more: then the link's own line is the best there is.
	CommandPlace = "reval.place" // PlaceParams → PlaceResult
	// Show the results of earlier sessions beside the code on which they stood, where it
	// stands and has no result: all, or those of Evaluations, as an editor asks whose server
	// died. They are told as any others, with Restored. The answer is how many there are.
	CommandRestore = "reval.restore" // EvaluationsParams → RestoreResult
	// List the results that were not cleared, in order of evaluation.
	CommandEvaluations = "reval.evaluations" // EvaluationsParams → []EvaluationParams
)

// Notifications that LSP has no word for. The server sends them only to a
// client that has `capabilities.experimental.reval`. There are no requests from
// server to client among them: the Vim of the floor confuses their ids with its own.
const (
	// New outputs of an evaluation, or changes of earlier ones.
	MethodOutput = "reval/output" // server → client, OutputParams
	// The state of an evaluation, or of its result, has changed.
	MethodEvaluation = "reval/evaluation" // server → client, EvaluationParams
	// The state of a session, or what documents belong to it, has changed.
	MethodState = "reval/state" // server → client, StateParams
	// The kernel waits for a line from the user, or does so no more.
	MethodInputRequest = "reval/inputRequest" // server → client, InputRequestParams
	// The user's answer.
	MethodInputReply = "reval/inputReply" // client → server, InputReplyParams
)

// ClientCapability is `capabilities.experimental.reval` of initialize. That it
// is there, be it {}, asks for the reval/* notifications.
type ClientCapability struct {
	// MIME lists the types, besides text/plain, that the client can show.
	MIME []string `json:"mime,omitzero"`
	// Text is how many bytes of a result's or display's text the client wants at once,
	// about; 0 for all.
	Text int `json:"text,omitzero"`
}

// ServerCapability is `capabilities.experimental.reval` of the server.
type ServerCapability struct {
	// Version of the reval/* messages; 1.
	Version int `json:"version"`
	// Standalone is set of a server without a daemon: its kernels end with the connection.
	Standalone bool `json:"standalone,omitzero"`
}

// Settings are initializationOptions, and what workspace/didChangeConfiguration brings in
// `settings`: alone, or as its `reval`. They hold for kernels that are started later.
type Settings struct {
	// KernelDirectory is where kernels run: "project" (also if it is empty) for the
	// workspace folder, without one the folder that has .git, pyproject.toml or another mark
	// of a project, and without that the file's own; "file" for the file's own in any case;
	// else a path, absolute or relative to the project's folder.
	KernelDirectory string `json:"kernelDirectory,omitzero"`
	// HistoryExclude are folders, absolute or beginning with ~/, of whose sessions, and of
	// those of folders in them, nothing is kept in the history; "*" is all.
	HistoryExclude []string `json:"historyExclude,omitzero"`
}

// DocumentParams names a document that the client has opened.
type DocumentParams struct {
	URI string `json:"uri"`
}

// EvaluateParams says what to evaluate: a Range, or the Unit around Position.
type EvaluateParams struct {
	URI   string          `json:"uri"`
	Range *protocol.Range `json:"range,omitzero"`
	// Unit is line (the whole statement that the line belongs to; a statement in a block
	// by itself), cell, definition (the outermost statement), file, or toHere (from the
	// document's start to the end of the outermost statement at Position's line).
	Unit string `json:"unit,omitzero"`
	// Position is needed for every unit but file.
	Position *protocol.Position `json:"position,omitzero"`
	// Arguments are the command line's, for unit file, which is evaluated as a program
	// that was started from its file: with its own name, folder and arguments.
	Arguments []string `json:"arguments,omitzero"`
}

// EvaluateResult is answered at once; nobody waits for the kernel.
type EvaluateResult struct {
	// Evaluation is the id that every later message about it carries; of several cells
	// that of the last, which ends when all have ended.
	Evaluation string `json:"evaluation"`
	// Range is what is evaluated, without blank lines around it, and without comments
	// before a cell magic.
	Range protocol.Range `json:"range"`
	// Evaluations are those of all cells, in order, if there are several.
	Evaluations []EvaluatedRange `json:"evaluations,omitzero"`
}

// EvaluatedRange is one of several evaluations that a request led to.
type EvaluatedRange struct {
	Evaluation string         `json:"evaluation"`
	Range      protocol.Range `json:"range"`
}

// EvaluationsParams asks for a document's results: for all, or for those of Evaluations
// that there still are.
type EvaluationsParams struct {
	URI         string   `json:"uri"`
	Evaluations []string `json:"evaluations,omitzero"`
}

// EvaluationRef names an evaluation of a document, or, with Position instead of
// Evaluation, the last one whose range touches that line. Where none does and a cell
// mark stands above or on the line, it is the last one in that cell.
type EvaluationRef struct {
	URI        string             `json:"uri"`
	Evaluation string             `json:"evaluation,omitzero"`
	Position   *protocol.Position `json:"position,omitzero"`
}

// Waiting is an evaluation that waits, or the one that runs.
type Waiting struct {
	Evaluation string `json:"evaluation"`
	// State is queued or running.
	State string `json:"state"`
	// URI and Line, from 0, are where it was evaluated; By is the name of the client.
	URI  string `json:"uri"`
	Line int    `json:"line"`
	By   string `json:"by,omitzero"`
	// Text is the first line of its code that is not blank, cut where it is long.
	Text string `json:"text"`
	// Elapsed is how long it runs, in milliseconds.
	Elapsed float64 `json:"elapsed,omitzero"`
}

// RestoreResult says how many results reval.restore has shown.
type RestoreResult struct {
	Shown int `json:"shown"`
}

// MoveParams moves an evaluation that waits.
type MoveParams struct {
	URI        string `json:"uri"`
	Evaluation string `json:"evaluation"`
	// To is its new place among those that wait, from 0; one that is too high is the last.
	To int `json:"to"`
}

// OutputRef names the outputs of an evaluation, as EvaluationRef does, or one of them.
type OutputRef struct {
	URI        string             `json:"uri"`
	Evaluation string             `json:"evaluation,omitzero"`
	Position   *protocol.Position `json:"position,omitzero"`
	// Index is the one output that is wanted, with its data even if that is withheld.
	Index *int `json:"index,omitzero"`
}

// KernelsParams asks for the kernels that a document may use.
type KernelsParams struct {
	URI string `json:"uri"`
	// Server is the URL of a Jupyter server, http://host:port/?token=T, or of a host
	// reached by ssh without a password, ssh://user@host:port: its kernels
	// are listed, but those that run come first. The token is
	// remembered as long as the connection is open. Without it: this machine's.
	Server string `json:"server,omitzero"`
}

// SelectKernelParams binds a document's session to a kernel.
type SelectKernelParams struct {
	URI string `json:"uri"`
	// Kernel is a name that reval.kernels gives, the path of a connection file
	// of a kernel that runs, "newest" for the one of the language that was started last
	// and not for this editor, or a Jupyter server's URL: alone it is the server's kernel
	// for the language, with /api/kernels/ID one that runs, with /api/kernelspecs/NAME
	// one to be started. A host's is ssh://user@host:port or, with a kernelspec,
	// ssh://user@host:port/NAME.
	Kernel string `json:"kernel"`
}

// ClearParams removes results: those that touch Range, or all of the document.
type ClearParams struct {
	URI   string          `json:"uri"`
	Range *protocol.Range `json:"range,omitzero"`
}

// InspectParams asks for what the kernel knows of the name at Position.
type InspectParams struct {
	URI      string            `json:"uri"`
	Position protocol.Position `json:"position"`
	// Detail is 0, or 1 for the source as well where the kernel has it.
	Detail int `json:"detail,omitzero"`
}

// InspectResult is what the kernel answered.
type InspectResult struct {
	Found bool `json:"found"`
	// Text is plain text; Spans are its styles.
	Text  string        `json:"text"`
	Spans []output.Span `json:"spans,omitzero"`
	// Links are places in files that Text names.
	Links []Link `json:"links,omitzero"`
}

// Link joins a part of a text to a place in a file.
type Link struct {
	// Start and End are code points of the text.
	Start int    `json:"start"`
	End   int    `json:"end"`
	URI   string `json:"uri"`
	// Line is zero-based.
	Line int `json:"line"`
	// Place is set where the line is code that was evaluated, which edits may move:
	// reval.place tells where it is when the link is followed.
	Place string `json:"place,omitzero"`
}

// PlaceParams names the place that a link leads to.
type PlaceParams struct {
	// URI is that of the link.
	URI string `json:"uri"`
	// Place is that of the link.
	Place string `json:"place"`
}

// PlaceResult is where a place is now.
type PlaceResult struct {
	URI string `json:"uri"`
	// Line is zero-based.
	Line int `json:"line"`
}

// Kernel is one that can be chosen for a document.
type Kernel struct {
	// Name is what reval.selectKernel takes.
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Language    string `json:"language"`
	// Source says where it was found: a kernelspec's folder, an environment's
	// python, or "embedded".
	Source string `json:"source"`
	// Suitable is set where the language is the document's.
	Suitable bool `json:"suitable,omitzero"`
	// Running is set for a kernel that runs, which is joined and not started.
	Running bool `json:"running,omitzero"`
	// Selected is set for the one that the document uses, or would use.
	Selected bool `json:"selected,omitzero"`
}

// Cell is one cell of a document.
type Cell struct {
	// Range covers the cell's lines, its mark included.
	Range    protocol.Range `json:"range"`
	Title    string         `json:"title,omitzero"`
	Markdown bool           `json:"markdown,omitzero"`
}

// OutputParams brings outputs of an evaluation, in order. Streams that come
// quickly are merged, the first bytes are never held back.
type OutputParams struct {
	Evaluation string   `json:"evaluation"`
	URI        string   `json:"uri"`
	Session    string   `json:"session"`
	Outputs    []Output `json:"outputs"`
}

// Kinds of output.
const (
	OutputStream  = "stream"
	OutputResult  = "result"  // the value of the evaluation
	OutputDisplay = "display" // display data: a picture, a table, a progress bar
	OutputError   = "error"
	OutputClear   = "clear" // the evaluation's outputs below this index are void: the next ones go on counting
)

// Output is a new output of an evaluation or, where Index was seen before, a
// change of it: a stream's Text is appended, anything else replaces what was there.
type Output struct {
	// Index numbers the outputs of one evaluation from 0.
	Index int    `json:"index"`
	Kind  string `json:"kind"`
	// Name is stdout or stderr, of a stream.
	Name string `json:"name,omitzero"`
	// Back is how many code points to erase at the end of the stream's text before
	// Text is appended: carriage returns and backspaces were applied.
	Back int `json:"back,omitzero"`
	// Text is displayable: no escape sequences, lines end with \n. For results and
	// displays it is the plain-text form, for an error its traceback with the
	// places in cells named as places in the document.
	Text string `json:"text"`
	// Cut is set where Text is more than the client wants at once: a note stands in it for
	// what was left out between its beginning and its end, and reval.output has all.
	Cut bool `json:"cut,omitzero"`
	// Spans are styles of Text.
	Spans []output.Span `json:"spans,omitzero"`
	// MIME and Data are the richest form that the client said it shows, if that is
	// not plain text: text as it is, base64 for binary types.
	MIME string `json:"mime,omitzero"`
	Data string `json:"data,omitzero"`
	// Withheld says in a few words why Data is not there: drawing the picture would take
	// very long, or look at other files. The client shows that there is a picture, and
	// takes it from reval.output when its user asks for it, best with a program of its own.
	Withheld string `json:"withheld,omitzero"`
	// Error is set for an error.
	Error *EvaluationError `json:"error,omitzero"`
	// Links are places in files that Text names.
	Links []Link `json:"links,omitzero"`
}

// EvaluationError says what failed and where.
type EvaluationError struct {
	// Name is the exception's class or the like, Value its message.
	Name  string `json:"name"`
	Value string `json:"value"`
	// Range is the failing line, where the traceback names one of this document;
	// else the evaluation's first line.
	Range protocol.Range `json:"range"`
}

// States of an evaluation.
const (
	EvaluationQueued    = "queued"
	EvaluationRunning   = "running"
	EvaluationDone      = "done"
	EvaluationFailed    = "error"
	EvaluationCancelled = "cancelled" // it was taken from the queue before it ran
	EvaluationLost      = "lost"      // the kernel died or was restarted
)

// EvaluationParams tells an evaluation's state; one comes with each change of
// it, when its result becomes stale or is cleared, and when its code is found elsewhere.
type EvaluationParams struct {
	Evaluation string `json:"evaluation"`
	URI        string `json:"uri"`
	Session    string `json:"session"`
	// Range is where the code stands now, after edits, in the document's Version.
	Range   protocol.Range `json:"range"`
	Version int            `json:"version"`
	State   string         `json:"state"`
	// Ahead is the number of evaluations before a queued one; 10 stands for ten or more.
	Ahead int `json:"ahead,omitzero"`
	// Count is the kernel's execution count, 0 if it gave none.
	Count int `json:"count,omitzero"`
	// Elapsed is the time it ran, in milliseconds; of one that runs and that another client
	// asked for, the time that it has run by now.
	Elapsed float64 `json:"elapsed,omitzero"`
	// Summary is what to show beside the code once it ended. Of one that runs it is the
	// result that it has had so far.
	Summary *Summary         `json:"summary,omitzero"`
	Error   *EvaluationError `json:"error,omitzero"`
	// Stale is set when the code was changed since it was evaluated.
	Stale bool `json:"stale,omitzero"`
	// By is the name of the client that evaluated it, if that is another one.
	By string `json:"by,omitzero"`
	// Restored is when it was evaluated (RFC 3339), if reval.restore brought it back; it is
	// Past, too.
	Restored string `json:"restored,omitzero"`
	// Past is set when the namespace that it was evaluated in is gone: its kernel was
	// restarted or died, or the document has another one.
	Past bool `json:"past,omitzero"`
	// Cleared is set when the result is to be removed. One whose code was deleted is
	// told again, without it, when the same text is put in again, where that stands.
	Cleared bool `json:"cleared,omitzero"`
	// Message explains a lost evaluation in one line.
	Message string `json:"message,omitzero"`
}

// Summary sizes a result.
type Summary struct {
	// Kind is none (no value), line (one line, or a picture without text), or block.
	Kind string `json:"kind"`
	// Text is the value's first line, cut to 200 columns, for none and pictures a word for it.
	Text string `json:"text"`
	// Lines counts the value's lines.
	Lines int `json:"lines"`
	// MIME is the richest type of the value if that is not plain text.
	MIME string `json:"mime,omitzero"`
}

// States of a session.
const (
	SessionNone       = "none" // no kernel has been needed yet
	SessionStarting   = "starting"
	SessionIdle       = "idle"
	SessionBusy       = "busy"
	SessionRestarting = "restarting"
	SessionDead       = "dead"
	// The kernel's server is not reached; what runs there goes on.
	SessionDisconnected = "disconnected"
	// The kernel is silent while something is waited for: it is stopped, or computes
	// where it hears nothing. What runs there goes on.
	SessionUnresponsive = "unresponsive"
)

// StateParams tells the state of the session of one or several documents.
type StateParams struct {
	// Session is the session's id; a document that changes its kernel changes its session.
	Session string `json:"session"`
	// URIs are the documents that share the session.
	URIs  []string `json:"uris"`
	State string   `json:"state"`
	// Kernel and DisplayName are empty until a kernel was looked for: the first evaluation
	// does, and reval.selectKernel, not the opening of a document.
	Kernel      string `json:"kernel,omitzero"`
	DisplayName string `json:"displayName,omitzero"`
	// Environment is the folder of the Python or conda environment that the kernel is of.
	Environment string `json:"environment,omitzero"`
	// Directory is where a kernel that is started here runs; empty for the server's own folder.
	Directory string `json:"directory,omitzero"`
	Language  string `json:"language,omitzero"`
	// Queued counts what waits, without what runs.
	Queued int `json:"queued,omitzero"`
	// Running is the evaluation that runs.
	Running string `json:"running,omitzero"`
	// Namespace counts the kernels of the session that have ended: where it has grown,
	// all names and values of before are gone.
	Namespace int `json:"namespace,omitzero"`
	// Message says in one line why a session is dead, disconnected or unresponsive, what one that starts
	// for long waits for, or what it lacks.
	Message string `json:"message,omitzero"`
}

// InputRequestParams asks the user for a line. It is a notification, answered by
// reval/inputReply with the same Request.
type InputRequestParams struct {
	Request    string `json:"request"`
	URI        string `json:"uri"`
	Evaluation string `json:"evaluation"`
	Prompt     string `json:"prompt"`
	// Password is set where what is typed must not be shown or kept.
	Password bool `json:"password,omitzero"`
	// Cancelled is set when the kernel no longer waits: an open prompt is to be closed.
	Cancelled bool `json:"cancelled,omitzero"`
}

// InputReplyParams answers an input request. Cancel interrupts the kernel instead.
type InputReplyParams struct {
	Request string `json:"request"`
	Value   string `json:"value,omitzero"`
	Cancel  bool   `json:"cancel,omitzero"`
}

// Package front is the front end of the Go kernel: it splits a cell into
// declarations and statements, checks it by go/types against the namespace, and
// lowers it to what an Engine runs. It knows neither engine nor protocol.
package front

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"reflect"
)

// Engine runs what the front end has parsed, checked and lowered. It sees files
// whose top level holds imports, types, constants, functions and variables
// without initial values, and one function, the unit's entry, that does the rest.
type Engine interface {
	// Name is the engine's name for messages, such as "yaegi".
	Name() string
	// Separate reports that the engine keeps each unit in a package of its own, so
	// that a unit declares types, functions and constants under the user's names
	// (see Unit.Declared). Otherwise all names of a session differ.
	Separate() bool
	// Concurrent reports that several units can run at once. One is loaded at a time.
	Concurrent() bool
	// FileSet is the file set that cells are parsed into.
	FileSet() *token.FileSet
	// Offers reports whether the engine has a symbol of a package of the
	// standard library; with name "", whether it has the package.
	Offers(path, name string) bool
	// Adapt rewrites the forms of a checked file that the engine would run
	// wrongly and that have an equal which it runs rightly, and gives those that
	// have none. The file still has the user's names; top-level statements that
	// declare variables and the last expression must stay the nodes that they are.
	Adapt(f *ast.File, info *types.Info) []Refusal
	// Load declares what a unit declares. After an error nothing is declared
	// that a later unit could see.
	Load(u *Unit) error
	// Run calls the entry of a loaded unit. It gives ErrInterrupted when ctx
	// ended it, and a *Panic when the code panicked.
	Run(ctx context.Context, u *Unit) error
	// Do calls f as code of a cell runs: ctx interrupts it, and its panic is the error.
	Do(ctx context.Context, f func()) error
	// Provide makes packages of the program importable. It is called before Load.
	Provide(ps []Package) error
	// Value gives a package-level variable by its engine name, addressable
	// where it can be.
	Value(name string) (reflect.Value, bool)
	// Dynamic gives what an interface value of interpreted code holds; other
	// values it gives back.
	Dynamic(v reflect.Value) reflect.Value
}

// secondKey is the key of a context's value.
type secondKey struct{}

// WithSecond gives a run's context a second interrupt, when again is closed. Code may take
// its time to end after the first, for deferred calls, and may recover from it; the second
// stops it.
func WithSecond(ctx context.Context, again <-chan struct{}) context.Context {
	return context.WithValue(ctx, secondKey{}, again)
}

// Second gives the second interrupt of a run's context; nil, which never comes, if it
// has none.
func Second(ctx context.Context) <-chan struct{} {
	again, _ := ctx.Value(secondKey{}).(<-chan struct{})
	return again
}

// ErrInterrupted is the error of a run that its context ended.
var ErrInterrupted = errors.New("the cell was interrupted")

// ExitError is what os.Exit and log.Fatal panic with: a cell must not end the kernel.
type ExitError int

func (e ExitError) Error() string {
	return fmt.Sprintf("exit status %d: the cell was ended, the kernel goes on", int(e))
}

// Refusal is a form that an engine cannot run rightly, with what to do instead.
type Refusal struct {
	Pos     token.Pos
	Message string
}

// Panic is a panic of a cell's code.
type Panic struct {
	Value   any
	Runtime bool // raised by the run-time system, not by the code
	// Frames are the places of the user's code, innermost first.
	Frames []Frame
}

// Frame is a place in the user's code. Line 0 means that only the function is known.
type Frame struct {
	Func    string
	Pos     token.Position
	Omitted int // this many calls are left out, and the frame says nothing else
}

func (p *Panic) Error() string { return PanicText(p.Value) }

// Unit is a cell made ready for an engine.
type Unit struct {
	Name    string    // "cell[3]"
	File    *ast.File // for the engine: lowered, with engine names
	Entry   string    // engine name of the function to call; "" = nothing to run
	Results []Result  // of the last expression, in order
	Funcs   []FuncSpan

	// Declared maps the names that the file declares to engine names, by which
	// later units refer to them. They differ with a Separate engine alone.
	Declared map[string]string
	// Seen maps user's names by which the file refers to what an earlier unit
	// declared to its engine names: embedded fields have the names of their types,
	// and repeated constants those that the user wrote.
	Seen map[string]string
	// Unexported maps names in the file to types that other packages do not export. It
	// is for a Separate engine, which sees to it that they are what the names say.
	Unexported map[string]types.Object

	// Rebound maps variables of the file, which are pointers, to the variables of
	// earlier units that they must point to: Load sees to it. The types that they
	// point to are versions of the same type, with the same layout.
	Rebound map[string]string
	// Warnings tell what is suspect in the cell, with the line under it, and what it
	// changes but cannot compile again.
	Warnings []string

	decls   []*Binding
	imports liveImports
	dots    []string // paths of dot imports
	source  *source
}

// Result is one value of a cell's last expression: the variable that holds it
// after the run, and its type.
type Result struct {
	Variable string // engine name
	Text     string // engine name of the string that its Error or String method gave; "" = it has none
	Type     types.Type
}

// FuncSpan is where a function of a unit stands.
type FuncSpan struct {
	Engine, User string
	Start, End   token.Pos
}

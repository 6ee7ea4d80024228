//go:build !windows

package kernelclient_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

var update = flag.Bool("update", false, "write the tables of docs/kernels.md anew")

const (
	// limit is only used up by a test that fails.
	limit = testenv.Patience
	// patience is how long a kernel may take for what it need not do at all.
	patience = 15 * time.Second
	// disorder is how long an answer may come after one that was asked for later.
	disorder = 6 * time.Second
	// interruptAttempts is how often code is interrupted that goes on.
	interruptAttempts = 3
)

// testedKernel is a kernel that the suite runs over.
type testedKernel struct {
	name     string // in the tables
	spec     string // its kernelspec
	snippets string // testdata/kernels/NAME.txtar
	// debian says that the kernel is had from Debian's packages alone.
	debian bool
}

// slowest is the index of bash_kernel, for whose silence much has to be waited: it is started first.
const slowest = 4

var testedKernels = []testedKernel{
	{name: "ipykernel 7", spec: "python3", snippets: "python"},
	{name: "ipykernel 6", spec: "ipykernel6", snippets: "python"},
	{name: "xeus-python", spec: "xeus-python", snippets: "python"},
	{name: "IRkernel", spec: "ir", snippets: "r", debian: true},
	slowest: {name: "bash_kernel", spec: "bash", snippets: "bash"},
	{name: "Deno", spec: "deno", snippets: "deno"},
	{name: "tslab", spec: "tslab", snippets: "tslab"},
	{name: "Calysto Scheme", spec: "calysto-scheme", snippets: "scheme"},
	{name: "Go", spec: "reval-go", snippets: "go"},
}

// A feature is what a kernel may have or not. Its check gives the cell of the table,
// after it has made sure that the kernel can be used as before: nothing hangs, and
// what fails says so. An empty cell means that the language has no such thing.
type feature struct {
	name  string
	check func(s *suite) string
}

var features = []feature{
	{"value comes as", (*suite).value},
	{"what is printed comes while the code runs", (*suite).streams},
	{"stderr apart from stdout", (*suite).stderr},
	{"stdout and stderr in their order", (*suite).order},
	{"error with name, message, traceback", (*suite).failure},
	{"`execute_input` repeats the code", (*suite).echo},
	{"execution count", (*suite).count},
	{"`silent`: no value, no count", (*suite).silent},
	{"`store_history: false`: no count", (*suite).noHistory},
	{"`user_expressions`", (*suite).expressions},
	{"`stop_on_error` for what is queued", (*suite).stopOnError},
	{"`display_data`", (*suite).display},
	{"`update_display_data`", (*suite).updateDisplay},
	{"`clear_output`", (*suite).clear},
	{"input", (*suite).input},
	{"password without echo", (*suite).password},
	{"input that nobody answers", (*suite).refusedInput},
	{"`complete_request`", (*suite).complete},
	{"its positions in code points", (*suite).completeWide},
	{"completion while code runs", (*suite).completeBusy},
	{"`inspect_request`", (*suite).inspect},
	{"inspection of an unknown name", (*suite).inspectUnknown},
	{"`is_complete_request`", (*suite).isComplete},
	{"`history_request`", (*suite).history},
	{"`comm_info_request`", (*suite).commInfo},
	{"comm that the code opens", (*suite).commOut},
	{"comm that the client opens", (*suite).commIn},
	{"comm of an unknown target is closed", (*suite).commUnknown},
	{"`debug_request` and `debug_event`", (*suite).debugger},
	{"interrupt of a loop", (*suite).interruptLoop},
	{"interrupt of a sleep", (*suite).interruptSleep},
}

// TestKernels runs the same over every kernel, and holds docs/kernels.md to it.
func TestKernels(t *testing.T) {
	t.Parallel()
	page := readPage(t)
	var mu sync.Mutex
	t.Run("kernel", func(t *testing.T) {
		for _, k := range slices.Concat(testedKernels[slowest:], testedKernels[:slowest]) {
			t.Run(k.name, func(t *testing.T) {
				t.Parallel()
				column := k.run(t)
				if t.Failed() {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				page.found[k.name] = column
			})
		}
	})
	page.settle(t)
}

// column is what was found of one kernel.
type column struct {
	info  jupyter.KernelInfoReplyContent
	mode  string // interrupt_mode
	cells map[string]string
}

func (k testedKernel) run(t *testing.T) column {
	if _, err := exec.LookPath("dpkg-query"); k.debian && err != nil {
		t.Skipf("%s: had from Debian's packages only", k.name)
	}
	archive, err := txtar.ParseFile(filepath.Join("testdata", "kernels", k.snippets+".txtar"))
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{t: t, whole: t, snippets: map[string]string{}, dir: t.TempDir(), stray: &outcome{more: make(chan struct{})}}
	for _, f := range archive.Files {
		s.snippets[f.Name] = strings.TrimSuffix(string(f.Data), "\n")
	}
	// The bash that bash_kernel leaves behind when it is killed would still write its
	// history when the home is removed.
	s.env = append(testenv.Env(t), "JUPYTER_PATH="+testenv.JupyterPath(), "HISTFILE=")
	s.spec = k.find(t, s.env)

	s.launch()
	c := column{info: s.kernel.Info(), mode: s.spec.InterruptMode, cells: map[string]string{}}
	s.run("define")
	t.Run("big output", func(t *testing.T) { s.t = t; s.big() })
	t.Run("non-ASCII", func(t *testing.T) { s.t = t; s.unicode() })
	for _, f := range features {
		t.Run(f.name, func(t *testing.T) {
			s.t = t
			begin := time.Now()
			cell := f.check(s)
			c.cells[f.name] = cell
			t.Logf("%q after %v", cell, time.Since(begin).Round(time.Millisecond))
		})
		s.t = t
		s.revive()
	}
	t.Run("restart", func(t *testing.T) { s.t = t; s.restart() })
	t.Run("death", func(t *testing.T) { s.t = t; s.death() })
	return c
}

func (k testedKernel) find(t *testing.T, env []string) kernelclient.Spec {
	t.Helper()
	goKernel := kernelclient.Spec{
		Name: "reval-go", Language: "go",
		Argv:          []string{testenv.Reval(t), "kernel", "go", "--connection-file", "{connection_file}"},
		InterruptMode: kernelclient.InterruptByMessage,
		// yaegi writes the result of a run that was interrupted unguarded, where nobody
		// reads it; gokernel's own tests look at all other races.
		Env: map[string]string{"GORACE": "exitcode=0"},
	}
	finder := kernelclient.Finder{Env: env, Builtin: []kernelclient.Spec{goKernel}}
	specs, findErr := finder.Find(within(t))
	spec, err := kernelclient.Choose(specs, findErr, kernelclient.Wanted{Name: k.spec})
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("%s: %v", k.name, err))
	}
	return spec
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

// suite is one kernel under test, one process of it after the other.
type suite struct {
	t        *testing.T // the case that runs
	whole    *testing.T // all cases of the kernel
	spec     kernelclient.Spec
	env      []string
	dir      string
	snippets map[string]string
	kernel   *kernelclient.Kernel
	group    int      // its process group
	outcomes sync.Map // of *outcome, by message id
	stray    *outcome // what belongs to none of them
}

func (s *suite) code(name string) string { return s.snippets[name] }

func (s *suite) has(name string) bool { return s.snippets[name] != "" }

func (s *suite) launch() {
	s.t.Helper()
	k, err := kernelclient.Launch(within(s.t), s.spec, kernelclient.LaunchOptions{
		Options: kernelclient.Options{Late: s.late}, Dir: s.dir, Env: s.env,
	})
	if err != nil {
		s.t.Fatalf("launch: %v", err)
	}
	s.whole.Cleanup(k.Close)
	s.kernel = k
	o := s.run("pid")
	s.brought(o, func() bool { return s.stdout(o) != "" })
	words := strings.Fields(s.stdout(o))
	if len(words) == 0 {
		s.t.Fatal("the kernel does not tell its process id")
	}
	pid, err := strconv.Atoi(words[len(words)-1])
	if err != nil {
		s.t.Fatal(err)
	}
	if s.group, err = syscall.Getpgid(pid); err != nil {
		s.t.Fatal(err)
	}
}

// revive launches the kernel again if a case has ended it.
func (s *suite) revive() {
	s.t.Helper()
	select {
	case <-s.kernel.Done():
		s.launch()
		s.run("define")
	default:
	}
}

// outcome is what came of code.
type outcome struct {
	reply jupyter.ExecuteReplyContent
	err   error
	ended chan struct{} // closed when reply and err are there

	mu     sync.Mutex
	seen   []kernelclient.Event
	more   chan struct{} // closed and replaced at each event
	handle func(kernelclient.Event)
}

func (o *outcome) add(e kernelclient.Event) {
	o.mu.Lock()
	o.seen = append(o.seen, e)
	close(o.more)
	o.more = make(chan struct{})
	o.mu.Unlock()
	if o.handle != nil {
		o.handle(e)
	}
}

func (o *outcome) events() []kernelclient.Event {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.seen)
}

func (o *outcome) String() string {
	return fmt.Sprintf("reply %+v, error %v, events %+v", o.reply, o.err, o.events())
}

// start runs code in the background; handle may be nil.
func (s *suite) start(r kernelclient.ExecuteRequest, handle func(kernelclient.Event)) *outcome {
	ctx, k := within(s.t), s.kernel
	o := &outcome{ended: make(chan struct{}), more: make(chan struct{}), handle: handle}
	r.ID = jupyter.NewID()
	s.outcomes.Store(r.ID, o)
	go func() {
		defer close(o.ended)
		o.reply, o.err = k.Execute(ctx, r, func(e kernelclient.Event) {
			o.add(e)
			s.seeComm(e)
		})
	}()
	return o
}

// late adds what came after an execution's end to what it brought.
func (s *suite) late(parent string, e kernelclient.Event) {
	if o, ok := s.outcomes.Load(parent); ok {
		o.(*outcome).add(e)
		s.seeComm(e)
		return
	}
	s.stray.add(e)
}

// seeComm notes a comm's message: whose one is that the client opened, kernels tell as
// they like.
func (s *suite) seeComm(e kernelclient.Event) {
	if _, ok := e.(kernelclient.Comm); ok {
		s.stray.add(e)
	}
}

// run runs a snippet to its end.
func (s *suite) run(name string) *outcome {
	s.t.Helper()
	if !s.has(name) {
		s.t.Fatalf("no snippet %q", name)
	}
	return s.execute(kernelclient.ExecuteRequest{Code: s.code(name)})
}

func (s *suite) execute(r kernelclient.ExecuteRequest) *outcome {
	s.t.Helper()
	o := s.start(r, nil)
	<-o.ended
	if o.err != nil {
		s.t.Fatalf("execute %q: %v", r.Code, o.err)
	}
	return o
}

// brought tells whether code brought what is wanted. Deno's outputs may come after
// its idle status, but not after those of other code.
func (s *suite) brought(o *outcome, wanted func() bool) bool {
	s.t.Helper()
	if wanted() {
		return true
	}
	s.run("use")
	return wanted()
}

// startPrinting runs code in the background and returns when it has printed text.
func (s *suite) startPrinting(r kernelclient.ExecuteRequest, text string) *outcome {
	s.t.Helper()
	o := s.start(r, nil)
	for {
		o.mu.Lock()
		more := o.more
		o.mu.Unlock()
		if strings.Contains(streamText(o, "stdout"), text) {
			return o
		}
		select {
		case <-more:
		case <-o.ended:
			if !s.brought(o, func() bool { return strings.Contains(streamText(o, "stdout"), text) }) {
				s.t.Fatalf("it did not print %q: %v", text, o)
			}
			return o
		}
	}
}

// startWaiting runs code that has printed "first" when it returns, and prints
// "second" and ends once release was called.
func (s *suite) startWaiting() (o *outcome, release func()) {
	s.t.Helper()
	file := filepath.Join(s.dir, jupyter.NewID())
	o = s.startPrinting(kernelclient.ExecuteRequest{Code: strings.ReplaceAll(s.code("parts"), "{file}", file)}, "first")
	return o, func() {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *suite) stdout(o *outcome) string { return streamText(o, "stdout") }

func streamText(o *outcome, name string) string {
	var text strings.Builder
	for _, e := range o.events() {
		if stream, ok := e.(kernelclient.Stream); ok && stream.Name == name {
			text.WriteString(stream.Text)
		}
	}
	return text.String()
}

// first gives the first event of a type.
func first[E kernelclient.Event](o *outcome) (E, bool) {
	for _, e := range o.events() {
		if e, ok := e.(E); ok {
			return e, true
		}
	}
	var none E
	return none, false
}

func plain(data jupyter.MIMEBundle) string {
	var text string
	if json.Unmarshal(data["text/plain"], &text) != nil {
		return string(data["text/plain"])
	}
	return text
}

// alive makes sure that the kernel computes, and remembers what was defined.
func (s *suite) alive() {
	s.t.Helper()
	if o := s.run("use"); !s.brought(o, func() bool { return strings.Contains(shown(o), "42") }) {
		s.t.Fatalf("afterwards the kernel gives %v", o)
	}
}

// shown joins what an outcome shows as text.
func shown(o *outcome) string {
	text := streamText(o, "stdout")
	for _, e := range o.events() {
		switch e := e.(type) {
		case kernelclient.Result:
			text += plain(e.Data)
		case kernelclient.Display:
			text += plain(e.Data)
		}
	}
	return text
}

// --- outputs -------------------------------------------------------------------

func (s *suite) value() string {
	o := s.run("value")
	if o.reply.Status != jupyter.StatusOK {
		s.t.Errorf("reply %+v", o.reply)
	}
	s.brought(o, func() bool { return strings.Contains(shown(o), "42") })
	if r, ok := first[kernelclient.Result](o); ok && strings.Contains(plain(r.Data), "42") {
		return "`execute_result`"
	}
	if d, ok := first[kernelclient.Display](o); ok && strings.Contains(plain(d.Data), "42") {
		return "`display_data`"
	}
	if strings.Contains(s.stdout(o), "42") {
		return "`stream`"
	}
	s.t.Errorf("no value: %v", o)
	return ""
}

func (s *suite) streams() string {
	o := s.run("stdout")
	if !s.brought(o, func() bool { return strings.TrimSpace(s.stdout(o)) == "größe 👍 日本" }) {
		s.t.Errorf("stdout: %v", o)
	}
	parts, release := s.startWaiting()
	release()
	<-parts.ended
	if !s.brought(parts, func() bool { return slices.Equal(strings.Fields(s.stdout(parts)), []string{"first", "second"}) }) {
		s.t.Errorf("in parts: %v", parts)
	}
	return "yes"
}

func (s *suite) stderr() string {
	if !s.has("stderr") {
		return ""
	}
	o := s.run("stderr")
	const want = "größe 👍 日本"
	s.brought(o, func() bool { return strings.Contains(streamText(o, "stderr")+s.stdout(o), want) })
	switch {
	case strings.TrimSpace(streamText(o, "stderr")) == want:
		return "yes"
	case strings.TrimSpace(s.stdout(o)) == want:
		return "as stdout"
	}
	s.t.Errorf("stderr: %v", o)
	return ""
}

func (s *suite) order() string {
	if !s.has("order") {
		return ""
	}
	o := s.run("order")
	digits := func() string {
		var all string
		for _, e := range o.events() {
			if stream, ok := e.(kernelclient.Stream); ok {
				all += stream.Text
			}
		}
		return strings.Join(strings.Fields(all), "")
	}
	s.brought(o, func() bool { return len(digits()) == 3 })
	switch digits() {
	case "123":
		return "yes"
	case "132", "213":
		return "no"
	}
	s.t.Errorf("order: %v", o)
	return ""
}

func (s *suite) failure() string {
	o := s.run("error")
	if o.reply.Status != jupyter.StatusError {
		s.t.Errorf("reply %+v", o.reply)
	}
	defer s.alive()
	var e kernelclient.Error
	if !s.brought(o, func() (ok bool) { e, ok = first[kernelclient.Error](o); return ok }) {
		s.t.Errorf("no error: %v", o)
		return ""
	}
	var lacks []string
	if strings.TrimSpace(e.Name) == "" {
		lacks = append(lacks, "name")
	}
	if !strings.Contains(e.Value, "boom") {
		lacks = append(lacks, "message")
	}
	if strings.TrimSpace(strings.Join(e.Traceback, "")) == "" {
		lacks = append(lacks, "traceback")
	}
	cell := "yes"
	if lacks != nil {
		cell = "no " + strings.Join(lacks, ", no ")
	}
	if strings.Contains(streamText(o, "stderr"), "boom") {
		cell += "; all on stderr"
	}
	return cell
}

func (s *suite) display() string {
	return s.event("display", func(e kernelclient.Event) bool {
		d, ok := e.(kernelclient.Display)
		return ok && strings.HasPrefix(string(d.Data["text/html"]), `"`) && strings.Contains(string(d.Data["text/html"]), "bold")
	})
}

func (s *suite) updateDisplay() string {
	id := ""
	return s.event("update", func(e kernelclient.Event) bool {
		d, ok := e.(kernelclient.Display)
		if ok && !d.Update {
			id = d.ID
		}
		return ok && d.Update && d.ID != "" && d.ID == id
	})
}

func (s *suite) clear() string {
	return s.event("clear", func(e kernelclient.Event) bool {
		c, ok := e.(kernelclient.Clear)
		return ok && c.Wait
	})
}

// event runs a snippet that must bring an event.
func (s *suite) event(snippet string, wanted func(kernelclient.Event) bool) string {
	s.t.Helper()
	if !s.has(snippet) {
		return ""
	}
	o := s.run(snippet)
	if !s.brought(o, func() bool { return slices.ContainsFunc(o.events(), wanted) }) {
		s.t.Errorf("%s: %v", snippet, o)
	}
	return "yes"
}

func (s *suite) big() {
	o := s.run("big")
	if !s.brought(o, func() bool { return strings.Count(s.stdout(o), "x") == 1_000_000 }) {
		s.t.Errorf("%d bytes of 1000000 came, reply %+v, on stderr %q", strings.Count(s.stdout(o), "x"), o.reply, streamText(o, "stderr"))
	}
	s.alive()
}

func (s *suite) unicode() {
	o := s.run("unicode")
	if !s.brought(o, func() bool { return strings.Contains(shown(o), "42") }) {
		s.t.Errorf("%v", o)
	}
}

// --- execution -----------------------------------------------------------------

func (s *suite) echo() string {
	o := s.run("value")
	in, ok := first[kernelclient.Input](o)
	if !ok {
		return "no"
	}
	if in.Code != s.code("value") {
		s.t.Errorf("execute_input %q", in.Code)
	}
	return "yes"
}

func (s *suite) count() string {
	one, two := s.run("value"), s.run("value")
	if two.reply.ExecutionCount != one.reply.ExecutionCount+1 {
		return "no"
	}
	if in, ok := first[kernelclient.Input](two); ok && in.Count != two.reply.ExecutionCount {
		s.t.Errorf("execute_input says %d, the reply %d", in.Count, two.reply.ExecutionCount)
	}
	return "yes"
}

// counted tells whether an execution in between has raised the count.
func (s *suite) counted(r kernelclient.ExecuteRequest) (o *outcome, counted bool) {
	before := s.run("value").reply.ExecutionCount
	o = s.execute(r)
	return o, s.run("value").reply.ExecutionCount != before+1
}

func (s *suite) silent() string {
	o, counted := s.counted(kernelclient.ExecuteRequest{Code: s.code("value"), Silent: true})
	var wrong []string
	if strings.Contains(shown(o), "42") {
		wrong = append(wrong, "value")
	}
	if counted {
		wrong = append(wrong, "count")
	}
	if wrong != nil {
		return "no: " + strings.Join(wrong, ", ")
	}
	return "yes"
}

func (s *suite) noHistory() string {
	o, counted := s.counted(kernelclient.ExecuteRequest{Code: s.code("value"), NoHistory: true})
	if !s.brought(o, func() bool { return strings.Contains(shown(o), "42") }) {
		s.t.Errorf("no value: %v", o)
	}
	if counted {
		return "no"
	}
	return "yes"
}

func (s *suite) expressions() string {
	o := s.execute(kernelclient.ExecuteRequest{
		Code: s.code("value"), UserExpressions: map[string]string{"reval": s.code("expression")},
	})
	if strings.Contains(string(o.reply.UserExpressions["reval"]), "42") {
		return "yes"
	}
	return "no"
}

// stopOnError: the second code has to be in the kernel's queue when the first one
// fails, which nothing tells; a kernel that aborts does so at one of a few attempts.
func (s *suite) stopOnError() string {
	defer s.alive()
	for range 3 {
		failing := s.startPrinting(kernelclient.ExecuteRequest{Code: s.code("error later")}, "runs")
		queued := s.start(kernelclient.ExecuteRequest{Code: s.code("value")}, nil)
		<-failing.ended
		<-queued.ended
		switch {
		case failing.err != nil || queued.err != nil:
			s.t.Fatalf("%v; queued: %v", failing, queued)
		case failing.reply.Status == jupyter.StatusOK:
			return "no: the error is lost"
		case queued.reply.Status == jupyter.StatusAborted:
			return "yes"
		case queued.reply.Status != jupyter.StatusOK:
			s.t.Fatalf("queued: %v", queued)
		}
	}
	return "no"
}

// --- input ---------------------------------------------------------------------

// ask runs code that wants a line of input, and gives what came of it. Code that
// waits without asking is interrupted.
func (s *suite) ask(code string, answer bool) (o *outcome, asked *kernelclient.InputRequest, interrupted bool) {
	s.t.Helper()
	requests := make(chan kernelclient.InputRequest, 10)
	o = s.start(kernelclient.ExecuteRequest{Code: code, AllowInput: answer}, func(e kernelclient.Event) {
		if r, ok := e.(kernelclient.InputRequest); ok {
			requests <- r
		}
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-o.ended:
			if o.err != nil {
				s.t.Fatalf("execute: %v", o.err)
			}
			if interrupted {
				s.kernel.Close() // bash_kernel may have lost count of its prompts
			}
			return o, asked, interrupted
		case r := <-requests:
			if asked != nil {
				s.t.Fatalf("asked twice: %q and %q", asked.Prompt, r.Prompt)
			}
			asked = &r
			if err := r.Reply("größe 👍"); err != nil {
				s.t.Errorf("reply: %v", err)
			}
		case <-timer.C:
			interrupted = true
			if err := s.kernel.Interrupt(within(s.t)); err != nil {
				s.t.Errorf("interrupt: %v", err)
			}
		}
	}
}

func (s *suite) input() string { return s.inputOf("input", "who? ", false) }

func (s *suite) password() string { return s.inputOf("password", "key? ", true) }

func (s *suite) inputOf(snippet, prompt string, password bool) string {
	if !s.has(snippet) {
		return ""
	}
	o, asked, interrupted := s.ask(s.code(snippet), true)
	switch {
	case asked == nil && interrupted:
		return "no: waits to be interrupted"
	case asked == nil && o.reply.Status == jupyter.StatusError:
		return "no: an error"
	case asked == nil:
		return "no: reads nothing"
	case asked.Prompt != prompt && asked.Prompt != "":
		s.t.Errorf("prompt %q", asked.Prompt)
	case !s.brought(o, func() bool { return strings.Contains(shown(o), "got größe 👍") }):
		s.t.Errorf("after the answer: %v", o)
	case asked.Password != password:
		return "no: with echo"
	case asked.Prompt == "":
		return "yes, without prompt"
	}
	return "yes"
}

func (s *suite) refusedInput() string {
	if !s.has("input") {
		return ""
	}
	o, asked, interrupted := s.ask(s.code("input"), false)
	if !interrupted {
		s.alive()
	}
	switch {
	case asked != nil:
		return "asks all the same"
	case interrupted:
		return "waits to be interrupted"
	case o.reply.Status == jupyter.StatusError:
		return "an error"
	}
	return "reads nothing"
}

// --- questions -----------------------------------------------------------------

// question asks the kernel something that it need not answer. That no answer will
// come is known when the kernel has answered what was asked after it.
func question[T any](s *suite, channel jupyter.Channel, ask func(ctx context.Context) (T, error)) (answer T, answered bool) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(within(s.t))
	defer cancel()
	done := make(chan error, 1)
	go func() {
		var err error
		answer, err = ask(ctx)
		done <- err
	}()
	later := make(chan error, 1)
	go func() {
		var err error
		for range 2 { // the first may have overtaken the question
			_, err = s.kernel.Request(ctx, channel, jupyter.KernelInfoRequest, struct{}{})
		}
		later <- err
	}()
	var overdue <-chan time.Time
	for {
		select {
		case err := <-done:
			if errors.Is(err, context.Canceled) {
				return answer, false
			}
			if err != nil {
				s.t.Fatal(err)
			}
			return answer, true
		case err := <-later:
			if err != nil {
				s.t.Fatal(err)
			}
			overdue = time.After(disorder)
		case <-overdue:
			cancel()
		}
	}
}

const noAnswer = "no answer"

func (s *suite) complete() string {
	_, cell := s.completeAt("complete")
	return cell
}

func (s *suite) completeAt(snippet string) (jupyter.CompleteReplyContent, string) {
	s.t.Helper()
	code := s.code(snippet)
	r, answered := question(s, jupyter.Shell, func(ctx context.Context) (jupyter.CompleteReplyContent, error) {
		return s.kernel.Complete(ctx, code, kernelclient.CursorAt(code, len(code)))
	})
	switch {
	case !answered:
		return r, noAnswer
	case slices.Contains(r.Matches, s.code("completion")):
		return r, "yes"
	}
	s.t.Logf("completions: %+v", r)
	return r, "no"
}

func (s *suite) completeWide() string {
	code := s.code("complete wide")
	r, cell := s.completeAt("complete wide")
	if cell != "yes" {
		return cell
	}
	prefix := strings.TrimLeft(code[strings.LastIndexAny(code, " (")+1:], "(")
	end := len([]rune(code))
	if r.CursorStart != end-len(prefix) || r.CursorEnd != end {
		return fmt.Sprintf("no: %d-%d for %d-%d", r.CursorStart, r.CursorEnd, end-len(prefix), end)
	}
	return "yes"
}

func (s *suite) completeBusy() string {
	running, release := s.startWaiting()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	code := s.code("complete")
	reply, err := s.kernel.Complete(ctx, code, kernelclient.CursorAt(code, len(code)))
	release()
	<-running.ended
	if running.err != nil || running.reply.Status != jupyter.StatusOK {
		s.t.Errorf("what ran: %v", running)
	}
	s.alive()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no"
	case err != nil:
		s.t.Errorf("complete: %v", err)
	case !slices.Contains(reply.Matches, s.code("completion")):
		return "no"
	}
	return "yes"
}

func (s *suite) inspectOf(name string, detail int) (jupyter.InspectReplyContent, bool) {
	s.t.Helper()
	return question(s, jupyter.Shell, func(ctx context.Context) (jupyter.InspectReplyContent, error) {
		return s.kernel.Inspect(ctx, name, kernelclient.CursorAt(name, len(name)), detail)
	})
}

func (s *suite) inspect() string {
	s.run("error") // defines the function
	var cells []string
	for detail := range 2 {
		r, answered := s.inspectOf(s.code("inspect"), detail)
		switch {
		case !answered:
			cells = append(cells, noAnswer)
		case r.Found && strings.Contains(string(r.Data["text/plain"]), s.code("inspected")):
			cells = append(cells, "yes")
		case r.Found:
			s.t.Errorf("inspected at detail %d: %+v", detail, r)
		case r.Status != jupyter.StatusOK:
			cells = append(cells, "status "+r.Status)
		default:
			cells = append(cells, "no")
		}
	}
	if cells = slices.Compact(cells); len(cells) == 1 {
		return cells[0]
	}
	return strings.Join(cells, "; with source ")
}

func (s *suite) inspectUnknown() string {
	r, answered := s.inspectOf("reval_nothing", 0)
	switch {
	case !answered:
		return noAnswer
	case r.Found:
		return "found"
	case r.Status != jupyter.StatusOK:
		return "status " + r.Status
	}
	return "not found"
}

func (s *suite) isComplete() string {
	var cells []string
	for _, want := range []string{"complete", "incomplete", "invalid"} {
		r, answered := question(s, jupyter.Shell, func(ctx context.Context) (jupyter.IsCompleteReplyContent, error) {
			return s.kernel.IsComplete(ctx, s.code(want+" code"))
		})
		switch {
		case !answered:
			return noAnswer
		case r.Status != want:
			cells = append(cells, want+" is "+cmp.Or(r.Status, "nothing"))
		}
	}
	if cells == nil {
		return "yes"
	}
	return strings.Join(cells, ", ")
}

func (s *suite) history() string {
	s.run("value")
	r, answered := question(s, jupyter.Shell, func(ctx context.Context) (jupyter.HistoryReplyContent, error) {
		return s.kernel.History(ctx, jupyter.HistoryRequestContent{HistAccessType: "tail", N: 1, Raw: true})
	})
	if !answered {
		return noAnswer
	}
	for _, entry := range r.History {
		if strings.Contains(string(entry), strings.Trim(strconv.Quote(s.code("value")), `"`)) {
			return "yes"
		}
	}
	return "no"
}

func (s *suite) commInfo() string {
	r, answered := question(s, jupyter.Shell, func(ctx context.Context) (jupyter.CommInfoReplyContent, error) {
		return s.kernel.CommInfo(ctx, "")
	})
	switch {
	case !answered:
		return noAnswer
	case r.Status == jupyter.StatusError:
		return "an error"
	}
	return "yes"
}

// sent finds a message of a comm, or of any without an id, among the events.
func (o *outcome) sent(id string, t jupyter.MsgType) (kernelclient.Comm, bool) {
	for _, e := range o.events() {
		if c, ok := e.(kernelclient.Comm); ok && c.Type == t && (id == "" || c.CommID == id) {
			return c, true
		}
	}
	return kernelclient.Comm{}, false
}

// comes waits for an event, at most for a time.
func (o *outcome) comes(atMost time.Duration, there func() bool) bool {
	overdue := time.NewTimer(atMost)
	defer overdue.Stop()
	for {
		o.mu.Lock()
		more := o.more
		o.mu.Unlock()
		if there() {
			return true
		}
		select {
		case <-more:
		case <-overdue.C:
			return false
		}
	}
}

// buffered tells whether a comm's message brought its buffer.
func buffered(c kernelclient.Comm) string {
	if len(c.Buffers) == 1 && string(c.Buffers[0]) == "xyz" {
		return "yes"
	}
	return "yes, without buffers"
}

func (s *suite) commOut() string {
	if !s.has("comm out") {
		return ""
	}
	o, where := s.run("comm out"), ""
	if !s.brought(o, func() bool {
		_, ok := o.sent("", jupyter.CommClose)
		return ok
	}) { // IRkernel takes the last comm's message for the cause
		o, where = s.stray, ", as if of another"
		o.comes(patience, func() bool {
			_, ok := o.sent("", jupyter.CommClose)
			return ok
		})
	}
	open, ok := o.sent("", jupyter.CommOpen)
	if !ok || open.TargetName != "reval" || !strings.Contains(string(open.Data), `"a"`) {
		s.t.Fatalf("no comm was opened: %v", o)
	}
	message, ok := o.sent(open.CommID, jupyter.CommMsg)
	if !ok || !strings.Contains(string(message.Data), `"b"`) {
		s.t.Errorf("nothing came over it: %v", o)
	}
	if _, ok := o.sent(open.CommID, jupyter.CommClose); !ok {
		s.t.Errorf("it was not closed: %v", o)
	}
	return buffered(message) + where
}

func (s *suite) sendComm(t jupyter.MsgType, content jupyter.CommContent, buffers ...[]byte) {
	s.t.Helper()
	if err := s.kernel.SendComm(within(s.t), kernelclient.Comm{Type: t, CommContent: content, Buffers: buffers}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *suite) commIn() string {
	if !s.has("comm target") {
		return ""
	}
	target := s.run("comm target")
	if target.reply.Status != jupyter.StatusOK {
		s.t.Fatalf("the target: %v", target)
	}
	id := jupyter.NewID()
	s.sendComm(jupyter.CommOpen, jupyter.CommContent{CommID: id, TargetName: "reval", Data: json.RawMessage(`{}`)})
	s.sendComm(jupyter.CommMsg, jupyter.CommContent{CommID: id, Data: json.RawMessage(`{"echo": "größe 👍"}`)}, []byte("xyz"))
	var echo kernelclient.Comm
	s.alive() // what it has to say of that, it has said before this, or soon
	if !s.stray.comes(disorder, func() (ok bool) {
		echo, ok = s.stray.sent(id, jupyter.CommMsg)
		return ok
	}) {
		s.t.Logf("the target: %v; what belongs to nothing: %v", target, s.stray.events())
		return noAnswer
	}
	var data struct{ Echo string }
	if json.Unmarshal(echo.Data, &data) != nil || data.Echo != "größe 👍" {
		s.t.Errorf("the echo is %s", echo.Data)
	}
	s.sendComm(jupyter.CommClose, jupyter.CommContent{CommID: id, Data: json.RawMessage(`{}`)})
	s.alive()
	return buffered(echo)
}

func (s *suite) commUnknown() string {
	id := jupyter.NewID()
	s.sendComm(jupyter.CommOpen, jupyter.CommContent{CommID: id, TargetName: "reval-nonesuch", Data: json.RawMessage(`{}`)})
	s.alive() // what it has to say of that, it has said before this, or soon
	if !s.stray.comes(disorder, func() bool {
		_, ok := s.stray.sent(id, jupyter.CommClose)
		return ok
	}) {
		return "no"
	}
	return "yes"
}

// debugger asks a kernel that says that it has one to start it, and ends it again.
func (s *suite) debugger() string {
	info := s.kernel.Info()
	if !info.Debugger && !slices.Contains(info.SupportedFeatures, "debugger") {
		return ""
	}
	seq := 0
	ask := func(command, arguments string) (answered bool) {
		s.t.Helper()
		seq++
		answer, answered := question(s, jupyter.Control, func(ctx context.Context) (json.RawMessage, error) {
			return s.kernel.Debug(ctx, json.RawMessage(fmt.Sprintf(`{"type": "request", "seq": %d, "command": %q, "arguments": %s}`, seq, command, arguments)))
		})
		var a struct{ Success bool }
		if answered && (json.Unmarshal(answer, &a) != nil || !a.Success) {
			s.t.Errorf("%s: %s", command, answer)
		}
		return answered
	}
	if !ask("initialize", `{"clientID": "reval", "adapterID": "reval", "linesStartAt1": true, "columnsStartAt1": true}`) {
		return "listed, and never answers"
	}
	ask("attach", "{}")
	if !s.stray.comes(limit, func() bool {
		return slices.ContainsFunc(s.stray.events(), func(e kernelclient.Event) bool {
			d, ok := e.(kernelclient.Debug)
			return ok && strings.Contains(string(d.JSON), "initialized")
		})
	}) {
		return "no events"
	}
	ask("disconnect", `{"restart": false, "terminateDebuggee": false}`)
	s.alive()
	return "yes"
}

// --- interrupt and end -----------------------------------------------------------

func (s *suite) interruptLoop() string { return s.interrupt("loop") }

func (s *suite) interruptSleep() string { return s.interrupt("sleep") }

// interrupt does it again, as a person would, where nothing comes of it: bash_kernel
// and tslab miss an interrupt between two commands or before what they wait for.
func (s *suite) interrupt(snippet string) string {
	o := s.startPrinting(kernelclient.ExecuteRequest{Code: s.code(snippet)}, "runs")
	for attempt := range interruptAttempts {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		err := s.kernel.Interrupt(ctx)
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, kernelclient.ErrDead) {
			s.t.Errorf("interrupt: %v", err)
		}
		timer := time.NewTimer(patience)
		select {
		case <-timer.C:
			continue
		case <-o.ended:
			timer.Stop()
		}
		switch {
		case errors.Is(o.err, kernelclient.ErrDead):
			<-s.kernel.Done()
			return "ends the kernel"
		case o.err == nil && o.reply.Status == jupyter.StatusOK && attempt+1 < interruptAttempts:
			// Calysto Scheme, while it prints, takes it for an error of its own.
			o = s.startPrinting(kernelclient.ExecuteRequest{Code: s.code(snippet)}, "runs")
			continue
		case o.err != nil || o.reply.Status == jupyter.StatusOK:
			s.t.Errorf("interrupted: %v", o)
		}
		if s.has("lost after an interrupt") {
			s.kernel.Close()
			return "yes; restart it"
		}
		if attempt > 0 {
			// One was enough: by the others tslab ends code that comes later.
			s.kernel.Close()
			return "yes"
		}
		s.alive()
		return "yes"
	}
	s.kernel.Close()
	<-o.ended
	return "no"
}

// gone returns when no process of the kernel's group is left.
func (s *suite) gone() {
	s.t.Helper()
	for ctx := within(s.t); !errors.Is(syscall.Kill(-s.group, 0), syscall.ESRCH); {
		if ctx.Err() != nil {
			s.t.Fatalf("process group %d is still there", s.group)
		}
		time.Sleep(5 * time.Millisecond) // nothing tells of the end of another's child
	}
}

// restart is a shutdown and a launch.
func (s *suite) restart() {
	if err := s.kernel.Shutdown(within(s.t)); err != nil {
		s.t.Errorf("shutdown: %v", err)
	}
	s.gone()
	if err := s.kernel.Err(); err != nil {
		s.t.Errorf("an end that was asked for gave the error %v", err)
	}
	s.launch()
	if o := s.run("undefined"); o.reply.Status != jupyter.StatusError && strings.Contains(shown(o), "41") {
		s.t.Errorf("the new kernel remembers: %+v", o)
	}
}

// death by a signal is told at once, to what runs and to what comes later.
func (s *suite) death() {
	running, _ := s.startWaiting()
	if err := syscall.Kill(-s.group, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	<-running.ended
	if !errors.Is(running.err, kernelclient.ErrDead) {
		s.t.Errorf("what ran: %v", running.err)
	}
	<-s.kernel.Done()
	if _, err := s.kernel.CommInfo(within(s.t), ""); !errors.Is(err, kernelclient.ErrDead) || !strings.Contains(err.Error(), "killed") {
		s.t.Errorf("the next request: %v", err)
	}
	s.gone()
}

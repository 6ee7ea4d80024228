package terminal

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// ExitError ends a command whose reason has been told already.
type ExitError struct{ Status int }

func (e ExitError) Error() string { return fmt.Sprintf("exit status %d", e.Status) }

const (
	exitFailed = 1
	// exitInterrupted is what a shell gives to a program that SIGINT ended.
	exitInterrupted = 130
)

// Run is a file whose cells are evaluated in order, in one kernel.
type Run struct {
	Streams
	// File is the path as its user wrote it, which tracebacks name, or "-" for In,
	// which needs a Kernel.
	File string
	// Args are the program's arguments, which the code finds as if File had been started.
	Args []string
	// Kernel is a kernelspec's name, or the connection file of a kernel that runs
	// and goes on, or "newest" for the last of those that was started, or a Jupyter server's URL, which the environment's JUPYTER_TOKEN
	// opens if it has no token; empty for the first kernel of the file's language.
	Kernel string
	// Builtin are kernels that need no kernelspec.
	Builtin []kernelclient.Spec
	// Heartbeat and Logger are kernelclient.Options'.
	Heartbeat time.Duration
	Logger    *slog.Logger
	// Interrupts brings each Ctrl-C.
	Interrupts <-chan os.Signal
}

// Do runs the file. It returns an [ExitError] if the code failed, which has been
// told on Err, or if the code said to end; any other error is to be told.
func (r Run) Do(ctx context.Context) error {
	code := r.In
	if r.File == "-" {
		r.In, r.ReadPassword = nil, nil // it is the code
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	x := &running{Run: r, cells: map[int]int{}, hashes: map[uint32]int{}, own: map[string]bool{}, shown: map[string]string{}}
	x.questions = questions{running: x, lines: &lineReader{in: r.In, shared: r.input() != nil}}
	defer x.questions.lines.close()
	x.page = newPage(r.Streams, newPrinter(func(err error) { cancel(fmt.Errorf("write the output: %w", err)) }))
	defer x.printer.close()
	ended := make(chan struct{})
	var wait sync.WaitGroup
	defer wait.Wait()
	defer close(ended)
	wait.Go(func() { x.heedInterrupts(ctx, cancel, ended) })

	text, err := x.read(ctx, code)
	if err == nil {
		err = x.run(ctx, text)
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// maxScript bounds a script, in bytes: a device has no end.
const maxScript = 64 << 20

// read gives the text of the file, or of standard input. A pipe may keep it waiting.
func (r Run) read(ctx context.Context, stdin io.Reader) (string, error) {
	if st, err := os.Stat(r.File); r.File != "-" && err == nil && st.IsDir() {
		return "", fmt.Errorf("%s is a folder: name a file to run", r.File)
	}
	var data []byte
	var err error
	done := make(chan struct{})
	go func() { // it ends with the read, which nothing else ends
		defer close(done)
		from := stdin
		if r.File != "-" {
			var f *os.File
			if f, err = os.Open(r.File); err != nil {
				return
			}
			defer f.Close()
			from = f
		}
		data, err = io.ReadAll(io.LimitReader(from, maxScript+1))
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	switch {
	case err != nil:
		return "", err
	case len(data) > maxScript:
		return "", fmt.Errorf("%s is longer than %d MiB: it is no script", r.File, maxScript>>20)
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if !utf8.ValidString(text) {
		return "", fmt.Errorf("%s is no text in UTF-8: save it in that encoding", r.File)
	}
	return text, nil
}

// running is a Run under way.
type running struct {
	Run
	page
	questions questions

	mu       sync.Mutex
	kernel   *kernelclient.Kernel
	language language.Language // of the kernel; zero if it is not known
	script   language.Script
	cell     int               // the running one's number from 1, 0 between two cells
	total    int               // how many there are
	first    int               // its first line in the file, from 1
	count    int               // its execution count
	body     int               // lines before what its cell magic evaluates, 0 without one
	cells    map[int]int       // first lines of cells by their execution counts
	hashes   map[uint32]int    // likewise by their code's hashes
	own      map[string]bool   // message ids of the cells
	shown    map[string]string // the last text of each display, by its id
	failed   bool
	exit     *int // the status that the code ended with
	offline  bool // the way to the kernel's server is lost
}

// run starts the kernel, or attaches to it, and evaluates the cells.
func (x *running) run(ctx context.Context, text string) error {
	lang, known := language.ByExtension(x.File)
	k, err := x.start(ctx, lang, known)
	if err != nil {
		return err
	}
	defer x.leave(ctx, k)
	kernelLang, kernelKnown := language.For(k.Info().LanguageInfo.Name)
	if !known {
		lang, known = kernelLang, kernelKnown
	}
	if !kernelKnown {
		kernelLang = lang
	}
	here := !kernelclient.IsAddress(x.Kernel)
	script := language.NewScript(x.File, x.Args, text)
	script.Mark, script.Input = language.NewMark(), x.input() != nil && here
	cells := split(text, lang, known)
	x.mu.Lock()
	x.kernel, x.language, x.script, x.total = k, kernelLang, script, len(cells)
	x.mu.Unlock()
	switch reads := kernelLang.Reads(text); {
	case reads && !here:
		x.warn("%s reads standard input by itself, which does not reach a kernel that was not started here: it finds its end", x.File)
	case reads && x.ReadPassword != nil:
		x.warn("%s reads by itself, and what is typed does not reach it: it finds the end of its input; give it with < FILE or through a pipe", x.File)
	}
	begin, end := kernelLang.Surroundings(script)
	x.silently(ctx, begin)
	err = x.evaluateAll(ctx, cells)
	x.settle(ctx)
	if !k.Launched() { // others use it, too
		x.silently(ctx, end)
	}
	if cause := k.Err(); err == nil && cause != nil {
		return x.died(cause)
	}
	return err
}

func (x *running) evaluateAll(ctx context.Context, cells []cell) error {
	for i, c := range cells {
		if err := x.evaluate(ctx, i+1, c); err != nil {
			return err
		}
		if err := x.gone(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settlePatience bounds the wait for outputs that come after their cell's end.
const settlePatience = time.Second

// settle waits for what the last cell brought: Deno may publish even its value after it
// has said that it is done, but not after it is done with other code.
func (x *running) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settlePatience)
	defer cancel()
	x.silently(ctx, "")
}

// silently evaluates code of which nobody is told, and without which the run goes on.
func (x *running) silently(ctx context.Context, code string) {
	reply, err := x.kernel.Execute(ctx, kernelclient.ExecuteRequest{Code: code, Silent: true}, func(kernelclient.Event) {})
	if x.Logger != nil && (err != nil || reply.Status != jupyter.StatusOK) {
		x.Logger.Debug("evaluated in silence", "code", code, "error", err, "status", reply.Status)
	}
}

// start gives the kernel that was asked for, or the first of the file's language.
func (x *running) start(ctx context.Context, lang language.Language, known bool) (*kernelclient.Kernel, error) {
	o := kernelclient.Options{Late: x.late, Connection: x.connection, Responsive: x.responsive, Waiting: func(words string) { x.warn("%s", words) }, Heartbeat: x.Heartbeat, Logger: x.Logger}
	if kernelclient.IsAddress(x.Kernel) {
		w := wanted("", lang)
		if !known {
			w.Matches = func(string) bool { return true }
		}
		a, err := x.find(ctx, w)
		if err != nil {
			return nil, err
		}
		return a.Open(ctx, o)
	}
	specs, findErr, err := x.specs(ctx)
	if err != nil {
		return nil, err
	}
	if !known && x.Kernel == "" {
		var names []string
		for _, s := range specs {
			names = append(names, s.Name)
		}
		return nil, fmt.Errorf("%s: its name does not tell the language: choose a kernel, with --kernel NAME before the file: %s", x.File, strings.Join(names, ", "))
	}
	spec, err := kernelclient.Choose(specs, findErr, wanted(x.Kernel, lang))
	if err != nil {
		return nil, err
	}
	// As for `python FILE`, the code runs in the folder that this process is in.
	return kernelclient.Launch(ctx, spec, kernelclient.LaunchOptions{Options: o, Stdin: x.input()})
}

// input is what the kernel's process can read by itself: In, unless it is a terminal or was
// the code.
func (r Run) input() *os.File {
	if f, ok := r.In.(*os.File); ok && r.ReadPassword == nil {
		return f
	}
	return nil
}

// find looks for the kernel at the address that was asked for.
func (x *running) find(ctx context.Context, w kernelclient.Wanted) (kernelclient.Address, error) {
	if x.Kernel != kernelclient.NewestKernel {
		return kernelclient.FindAddress(ctx, withToken(x.Kernel), w, nil)
	}
	specs, _, err := x.specs(ctx) // broken ones run no kernel
	if err != nil {
		return kernelclient.Address{}, err
	}
	return kernelclient.FindNewest(ctx, w, specs, nil)
}

// specs are the kernelspecs for the file, and what is wrong with others.
func (x *running) specs(ctx context.Context) (specs []kernelclient.Spec, broken, err error) {
	folder, err := filepath.Abs(filepath.Dir(x.File))
	if err != nil {
		return nil, nil, err
	}
	specs, broken = kernelclient.Finder{Dir: folder, Builtin: x.Builtin}.Find(ctx)
	return specs, broken, context.Cause(ctx)
}

func wanted(name string, lang language.Language) kernelclient.Wanted {
	return kernelclient.Wanted{Name: name, Language: lang.Name, Matches: lang.Matches, Install: lang.Install}
}

// leave ends the kernel, at once if ctx has ended; one that was attached to goes on.
func (x *running) leave(ctx context.Context, k *kernelclient.Kernel) {
	if k.Launched() && ctx.Err() == nil {
		k.Shutdown(ctx) // it is killed if it does not heed
		return
	}
	k.Close()
}

// cell is code and the line, from 1, at which it starts in the file.
type cell struct {
	code string
	line int
}

// split finds the cells that have anything to evaluate. A text of a language that is
// not known is one.
func split(text string, lang language.Language, known bool) []cell {
	text = language.Source(text)
	if !known {
		code := strings.TrimLeft(text, "\n\t ")
		if code == "" {
			return nil
		}
		return []cell{{strings.TrimRight(code, "\n\t "), 1 + strings.Count(text[:len(text)-len(code)], "\n")}}
	}
	lines := strings.Split(text, "\n")
	var cells []cell
	for _, c := range lang.Outline(lines).CodeCells() {
		code, _ := lang.Dedent(strings.TrimRight(strings.Join(lines[c.Start:c.End], "\n"), "\t "))
		cells = append(cells, cell{code, c.Start + 1})
	}
	return cells
}

// evaluate runs one cell and waits for its end.
func (x *running) evaluate(ctx context.Context, number int, c cell) error {
	id := jupyter.NewID()
	x.mu.Lock()
	x.cell, x.first, x.own[id] = number, c.line, true
	x.body = x.language.BodyStart(c.code)
	x.hashes[language.Hash(c.code)] = c.line
	if _, body, ok := strings.Cut(c.code, "\n"); ok && x.body > 0 {
		x.hashes[language.Hash(body+"\n")] = c.line + x.body
	}
	x.mu.Unlock()
	inCell, cancel := context.WithCancel(ctx)
	reply, err := x.kernel.Execute(ctx, kernelclient.ExecuteRequest{ID: id, Code: x.language.InScript(c.code), AllowInput: true},
		func(e kernelclient.Event) { x.event(inCell, e) })
	cancel()
	x.mu.Lock()
	void := x.questions.void()
	x.cell = 0
	x.mu.Unlock()
	void()

	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case x.exit != nil:
		return ExitError{*x.exit}
	case err != nil:
		if cause := x.kernel.Err(); cause != nil {
			return x.died(cause)
		}
		return fmt.Errorf("%s: %w", x.File, err)
	case reply.Status == jupyter.StatusAborted:
		return fmt.Errorf("%s: the kernel did not run the cell at line %d: something that ran before it failed", x.File, c.line)
	case reply.Status == jupyter.StatusError && !x.failed:
		x.fail(kernelclient.Error{ErrorContent: reply.Failure()})
	}
	if x.failed {
		return ExitError{exitFailed}
	}
	return nil
}

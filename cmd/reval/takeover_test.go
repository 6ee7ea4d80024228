//go:build !windows

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/kernelclient"
)

// takeover is a document whose session one daemon after the other has.
type takeover struct {
	household
	editor *lspEditor
	uri    string
}

// The document's lines, but for those of the loop each evaluated by itself.
const takeoverText = `import os, time; x = 41
for i in range(40):
    print('tick', i, flush=True)
    while i == 20 and not os.path.exists('go'): time.sleep(0.01)
x += 1; x
input('who? ') + '!'
os.getpid()
`

const (
	lineSet = iota
	lineTick
	lineAdd = iota + 2
	lineAsk
	linePID
)

func newTakeover(t *testing.T) *takeover {
	d := &takeover{household: newHousehold(t)}
	d.join()
	d.evaluate(lineSet)
	return d
}

// join has an editor open the document.
func (d *takeover) join() {
	d.t.Helper()
	d.editor, d.uri = d.edit("a.py", takeoverText)
}

// kill ends the daemon as the system would, and the editor with it.
func (d *takeover) kill() {
	d.t.Helper()
	if err := syscall.Kill(daemonStatus(d.t, d.env).PID, syscall.SIGKILL); err != nil {
		d.t.Fatal(err)
	}
	d.editor.ends()
}

// start evaluates lines and gives the evaluation's id.
func (d *takeover) start(from, lines int) string {
	d.t.Helper()
	position := func(line int) map[string]any { return map[string]any{"line": line, "character": 0} }
	answer := d.editor.call("workspace/executeCommand", map[string]any{
		"command": "reval.evaluate", "arguments": []any{map[string]any{"uri": d.uri, "range": map[string]any{"start": position(from), "end": position(from + lines)}}},
	})
	var started struct{ Evaluation string }
	if err := json.Unmarshal(answer, &started); err != nil || started.Evaluation == "" {
		d.t.Fatalf("evaluate answers %s: %v", answer, err)
	}
	return started.Evaluation
}

// evaluate evaluates a line, waits for the end, and gives what came.
func (d *takeover) evaluate(line int) string {
	d.t.Helper()
	id := d.start(line, 1)
	d.is(id, "done")
	return d.editor.of(id).all()
}

// is waits until an evaluation is in a state.
func (d *takeover) is(id, state string) {
	d.t.Helper()
	s := d.editor.of(id)
	d.editor.until(func() bool { return s.state == state || s.ended() })
	if s.state != state {
		d.t.Fatalf("the evaluation is %s (%s), not %s", s.state, s.message, state)
	}
}

// listens waits until a daemon hears the kernel, which is busy.
func (d *takeover) listens() {
	d.t.Helper()
	d.editor.until(func() bool { return d.editor.state == "busy" })
}

// kept waits until the journal knows that an evaluation is in a state.
func (d *takeover) kept(id, state string) {
	d.t.Helper()
	for end := time.Now().Add(testenv.Patience); ; {
		cmd := exec.Command(testenv.Reval(d.t), "history", "--json", "--limit", "1000")
		cmd.Env = d.env
		out, err := cmd.Output()
		if err != nil {
			d.t.Fatalf("%v: %s", err, out)
		}
		for line := range strings.Lines(string(out)) {
			var e struct{ ID, State string }
			if json.Unmarshal([]byte(line), &e) == nil && e.ID == id && e.State == state {
				return
			}
		}
		if time.Now().After(end) {
			d.t.Fatalf("the journal does not say that %s is %s:\n%s", id, state, out)
		}
	}
}

// tick has the code run that ticks, up to where it waits for goOn.
func (d *takeover) tick() string {
	d.t.Helper()
	id := d.start(lineTick, 3)
	s := d.editor.of(id)
	d.editor.until(func() bool { return strings.Contains(s.all(), "tick 20\n") })
	d.kept(id, "running")
	for end := time.Now().Add(testenv.Patience); !strings.HasSuffix(d.history()[id], "tick 20\n"); {
		if time.Now().After(end) {
			d.t.Fatal("the journal does not have what was printed")
		}
	}
	return id
}

func (d *takeover) goOn() {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, "go"), nil, 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// ticked waits for the end of what ticks and compares what it has brought, every line of it.
// before is what is told of the time before.
func (d *takeover) ticked(id, before string) {
	d.t.Helper()
	d.is(id, "done")
	want := ""
	for i := range 40 {
		want += fmt.Sprintln("tick", i)
		if i == 20 {
			want += "[reval's daemon was replaced while this ran: what was printed " + before + "meanwhile is missing here]\n"
		}
	}
	if got := d.editor.of(id).all(); got != want {
		d.t.Errorf("it ticked\n%s", got)
	}
}

// Where the daemon is killed, what ran goes on, and who comes back finds all of it, the results
// of before, and the namespace.
func TestKilledDaemonsKernelGoesOn(t *testing.T) {
	d := newTakeover(t)
	pid := d.evaluate(linePID)
	added := d.start(lineAdd, 1)
	d.is(added, "done")
	ticking := d.tick()
	d.kill()
	d.join()
	d.is(ticking, "running")
	d.listens()
	if s := d.editor.of(added); s.state != "done" || s.all() != "42" {
		t.Errorf("the result of before is %s: %s", s.state, s.all())
	}
	d.goOn()
	d.ticked(ticking, "just before or ")
	if again := d.evaluate(linePID); again != pid {
		t.Errorf("the kernel's process was %s and is %s", pid, again)
	}
	if got := d.evaluate(lineAdd); got != "43" {
		t.Errorf("x is %s", got)
	}
}

// Where the daemon is replaced in order, what waits is evaluated, too: once.
func TestRestartedDaemonGoesOn(t *testing.T) {
	d := newTakeover(t)
	ticking := d.tick()
	waits := []string{d.start(lineAdd, 1), d.start(linePID, 1)}
	if out, err := daemonCommand(t, d.env, "restart").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d.editor.ends()
	d.join()
	d.is(ticking, "running")
	d.is(waits[1], "queued")
	d.listens()
	d.goOn()
	d.ticked(ticking, "")
	for _, id := range waits {
		d.is(id, "done")
	}
	if was, got := d.editor.of(waits[0]).all(), d.evaluate(lineAdd); was != "42" || got != "43" {
		t.Errorf("x was %s and is %s", was, got)
	}
}

// A newer reval goes on with what an older one has; who comes with the older one is told what to do.
func TestNewerRevalTakesOver(t *testing.T) {
	d := newTakeover(t)
	ticking := d.tick()
	waits := d.start(lineAdd, 1)
	older := d.editor
	d.editor = startEditorOf(t, testenv.RevalOf(t, "99.0.0"), d.env, d.dir, "--standalone=false")
	d.editor.open(d.uri, "python", takeoverText)
	if code := older.ends(); code != 1 {
		t.Errorf("the older editor ends with %d: %s", code, &older.stderr)
	}
	d.is(ticking, "running")
	d.listens()
	d.goOn()
	d.ticked(ticking, "")
	d.is(waits, "done")
	if was, got := d.editor.of(waits).all(), d.evaluate(lineAdd); was != "42" || got != "43" {
		t.Errorf("x was %s and is %s", was, got)
	}
	again := exec.Command(testenv.Reval(t), "lsp")
	again.Env = d.env
	if out, err := again.CombinedOutput(); err == nil || !strings.Contains(string(out), "a daemon of a newer reval, 99.0.0, serves this user") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v: an older one is told %s", err, out)
	}
}

// A kernel that was joined is joined again: nothing is evaluated in another one.
func TestJoinedKernelIsJoinedAgain(t *testing.T) {
	d := newTakeover(t)
	specs, err := kernelclient.Finder{Env: d.env}.Find(t.Context())
	if len(specs) == 0 {
		t.Fatal(err)
	}
	kernel, err := kernelclient.Launch(t.Context(), specs[0], kernelclient.LaunchOptions{Env: d.env, Dir: d.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	d.editor.call("workspace/executeCommand", map[string]any{"command": "reval.selectKernel", "arguments": []any{map[string]any{"uri": d.uri, "kernel": kernel.ConnectionFile()}}})
	d.evaluate(lineSet)
	pid := d.evaluate(linePID)
	for range 2 { // also if nothing was evaluated in between
		d.kill()
		d.join()
	}
	if again := d.evaluate(linePID); again != pid {
		t.Errorf("it is evaluated in the process %s, not %s", again, pid)
	}
	d.kill()
	kernel.Close()
	d.join()
	id := d.editor.command("reval.evaluate", map[string]any{"uri": d.uri, "unit": "line", "position": map[string]any{"line": linePID, "character": 0}})
	var m lspMessage
	for m.Method != "" || string(m.ID) != id {
		m = d.editor.read()
	}
	if !strings.Contains(string(m.Error), filepath.Base(kernel.ConnectionFile())) {
		t.Errorf("where it is gone that is told as %s", m.Error)
	}
}

// What waited when the daemon was killed is not evaluated, and told to be in doubt.
func TestKilledDaemonsQueue(t *testing.T) {
	d := newTakeover(t)
	ticking := d.tick()
	waits := d.start(lineAdd, 1)
	d.kept(waits, "queued")
	d.kill()
	d.join()
	d.is(waits, "lost")
	if told := d.editor.of(waits).message; !strings.Contains(told, "whether it ran is not known") {
		t.Errorf("what waited is %q", told)
	}
	d.listens()
	d.goOn()
	d.ticked(ticking, "just before or ")
	if got := d.evaluate(lineAdd); got != "42" {
		t.Errorf("x is %s", got)
	}
}

// What a kernel asks is asked again, and answered.
func TestKilledDaemonsQuestion(t *testing.T) {
	d := newTakeover(t)
	id := d.start(lineAsk, 1)
	asked := func() bool { return d.editor.asked.Params.Prompt == "who? " }
	d.editor.until(asked)
	d.kept(id, "running")
	d.kill()
	d.join()
	d.editor.until(asked)
	d.editor.notify("reval/inputReply", map[string]any{"request": d.editor.asked.Params.Request, "value": "you"})
	d.is(id, "done")
	if got := d.editor.of(id).all(); !strings.HasSuffix(got, "'you!'") {
		t.Errorf("it gives %q", got)
	}
}

// A kernel that ends while there is no daemon is told to have, with what ran in it; what is
// evaluated next has a new one.
func TestKernelEndsWithoutADaemon(t *testing.T) {
	d := newTakeover(t)
	pid := d.evaluate(linePID)
	ticking := d.tick()
	d.kill()
	endProcess(t, pid)
	d.join()
	d.is(ticking, "lost")
	if told := d.editor.of(ticking).message; !strings.Contains(told, "kernel died") {
		t.Errorf("what ran is lost: %s", told)
	}
	d.evaluate(lineSet)
	if got := d.evaluate(linePID); got == pid {
		t.Errorf("it is evaluated in the dead process %s", got)
	}
}

func endProcess(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err == nil {
		err = syscall.Kill(n, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What is wrong with the journal is told to an editor's user, once.
func TestTroubleOfTheJournalIsTold(t *testing.T) {
	h := newHousehold(t)
	state := t.TempDir()
	h.env = append(h.env, "XDG_STATE_HOME="+state)
	if err := os.Mkdir(filepath.Join(state, "reval"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(state, "reval", "journal.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("no journal\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	e, _ := h.edit("a.py", "1\n")
	var m lspMessage
	for m.Method != "window/showMessage" {
		m = e.read()
	}
	if told := m.Params.Message; !strings.HasPrefix(told, "the history in "+file+" was damaged") {
		t.Errorf("it is told as %q", told)
	}
	other, uri := h.edit("b.py", "'there'\n")
	evaluation := other.begin(uri)
	s := other.of(evaluation)
	for !s.ended() {
		if m := other.read(); m.Method == "window/showMessage" {
			t.Errorf("again: %q", m.Params.Message)
		}
	}
	if got := h.history()[evaluation]; s.state != "done" || got != "" && !strings.Contains(got, "there") {
		t.Errorf("the evaluation is %s, of which is kept %q", s.state, got)
	}
}

// `reval daemon stop` ends kernels, also those that no daemon has; `reval sessions` finds these.
func TestStopEndsKernels(t *testing.T) {
	d := newTakeover(t)
	pid := d.evaluate(linePID)
	d.kill()
	sessions := exec.Command(testenv.Reval(t), "sessions", "--json")
	sessions.Env = d.env
	out, err := sessions.Output()
	var listed []struct {
		Session, Folder string
		PID             int
	}
	if err != nil || json.Unmarshal(out, &listed) != nil || len(listed) != 1 || listed[0].Folder != d.dir || fmt.Sprint(listed[0].PID) != pid {
		t.Fatalf("%v: of the kernel %s sessions are %s", err, pid, out)
	}
	if ids := daemonStatus(t, d.env).Sessions; len(ids) != 1 || ids[0] != listed[0].Session {
		t.Errorf("the daemon tells of the sessions %v, not %s", ids, out)
	}
	if err := syscall.Kill(daemonStatus(t, d.env).PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if out, err := daemonCommand(t, d.env, "stop").CombinedOutput(); err != nil || !strings.Contains(string(out), "a kernel that no daemon had has ended") || !strings.Contains(string(out), pid) {
		t.Errorf("%v: %s", err, out)
	}
	n, _ := strconv.Atoi(pid)
	for end := time.Now().Add(testenv.Patience); syscall.Kill(n, 0) == nil; time.Sleep(time.Millisecond) { // until init has waited for it
		if time.Now().After(end) {
			t.Fatal("the kernel runs")
		}
	}
}

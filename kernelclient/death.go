package kernelclient

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const (
	// stderrTail is how many bytes of a kernel's stderr are kept to explain its death.
	stderrTail = 8 << 10
	// maxFatal bounds the line by which a runtime says why it ends a process, in bytes.
	maxFatal = 300
	// maxStartOutput is how many bytes a process may print before it is a kernel.
	maxStartOutput = 16 << 20
)

// death describes an exited process in one line.
func (p *process) death() string {
	how := "it ended"
	if p.state != nil {
		how = p.state.String()
	}
	switch how {
	case "signal: killed", "exit status 137": // as a shell says the same of its child
		how += p.killer()
	}
	if words := p.stderr.words(3); words != "" {
		return how + ": " + words
	}
	return how
}

// killer says who may have killed the process, which was not this one.
func (p *process) killer() string {
	if memoryKills() > p.kills {
		return " (by the system, it seems: memory ran out)"
	}
	return " (by another program, or by the system if memory ran out)"
}

// memoryKills counts the processes that Linux has killed for want of memory; 0 where it is
// not told. Other programs, such as earlyoom, do the same and are not counted.
func memoryKills() int {
	stat, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0
	}
	_, count, _ := strings.Cut(string(stat), "\noom_kill ")
	count, _, _ = strings.Cut(count, "\n")
	n, _ := strconv.Atoi(count)
	return n
}

// fatalLine is how runtimes begin to say why they end a process: Go's, Python's
// faulthandler, C++, Rust's, R's, Julia's, Java's.
var fatalLine = regexp.MustCompile(`^(fatal error: |panic: |SIG[A-Z]+: |Fatal Python error: |terminate called |thread '.*' panicked at |` +
	` ?\*\*\* caught segfault|signal \(?\d+\)?[:,. ]|\[\d+\] signal \(?\d+|# A fatal error|Assertion failed|.*: Assertion .* failed\.)`)

// tail keeps the last bytes that were written to it.
type tail struct {
	logger *slog.Logger
	mu     sync.Mutex
	buf    []byte
	line   []byte // the one that is being written, or its beginning
	fatal  string // the last line by which a runtime says why it ends the process
	// starts is how many bytes came since the start, until it has succeeded; flooded is
	// closed when they are too many.
	starts  int
	started bool
	flooded chan struct{}
}

var _ io.Writer = (*tail)(nil)

func (t *tail) Write(p []byte) (int, error) {
	t.logger.Debug("kernel's own output", "text", string(p))
	t.mu.Lock()
	defer t.mu.Unlock()
	for piece := range bytes.Lines(p) {
		t.line = append(t.line, piece[:min(len(piece), maxFatal-len(t.line))]...)
		if piece[len(piece)-1] == '\n' {
			t.ended()
		}
	}
	t.count(len(p))
	t.buf = append(t.buf, p...)
	if n := len(t.buf) - stderrTail; n > 0 {
		t.buf = append(t.buf[:0], t.buf[n:]...)
	}
	return len(p), nil
}

// cut notes that something came which was not read, before what is written next.
func (t *tail) cut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf, t.line = nil, nil
}

// skipped notes that n bytes came which were not read.
func (t *tail) skipped(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count(n)
}

// count notes that n bytes came; mu is held.
func (t *tail) count(n int) {
	if was := t.starts; !t.started {
		if t.starts += n; was <= maxStartOutput && t.starts > maxStartOutput && t.flooded != nil {
			close(t.flooded)
		}
	}
}

// forget drops what a kernel says at every start, which explains no later death.
func (t *tail) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf, t.line, t.fatal, t.started = nil, nil, "", true
}

// ended looks at a whole line; mu is held.
func (t *tail) ended() {
	line := strings.TrimRight(string(t.line), "\r\n")
	t.line = t.line[:0]
	switch {
	case fatalLine.MatchString(line):
		t.fatal = line
	case strings.HasSuffix(t.fatal, ":") && strings.TrimSpace(line) != "":
		t.fatal += " " + strings.TrimSpace(line)
	}
}

// words are what explains a death: why a runtime ended the process, which may write much
// after that, or else the last n lines.
func (t *tail) words(n int) string {
	last := t.lastLines(n)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended()
	if fatal := strings.ToValidUTF8(t.fatal, "\ufffd"); !strings.Contains(last, fatal) {
		return fatal
	}
	return last
}

// lastLines joins the last n lines that are not blank into one.
func (t *tail) lastLines(n int) string {
	t.mu.Lock()
	lines := bytes.Split(bytes.Clone(t.buf), []byte("\n"))
	t.mu.Unlock()
	var last []string
	for i := len(lines) - 1; i >= 0 && len(last) < n; i-- {
		if l := strings.TrimSpace(string(lines[i])); l != "" {
			if len(l) > maxFatal {
				l = l[:maxFatal] + "…"
			}
			last = append([]string{l}, last...)
		}
	}
	return strings.ToValidUTF8(strings.Join(last, " / "), "\ufffd")
}

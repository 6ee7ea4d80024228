package gokernel

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// maxSessions is how many sessions' histories are kept.
const maxSessions = 1000

// history is what was executed, in this session and in earlier ones. A session has a
// file of its own, "12.jsonl" with a line of JSON for each cell, which is made at its
// first cell: the number is the next that no other kernel has taken.
type history struct {
	dir string // "" = this session alone, in memory

	mu      sync.Mutex
	session int // 0 before the first cell
	file    *os.File
	entries []historyEntry // of this session
}

type historyEntry struct {
	Session int    `json:"-"`
	Line    int    `json:"line"` // execution count
	Input   string `json:"input"`
	Output  string `json:"output,omitempty"`
}

func newHistory(dir string) *history { return &history{dir: dir} }

func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.file != nil {
		h.file.Close()
	}
}

// add keeps a cell. A file that cannot be written costs the kernel nothing but the
// next session's memory.
func (h *history) add(line int, input, output string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.session == 0 {
		h.open()
	}
	e := historyEntry{h.session, line, input, output}
	h.entries = append(h.entries, e)
	if h.file != nil {
		if encoded, err := json.Marshal(e); err == nil {
			_, _ = h.file.Write(append(encoded, '\n')) // in one piece
		}
	}
}

// open takes the next number, and forgets the oldest sessions.
func (h *history) open() {
	h.session = 1
	if h.dir == "" || os.MkdirAll(h.dir, 0o700) != nil {
		return
	}
	earlier := h.sessions()
	if len(earlier) > 0 {
		h.session = earlier[len(earlier)-1] + 1
	}
	for ; ; h.session++ {
		file, err := os.OpenFile(h.path(h.session), os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
		if err == nil {
			h.file = file
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return
		}
	}
	for len(earlier) >= maxSessions {
		_ = os.Remove(h.path(earlier[0]))
		earlier = earlier[1:]
	}
}

func (h *history) path(session int) string {
	return filepath.Join(h.dir, strconv.Itoa(session)+".jsonl")
}

// sessions gives the numbers of the sessions that are kept, the oldest first.
func (h *history) sessions() []int {
	if h.dir == "" {
		return nil
	}
	files, err := os.ReadDir(h.dir)
	if err != nil {
		return nil
	}
	var numbers []int
	for _, f := range files {
		if n, err := strconv.Atoi(strings.TrimSuffix(f.Name(), ".jsonl")); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers
}

// read gives the entries of a session. The caller holds mu.
func (h *history) read(session int) []historyEntry {
	if session == h.session {
		return h.entries
	}
	file, err := os.Open(h.path(session))
	if err != nil {
		return nil
	}
	defer file.Close()
	var entries []historyEntry
	lines := bufio.NewReader(file)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return entries // a last line that is not whole is of a kernel that died
		}
		e := historyEntry{Session: session}
		if json.Unmarshal(line, &e) == nil {
			entries = append(entries, e)
		}
	}
}

// find gives the entries that a history_request asks for, in their order.
func (h *history) find(r jupyter.HistoryRequestContent) ([]historyEntry, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sessions := h.sessions()
	if h.session != 0 && !slices.Contains(sessions, h.session) {
		sessions = append(sessions, h.session)
	}
	switch r.HistAccessType {
	case "range":
		session := r.Session
		if session <= 0 { // 0 is this session, -1 the one before
			i := len(sessions) - 1 + session
			if h.session == 0 {
				i++
			}
			if i < 0 || i >= len(sessions) {
				return nil, nil
			}
			session = sessions[i]
		}
		return slices.DeleteFunc(slices.Clone(h.read(session)), func(e historyEntry) bool {
			return e.Line < r.Start || r.Stop != 0 && e.Line >= r.Stop
		}), nil
	case "tail", "search":
	default:
		return nil, fmt.Errorf("hist_access_type is %q: it can be range, tail or search", r.HistAccessType)
	}
	var found []historyEntry // the newest first
	seen := map[string]bool{}
	for _, session := range slices.Backward(sessions) {
		for _, e := range slices.Backward(h.read(session)) {
			if r.HistAccessType == "search" && !glob(r.Pattern, e.Input) || r.Unique && seen[e.Input] {
				continue
			}
			seen[e.Input] = true
			found = append(found, e)
			if r.N > 0 && len(found) == r.N {
				slices.Reverse(found)
				return found, nil
			}
		}
	}
	slices.Reverse(found)
	return found, nil
}

// glob matches a pattern whose * and ? stand for any text and any character, and
// brackets for one of the characters in them, or, as in x[0], for themselves; in a cell's
// text there are no folders.
func glob(pattern, text string) bool {
	if pattern == "" {
		return true
	}
	const slash = "\x00"
	text = strings.ReplaceAll(text, "/", slash)
	pattern = strings.NewReplacer("/", slash, `\`, `\\`).Replace(pattern)
	for _, p := range []string{pattern, strings.ReplaceAll(pattern, "[", `\[`)} {
		if ok, err := path.Match(p, text); err == nil && ok {
			return true
		}
	}
	return false
}

// reply answers a history_request.
func (h *history) reply(r jupyter.HistoryRequestContent) any {
	found, err := h.find(r)
	if err != nil {
		return failure(err.Error())
	}
	reply := jupyter.HistoryReplyContent{Status: jupyter.StatusOK, History: []json.RawMessage{}}
	for _, e := range found {
		var text any = e.Input
		if r.Output {
			var output *string
			if e.Output != "" {
				output = &e.Output
			}
			text = []any{e.Input, output}
		}
		if encoded, err := json.Marshal([]any{e.Session, e.Line, text}); err == nil {
			reply.History = append(reply.History, encoded)
		}
	}
	return reply
}

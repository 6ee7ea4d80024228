package gokernel

import (
	"encoding/json"
	"path"
	"sync"

	"github.com/reval-editor/reval/jupyter"
)

// history is what was executed since the kernel started.
type history struct {
	mu      sync.Mutex
	entries []historyEntry
}

type historyEntry struct {
	line          int // execution count
	input, output string
}

func (h *history) add(line int, input, output string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.entries = append(h.entries, historyEntry{line, input, output})
}

// reply answers a history_request. Sessions before this one are not kept, so
// that session is always 0, the current one.
func (h *history) reply(r jupyter.HistoryRequestContent) any {
	h.mu.Lock()
	defer h.mu.Unlock()
	var chosen []historyEntry
	for _, e := range h.entries {
		switch r.HistAccessType {
		case "range":
			if r.Session != 0 || e.line < r.Start || r.Stop != 0 && e.line >= r.Stop {
				continue
			}
		case "search":
			if ok, err := path.Match(r.Pattern, e.input); r.Pattern != "" && (err != nil || !ok) {
				continue
			}
		}
		chosen = append(chosen, e)
	}
	if r.Unique {
		chosen = unique(chosen)
	}
	if r.HistAccessType != "range" && r.N > 0 && len(chosen) > r.N {
		chosen = chosen[len(chosen)-r.N:]
	}
	reply := jupyter.HistoryReplyContent{Status: jupyter.StatusOK, History: []json.RawMessage{}}
	for _, e := range chosen {
		var text any = e.input
		if r.Output {
			var output *string
			if e.output != "" {
				output = &e.output
			}
			text = []any{e.input, output}
		}
		if encoded, err := json.Marshal([]any{0, e.line, text}); err == nil {
			reply.History = append(reply.History, encoded)
		}
	}
	return reply
}

// unique keeps the last entry of each input.
func unique(entries []historyEntry) []historyEntry {
	last := map[string]int{}
	for i, e := range entries {
		last[e.input] = i
	}
	var out []historyEntry
	for i, e := range entries {
		if last[e.input] == i {
			out = append(out, e)
		}
	}
	return out
}

package hub

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/trust"
	"github.com/reval-editor/reval/internal/workspace"
)

// A kernel that a session has joined is in no registry of ours. That it was chosen is remembered,
// so that what is evaluated after the end of this process runs there, and not in another kernel,
// or fails with a reason. A server's token is remembered nowhere.

// attachments are the sessions whose kernels were joined, in a file.
type attachments struct {
	file string // empty for none

	mu     sync.Mutex
	before []attachment // of the process that had the file before
}

type attachment struct {
	Session  string            `json:"session"`
	Project  workspace.Project `json:"project"`
	Language string            `json:"language"`
	Kernel   string            `json:"kernel"` // Session.Wanted
	Joined   time.Time         `json:"joined"`
}

// load takes what another process has left.
func (a *attachments) load() error {
	if a.file == "" {
		return nil
	}
	data, err := trust.ReadFile(a.file)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return json.Unmarshal(data, &a.before)
}

// save writes down which sessions have joined kernels, and had of before if there was none since
// for the same files.
func (a *attachments) save(sessions []*Session) error {
	if a.file == "" {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := append([]attachment{}, a.before...)
	for _, s := range sessions {
		if s.Found().IsAddress() && s.Wanted != "" {
			now = append(now, attachment{s.ID, s.Project, s.Language.ID, s.Wanted, s.started})
		}
	}
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	return trust.WriteFile(a.file, data)
}

// chosen is the kernel that a session of before had joined since a time; empty if none had.
func (a *attachments) chosen(p workspace.Project, lang language.Language, since time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, at := range slices.Backward(a.before) {
		if at.Project.Same(p) && at.Language == lang.ID && at.Joined.After(since) {
			return at.Kernel
		}
	}
	return ""
}

// forget takes the kernel of a project and a language for chosen anew.
func (a *attachments) forget(p workspace.Project, lang language.Language) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = slices.DeleteFunc(a.before, func(at attachment) bool { return at.Project.Same(p) && at.Language == lang.ID })
}

// clear forgets all of before.
func (a *attachments) clear() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before = nil
}

// noteAttached writes down which sessions have joined kernels.
func (h *Hub) noteAttached() {
	if err := h.attachments.save(h.Sessions()); err != nil {
		h.options.Logger.Warn("which kernels were joined is not written down", "error", err)
	}
}

package hub

import "slices"

// warnings are what users are to be told that is of no session; Hub.mu guards them.
type warnings struct {
	fronts  []*front
	waiting []string // for the first front end that comes
}

// front is a front end that can tell its user something.
type front struct{ tell func(string) }

// Warn has each front end that is there tell its user something, in one line; or the first one
// that comes, if there is none.
func (h *Hub) Warn(words string) {
	h.mu.Lock()
	fronts := slices.Clone(h.warnings.fronts)
	if len(fronts) == 0 {
		h.warnings.waiting = append(h.warnings.waiting, words)
	}
	h.mu.Unlock()
	for _, f := range fronts {
		f.tell(words)
	}
}

// Warnings calls tell with what the user of a front end is to be told, until stop is called.
func (h *Hub) Warnings(tell func(words string)) (stop func()) {
	f := &front{tell}
	h.mu.Lock()
	waiting := h.warnings.waiting
	h.warnings.waiting = nil
	h.warnings.fronts = append(h.warnings.fronts, f)
	h.mu.Unlock()
	for _, words := range waiting {
		tell(words)
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.warnings.fronts = slices.DeleteFunc(h.warnings.fronts, func(o *front) bool { return o == f })
	}
}

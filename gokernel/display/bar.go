package display

import (
	"fmt"
	"html"
	"strings"
	"sync"
	"time"
)

// Bar is a progress bar that is updated in its place.
type Bar struct {
	label string
	total int
	show  func(Bundle)
	start time.Time

	mu    sync.Mutex
	done  int
	shown time.Time
}

// often is how often a bar is shown anew.
const often = 100 * time.Millisecond

// NewBar makes a bar of total steps; show is called with each new state.
func NewBar(label string, total int, show func(Bundle)) *Bar {
	b := &Bar{label: label, total: max(total, 0), show: show, start: time.Now()}
	b.Set(0)
	return b
}

// Add makes n more steps.
func (b *Bar) Add(n int) { b.update(func() { b.done += n }) }

// Set makes it n steps.
func (b *Bar) Set(n int) { b.update(func() { b.done = n }) }

func (b *Bar) update(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
	if now := time.Now(); b.done >= b.total || now.Sub(b.shown) >= often {
		b.shown = now
		b.show(b.bundle(now.Sub(b.start)))
	}
}

// bundle gives the state after a time. The caller holds mu.
func (b *Bar) bundle(after time.Duration) Bundle {
	const width = 30
	done, total := min(max(b.done, 0), b.total), max(b.total, 1)
	filled := width * done / total
	label := b.label
	if label != "" {
		label += " "
	}
	left := ""
	if done > 0 && done < b.total {
		left = fmt.Sprintf(", %s left", (after * time.Duration(b.total-done) / time.Duration(done)).Round(time.Second))
	}
	rest := fmt.Sprintf("%d/%d, %s%s", done, b.total, after.Round(100*time.Millisecond), left)
	return Bundle{
		"text/plain": label + "[" + strings.Repeat("█", filled) + strings.Repeat(" ", width-filled) + "] " + rest,
		"text/html":  fmt.Sprintf(`%s<progress value="%d" max="%d"></progress> %s`, html.EscapeString(label), done, total, rest),
	}
}

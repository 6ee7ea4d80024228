package terminal

import (
	"io"
	"strings"
	"sync"
)

// printer writes texts in their order, apart from who prints them: a kernel
// drops output that its client is slow to take, so a reader who pauses must not
// hold up the kernel. What waits is kept in memory.
//
// One goroutine, started by newPrinter, writes; close ends it.
type printer struct {
	done chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	changed sync.Cond
	waiting []print
	closed  bool
	failed  func(error)
}

type print struct {
	to   io.Writer
	text string
}

// newPrinter makes a printer that tells failed once of a writer that takes no more;
// from then on everything is dropped.
func newPrinter(failed func(error)) *printer {
	p := &printer{done: make(chan struct{}), failed: failed}
	p.changed.L = &p.mu
	go p.write()
	return p
}

func (p *printer) print(to io.Writer, text string) {
	if text == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, print{to, text})
	p.changed.Signal()
}

// close waits until everything is written.
func (p *printer) close() {
	p.mu.Lock()
	p.closed = true
	p.changed.Signal()
	p.mu.Unlock()
	<-p.done
}

func (p *printer) write() {
	defer close(p.done)
	failed := false
	for {
		p.mu.Lock()
		for len(p.waiting) == 0 && !p.closed {
			p.changed.Wait()
		}
		prints := p.waiting
		p.waiting = nil
		p.mu.Unlock()
		if len(prints) == 0 {
			return
		}
		for len(prints) > 0 && !failed {
			var text strings.Builder
			to := prints[0].to
			for len(prints) > 0 && prints[0].to == to {
				text.WriteString(prints[0].text)
				prints = prints[1:]
			}
			if _, err := io.WriteString(to, text.String()); err != nil {
				failed = true
				p.failed(err)
			}
		}
	}
}

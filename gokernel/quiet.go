package gokernel

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime/pprof"
	"strings"
	"time"
)

// quiet reports that no goroutine but the calling one runs, or waits, in the code of a
// cell. The goroutine of a cell that has just ended is given a moment to end, too.
func (cs *cells) quiet() bool {
	for range 3 {
		if cs.alone() {
			return true
		}
		cs.mu.Lock()
		running := len(cs.running)
		cs.mu.Unlock()
		if running > 0 {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return cs.alone()
}

// alone reports that no other goroutine is a cell's. Those that a cell started, by
// whatever library, have its labels.
func (cs *cells) alone() bool {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return false
	}
	others := 0
	if _, ok := cs.labelled.Load(uintptr(goroutineLabels())); ok {
		others-- // the calling one
	}
	var count int // of the goroutines with the stack that is read
	for lines := bufio.NewScanner(&profile); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "# labels: {\"cell\":"):
			others += count
		case line != "" && line[0] >= '0' && line[0] <= '9':
			if n, err := fmt.Sscanf(line, "%d @", &count); n != 1 || err != nil {
				return false
			}
		}
	}
	return others == 0
}

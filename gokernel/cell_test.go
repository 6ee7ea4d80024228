package gokernel

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// A cell is forgotten when the last goroutine of its code has ended, and not before.
func TestCellsAreForgotten(t *testing.T) {
	cs := &cells{running: map[*cell]bool{}}
	count := func() (n int) {
		cs.labelled.Range(func(any, any) bool { n++; return true })
		return n
	}
	end, answers := make(chan bool), make(chan *cell)
	var kept *cell
	for range 100 {
		m, err := jupyter.NewMessage("test", jupyter.ExecuteRequest, struct{}{})
		if err != nil {
			t.Fatal(err)
		}
		c := newCell(context.Background(), m, jupyter.ExecuteRequestContent{})
		leave := cs.adopt(c)
		if kept == nil {
			kept = c
			go func() {
				<-end
				answers <- cs.current()
			}()
		}
		if cs.current() != c {
			t.Fatal("the goroutine is another cell's")
		}
		leave()
	}
	if cs.current() != nil {
		t.Error("the goroutine is still a cell's")
	}
	// Cleanups run some time after a collection.
	for deadline := time.Now().Add(limit); count() > 1 && time.Now().Before(deadline); {
		runtime.GC()
		runtime.Gosched()
	}
	if n := count(); n != 1 {
		t.Errorf("%d cells are known, want the one whose goroutine runs", n)
	}
	close(end)
	if c := <-answers; c != kept {
		t.Errorf("the goroutine is %p's, want %p", c, kept)
	}
}

package ixgo

import (
	"runtime/debug"
	"time"

	"github.com/goplus/ixgo"
	"github.com/timandy/routine"
	"golang.org/x/tools/go/ssa"
)

// Calls of compiled functions that wait for the world outside are made by another
// goroutine, which an interrupt leaves behind: the cell's own then runs its deferred calls.

// waiting are the functions and methods that are called so, as package types and
// package ssa write them.
var waiting = names(
	"net.Dial", "net.DialTimeout", "net.DialTCP", "net.DialUDP", "net.DialUnix", "(*net.Dialer).Dial", "(*net.Dialer).DialContext",
	"net.LookupAddr", "net.LookupCNAME", "net.LookupHost", "net.LookupIP", "net.LookupMX", "net.LookupNS", "net.LookupPort", "net.LookupSRV", "net.LookupTXT",
	"net.ResolveTCPAddr", "net.ResolveUDPAddr", "net.ResolveIPAddr",
	"(net.Listener).Accept", "(*net.TCPListener).Accept", "(*net.TCPListener).AcceptTCP", "(*net.UnixListener).Accept", "(*net.UnixListener).AcceptUnix",
	"(net.Conn).Read", "(net.Conn).Write", "(*net.conn).Read", "(*net.conn).Write", "(*net.TCPConn).Read", "(*net.TCPConn).Write", "(*net.UDPConn).Read", "(*net.UnixConn).Read", "(*net.UnixConn).Write",
	"(net.PacketConn).ReadFrom", "(*net.UDPConn).ReadFrom", "(*net.UDPConn).ReadFromUDP", "(*net.UDPConn).ReadFromUDPAddrPort",
	"crypto/tls.Dial", "(*crypto/tls.Conn).Handshake", "(*crypto/tls.Conn).Read", "(*crypto/tls.Conn).Write",
	"net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm", "(*net/http.Client).Do", "(*net/http.Client).Get", "(*net/http.Client).Head",
	"(*net/http.Client).Post", "(*net/http.Client).PostForm", "(net/http.RoundTripper).RoundTrip", "(*net/http.Transport).RoundTrip",
	"net/http.ListenAndServe", "net/http.ListenAndServeTLS", "net/http.Serve", "net/http.ServeTLS", "(*net/http.Server).ListenAndServe",
	"(*net/http.Server).ListenAndServeTLS", "(*net/http.Server).Serve", "(*net/http.Server).ServeTLS", "(*net/http.Server).Shutdown",
	"io.Copy", "io.CopyBuffer", "io.CopyN", "io.ReadAll", "io.ReadAtLeast", "io.ReadFull", "(io.Reader).Read", "(*io.PipeReader).Read", "(*io.PipeWriter).Write",
	"(*bufio.Reader).Peek", "(*bufio.Reader).Read", "(*bufio.Reader).ReadByte", "(*bufio.Reader).ReadBytes", "(*bufio.Reader).ReadLine", "(*bufio.Reader).ReadRune", "(*bufio.Reader).ReadString",
	"(*bufio.Scanner).Scan", "(*encoding/json.Decoder).Decode", "(*encoding/gob.Decoder).Decode",
	"os.ReadFile", "os.OpenFile", "os.Open", "(*os.File).Read", "(*os.Process).Wait",
)

func names(all ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range all {
		set[name] = true
	}
	return set
}

// waits reports an instruction that calls one of the functions.
func waits(instr ssa.Instruction) bool {
	c, ok := instr.(*ssa.Call)
	if !ok {
		return false
	}
	if c.Call.IsInvoke() {
		return waiting[c.Call.Method.FullName()]
	}
	f, ok := c.Call.Value.(*ssa.Function)
	return ok && len(f.Blocks) == 0 && waiting[f.String()]
}

// awaited makes a call so.
func (e *Engine) awaited(call instruction) instruction {
	return func(fr *ixgo.Frame) {
		r := e.owner()
		if r == nil {
			call(fr)
			return
		}
		w := r.idle.Swap(nil)
		if w == nil {
			w = e.newWorker(r)
		}
		// The frame is the worker's own: this one's may be used again when the call returns.
		own := copyFrame(fr)
		left := true
		defer func() {
			if left {
				e.abandon(w)
			}
		}()
		w.calls <- func() { call(own) }
		for {
			select {
			case p := <-w.ended:
				left = false
				if more := r.idle.Swap(w); more != nil {
					close(more.calls)
				}
				if p != nil {
					panic(p)
				}
				copy(*registersOf(fr), *registersOf(own))
				return
			case <-e.done():
				e.interrupted()
			}
		}
	}
}

// worker is a goroutine that makes calls for a run, one at a time.
type worker struct {
	id    uint64 // of the goroutine; known when the first call is taken
	calls chan func()
	ended chan any      // of each call, what it panicked with
	gone  chan struct{} // closed at the goroutine's end
}

// newWorker starts a worker. It counts as the run's goroutine: a call may come back
// to interpreted code. It ends when its calls are closed.
func (e *Engine) newWorker(r *run) *worker {
	w := &worker{calls: make(chan func()), ended: make(chan any, 1), gone: make(chan struct{})}
	go func() {
		defer close(w.gone)
		w.id = routine.Goid()
		e.runs.Store(w.id, r)
		defer e.runs.Delete(w.id)
		debug.SetPanicOnFault(true)
		for call := range w.calls {
			func() {
				defer func() { w.ended <- recover() }()
				call()
			}()
		}
	}()
	return w
}

// abandon leaves a worker behind whose call did not return. Interpreted code that the
// call comes back to is stopped: at once, or, since all code is slower meanwhile, when the
// next interrupt is for somebody.
func (e *Engine) abandon(w *worker) {
	close(w.calls)
	r := &run{engine: e, done: make(chan struct{}), heard: make(chan struct{})}
	e.runs.Store(w.id, r)
	r.fire(true)
	go func() {
		w.within(deaf)
		r.leave()
		w.within(patience)
		e.stop.Add(-1)
	}()
}

// within waits for the worker's end, for a time.
func (w *worker) within(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.gone:
	case <-timer.C:
	}
}

package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"sync"
	"time"
)

// Handler serves one connection. It ends when the peer has, when it has closed the
// connection, or when ctx is done.
type Handler func(ctx context.Context, c *Client) error

// ServeOptions configure a daemon.
type ServeOptions struct {
	Place Place
	// Handlers serve the connections of each purpose. [Control] is served by Serve itself.
	Handlers map[string]Handler
	// Busy tells whether there is work that nobody needs to listen to; nil for never.
	Busy func() bool
	// Adopt takes up what daemons have left that let go of it, or died: before anybody is served,
	// and when a daemon of another build has ended. Nil for nothing.
	Adopt func()
	// Release lets go of what handlers share, for another daemon to Adopt, and Close ends it: one
	// of them is called before another daemon may start. Nil for nothing.
	Release, Close func()
	// Idle is how long a daemon stays with neither client nor work; 0 for ten minutes.
	Idle time.Duration
	// Detached says that [Join] started this process.
	Detached bool
	Logger   *slog.Logger
	// LogFile and Settings are told to who asks.
	LogFile  string
	Settings map[string]string
	// Sessions gives the ids of what there is to be joined, for who asks; nil for none.
	Sessions func() []string

	patience time.Duration                     // 0 for handshakePatience
	peer     func(*net.UnixConn) (peer, error) // nil for peerOf
	look     time.Duration                     // 0 for lookPause
}

const (
	defaultIdle = 10 * time.Minute
	// handshakePatience bounds how long a peer may take to say who it is.
	handshakePatience = 10 * time.Second
	// maxStrangers bounds how many may be about to say it.
	maxStrangers = 64
	// endPatience bounds how long handlers may take to end when the daemon does.
	endPatience = 5 * time.Second
)

// errEnded is the cause of every context when the daemon ends.
var errEnded = errors.New("the daemon ends")

// server is a daemon that runs.
//
// Goroutines: accept; serve, one for each connection; leave, which ends the daemon when it
// is idle; keep, which sees to its files; inherit, one for each daemon of another build that
// goes on. Serve stops them all.
type server struct {
	options ServeOptions
	log     *slog.Logger
	started time.Time
	ctx     context.Context
	end     context.CancelCauseFunc
	wait    sync.WaitGroup
	unknown chan struct{} // holds one for each connection whose peer has not said who it is
	counted chan struct{} // is sent to when there are more or fewer clients

	mu       sync.Mutex
	lock     *os.File // while this is the build's daemon
	listener *net.UnixListener
	handover bool
	stopped  bool       // everything is to end with the daemon
	heirs    []*os.File // the connections of daemons that wait for the end of this one
	clients  map[*Client]bool
	left     time.Time // when the last client left, or work was seen after that
}

// Serve is the user's daemon of a build: it returns when that has ended, by ctx, by a
// request or because it was idle. An older daemon is asked to end, and let go of what it has;
// another build of the same version to serve nobody new; where there is a newer one, Serve gives
// a [RefusedError].
func Serve(ctx context.Context, o ServeOptions) error {
	s := newServer(ctx, o)
	defer s.end(errEnded)
	ready, err := starting(s.ctx, o.Place, o.Detached)
	if err != nil {
		return err
	}
	err = s.listen()
	if err == nil {
		s.askForHandover()
		s.adopt()
	}
	ready(err)
	if err != nil {
		return err
	}
	s.log.Info("the daemon listens", "version", o.Place.Build.Version, "build", o.Place.Build.ID, "socket", o.Place.Socket())
	s.wait.Go(func() { s.accept(s.listener) })
	s.wait.Go(s.leave)
	s.wait.Go(s.keep)
	<-s.ctx.Done()
	s.log.Info("the daemon ends", "why", context.Cause(s.ctx))
	s.close()
	return nil
}

func newServer(ctx context.Context, o ServeOptions) *server {
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	if o.patience == 0 {
		o.patience = handshakePatience
	}
	if o.peer == nil {
		o.peer = peerOf
	}
	if o.look == 0 {
		o.look = lookPause
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &server{
		options: o, log: o.Logger, started: time.Now(), left: time.Now(), clients: map[*Client]bool{},
		unknown: make(chan struct{}, maxStrangers), counted: make(chan struct{}, 1),
	}
	s.ctx, s.end = context.WithCancelCause(ctx)
	return s
}

// listen makes the socket. Who has the lock is the only one that may.
func (s *server) listen() error {
	p := s.options.Place
	lock, err := tryLock(p.lock())
	if errors.Is(err, errLocked) {
		return fmt.Errorf("another daemon of this build runs, process %d", readPID(p.lock()))
	}
	if err == nil {
		err = s.mayStart()
	}
	if err == nil {
		err = writePID(lock)
	}
	if err != nil {
		lock.Close()
		return err
	}
	listener, err := p.listen()
	if err != nil {
		lock.Close()
		return err
	}
	s.lock, s.listener = lock, listener
	return nil
}

// listen makes the socket in the place of whatever is there; the lock is held.
func (p Place) listen() (*net.UnixListener, error) {
	os.Remove(p.Socket()) // of a daemon that died
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.Socket(), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make the daemon's socket: %w", err)
	}
	os.Chmod(p.Socket(), 0o600) // the folder is the user's alone anyway
	return listener, nil
}

// accept takes connections until the listener is closed.
func (s *server) accept(listener *net.UnixListener) {
	for {
		select {
		case s.unknown <- struct{}{}:
		case <-s.ctx.Done():
			return
		}
		c, err := listener.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			<-s.unknown
			return
		}
		if err != nil { // no descriptor is left, which some end may mend
			s.log.Warn("a connection is not accepted", "error", err)
			pause := time.NewTimer(acceptPause)
			select {
			case <-pause.C:
			case <-s.ctx.Done():
			}
			pause.Stop()
			<-s.unknown
			continue
		}
		s.wait.Go(func() { s.serve(c) })
	}
}

// acceptPause keeps a daemon that can accept nobody from trying all the time.
const acceptPause = 100 * time.Millisecond

// serve serves one connection to its end.
func (s *server) serve(c *net.UnixConn) {
	defer c.Close()
	p, r, err := s.meet(c)
	<-s.unknown
	if err != nil {
		s.log.Debug("a connection is refused", "error", err)
		return
	}
	client := &Client{Preface: p, Since: time.Now(), conn: c, r: r, ending: s.ctx}
	if !s.add(client) {
		return // as if it had come a moment later
	}
	defer s.remove(client)
	if err := s.answer(c, ""); err != nil {
		return
	}
	c.SetDeadline(time.Time{})
	if err := s.handle(client); err != nil && s.ctx.Err() == nil {
		s.log.Warn("a connection ended", "for", p.Purpose, "pid", p.PID, "error", err)
	}
	client.farewell()
}

// handle runs the handler of a client. A panic ends that connection and nothing else.
func (s *server) handle(c *Client) (err error) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.log.Error("panic", "for", c.Preface.Purpose, "pid", c.Preface.PID, "panic", p, "stack", string(debug.Stack()))
			c.died.Store(true)
		}
	}()
	switch c.Preface.Purpose {
	case Control:
		return s.control(ctx, c)
	case purposeStart:
		return nil
	}
	return s.options.Handlers[c.Preface.Purpose](ctx, c)
}

// meet reads who a peer is, and refuses whom the daemon does not serve.
func (s *server) meet(c *net.UnixConn) (Preface, *bufio.Reader, error) {
	if _, err := checkPeer(c, s.options.peer); err != nil {
		return Preface{}, nil, err
	}
	if err := c.SetDeadline(time.Now().Add(s.options.patience)); err != nil {
		return Preface{}, nil, err
	}
	stop := context.AfterFunc(s.ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	r := bufio.NewReader(c)
	line, err := readLine(r, maxPreface)
	if err != nil {
		return Preface{}, nil, fmt.Errorf("read the preface: %w", err)
	}
	p, protocol, err := parsePreface(line)
	if err == nil {
		err = s.admits(p, protocol)
	}
	if err != nil {
		s.answer(c, err.Error())
	}
	return p, r, err
}

// admits says why a client is not served, and what its user can do.
func (s *server) admits(p Preface, protocol int) error {
	own := s.options.Place.Build
	handler := s.options.Handlers[p.Purpose]
	switch {
	case protocol != Protocol:
		return fmt.Errorf("this client speaks to daemons in another way than the daemon of reval %s that runs here, process %d: end that by `kill %d`, or start the reval that is installed now", own.Version, os.Getpid(), os.Getpid())
	case p.Purpose == Control:
		return nil
	case own.newerThan(p.Build):
		return fmt.Errorf("a daemon of a newer reval, %s, serves this user (process %d), and this is reval %s: put the newer one first on the editor's PATH and restart the editor, or end that daemon with `reval daemon stop`, or start `reval lsp --standalone`", own.Version, os.Getpid(), p.Version)
	case p.Purpose == purposeStart:
		return nil
	case p.ID != own.ID:
		return fmt.Errorf("this daemon is of another build of reval, %s (process %d): `reval daemon restart` replaces it", own.Version, os.Getpid())
	case handler == nil:
		return fmt.Errorf("the daemon does not know what a connection for %q is", p.Purpose)
	}
	return nil
}

func (s *server) answer(c *net.UnixConn, refusal string) error {
	return writeLine(c, Welcome{Protocol, s.options.Place.Build, os.Getpid(), refusal})
}

// add counts a client, unless the daemon ends.
func (s *server) add(c *Client) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.clients[c] = true
	s.count()
	return true
}

func (s *server) remove(c *Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
	if !c.asks() {
		s.left = time.Now()
	}
	s.count()
}

// count wakes leave; mu is held.
func (s *server) count() {
	select {
	case s.counted <- struct{}{}:
	default:
	}
}

// leave ends the daemon when it has had neither client nor work for a while, or when the
// last client has left a daemon that takes no more.
func (s *server) leave() {
	idle := time.NewTimer(s.options.Idle)
	defer idle.Stop()
	for {
		clients, wait := s.idleIn()
		switch {
		case clients > 0:
			idle.Stop()
		case wait > 0:
			idle.Reset(wait)
		case s.working():
			continue
		default:
			s.end(s.whyLeave())
			return
		}
		select {
		case <-s.ctx.Done():
			return
		case <-s.counted:
		case <-idle.C:
		}
	}
}

// working tells whether a daemon without clients has work, from which on it is idle anew.
func (s *server) working() bool {
	if s.options.Busy == nil || !s.options.Busy() {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = time.Now()
	return !s.handover
}

// idleIn counts the clients, but for those that only ask for something, and says how long
// a daemon without any stays.
func (s *server) idleIn() (clients int, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.clients {
		if !c.asks() {
			clients++
		}
	}
	if s.handover {
		return clients, 0
	}
	return clients, time.Until(s.left.Add(s.options.Idle))
}

func (s *server) whyLeave() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handover {
		return errors.New("another daemon has taken over, and the last client has left")
	}
	return fmt.Errorf("it had neither client nor work for %v", s.options.Idle)
}

// close ends what serves.
func (s *server) close() {
	s.mu.Lock()
	s.listener.Close() // which removes the socket
	lock, stopped, heirs := s.lock, s.stopped, s.heirs
	s.heirs = nil
	s.mu.Unlock()
	if !stopped {
		call(s.options.Release) // first, so that little of what kernels say meanwhile is lost
	}
	ended := make(chan struct{})
	go func() {
		s.wait.Wait()
		close(ended)
	}()
	patience := time.NewTimer(endPatience)
	defer patience.Stop()
	select {
	case <-ended:
	case <-patience.C:
		s.log.Warn("connections do not end")
	}
	if stopped {
		call(s.options.Close)
	}
	if lock != nil {
		lock.Close()
	}
	for _, heir := range heirs {
		heir.Close()
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

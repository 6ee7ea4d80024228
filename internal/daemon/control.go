package daemon

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/metrics"
	"slices"
	"syscall"
	"time"
)

// purposeStart is of a daemon of another build that is about to start.
const purposeStart = "start"

// Requests of a control connection.
const (
	doStatus   = "status"
	doStop     = "stop"     // end now, with all that there is
	doRelease  = "release"  // end now, and let go of all that there is
	doHandover = "handover" // take no more clients, and release when the last one is gone
)

type request struct {
	Do string `json:"do"`
}

type answer struct {
	Error  string  `json:"error,omitempty"`
	Status *Status `json:"status,omitempty"`
}

// Status is what a daemon tells of itself.
type Status struct {
	PID int `json:"pid"`
	Build
	Socket  string         `json:"socket"`
	Log     string         `json:"log"`
	Since   time.Time      `json:"since"`
	Memory  uint64         `json:"memory"` // bytes that it has of the system
	Clients []ClientStatus `json:"clients"`
	// Sessions are the ids of the sessions, the oldest first.
	Sessions []string `json:"sessions"`
	// Settings are those of the user's configuration, by their names.
	Settings map[string]string `json:"settings,omitempty"`
	// Handover is set of a daemon that takes no more clients.
	Handover bool `json:"handover"`
}

// ClientStatus is what a daemon tells of a client.
type ClientStatus struct {
	PID     int       `json:"pid"`
	Purpose string    `json:"for"`
	Folder  string    `json:"folder"`
	Since   time.Time `json:"since"`
}

// control answers requests until the peer ends.
func (s *server) control(ctx context.Context, c *Client) error {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	for {
		line, err := readLine(c.r, maxControl)
		if err != nil {
			return nil
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			return fmt.Errorf("a request is none: %w", err)
		}
		var a answer
		var then func()
		switch r.Do {
		case doStatus:
			status := s.status()
			a.Status = &status
		case doStop:
			then = func() { s.stop(fmt.Errorf("process %d asked for it", c.Preface.PID)) }
		case doRelease:
			s.isHeir(c)
			then = func() { s.end(fmt.Errorf("process %d asked for it, and goes on with what there is", c.Preface.PID)) }
		case doHandover:
			s.isHeir(c)
			s.giveUp()
		default:
			a.Error = fmt.Sprintf("the daemon does not know the request %q", r.Do)
		}
		if err := writeLine(c, a); err != nil {
			return err
		}
		if then != nil {
			then()
		}
	}
}

// stop ends the daemon, with all that there is.
func (s *server) stop(why error) {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.end(stoppedError{why})
}

// isHeir has a client's connection end when the daemon has let go of everything.
func (s *server) isHeir(c *Client) {
	f, err := c.conn.File() // the client's own end is that of its handler
	if err != nil {
		s.log.Warn("another daemon will not hear of the end of this one", "error", err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heirs = append(s.heirs, f)
}

func (s *server) status() Status {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(sample)
	p := s.options.Place
	status := Status{
		PID: os.Getpid(), Build: p.Build, Socket: p.Socket(), Log: s.options.LogFile, Since: s.started,
		Memory: sample[0].Value.Uint64() - sample[1].Value.Uint64(), Clients: []ClientStatus{}, Settings: s.options.Settings, Sessions: []string{},
	}
	if s.options.Sessions != nil {
		status.Sessions = append(status.Sessions, s.options.Sessions()...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Handover = s.handover
	for c := range s.clients {
		if !c.asks() {
			status.Clients = append(status.Clients, ClientStatus{c.Preface.PID, c.Preface.Purpose, c.Preface.Dir, c.Since})
		}
	}
	slices.SortFunc(status.Clients, func(a, b ClientStatus) int { return a.Since.Compare(b.Since) })
	return status
}

// giveUp makes this no daemon for anybody new: another one may have its place.
func (s *server) giveUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.handover {
		s.handOver()
	}
}

// handOver is giveUp, once; mu is held.
func (s *server) handOver() {
	s.log.Info("another daemon takes over: no more clients are served")
	s.handover = true
	s.listener.Close()
	s.lock.Close()
	s.lock = nil
	s.count()
}

// mayStart asks the daemons of other builds whether there may be one of this, and removes
// what those left that have died.
func (s *server) mayStart() error {
	for _, p := range s.options.Place.others() {
		c, err := s.reach(p, purposeStart)
		switch {
		case errors.As(err, new(RefusedError)):
			return err
		case errors.As(err, new(unreachedError)):
			p.sweep()
		case err != nil:
			s.log.Warn("a daemon of another build", "socket", p.Socket(), "error", err)
		default:
			c.Close()
		}
	}
	return nil
}

// askForHandover makes this the daemon of whoever comes, of whichever build. An older daemon
// ends, and its clients come here. Of two builds of one version each would do so to the other for
// ever, if both have editors: the one that was there goes on until its last client has left.
func (s *server) askForHandover() {
	for _, p := range s.options.Place.others() {
		c, err := s.reach(p, Control)
		if err != nil {
			s.log.Warn("the daemon of another build is not asked to hand over", "socket", p.Socket(), "error", err)
			continue
		}
		older := s.options.Place.Build.newerThan(c.Daemon.Build)
		do := doHandover
		if older {
			do = doRelease
		}
		if _, err := c.ask(s.ctx, do); err != nil {
			s.log.Warn("the daemon of another build does not hand over", "socket", p.Socket(), "error", err)
			c.Close()
			continue
		}
		if older {
			s.awaitEnd(c, releasePatience)
			continue
		}
		s.wait.Go(func() {
			s.awaitEnd(c, 0)
			s.adopt()
		})
	}
}

// releasePatience bounds how long an older daemon may take to let go of what it has.
const releasePatience = 10 * time.Second

// awaitEnd waits until a daemon that was asked to hand over has ended, for a time if that is not 0.
func (s *server) awaitEnd(c *Conn, patience time.Duration) {
	defer c.Close()
	stop := context.AfterFunc(s.ctx, func() { c.Close() })
	defer stop()
	c.SetDeadline(time.Time{})
	if patience > 0 {
		c.SetDeadline(time.Now().Add(patience))
	}
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		s.log.Warn("an older daemon does not come to its end", "pid", c.Daemon.PID)
	}
}

// adopt takes up what others have left, unless this daemon ends.
func (s *server) adopt() {
	if s.ctx.Err() == nil {
		call(s.options.Adopt)
	}
}

// reach connects to the daemon of another build.
func (s *server) reach(p Place, purpose string) (*Conn, error) {
	preface := NewPreface(s.options.Place.Build, purpose)
	preface.Env = nil
	return Join(s.ctx, JoinOptions{Place: p, Preface: preface, peer: s.options.peer})
}

// sweep removes the files of a daemon that has died.
func (p Place) sweep() {
	lock, err := tryLock(p.lock())
	if err != nil {
		return
	}
	defer lock.Close()
	os.Remove(p.Socket())
	os.Remove(p.lock())
}

// ask makes one request.
func (c *Conn) ask(ctx context.Context, do string) (answer, error) {
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer stop()
	c.SetDeadline(time.Now().Add(defaultPatience))
	var a answer
	if err := writeLine(c, request{do}); err != nil {
		return a, err
	}
	line, err := readLine(bufio.NewReader(c), maxControl)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(line, &a); err != nil {
		return a, err
	}
	if a.Error != "" {
		return a, errors.New(a.Error)
	}
	return a, nil
}

// Running asks the daemons of all builds for their status, that of the place's own build
// first. Those that do not answer are left out, and the error says why.
func Running(ctx context.Context, p Place) ([]Status, error) {
	var all []Status
	var errs []error
	for _, p := range p.all() {
		a, err := p.ask(ctx, doStatus)
		switch {
		case err == nil && a.Status == nil:
			errs = append(errs, fmt.Errorf("%s: it does not tell its status", p.Socket()))
		case err == nil:
			all = append(all, *a.Status)
		case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.ECONNREFUSED), gone(err): // it has ended
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", p.Socket(), err))
		}
	}
	return all, errors.Join(errs...)
}

// Stop ends the daemons of all builds, with all that they have, and waits until they have ended; it
// tells which.
func Stop(ctx context.Context, p Place) (pids []int, err error) { return end(ctx, p, doStop) }

// Release ends them, too, but has them let go of what they have, for another one to take up.
func Release(ctx context.Context, p Place) (pids []int, err error) { return end(ctx, p, doRelease) }

func end(ctx context.Context, p Place, do string) (pids []int, err error) {
	starting, err := lockFile(ctx, p.start()) // so that none is being started
	if err != nil {
		return nil, err
	}
	defer starting.Close()
	for _, p := range p.all() {
		pid := readPID(p.lock())
		if p.free() {
			continue
		}
		_, err := p.ask(ctx, do)
		unreached := unreachedError{}
		errors.As(err, &unreached)
		o := JoinOptions{Place: p, Patience: defaultPatience}
		if err := o.clear(ctx, unreached.pid); err != nil {
			return pids, err
		}
		pids = append(pids, pid)
	}
	return pids, nil
}

// all are the places of all builds, this one's first.
func (p Place) all() []Place { return append([]Place{p}, p.others()...) }

// free tells whether no daemon of the build lives.
func (p Place) free() bool {
	if _, err := os.Lstat(p.lock()); errors.Is(err, fs.ErrNotExist) {
		return true
	}
	lock, err := tryLock(p.lock())
	if err == nil {
		lock.Close()
	}
	return err == nil
}

func (p Place) ask(ctx context.Context, do string) (answer, error) {
	preface := NewPreface(p.Build, Control)
	preface.Env = nil
	c, err := Join(ctx, JoinOptions{Place: p, Preface: preface})
	if err != nil {
		return answer{}, err
	}
	defer c.Close()
	return c.ask(ctx, do)
}

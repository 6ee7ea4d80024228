package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// remote is a kernel's place on a Jupyter server.
type remote struct {
	server *Server
	id     string
	// started tells that the kernel was started here, so that it ends with the
	// [Kernel]; one that was attached to runs on.
	started  bool
	deleting sync.Once
}

// deleteTimeout bounds how long [Kernel.Close] waits for a server.
const deleteTimeout = 5 * time.Second

// Start has the server start a kernel and waits until it is ready. It is one of
// [Server.Specs], of which only Name counts; without a name it is the server's
// default. dir is the kernel's folder relative to the server's root, empty for that.
// The kernel ends with [Kernel.Shutdown] or [Kernel.Close].
func (s *Server) Start(ctx context.Context, spec Spec, dir string, o Options) (*Kernel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	kernel, err := s.start(ctx, spec.Name, dir)
	if err == nil {
		var k *Kernel
		if k, err = s.join(ctx, kernel.ID, true, o); err == nil {
			k.spec = spec
			k.spec.Name = kernel.Name
			return k, nil
		}
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), deleteTimeout)
		defer cancel()
		if err := s.delete(late, kernel.ID); err != nil {
			o.log().Debug("delete a kernel that did not start", "server", s.String(), "error", err)
		}
	}
	if errors.Is(err, ErrNoSuchKernel) {
		err = fmt.Errorf("the server has no kernelspec of that name (HTTP 404), or is no Jupyter server")
	}
	return nil, fmt.Errorf("start kernel %s on %s: %w", spec.Name, s, err)
}

// Attach joins a kernel that runs on the server. Closing the Kernel leaves it running.
func (s *Server) Attach(ctx context.Context, id string, o Options) (*Kernel, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	kernel, err := s.kernel(ctx, id) // which says more than a refused websocket
	if err == nil {
		var k *Kernel
		if k, err = s.join(ctx, kernel.ID, false, o); err == nil {
			k.spec.Name = kernel.Name
			return k, nil
		}
	}
	return nil, fmt.Errorf("attach to kernel %s of %s: %w", id, s, err)
}

func (s *Server) join(ctx context.Context, id string, started bool, o Options) (*Kernel, error) {
	k := newKernel(o)
	k.remote = &remote{server: s, id: id, started: started}
	err := k.connect(ctx, func(ctx context.Context) (channels, error) {
		w, err := dialWeb(ctx, s, id, k.session)
		if err != nil {
			return nil, err
		}
		w.malformed, w.down, w.up = k.malformed, k.down, k.up
		return w, nil
	}, k.ready)
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Place names where a remote kernel runs; ok is false for a kernel on this machine.
func (k *Kernel) Place() (p Place, ok bool) {
	if k.remote == nil {
		return Place{}, false
	}
	return Place{Server: k.remote.server, Kernel: k.remote.id}, true
}

// Remote tells whether the kernel is a Jupyter server's.
func (k *Kernel) Remote() bool { return k.remote != nil }

// Restart has the server of a remote kernel start it anew under the same id, and
// leaves it: [Server.Attach] joins it again. The other kernels are started anew by
// Shutdown and Launch.
func (k *Kernel) Restart(ctx context.Context) error {
	if k.remote == nil {
		return errors.New("restart kernel: only a kernel of a Jupyter server is restarted in place")
	}
	k.expect()
	err := k.remote.server.restart(ctx, k.remote.id)
	k.detach()
	if err != nil {
		return fmt.Errorf("restart kernel: %w", err)
	}
	return nil
}

// down notes that the connection broke. What is under way may have been lost with it.
func (k *Kernel) down(cause error) {
	k.mu.Lock()
	if k.doubtful == nil {
		k.doubtful = map[string]bool{}
		for id := range k.replies {
			k.doubtful[id] = true
		}
		for id, x := range k.executions {
			k.doubtful[id] = true
			if x.overdue != nil {
				x.overdue.Stop() // its reply may be kept by the server
			}
		}
	}
	k.mu.Unlock()
	k.options.Connection(fmt.Errorf("the connection to %s is lost, trying again: %w", k.remote.server, cause))
}

// up notes that the connection is there again.
func (k *Kernel) up() {
	k.mu.Lock()
	doubtful := k.doubtful
	k.doubtful = nil
	k.mu.Unlock()
	k.options.Connection(nil)
	if len(doubtful) > 0 {
		go k.settle(doubtful)
	}
}

// settle ends what was lost with a connection: the server sends what it kept, and a
// kernel takes requests in turn, so that what is not answered by the time that a
// question of now is will never be.
func (k *Kernel) settle(doubtful map[string]bool) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if _, err := k.Request(ctx, jupyter.Shell, jupyter.KernelInfoRequest, struct{}{}); err != nil {
		return // the connection broke again, which begins anew, or the kernel is gone
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for id := range doubtful {
		if answer := k.replies[id]; answer != nil {
			delete(k.replies, id)
			close(answer)
		}
		if x := k.executions[id]; x != nil {
			x.giveUp(errConnectionLost)
		}
	}
}

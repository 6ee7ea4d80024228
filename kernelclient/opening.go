package kernelclient

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/reval-editor/reval/internal/zsock"
	"github.com/reval-editor/reval/jupyter"
)

// way is how a kernel that is started and its client agree on the channels' places.
type way string

// The ways, in the order in which they are tried. Whether a kernel can the first
// two is found out by starting it.
const (
	// byPath: Unix sockets in a folder that is the user's alone. Of a tcp port
	// anyone on the machine could read IOPub, which is signed but open.
	byPath way = "ipc"
	// byRegistration: the kernel chooses its ports and tells them (JEP 66).
	byRegistration way = "tcp, registered"
	// byPort: the kernel is told ports that were free a moment ago.
	byPort way = "tcp"
)

func (w way) transport() string {
	if w == byPath {
		return TransportIPC
	}
	return TransportTCP
}

// opening is the way of one start.
type opening struct {
	// info is what the connection file says when the kernel starts.
	info jupyter.ConnectionInfo
	// wait returns where the channels are, as soon as the kernel has shown it.
	wait func(context.Context) (jupyter.ConnectionInfo, error)
	// end lets go of what wait needed.
	end func()
}

// errUnopened says that a kernel has not opened its channels in the way it was told to.
var errUnopened = errors.New("the kernel did not open its channels")

// open prepares a start of the kernel called name.
func (w way) open(ctx context.Context, name string, vars map[string]string, log *slog.Logger) (opening, error) {
	info := jupyter.ConnectionInfo{
		Transport: w.transport(), IP: "127.0.0.1",
		SignatureScheme: jupyter.SignatureScheme, Key: jupyter.NewKey(), KernelName: name,
	}
	switch w {
	case byPath:
		prefix, err := ipcPrefix(vars, log)
		if err != nil {
			return opening{}, err
		}
		info.IP = prefix
		info.ShellPort, info.IOPubPort, info.StdinPort, info.ControlPort, info.HBPort = 1, 2, 3, 4, 5
		return opening{info, func(ctx context.Context) (jupyter.ConnectionInfo, error) {
			return info, waitForPaths(ctx, info)
		}, func() {}}, nil
	case byRegistration:
		r, err := zsock.ListenRouter(ctx, "tcp://127.0.0.1:0", zsock.Options{
			Verify: func(frames [][]byte) error { return checkRegistration(frames, info.Key) },
		})
		if err != nil {
			return opening{}, fmt.Errorf("open a registration socket: %w", err)
		}
		info.RegistrationIP, info.RegistrationPort, _ = net.SplitHostPort(strings.TrimPrefix(r.Endpoint(), "tcp://"))
		info.KernelID = jupyter.NewID()
		return opening{info, func(ctx context.Context) (jupyter.ConnectionInfo, error) {
			return registered(ctx, r, info)
		}, func() { r.Close() }}, nil
	}
	ports, err := freePorts(5)
	if err != nil {
		return opening{}, fmt.Errorf("find free ports: %w", err)
	}
	info.ShellPort, info.IOPubPort, info.StdinPort, info.ControlPort, info.HBPort = ports[0], ports[1], ports[2], ports[3], ports[4]
	return opening{info, func(context.Context) (jupyter.ConnectionInfo, error) { return info, nil }, func() {}}, nil
}

// How long a kernel that could do with another way has to open its channels in the
// first: since it has read where, or since its start if that cannot be seen.
// Registration gets less: ipykernel's kernelspec says that it has it, and it has not.
const (
	pathPatience         = 10 * time.Second
	unseenPathPatience   = 30 * time.Second
	registrationPatience = 3 * time.Second
	readingPause         = 100 * time.Millisecond
)

// await waits for the kernel to open its channels. The error is errUnopened if it
// does not, or ctx's cause.
func (o opening) await(ctx context.Context, w way, read reading) (jupyter.ConnectionInfo, error) {
	if w == byPort {
		return o.wait(ctx) // zsock tries until somebody listens
	}
	patience := pathPatience
	if _, known := read.done(); !known {
		patience = unseenPathPatience
	}
	if w == byRegistration {
		patience = registrationPatience
	}
	if deadline, ok := ctx.Deadline(); ok { // another way is to have its time, too
		patience = min(patience, time.Until(deadline)/2)
	}
	start := time.Now()
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel(nil)
	watch.Go(func() {
		look := time.NewTicker(readingPause)
		defer look.Stop()
		for {
			select {
			case <-look.C:
			case <-ctx.Done():
				return
			}
			if done, known := read.done(); known && !done {
				start = time.Now() // it is still loading
			} else if time.Since(start) > patience {
				cancel(errUnopened)
			}
		}
	})
	return o.wait(ctx)
}

// Ports that a kernel is told are below those that systems give to whoever asks for
// any (from 32768 on Linux, from 49152 elsewhere), lest one is given away before the
// kernel binds it.
const (
	lowPort  = 16384
	highPort = 32767
)

// portTries is how many of those ports may be in use before any port is taken.
const portTries = 100

// freePorts finds n different ports that are free on loopback.
func freePorts(n int) ([]int, error) {
	var ports []int
	for tries := 0; len(ports) < n; tries++ {
		port := 0
		if tries < portTries {
			port = lowPort + rand.IntN(highPort-lowPort+1)
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil && port == 0 {
			return nil, err
		}
		if err == nil {
			defer l.Close() // held until all are known, so that they differ
			ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		}
	}
	return ports, nil
}

package kernelpeer

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/reval-editor/reval/jupyter"
)

// Fate says how a kernel in a process of its own ends.
type Fate string

// The fates. "Dies" is an exit with status 7 and the last words on stderr.
const (
	DiesAtOnce     Fate = "dies at once"
	DiesAtItsFile  Fate = "dies when it has read its connection file"
	DiesBound      Fate = "dies when it has bound " // and a channel's name
	DiesSubscribed Fate = "dies when the client has subscribed"
	DiesAsked      Fate = "dies when it is asked for kernel_info"
	DiesAnswered   Fate = "dies when it has answered and published nothing"
	DiesBusy       Fate = "dies when it has answered and published busy"
	KilledAsked    Fate = "is killed when it is asked for kernel_info"
	HangsUp        Fate = "closes its sockets when it is asked, and lives on"
	NeverBinds     Fate = "never binds"
	NeverAnswers   Fate = "never answers"
	DiesExecuting  Fate = "dies when it executes"
	// Stubborn outlives everything but SIGKILL, as a child that it starts does.
	Stubborn Fate = "does not end"
)

// FateVariable is the environment variable by which a test binary that is launched
// as a kernel knows that it is one: its TestMain calls Main then.
const FateVariable = "KERNELPEER_FATE"

// LastWords is what a kernel of Main writes to stderr before it dies.
const LastWords = "these are its last words"

// lifetime bounds the life of a process whose test has failed to end it.
const lifetime = 3 * time.Minute

// Main is a kernel with that fate, on the channels of a connection file. It does
// not return.
func Main(fate Fate, file string) {
	time.AfterFunc(lifetime, die)
	if fate == Stubborn {
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // its child inherits it
		if err := exec.Command("sleep", fmt.Sprint(lifetime.Seconds())).Start(); err != nil {
			fail(err)
		}
	}
	if fate == DiesAtOnce {
		die()
	}
	info, err := jupyter.ReadConnectionFile(file)
	if err != nil {
		fail(err)
	}
	switch fate {
	case DiesAtItsFile:
		die()
	case NeverBinds:
		select {}
	}
	k := newKernel(nil, func(format string, args ...any) { fail(fmt.Errorf(format, args...)) })
	k.script = k.scriptOf(fate)
	if err := k.bind(&info, func(channel jupyter.Channel) {
		if fate == DiesBound+Fate(channel) {
			die()
		}
	}); err != nil {
		fail(err)
	}
	k.serve()
	if fate == DiesSubscribed {
		k.iopub.Recv(k.ctx)
		die()
	}
	select {}
}

func (k *Kernel) scriptOf(fate Fate) Script {
	asked := map[Fate]func(*Request){
		DiesAsked:    func(*Request) { die() },
		DiesAnswered: func(r *Request) { r.replyInfo(); k.last() },
		DiesBusy:     func(r *Request) { r.replyInfo(); r.Status(jupyter.StateBusy); k.last() },
		KilledAsked: func(*Request) {
			self, err := os.FindProcess(os.Getpid())
			if err != nil {
				fail(err)
			}
			self.Kill()
		},
		HangsUp: func(*Request) { go k.Stop() },
		// It could be ready otherwise, before it has noticed the subscription.
		DiesSubscribed: func(*Request) {},
		NeverAnswers:   func(*Request) {},
	}
	script := Script{jupyter.ShutdownRequest: func(*Request) {}}
	if play := asked[fate]; play != nil {
		script[jupyter.KernelInfoRequest] = play
	}
	if fate == DiesExecuting {
		script[jupyter.ExecuteRequest] = func(r *Request) {
			r.Begin()
			r.Print("on")
			k.last()
		}
	}
	return script
}

// last dies when all that was sent is under way. It is called in a channel's
// goroutine, which Stop would wait for.
func (k *Kernel) last() {
	for _, s := range k.sockets {
		s.Close()
	}
	k.iopub.Close()
	die()
}

func die() {
	fmt.Fprintln(os.Stderr, LastWords)
	os.Exit(7)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "played kernel:", err)
	os.Exit(1)
}

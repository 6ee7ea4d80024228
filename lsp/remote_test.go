package lsp_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/lsp"
)

// A Jupyter server's kernel, chosen by URL; its connection is lost and comes back.
func TestRemoteKernel(t *testing.T) {
	server := testenv.StartServer(t, "jupyter_server")
	c := start(t, setup{capabilities: plugin()})
	b := c.python("x = 41\nx + 1\n")

	for url, want := range map[string]string{
		"http://" + server.Address() + "/?token=wrong": "refuses the token",
		"http://127.0.0.1:1/?token=wrong":              "connection refused",
		server.URL("/api/kernels/none"):                "no such kernel",
		server.URL("/api/kernelspecs/none"):            `no kernel "none": there `,
	} {
		got := c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: url})
		if !strings.Contains(got, want) || strings.Contains(got, "token=") && !strings.Contains(got, "?token=,") || strings.Contains(got, "wrong") {
			t.Errorf("%s: %s", url, got)
		}
	}
	if got := c.commandFails(lsp.CommandKernels, lsp.KernelsParams{URI: b.uri, Server: "localhost"}); !strings.Contains(got, "http://") {
		t.Error(got)
	}

	kernels := command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri, Server: server.URL("/lab")})
	if len(kernels) == 0 || kernels[0].Name != "http://"+server.Address()+"/api/kernelspecs/python3" || !kernels[0].Suitable || kernels[0].Running {
		t.Fatalf("kernels %+v", kernels)
	}
	// The server's name and token were told with the list.
	state := command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: kernels[0].Name})
	if !strings.Contains(state.DisplayName, server.Address()) || strings.Contains(state.Kernel, server.Token) {
		t.Errorf("state %+v", state)
	}
	b.run("x = 41")
	b.run("x + 1").want(t, "queued running done", "42")

	// Its connection is lost while it runs, and comes back: so does what it brought.
	marks := t.TempDir()
	code := fmt.Sprintf("import os, time\nprint('on', flush=True)\nwhile not os.path.exists(%q): time.sleep(.01)\nprint('over')\n", filepath.Join(marks, "go"))
	b.rewrite(code)
	running := b.evaluate(lsp.EvaluateParams{Unit: "file"})
	running.printed("on")
	server.Cut()
	c.state(func(s lsp.StateParams) bool {
		return s.State == lsp.SessionDisconnected && strings.Contains(s.Message, server.Address())
	})
	if err := os.WriteFile(filepath.Join(marks, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	server.Join()
	running.printed("over")
	if end := running.wait().end; end.State != lsp.EvaluationDone {
		t.Errorf("end %+v", end)
	}
	if s := c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionIdle }); s.Message != "" {
		t.Errorf("state %+v", s)
	}

	// Another document joins the same kernel by its id.
	kernels = command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri, Server: server.URL("/")})
	if !kernels[0].Running || !kernels[0].Suitable {
		t.Fatalf("kernels %+v", kernels)
	}
	other := start(t, setup{capabilities: plugin()})
	o := other.python("x\n")
	command[lsp.StateParams](other, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: o.uri, Kernel: server.URL("/" + strings.SplitN(kernels[0].Name, "/", 4)[3])})
	o.run("x").want(t, "queued running done", "41")

	// One that was joined is restarted by its server, and told to the one that started it.
	command[any](other, lsp.CommandRestart, o.only())
	o.rewrite("'x' in globals()\n")
	o.run("'x' in globals()").want(t, "queued running done", "False")
	c.state(func(s lsp.StateParams) bool { return s.State == lsp.SessionDead })

	// What the other started is ended with it; a joined one runs on.
	other.close()
	if strings.Contains(other.tail()+c.tail(), server.Token) {
		t.Error("the token is in the log")
	}
}

// A client without a plugin is told by messages.
func TestRemoteKernelWithoutPlugin(t *testing.T) {
	server := testenv.StartServer(t, "jupyter_server")
	c := start(t, setup{capabilities: plain()})
	b := c.python("1 + 1\n")
	command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: server.URL("/")})
	evaluate := func() {
		t.Helper()
		command[lsp.EvaluateResult](c, lsp.CommandEvaluate, lsp.EvaluateParams{URI: b.uri, Unit: "file"})
		expect[any](c, protocol.MethodWorkspaceInlayHintRefresh, nil)
	}
	evaluate()
	server.Cut()
	c.showMessage("is lost, trying again")
	server.Join()
	c.showMessage("is there again")
	evaluate()
}

// A kernel on a host reached by ssh.
func TestSSHKernel(t *testing.T) {
	url, env := testenv.StartSSHServer(t)
	c := start(t, setup{capabilities: plugin(), env: env})
	b := c.python("1 + 1\n")
	kernels := command[[]lsp.Kernel](c, lsp.CommandKernels, lsp.KernelsParams{URI: b.uri, Server: url})
	at := slices.IndexFunc(kernels, func(k lsp.Kernel) bool { return k.Name == url+"/python3" })
	if at < 0 || !kernels[at].Suitable {
		t.Fatalf("kernels %+v", kernels)
	}
	if got := c.commandFails(lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: url + "/none"}); !strings.Contains(got, "there ") {
		t.Error(got)
	}
	state := command[lsp.StateParams](c, lsp.CommandSelectKernel, lsp.SelectKernelParams{URI: b.uri, Kernel: url})
	if !strings.Contains(state.DisplayName, " on ") || state.Kernel != url+"/python3" {
		t.Errorf("state %+v", state)
	}
	b.run("1 + 1").want(t, "queued running done", "2")
}

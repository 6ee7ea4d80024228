package gokernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/reval-editor/reval/internal/testenv"
	"github.com/reval-editor/reval/jupyter"
)

// Counter is a type of the program.
type Counter struct{ N int }

func (c *Counter) Up(by int) *Counter { c.N += by; return c }

// serve runs Serve in this process and gives a client, and a function that waits for
// its end.
func serve(t *testing.T, o Options, h Host) (c *client, end func() error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	h.Ready = func(file string) { ready <- file }
	go func() { ended <- Serve(ctx, o, h) }()
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	t.Cleanup(stop)
	info, err := jupyter.ReadConnectionFile(h.ConnectionFile)
	if err != nil {
		t.Fatal(err)
	}
	return connect(t, info), func() error { stop(); return <-ended }
}

func TestServe(t *testing.T) {
	for _, engine := range Engines {
		for _, ipc := range []bool{false, true} {
			if ipc && runtime.GOOS == "windows" {
				continue
			}
			file := filepath.Join(testenv.RuntimeDir(t), "kernel-test.json")
			live, limit, names, last := &Counter{N: 1}, 7, []string{"a"}, error(nil)
			stdout := os.Stdout
			c, end := serve(t, Options{Engine: engine}, Host{ConnectionFile: file, TCP: !ipc, Packages: []Package{{
				Path: "example.com/app",
				Symbols: map[string]any{
					"Counter": live, "Limit": &limit, "Names": &names, "Last": &last, "Shape": new([2]int),
					"Twice": func(n int) int { return 2 * n },
				},
				Docs:   map[string]string{"Twice": "Twice doubles."},
				Params: map[string][]string{"Twice": {"n"}},
			}}})
			for _, tc := range []struct{ code, want string }{
				{"app.Counter.N", "value: 1\n"},
				{"app.Counter.Up(2)\nimport \"fmt\"\nfmt.Println(app.Counter.N)", "stdout:\n3\n"},
				{"app.Counter.N = 40\nkept := &app.Counter\nkept.Up(app.Twice(1)).N", "value: 42\n"},
				{"app.Limit = app.Limit + 1\napp.Limit", "value: 8\n"},
				{"app.Limit += 2\nfor app.Limit++; app.Limit < 20; app.Limit *= 2 {}\napp.Limit", "value: 22\n"},
				{"limit := &app.Limit\napp.Limit, *limit = 1, 3\napp.Limit--\n*limit", "value: 2\n"},
				{"app.Last = fmt.Errorf(\"n %d\", app.Counter.N)\napp.Names = append(app.Names, \"b\")\napp.Names[0] += \"c\"\nfmt.Sprint(app.Last, app.Names, app.Shape[1])", "value: \"n 42 [ac b] 0\"\n"},
				{"app.Shape[1]++\napp.Shape", "value: [0 1]\n"},
				{"%reset\napp.Counter.N", "value: 42\n"},
				{"kept", "CompileError:\n"},
			} {
				if got := c.run(tc.code); got != tc.want && !(strings.HasSuffix(tc.want, ":\n") && strings.HasPrefix(got, tc.want)) {
					t.Errorf("%s, ipc %t: %s\ngives %s\nwant %s", engine, ipc, tc.code, got, tc.want)
				}
			}
			if live.N != 42 || limit != 2 || fmt.Sprint(names, last) != "[ac b] n 42" {
				t.Errorf("%s: the program's own variables are %d, %d, %v, %v", engine, live.N, limit, names, last)
			}
			got := content[jupyter.InspectReplyContent](t, c.ask(jupyter.InspectRequest, jupyter.InspectRequestContent{Code: "app.Twice", CursorPos: 9}))
			if s := text(t, got.Data); s != "func app.Twice(n int) int\n\nTwice doubles.\n\nDefined in example.com/app" {
				t.Errorf("%s: inspect gives %s", engine, s)
			}
			if os.Stdout != stdout {
				t.Error("the program's stdout was taken")
			}
			if err := end(); err != nil {
				t.Error(err)
			}
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the connection file is still there: %v", err)
			}
		}
	}
}

// A client's shutdown ends the kernel, not the program.
func TestServeEndsByShutdown(t *testing.T) {
	c, end := serve(t, Options{}, Host{ConnectionFile: filepath.Join(t.TempDir(), "kernel-test.json")})
	r := c.send(c.control, jupyter.ShutdownRequest, jupyter.ShutdownContent{})
	c.expect(c.control, jupyter.ShutdownReply, r)
	if err := end(); err != nil {
		t.Error(err)
	}
}

func TestServeRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kernel-test.json")
	var none func()
	for want, h := range map[string]Host{
		"no connection file is named":                   {},
		`package a/b-c`:                                 {ConnectionFile: file, Packages: []Package{{Path: "a/b-c"}}},
		`the standard library has one of this path`:     {ConnectionFile: file, Packages: []Package{{Path: "fmt"}}},
		`package app: the function F is nil`:            {ConnectionFile: file, Packages: []Package{{Path: "app", Symbols: map[string]any{"F": none}}}},
		`offer package "app": "f" is no exported name`:  {ConnectionFile: file, Packages: []Package{{Path: "app", Symbols: map[string]any{"f": 1}}}},
		`there is no engine "gc": choose ixgo or yaegi`: {},
	} {
		o := Options{}
		if strings.Contains(want, "engine") {
			o.Engine, h.ConnectionFile = "gc", file
		}
		err := Serve(t.Context(), o, h)
		if err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "package a/")) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a connection file was written: %v", err)
	}
}

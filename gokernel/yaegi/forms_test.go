package yaegi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/internal/testenv"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "write what the engine does into testdata/forms.txtar")

const formsFile = "testdata/forms.txtar"

// TestForms holds what the engine does with each form against what compiled Go
// prints. The engine's answer is "same", or the refusal's message; a form that
// it runs otherwise fails, unless it is among those that only running can show:
// "differs:" and what it printed, which the package documentation lists.
func TestForms(t *testing.T) {
	archive, err := txtar.ParseFile(formsFile)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	var names []string
	for _, f := range archive.Files {
		files[f.Name] = string(f.Data)
		if name, ok := strings.CutSuffix(f.Name, "/cell"); ok {
			names = append(names, name)
		}
	}
	if len(names) < 60 {
		t.Fatalf("%d forms, want at least 60", len(names))
	}
	out := &txtar.Archive{Comment: archive.Comment}
	for _, name := range names {
		cell, compiled := files[name+"/cell"], files[name+"/go"]
		if raceEnabled && strings.Contains(cell, "go ") {
			continue
		}
		got := runForm(t, cell)
		answer := got.refused
		if answer == "" {
			answer = "same"
			if got.output != strings.TrimSpace(compiled) {
				answer = "differs: " + got.output
			}
		}
		t.Run(name, func(t *testing.T) {
			if want := strings.TrimSpace(files[name+"/engine"]); answer != want && !*update {
				t.Errorf("the engine:\n%s\nwant:\n%s\ncompiled Go prints:\n%s", answer, want, compiled)
			}
		})
		out.Files = append(out.Files,
			txtar.File{Name: name + "/cell", Data: []byte(cell)}, txtar.File{Name: name + "/go", Data: []byte(compiled)},
			txtar.File{Name: name + "/engine", Data: []byte(answer + "\n")})
	}
	if *update && !raceEnabled {
		if err := os.WriteFile(formsFile, txtar.Format(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

type formResult struct{ output, refused string }

// runForm evaluates one cell in a fresh session.
func runForm(t *testing.T, cell string) formResult {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	printed := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(r)
		printed <- strings.TrimSpace(string(all))
	}()
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	refused := func() string {
		defer w.Close()
		e, err := New(Options{Stdin: strings.NewReader(""), Stdout: w, Stderr: w})
		if err != nil {
			return err.Error()
		}
		s := front.NewSession(e)
		u, err := s.Prepare(1, cell)
		if err != nil {
			return err.Error()
		}
		if err := e.Load(u); err != nil {
			return s.LoadProblem(u, err).Error()
		}
		ctx, cancel := context.WithTimeout(context.Background(), testenv.Patience)
		defer cancel()
		if err := e.Run(ctx, u); err != nil {
			var p *front.Panic
			if errors.As(err, &p) {
				fmt.Fprintf(w, "panic: %s\n", p.Error())
				return ""
			}
			return err.Error()
		}
		return ""
	}()
	return formResult{output: <-printed, refused: refused}
}

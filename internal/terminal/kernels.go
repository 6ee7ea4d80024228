package terminal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/kernelclient"
)

// kernel is a kernelspec, or a kernel that runs, as `reval kernels --json` tells it;
// the keys stay.
type kernel struct {
	// Name is what --kernel takes; a running kernel's is its connection file, and a
	// server's kernel's is a URL without the token.
	Name        string `json:"name"`
	Language    string `json:"language"`
	DisplayName string `json:"display_name"`
	// Default says that files of its language are evaluated with it.
	Default bool     `json:"default"`
	Source  string   `json:"source"`
	Argv    []string `json:"argv"`
	// Transport is ipc or tcp; empty for a kernelspec that was not started yet.
	Transport string `json:"transport,omitempty"`
	// Missing says what it lacks to be started.
	Missing string      `json:"missing,omitempty"`
	Running *liveKernel `json:"running,omitempty"`
}

// liveKernel says more of a kernel that runs, here or on a server.
type liveKernel struct {
	ConnectionFile string    `json:"connection_file,omitempty"`
	Started        time.Time `json:"started,omitzero"`
	PID            int       `json:"pid,omitempty"`   // if it is known
	Error          string    `json:"error,omitempty"` // why it cannot be attached to

	// What its server says.
	State        string    `json:"state,omitempty"`
	LastActivity time.Time `json:"last_activity,omitzero"`
	Connections  int       `json:"connections,omitempty"` // clients that are connected to it
}

// mark is what the row of a default kernel begins with.
func (k kernel) mark() string {
	if k.Default {
		return "*"
	}
	return " "
}

// Kernels lists on Out the kernels that finder finds and those that run, as tables
// or as JSON, and tells on Err which kernelspecs are broken.
func Kernels(ctx context.Context, s Streams, finder kernelclient.Finder, asJSON bool) error {
	specs, findErr := finder.Find(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	kernels := []kernel{}
	for _, spec := range specs {
		kernels = append(kernels, kernel{
			spec.Name, spec.Language, spec.DisplayName, isDefault(spec, specs), spec.Source, spec.Argv,
			kernelclient.KnownTransport(spec, os.Environ()), spec.Missing, nil,
		})
	}
	found := len(kernels)
	live, err := kernelclient.Running(ctx, nil)
	if err != nil {
		return err
	}
	for _, k := range live {
		if errors.Is(k.Err, kernelclient.ErrDead) {
			continue // only its file is left
		}
		r := &liveKernel{ConnectionFile: k.File, Started: k.Started, PID: k.PID}
		if k.Err != nil {
			r.Error = k.Err.Error()
		}
		kernels = append(kernels, kernel{Name: k.File, DisplayName: k.Name, Source: k.File, Argv: []string{}, Transport: k.Transport, Running: r})
	}
	if findErr != nil {
		for line := range strings.SplitSeq(findErr.Error(), "\n") {
			fmt.Fprintf(s.Err, "reval: %s\n", output.Line(line))
		}
	}
	if asJSON {
		return writeJSON(s.Out, kernels)
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	kernels = shown(kernels)
	fmt.Fprintln(t, "  NAME\tLANGUAGE\tDISPLAY NAME\tFOUND IN")
	for _, k := range kernels[:found] {
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\n", k.mark(), k.Name, k.Language, k.DisplayName, k.Source)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(s.Out, "\n* is what files of the language are evaluated with, unless another is chosen by its name."); err != nil {
		return err
	}
	for _, k := range kernels[:found] {
		if k.Missing != "" {
			fmt.Fprintf(s.Out, "%s cannot be started: %s\n", k.Name, k.Missing)
		}
	}
	if len(kernels) == found {
		return nil
	}
	fmt.Fprintln(t, "\n  RUNNING\tSTARTED\tPID\tTRANSPORT\tCONNECTION FILE")
	for _, k := range kernels[found:] {
		file := k.Name
		if k.Running.Error != "" {
			file += " (" + k.Running.Error + ")"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\n", orDash(k.DisplayName), k.Running.Started.Local().Format(time.DateTime), orDash(pid(k.Running.PID)), orDash(k.Transport), file)
	}
	return t.Flush()
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func pid(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// isDefault tells whether a kernel is what its language's files are evaluated with.
func isDefault(spec kernelclient.Spec, specs []kernelclient.Spec) bool {
	lang, ok := language.For(spec.Language)
	w := wanted("", lang)
	if !ok {
		w.Matches = func(other string) bool { return strings.EqualFold(other, spec.Language) }
	}
	chosen, err := kernelclient.Choose(specs, nil, w)
	return err == nil && chosen.Name == spec.Name
}

// shown are kernels as a terminal may show them: their names and words come from files,
// servers and hosts.
func shown(kernels []kernel) []kernel {
	clean := make([]kernel, len(kernels))
	for i, k := range kernels {
		k.Name, k.Language, k.DisplayName, k.Source = output.Line(k.Name), output.Line(k.Language), output.Line(k.DisplayName), output.Line(k.Source)
		k.Missing = output.Line(k.Missing)
		if k.Running != nil {
			running := *k.Running
			running.State, running.Error = output.Line(running.State), output.Line(running.Error)
			k.Running = &running
		}
		clean[i] = k
	}
	return clean
}

// writeJSON writes v with what a terminal would obey escaped, which is in strings alone.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(w, escaped(b.String()))
	return err
}

// escaped is JSON with what a terminal would obey escaped.
func escaped(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r != '\n' && output.Line(string(r)) != string(r) {
			fmt.Fprintf(&b, "\\u%04x", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

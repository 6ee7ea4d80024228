package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/kernelclient"
)

// kernel is a kernelspec as `reval kernels --json` tells it; the keys stay.
type kernel struct {
	Name        string `json:"name"`
	Language    string `json:"language"`
	DisplayName string `json:"display_name"`
	// Default says that files of its language are evaluated with it.
	Default bool     `json:"default"`
	Source  string   `json:"source"`
	Argv    []string `json:"argv"`
}

// Kernels lists on Out the kernels that finder finds, as a table or as JSON, and
// tells on Err which kernelspecs are broken.
func Kernels(ctx context.Context, s Streams, finder kernelclient.Finder, asJSON bool) error {
	specs, findErr := finder.Find(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	kernels := []kernel{}
	for _, spec := range specs {
		kernels = append(kernels, kernel{
			spec.Name, spec.Language, spec.DisplayName, isDefault(spec, specs), spec.Source, spec.Argv,
		})
	}
	if findErr != nil {
		for line := range strings.SplitSeq(findErr.Error(), "\n") {
			fmt.Fprintf(s.Err, "reval: %s\n", line)
		}
	}
	if asJSON {
		return writeJSON(s.Out, kernels)
	}
	t := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "  NAME\tLANGUAGE\tDISPLAY NAME\tFOUND IN")
	for _, k := range kernels {
		mark := " "
		if k.Default {
			mark = "*"
		}
		fmt.Fprintf(t, "%s %s\t%s\t%s\t%s\n", mark, k.Name, k.Language, k.DisplayName, k.Source)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(s.Out, "\n* is what files of the language are evaluated with, unless another is chosen by its name.")
	return err
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

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

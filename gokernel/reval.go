package gokernel

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/reval-editor/reval/gokernel/comm"
	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/plot"
	"github.com/reval-editor/reval/jupyter"
)

// revalPackage is package reval, which every cell can use without an import.
func (k *kernel) revalPackage() front.Package {
	p := front.Package{Path: "reval", Funcs: map[string]reflect.Value{}, Types: map[string]reflect.Type{}, Docs: map[string]string{
		"":            "Package reval is how a cell speaks to the client that sent it: it shows values, asks for input, and adds magics.",
		"Display":     "Display(v) shows a value in every form that it has. The handle that it gives replaces what is shown.",
		"ClearOutput": "ClearOutput(wait) clears what the cell has shown; with wait when something new comes.",
		"Input":       "Input(prompt) asks for a line.",
		"Password":    "Password(prompt) asks for a line that is not shown while it is typed.",
		"Progress":    "Progress(label, total) shows a progress bar of total steps; its methods Add and Set move it.",
		"Magic":       "Magic(name, f) makes %name, and %%name with lines after it, call f, a function of no, one or two texts: the arguments and the lines. What it returns is the value; a last error is the cell's.",
		"Plot":        "Plot() makes a plot: Plot().Line(\"name\", xs, ys).Points(…).Title(…).Axes(…).",
		"Table":       "Table(v) is an HTML table of a slice or map of structs, maps or slices.",
		"OnComm":      "OnComm(target, f) has f called with each comm that the client opens for the target.",
		"OpenComm":    "OpenComm(target, data) opens a comm to the client.",
	}, Params: map[string][]string{
		"Display": {"v"}, "ClearOutput": {"wait"}, "Input": {"prompt"}, "Password": {"prompt"}, "Progress": {"label", "total"},
		"Magic": {"name", "f"}, "Table": {"v"}, "OnComm": {"target", "f"}, "OpenComm": {"target", "data"},
	}}
	for name, f := range map[string]any{
		"Display":     k.display,
		"ClearOutput": k.clearOutput,
		"Input":       func(prompt string) string { return k.question(prompt, false) },
		"Password":    func(prompt string) string { return k.question(prompt, true) },
		"Progress":    k.progress,
		"Magic":       k.magics.add,
		"Table": func(v any) display.HTML {
			text, ok := display.Table(v)
			if !ok {
				panic(fmt.Errorf("reval.Table: a %T is no slice or map with columns", v))
			}
			return display.HTML(text)
		},
		"Plot":     plot.New,
		"OnComm":   k.serveComm,
		"OpenComm": k.openComm,
	} {
		p.Funcs[name] = reflect.ValueOf(f)
	}
	for name, t := range map[string]reflect.Type{
		"HTML": reflect.TypeFor[display.HTML](), "Markdown": reflect.TypeFor[display.Markdown](), "LaTeX": reflect.TypeFor[display.LaTeX](),
		"SVG": reflect.TypeFor[display.SVG](), "PNG": reflect.TypeFor[display.PNG](), "JPEG": reflect.TypeFor[display.JPEG](),
		"JSON": reflect.TypeFor[display.JSON](), "Bar": reflect.TypeFor[display.Bar](), "Handle": reflect.TypeFor[display.Handle](), "Comm": reflect.TypeFor[comm.Comm](),
		"Figure": reflect.TypeFor[plot.Figure](),
	} {
		p.Types[name] = t
	}
	return p
}

// display shows a value as the cell that calls. Its panics are the cell's.
func (k *kernel) display(v any) *display.Handle {
	c, id := k.cells.current(), jupyter.NewID()
	b, err := display.Of(v)
	if err != nil {
		panic(err)
	}
	k.publishDisplay(c, jupyter.DisplayDataMsg, id, b)
	return display.NewHandle(func(b display.Bundle) { k.publishDisplay(c, jupyter.UpdateDisplayDataMsg, id, b) })
}

// publishDisplay shows a bundle, or shows it anew, under a display_id.
func (k *kernel) publishDisplay(c *cell, t jupyter.MsgType, id string, b display.Bundle) {
	data, err := b.Encode()
	if err != nil {
		panic(err)
	}
	k.publishAfterOutput(c, t, jupyter.DisplayDataContent{
		Data: data, Metadata: map[string]json.RawMessage{}, Transient: jupyter.DisplayTransient{DisplayID: id},
	})
}

// publishAfterOutput publishes a message of a cell behind what was printed before.
func (k *kernel) publishAfterOutput(c *cell, t jupyter.MsgType, content any) {
	k.streams.syncCell(c)
	var parent *jupyter.Message
	if c != nil {
		parent = c.request
	}
	k.pressure.wait()
	k.publish(parent, t, content)
}

func (k *kernel) clearOutput(wait bool) {
	k.publishAfterOutput(k.cells.current(), jupyter.ClearOutputMsg, jupyter.ClearOutputContent{Wait: wait})
}

func (k *kernel) progress(label string, total int) *display.Bar {
	c, id, t := k.cells.current(), jupyter.NewID(), jupyter.DisplayDataMsg
	return display.NewBar(label, total, func(b display.Bundle) {
		k.publishDisplay(c, t, id, b)
		t = jupyter.UpdateDisplayDataMsg
	})
}

// question asks the client for a line; what keeps it from answering is a panic.
func (k *kernel) question(prompt string, hidden bool) string {
	line, err := k.input.ask(prompt, hidden)
	if err != nil {
		panic(err)
	}
	return line
}

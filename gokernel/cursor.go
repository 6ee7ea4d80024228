package gokernel

import (
	"encoding/json"
	"strings"

	"github.com/reval-editor/reval/gokernel/display"
	"github.com/reval-editor/reval/gokernel/front"
	"github.com/reval-editor/reval/gokernel/magic"
	"github.com/reval-editor/reval/jupyter"
)

func (k *kernel) complete(r jupyter.CompleteRequestContent) any {
	found, start, end := k.completions(r.Code, r.CursorPos)
	reply := jupyter.CompleteReplyContent{Status: jupyter.StatusOK, Matches: []string{}, CursorStart: start, CursorEnd: end}
	for _, c := range found {
		reply.Matches = append(reply.Matches, c.Name)
		reply.Metadata.Types = append(reply.Metadata.Types, jupyter.CompletionType{Start: start, End: end, Text: c.Name, Type: c.Kind, Signature: c.Signature, Import: c.Import})
	}
	return reply
}

func (k *kernel) inspect(r jupyter.InspectRequestContent) any {
	reply := jupyter.InspectReplyContent{Status: jupyter.StatusOK, Data: jupyter.MIMEBundle{}, Metadata: map[string]json.RawMessage{}}
	d, ok := k.space.Load().Inspect(k.goText(r.Code), r.CursorPos)
	if !ok {
		return reply
	}
	reply.Found = true
	reply.Data, _ = describeBundle(d, r.DetailLevel).Encode() // texts always encode
	return reply
}

// goText gives a cell with spaces in the place of what is no Go, so that positions in it
// stay what they are.
func (k *kernel) goText(code string) string {
	parts := k.parts(code)
	if len(parts) == 1 && parts[0].Kind == magic.Go {
		return code
	}
	lines := strings.SplitAfter(code, "\n")
	for _, p := range parts {
		first := &lines[p.Line-1]
		switch {
		case p.Kind == magic.Go:
		case p.Kind == magic.Help:
			*first = strings.NewReplacer("?", " ", "%", " ").Replace(*first)
		case p.Kind == magic.Line && takesGo[p.Name]:
			before := len(p.Code()) - (p.Line - 1) - len(p.Args)
			*first = blanks((*first)[:before]) + (*first)[before:]
		default:
			*first = blanks(*first)
		}
		if p.Kind == magic.Cell && !takesGo[p.Name] {
			for i := p.Line; i < len(lines); i++ {
				lines[i] = blanks(lines[i])
			}
		}
	}
	return strings.Join(lines, "")
}

// takesGo has the magics whose arguments and lines are Go.
var takesGo = map[string]bool{"time": true, "timeit": true}

// blanks gives as many spaces as a line has characters, with its end.
func blanks(line string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return ' '
	}, line)
}

// describeBundle gives a description for all clients.
func describeBundle(d front.Description, detail int) display.Bundle {
	return display.Bundle{"text/plain": describe(d, detail), "text/markdown": describeMarkdown(d, detail)}
}

func describe(d front.Description, detail int) string {
	parts := []string{d.Decl}
	if d.Value != "" {
		parts[0] += " = " + d.Value
	}
	if d.Methods != "" {
		parts = append(parts, d.Methods)
	}
	if d.Doc != "" {
		parts = append(parts, d.Doc)
	}
	if detail > 0 && d.Source != "" {
		parts = append(parts, d.Source)
	}
	if d.Defined != "" {
		parts = append(parts, "Defined in "+d.Defined)
	}
	return strings.Join(parts, "\n\n")
}

func describeMarkdown(d front.Description, detail int) string {
	code := d.Decl
	if d.Value != "" {
		code += " = " + d.Value
	}
	if d.Methods != "" {
		code += "\n\n" + d.Methods
	}
	parts := []string{fence(code)}
	if d.Doc != "" {
		parts = append(parts, d.Doc)
	}
	if detail > 0 && d.Source != "" {
		parts = append(parts, fence(d.Source))
	}
	if d.Defined != "" {
		parts = append(parts, "Defined in `"+d.Defined+"`")
	}
	return strings.Join(parts, "\n\n")
}

// fence makes a code block; its mark is longer than any in the code.
func fence(code string) string {
	mark := "```"
	for strings.Contains(code, mark) {
		mark += "`"
	}
	return mark + "go\n" + code + "\n" + mark
}

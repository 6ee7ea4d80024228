package lsp

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
)

// SignatureHelp shows the parameters of the function in whose call the cursor is, as
// the kernel's inspection of the function tells them.
func (s *Server) SignatureHelp(ctx context.Context, p *protocol.SignatureHelpParams) (*protocol.SignatureHelp, error) {
	at, err := s.placeAt(p.TextDocumentPositionParams)
	if err != nil {
		return nil, err
	}
	typed := at.above + at.line[:document.ByteOffset(at.line, at.cursor)]
	at.above = "" // it is a part of that now
	c, ok := callBefore(typed)
	if !ok {
		return nil, nil
	}
	async(ctx)
	wait, cancel := at.session.deadline(ctx)
	defer cancel()
	code, cursor := at.inspected(typed[:c.end])
	reply, err := at.session.Inspect(wait, code, cursor, 0)
	if ctx.Err() != nil {
		return nil, protocol.ErrRequestCancelled
	}
	if err != nil || !reply.Found {
		return nil, nil
	}
	text, _ := output.Plain(at.session.inBuffers(output.PlainText(reply.Data)))
	sig, ok := signatureIn(text, c.name)
	if !ok {
		return nil, nil
	}
	info := protocol.SignatureInformation{Label: sig.label}
	if sig.rest != "" {
		info.Documentation = s.markup(sig.rest)
	}
	for _, parameter := range sig.parameters {
		info.Parameters = append(info.Parameters, protocol.ParameterInformation{Label: protocol.String(parameter)})
	}
	first := uint32(0)
	return &protocol.SignatureHelp{Signatures: []protocol.SignatureInformation{info}, ActiveSignature: &first, ActiveParameter: sig.active(c)}, nil
}

// openCall is a call whose arguments are being written.
type openCall struct {
	name     string // the last part of the function's
	end      int    // offset behind the name
	argument int    // which one is written, from 0
	keyword  string // that begins it, as in sep="x"; "" for none
}

var keywordArgument = regexp.MustCompile(`^\s*([\pL_][\pL\pN_.]*)\s*=(?:[^=]|$)`)

// callBefore finds the innermost call that a text ends in.
func callBefore(text string) (openCall, bool) {
	type bracket struct{ at, argument, commas int } // offsets of the bracket, and of the argument behind the last comma
	var open []bracket
	scanBrackets(text, func(i int, b byte) bool {
		switch b {
		case '(', '[', '{':
			open = append(open, bracket{at: i, argument: i + 1})
		case ')', ']', '}':
			if len(open) > 0 {
				open = open[:len(open)-1]
			}
		case ',':
			if len(open) > 0 {
				last := &open[len(open)-1]
				last.commas++
				last.argument = i + 1
			}
		}
		return true
	})
	for _, b := range slices.Backward(open) {
		if text[b.at] != '(' {
			continue
		}
		before := text[:b.at]
		if strings.HasSuffix(before, "]") { // the types of a generic function
			before = before[:strings.LastIndexByte(before, '[')+1]
			before = strings.TrimSuffix(before, "[")
		}
		name := before[len(strings.TrimRightFunc(before, inWord)):]
		if name == "" {
			continue // brackets around an expression
		}
		c := openCall{name: name, end: len(before), argument: b.commas}
		if m := keywordArgument.FindStringSubmatch(text[b.argument:]); m != nil {
			c.keyword = m[1]
		}
		return c, true
	}
	return openCall{}, false
}

// scanBrackets calls f with the brackets and commas of a text that are in no literal,
// until it gives false.
func scanBrackets(text string, f func(offset int, b byte) bool) {
	var quote byte
	for i := 0; i < len(text); i++ {
		switch b := text[i]; {
		case quote != 0:
			if b == '\\' && quote != '`' {
				i++
			} else if b == quote {
				quote = 0
			}
		case b == '"', b == '`':
			quote = b
		case b == '\'':
			// After a name it is an operator, as in Julia.
			if r, _ := utf8.DecodeLastRuneInString(text[:i]); !inWord(r) && r != ')' && r != ']' {
				quote = b
			}
		case strings.IndexByte("()[]{},", b) >= 0:
			if !f(i, b) {
				return
			}
		}
	}
}

// signature is a function's, in one line.
type signature struct {
	label      string
	parameters []string // parts of label
	rest       string   // what else the text has in other lines
}

// signatureIn finds the signature of a function in what a kernel tells of it: what begins
// with its name, or, for a variable, with its type's "func".
func signatureIn(text, name string) (signature, bool) {
	for _, begin := range []string{name, "func"} {
		at := regexp.MustCompile(`(?m)(?:^|[^\pL\pN_])(` + regexp.QuoteMeta(begin) + `)(?:\[[^\]\n]*\])?\(`).FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		if sig, length, ok := readSignature(text[at[2]:], at[1]-1-at[2]); ok {
			above := text[:strings.LastIndexByte(text[:at[2]], '\n')+1]
			sig.rest = strings.TrimSpace(above + text[at[2]+length:])
			return sig, true
		}
	}
	return signature{}, false
}

// readSignature reads a name, the parameters in the brackets that open behind it, and the
// rest of the line. It gives how long that is.
func readSignature(text string, open int) (sig signature, length int, ok bool) {
	depth, begin, end := 0, open+1, 0
	var cuts []int
	scanBrackets(text[open:], func(i int, b byte) bool {
		i += open
		switch b {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				end = i
				return false
			}
		case ',':
			if depth == 1 {
				cuts = append(cuts, i)
			}
		}
		return true
	})
	if end == 0 {
		return signature{}, 0, false
	}
	rest, _, _ := strings.Cut(text[end+1:], "\n")
	var all []string
	for _, cut := range append(cuts, end) {
		if parameter := strings.Join(strings.Fields(text[begin:cut]), " "); parameter != "" {
			all = append(all, parameter)
		}
		begin = cut + 1
	}
	sig.label = text[:open+1] + strings.Join(all, ", ") + ")" + strings.TrimRight(rest, " \t\r")
	for _, parameter := range all {
		if parameter != "/" && parameter != "*" { // marks of Python's, no parameters
			sig.parameters = append(sig.parameters, parameter)
		}
	}
	return sig, end + 1 + len(rest), true
}

// active gives which parameter is written, if any.
func (sig signature) active(c openCall) protocol.Nullable[uint32] {
	if len(sig.parameters) == 0 {
		return protocol.Nullable[uint32]{}
	}
	i := c.argument
	if c.keyword != "" {
		named := func(parameter string) bool {
			rest, ok := strings.CutPrefix(strings.TrimLeft(parameter, "*"), c.keyword)
			r, _ := utf8.DecodeRuneInString(rest)
			return ok && !inWord(r)
		}
		if n := slices.IndexFunc(sig.parameters, named); n >= 0 {
			i = n
		}
	}
	return protocol.NewNullable(uint32(min(i, len(sig.parameters)-1)))
}

package lsp

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/language"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
	"github.com/reval-editor/reval/kernelclient"
)

// SignatureHelp shows the parameters of the function in whose call the cursor is, as
// the kernel's inspection of the function tells them, or else its completion.
func (s *Server) SignatureHelp(ctx context.Context, p *protocol.SignatureHelpParams) (*protocol.SignatureHelp, error) {
	at, err := s.placeAt(p.TextDocumentPositionParams)
	if err != nil {
		return nil, err
	}
	text, spot := at.cell, at.spot
	if at.above != "" {
		text = at.above + at.typed()
		spot = at.language.Spot(text)
		at.above = "" // it is a part of that now
	}
	c, ok := callBefore(at.language, text, spot)
	if !ok || spot.Comment {
		return nil, nil
	}
	async(ctx)
	found, rest := at.signatures(ctx, c, text)
	if ctx.Err() != nil {
		return nil, protocol.ErrRequestCancelled
	}
	found = slices.DeleteFunc(found, func(sig signature) bool { return len(sig.label) > maxSignature })
	found = found[:min(len(found), maxSignatures)]
	if len(found) == 0 {
		return nil, nil
	}
	// The one that fits what is written comes first: some editors show no other.
	fit := slices.IndexFunc(found, func(sig signature) bool { return sig.fits(c) })
	if fit < 0 {
		fit = max(0, slices.IndexFunc(found, signature.open))
	}
	found = slices.Concat(found[fit:fit+1], found[:fit], found[fit+1:])
	first := uint32(0)
	help := &protocol.SignatureHelp{ActiveSignature: &first, ActiveParameter: found[0].active(c)}
	for _, sig := range found {
		help.Signatures = append(help.Signatures, s.information(sig, rest))
	}
	return help, nil
}

// Bounds of the signatures that are shown: how many, and of how many bytes each. A longer one
// is left out whole: its parameters are parts of it, and pandas.read_csv has 3,000 bytes.
const (
	maxSignatures = 20
	maxSignature  = 16 << 10
)

// information is a signature in the form of LSP, with what else is known of the function.
func (s *Server) information(sig signature, rest string) protocol.SignatureInformation {
	info := protocol.SignatureInformation{Label: output.Line(sig.label)}
	if rest != "" {
		info.Documentation = s.markup(rest)
	}
	for _, parameter := range sig.parameters {
		info.Parameters = append(info.Parameters, protocol.ParameterInformation{Label: protocol.String(output.Line(parameter))})
	}
	return info
}

// signatures asks the kernel for the signatures of the function that is called, the first of
// which is the most general one, and for what else it tells of it. text has the call.
func (p place) signatures(ctx context.Context, c openCall, text string) (found []signature, rest string) {
	if code, cursor, ok := p.inspected(text[:c.end]); ok {
		wait, cancel := p.session.patience(ctx, jupyter.InspectRequest)
		defer cancel()
		if reply, err := p.session.inspect(wait, code, cursor, 0); err == nil {
			if i, ok := p.session.readInspection(reply); ok {
				if found, rest = i.signatures(c.name); len(found) > 0 {
					return found, rest
				}
			}
		}
	}
	if p.language.Context {
		return nil, ""
	}
	wait, cancel := p.session.patience(ctx, jupyter.CompleteRequest)
	defer cancel()
	if sig, ok := p.completedSignature(wait, c, text); ok {
		return []signature{sig}, ""
	}
	return nil, ""
}

// completedSignature takes the signature from completions: of the name, where the kernel gives
// it with them, as for what was not evaluated yet, or of its parameters.
func (p place) completedSignature(ctx context.Context, c openCall, text string) (signature, bool) {
	logical, ok := p.language.OneLine(text[:c.end], p.language.Spot(text[:c.end]))
	if !ok {
		logical = text[strings.LastIndexByte(text[:c.end], '\n')+1 : c.end]
	}
	for _, code := range []string{p.plain(logical), p.plain(text[:c.end])} {
		reply, err := p.session.complete(ctx, code, kernelclient.CursorAt(code, len(code)))
		if err != nil {
			return signature{}, false
		}
		for _, t := range reply.Metadata.Types {
			if (t.Text == c.name || strings.HasSuffix(t.Text, "."+c.name)) && strings.HasPrefix(t.Signature, "(") {
				return readSignature(c.name + output.Line(t.Signature))
			}
		}
	}
	path, whole := p.language.PathAtEnd(text[:c.end])
	if !whole {
		return signature{}, false
	}
	return p.parameters(ctx, path)
}

// parameters makes the signature of a function of the parameters that the kernel completes in
// its call.
func (p place) parameters(ctx context.Context, path string) (signature, bool) {
	code := path + "("
	reply, err := p.session.complete(ctx, code, kernelclient.CursorAt(code, len(code)))
	if err != nil {
		return signature{}, false
	}
	var parameters []string
	named := false
	for _, match := range reply.Matches {
		if isParameter(match) || match == "..." {
			named = named || match != "..."
			parameters = append(parameters, strings.TrimRight(output.Line(match), " ="))
		}
	}
	if !named {
		return signature{}, false
	}
	return readSignature(path + "(" + strings.Join(parameters, ", ") + ")")
}

// openCall is a call whose arguments are being written.
type openCall struct {
	name     string // the last part of the function's
	end      int    // offset behind the name
	argument int    // which one is written, from 0
	keyword  string // that begins it, as in sep="x"; "" for none
}

var keywordArgument = regexp.MustCompile(`^\s*([\pL_.][\pL\pN_.]*)\s*=(?:[^=]|$)`)

var (
	// keyword is what has brackets behind it and is no function.
	keyword = regexp.MustCompile(`^(?:if|elif|while|for|switch|catch|function|func|return|and|or|not|in)$`)
	// declaration stands before the name of a function that is being written.
	declaration = regexp.MustCompile(`(?:^|\s)(?:def|class|func|function|fn|macro)\s+$`)
)

// callBefore finds the innermost call that a text ends in; spot is what its end is in.
func callBefore(l language.Language, text string, spot language.Spot) (openCall, bool) {
	for _, b := range slices.Backward(spot.Open) {
		c, ok := callAt(l, text, b)
		if !ok {
			continue // brackets around an expression
		}
		c.argument = b.Commas
		if m := keywordArgument.FindStringSubmatch(text[b.Argument:]); m != nil {
			c.keyword = m[1]
		}
		return c, true
	}
	return openCall{}, false
}

// callAt gives the call whose arguments a bracket opens.
func callAt(l language.Language, text string, b language.Bracket) (openCall, bool) {
	if b.Sign != '(' {
		return openCall{}, false
	}
	before := text[:b.At]
	if l.Context && strings.HasSuffix(before, "]") { // the types of a generic function
		before = before[:max(0, strings.LastIndexByte(before, '['))]
	}
	name := l.WordAtEnd(before)
	declares := declaration.MatchString(before[:len(before)-len(name)])
	return openCall{name: name, end: len(before)}, name != "" && !keyword.MatchString(name) && !declares
}

// signature is a function's, in one line.
type signature struct {
	label      string
	parameters []string // parts of label
}

// positional are those that can be given without their names.
func (sig signature) positional() int {
	n := 0
	for _, parameter := range sig.parameters {
		if strings.HasPrefix(parameter, "*") || parameter == "..." || strings.HasPrefix(parameter, "...") {
			return 1 << 20
		}
		n++
	}
	return n
}

// fits says whether a call can be one of this signature.
func (sig signature) fits(c openCall) bool {
	if c.keyword != "" {
		return sig.named(c.keyword) >= 0
	}
	return c.argument < sig.positional()
}

// open says whether it takes arguments of any name.
func (sig signature) open() bool { return slices.ContainsFunc(sig.parameters, anyName) }

func anyName(parameter string) bool { return strings.HasPrefix(parameter, "**") || parameter == "..." }

// named is the index of a parameter; -1 if there is none of that name.
func (sig signature) named(name string) int {
	return slices.IndexFunc(sig.parameters, func(parameter string) bool {
		rest, ok := strings.CutPrefix(strings.TrimLeft(parameter, "*"), name)
		return ok && strings.TrimLeft(rest[:min(1, len(rest))], " =:,?") == ""
	})
}

// active gives which parameter is written, if any.
func (sig signature) active(c openCall) protocol.Nullable[uint32] {
	if len(sig.parameters) == 0 {
		return protocol.Nullable[uint32]{}
	}
	i := c.argument
	if c.keyword != "" {
		// By its name, or among those that take any.
		if n := sig.named(c.keyword); n >= 0 {
			i = n
		} else if n := slices.IndexFunc(sig.parameters, anyName); n >= 0 {
			i = n
		}
	} else if n := slices.IndexFunc(sig.parameters, func(p string) bool {
		return strings.HasPrefix(p, "*") && !strings.HasPrefix(p, "**") || strings.HasPrefix(p, "...")
	}); n >= 0 {
		i = min(i, n) // it takes all that follow
	}
	return protocol.NewNullable(uint32(min(i, len(sig.parameters)-1)))
}

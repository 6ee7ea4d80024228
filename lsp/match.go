package lsp

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.lsp.dev/protocol"

	"github.com/reval-editor/reval/internal/document"
	"github.com/reval-editor/reval/internal/output"
	"github.com/reval-editor/reval/jupyter"
)

// match is one completion that a kernel gave.
type match struct {
	text   string // what is to stand in the place of typed
	typed  string // the end of the line before the cursor that it replaces
	behind int    // bytes behind the cursor that it replaces, too
	kind   protocol.CompletionItemKind
	key    bool // of a dictionary, a data frame, a map
	detail string
	needs  string // the package that has to be imported for it
	known  bool   // the kernel told its type
	// meant is a text whose end names what the match means, for the kernel to tell what it knows
	// of it; "" if it would tell of something else.
	meant string
}

// maxMatches bounds a list: it is more than anybody looks through, and an editor has work
// with each.
const maxMatches = 10_000

// matches reads a kernel's answer to a question, each match once, in the order in which they
// are shown: parameters of the call, then the kernel's order, with private names last.
func (p place) matches(q question, reply jupyter.CompleteReplyContent) []match {
	var all []match
	seen := map[string]bool{}
	types := reply.Metadata.Types
	for i, text := range reply.Matches {
		if len(all) == maxMatches {
			break
		}
		if len(text) > maxLabel {
			continue
		}
		start, end := reply.CursorStart, reply.CursorEnd
		var m match
		if len(types) == len(reply.Matches) && types[i].Text == text {
			start, end = types[i].Start, types[i].End
			m = typedMatch(types[i])
		}
		if m.text = output.Line(text); !p.fit(&m, q, start, end) || seen[m.text] {
			continue
		}
		if p.language.ID == "r" && p.spot.String >= 0 && strings.Contains(m.text, "//") {
			continue // R goes on in the one folder that fits, and writes that wrongly
		}
		seen[m.text] = true
		if !m.known {
			m.kind = p.guessedKind(m, text)
		}
		if m.kind == protocol.CompletionItemKindFile && strings.HasSuffix(m.text, "/") {
			m.kind = protocol.CompletionItemKindFolder
		}
		m.meant = p.meant(m, q)
		all = append(all, m)
	}
	return ranked(all)
}

func ranked(all []match) []match {
	slices.SortStableFunc(all, func(a, b match) int { return cmp.Compare(a.rank(), b.rank()) })
	return all
}

// meant is what match.meant is of a match.
func (p place) meant(m match, q question) string {
	switch {
	case q.inferred, q.keys, m.key, m.kind == protocol.CompletionItemKindFile, m.kind == protocol.CompletionItemKindFolder,
		strings.HasSuffix(m.text, "="), fromImport.MatchString(q.code):
		return ""
	}
	typed := p.typed()
	return typed[:len(typed)-len(m.typed)] + m.text
}

func (m match) rank() int {
	switch {
	case isParameter(m.text):
		return 0
	case strings.HasPrefix(m.text, "__"):
		return 3
	case strings.HasPrefix(m.text, "_"):
		return 2
	}
	return 1
}

// isParameter says whether a match is a parameter of the call that is being written.
func isParameter(text string) bool { return strings.HasSuffix(strings.TrimRight(text, " "), "=") }

// fit settles what a match replaces, which are code points of the question's code; ok is
// false if it does not belong there.
func (p place) fit(m *match, q question, start, end int) (ok bool) {
	cursor := int(q.at())
	if start < 0 || end < start || start > cursor || m.text == "" {
		return false // a kernel that contradicts itself
	}
	from := document.ByteOffset(q.code, start)
	asked := q.code[from:q.cursor]
	if p.language.ID == "r" {
		m.text = quotedName.ReplaceAllString(m.text, "$1") // IRkernel quotes letters beyond ASCII
	}
	m.behind = min(document.ByteOffset(q.code, end)-q.cursor, len(p.line)-len(p.typed()))
	m.behind = max(0, m.behind)
	if q.keys {
		return p.fitKey(m, asked)
	}
	word := p.language.WordAtEnd(p.typed())
	member := p.language.MemberAtEnd(strings.TrimSuffix(p.typed(), word)) != ""
	if member && isParameter(m.text) {
		return false
	}
	if known := p.language.WordAtEnd(q.code[:q.cursor]); len(asked) < len(known) {
		// The kernel takes only the end of the word for one, or nothing of it.
		m.typed = word
		return !member && begins(m.text, word)
	}
	if m.key || strings.HasPrefix(m.text, "%") {
		m.typed = asked
	} else {
		m.text, m.typed = sinceWord(p.language.WordAtEnd, m.text, asked)
	}
	m.typed += q.word
	if p.language.ID == "r" && strings.Contains(m.typed, "[") {
		return false // R took an index for a part of a name
	}
	return strings.HasSuffix(p.typed(), m.typed) && (q.word == "" || begins(m.text, m.typed))
}

// quotedName is a name in R that needs no quotes.
var quotedName = regexp.MustCompile("`([\\pL.][\\pL\\pN._]*)`")

// fitKey makes of a match for what stands behind a value the key that a string is to name.
func (p place) fitKey(m *match, asked string) bool {
	m.typed = p.cell[p.spot.String:]
	m.key, m.kind = true, protocol.CompletionItemKindField
	if before, ok := strings.CutSuffix(m.typed, asked); ok {
		m.text = before + m.text
	} else {
		m.text = strings.TrimPrefix(m.text, strings.TrimSuffix(asked, m.typed))
	}
	m.text = strings.Trim(m.text, "`")
	return !strings.HasPrefix(m.text, "%") && !strings.HasSuffix(m.text, "/") && !strings.HasPrefix(m.text, "__") && begins(m.text, m.typed)
}

// begins says whether a text begins with another, in whatever case.
func begins(text, beginning string) bool {
	return len(text) >= len(beginning) && strings.EqualFold(text[:len(beginning)], beginning)
}

// sinceWord takes from a completion what stands before the word at the cursor already: of
// "x.foo" for the typed "x.f" it leaves "foo".
func sinceWord(wordAtEnd func(string) string, text, typed string) (label, replaced string) {
	word := wordAtEnd(typed)
	if rest, ok := strings.CutPrefix(text, strings.TrimSuffix(typed, word)); ok && rest != "" {
		return rest, word
	}
	return text, typed
}

// wanted leaves out what a sign that brought the request, or the string that the place is in,
// does not mean.
func (p place) wanted(all []match, sign string) []match {
	return slices.DeleteFunc(all, func(m match) bool {
		path := m.kind == protocol.CompletionItemKindFile || m.kind == protocol.CompletionItemKindFolder ||
			p.spot.String >= 0 && m.known && m.kind == protocol.CompletionItemKindModule // of an import of Go's
		switch {
		case strings.HasPrefix(m.text, "%") && !p.startsMagic(m):
			return true
		case sign == "[":
			return !m.key
		case sign == "%":
			return !strings.HasPrefix(m.text, "%")
		case p.spot.String < 0:
			return sign == "/" && !path
		case sign == `"`, sign == "'":
			return !m.key && !(path && (p.inPath() || p.inImport()))
		case sign == "/":
			return !path
		case p.language.ID == "shellscript":
			return !path && !strings.Contains(p.typed(), "$")
		}
		return !m.key && !path
	})
}

// startsMagic says whether a magic may stand where a match does: not in an expression.
func (p place) startsMagic(m match) bool {
	before := strings.TrimRight(strings.TrimSuffix(p.typed(), m.typed), " \t")
	return strings.HasPrefix(m.typed, "%") || len(p.spot.Open) == 0 && (before == "" || strings.HasSuffix(before, "="))
}

// typedMatch is what a kernel tells of a match besides its text.
func typedMatch(t jupyter.CompletionType) match {
	name := oneLine(t.Type)
	m := match{known: true, needs: oneLine(t.Import), kind: completionKind(name), key: name == "dict key" || name == "key"}
	if name == "" || name == "<unknown>" {
		return match{}
	}
	m.detail = strings.TrimSpace(name + " " + oneLine(t.Signature))
	return m
}

// completionKind maps the type that IPython and others name to LSP's.
func completionKind(t string) protocol.CompletionItemKind {
	switch strings.ToLower(t) {
	case "function", "func", "builtin":
		return protocol.CompletionItemKindFunction
	case "method":
		return protocol.CompletionItemKindMethod
	case "class", "type":
		return protocol.CompletionItemKindClass
	case "struct":
		return protocol.CompletionItemKindStruct
	case "interface":
		return protocol.CompletionItemKindInterface
	case "module", "package":
		return protocol.CompletionItemKindModule
	case "keyword", "magic":
		return protocol.CompletionItemKindKeyword
	case "instance", "statement", "variable", "var", "param":
		return protocol.CompletionItemKindVariable
	case "property", "field", "key", "dict key":
		return protocol.CompletionItemKindField
	case "const", "constant":
		return protocol.CompletionItemKindConstant
	case "path":
		return protocol.CompletionItemKindFile
	}
	return protocol.CompletionItemKindText
}

// guessedKind tells the kind of a match by how it is written and where it stands, for kernels
// that do not. whole is the match as the kernel wrote it.
func (p place) guessedKind(m match, whole string) protocol.CompletionItemKind {
	before := strings.TrimSuffix(p.typed(), m.typed)
	switch {
	case m.key:
		return protocol.CompletionItemKindField
	case isParameter(m.text):
		return protocol.CompletionItemKindVariable
	case strings.HasPrefix(m.text, "%"):
		return protocol.CompletionItemKindKeyword
	case p.language.MemberAtEnd(before) != "":
		return protocol.CompletionItemKindField
	case p.language.ID == "shellscript" && strings.HasPrefix(whole, "$"):
		return protocol.CompletionItemKindVariable
	case strings.Contains(whole, "/") && p.language.ID != "scheme", p.spot.String >= 0 && p.language.Strings:
		return protocol.CompletionItemKindFile
	}
	return protocol.CompletionItemKindText
}

package lsp

import (
	"regexp"
	"strings"

	"go.lsp.dev/protocol"
)

// triggers are the signs after which clients ask for completions by themselves. What a sign
// means depends on the language and on what it stands in: opens tells.
var triggers = []string{".", "$", ":", `"`, "'", "/", "[", "%", "@"}

// completes says whether there is something to complete at a place. Clients ask after each of
// the triggers, in every language, and while comments are written, too.
func (p place) completes(c *protocol.CompletionContext) bool {
	if p.spot.Comment || p.spot.String < 0 && numberDot.MatchString(p.typed()) {
		return false
	}
	if c.TriggerKind != protocol.CompletionTriggerKindTriggerCharacter {
		return true
	}
	sign := trigger(c)
	return sign != "" && strings.HasSuffix(p.typed(), sign) && strings.Contains(p.language.Triggers, sign) && p.opens(sign)
}

// trigger is the sign that brought a request; "" if another thing did.
func trigger(c *protocol.CompletionContext) string {
	if c.TriggerKind != protocol.CompletionTriggerKindTriggerCharacter || c.TriggerCharacter == nil {
		return ""
	}
	return *c.TriggerCharacter
}

var (
	// numberDot is the point in a number, or the second of two.
	numberDot = regexp.MustCompile(`(?:^|[^\pL\pN_.])\pN[\pN_]*\.$|\.\.$`)
	// pathTyped is the beginning of a path in a string.
	pathTyped = regexp.MustCompile(`^(?:[.~]|\.\.|[\pL\pN_.-]+(?:/[\pL\pN_. -]+)*)?(?:/[\pL\pN_. -]+)*/$`)
	// wordTyped is a path that a shell's line ends with.
	wordTyped = regexp.MustCompile(`(?:^|[\s=:"'])([^\s=:"'$]*)$`)
	// magicTyped is the sign of a magic where one can stand.
	magicTyped = regexp.MustCompile(`^\s*(?:[\pL_][\pL\pN_]*\s*=\s*)?%{1,2}$`)
	decorator  = regexp.MustCompile(`^\s*@$`)
)

// opens says whether a sign that was just typed begins something that can be completed.
func (p place) opens(sign string) bool {
	typed := p.typed()
	before := strings.TrimSuffix(typed, sign)
	value := p.language.WordAtEnd(before) != "" || strings.HasSuffix(before, ")") || strings.HasSuffix(before, "]")
	if p.spot.String >= 0 {
		return p.opensInString(sign)
	}
	switch sign {
	case ".":
		// Behind a value, a string, or at the beginning of a chain's line.
		return value || strings.HasSuffix(before, `"`) || strings.HasSuffix(before, "'") || strings.HasSuffix(before, "?") ||
			strings.TrimSpace(before) == "" || strings.HasSuffix(before, "from ")
	case "$":
		return value || p.language.ID == "shellscript"
	case ":":
		op := p.language.MemberAtEnd(typed)
		return value && op == ":" || strings.HasSuffix(op, "::") && p.language.WordAtEnd(strings.TrimSuffix(typed, op)) != ""
	case "/":
		word := wordTyped.FindStringSubmatch(typed)
		return p.language.ID == "shellscript" && word != nil
	case "[":
		return value
	case "%":
		return magicTyped.MatchString(typed)
	case "@":
		return p.language.MemberAtEnd(typed) == "@" && value || decorator.MatchString(typed) && !value
	}
	return false
}

// opensInString says so of a sign in a string: the quote that opened it, or the last sign of a
// path.
func (p place) opensInString(sign string) bool {
	text := p.cell[p.spot.String:]
	switch sign {
	case `"`, "'":
		return text == "" && p.spot.Quote == sign && (len(p.keyed(p.beforeString())) > 0 || p.inPath() || p.inImport())
	case "/":
		return pathTyped.MatchString(text)
	case "$":
		return p.language.ID == "shellscript" && p.spot.Quote == `"`
	}
	return false
}

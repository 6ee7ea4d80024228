package lsp

import (
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/output"
)

var (
	// active is what of Markdown does more than show text: HTML, pictures, links that are
	// commands of an editor.
	active = regexp.MustCompile(`(?i)<[a-z/!?]|!\[|\bcommand\s*:|javascript\s*:|vscode`)
	// destination begins where a link leads, and its scheme.
	destination = regexp.MustCompile(`\](?:\(|:)\s*<?\s*([A-Za-z][A-Za-z0-9+.-]*):`)
)

// linkSchemes are those that a link may lead to.
var linkSchemes = []string{"http", "https", "mailto"}

// safeMarkdown is Markdown of a kernel's if it shows text and links to pages alone; ok is
// false for any other, of which a client shows the source: what one renderer takes for
// code another may follow.
func safeMarkdown(md string) (text string, ok bool) {
	md = output.Clean(md)
	// A renderer reads entities and escaped signs before it looks what a link is.
	read := html.UnescapeString(strings.ReplaceAll(html.UnescapeString(md), `\`, ""))
	for _, form := range []string{md, read} {
		if active.MatchString(form) {
			return md, false
		}
		for _, m := range destination.FindAllStringSubmatch(form, -1) {
			if !slices.Contains(linkSchemes, strings.ToLower(m[1])) {
				return md, false
			}
		}
	}
	return md, true
}

package lsp

import "testing"

func TestSafeMarkdown(t *testing.T) {
	for md, safe := range map[string]bool{
		"# sum\n\n```julia\nsum(f, itr)\n```\nSee [`prod`](@ref), [docs](https://docs.julialang.org) and x <: y, a < b, `Array{T}`.": true,
		"[mail](mailto:x@example.org) [part](#part) [1]: http://example.org":                                                         true,
		"[run](command:workbench.action.terminal.new)":                                                                               false,
		"[run](COMMAND:x)":               false,
		"[run](<command:x>)":             false,
		"[run](command&colon;x)":         false,
		"[run](comm&#97;nd:x)":           false,
		"[run](command&amp;colon;x)":     false,
		`[run](command\:x)`:              false,
		"[run]( command:x)":              false,
		"[run]\n\n[run]: command:x":      false,
		"[run](com\x00mand:x)":           false,
		"[run](javascript:alert(1))":     false,
		"[run](vscode://x)":              false,
		"[file](file:///etc/passwd)":     false,
		"[data](data:text/html,x)":       false,
		"![](http://example.org/x.png)":  false,
		`\![](http://example.org/x.png)`: false,
		"![x][1]\n\n[1]: http://e.org":   false,
		"<img src=http://e.org/x>":       false,
		"</p><script>":                   false,
		"<!-- x -->":                     false,
		"<command:x>":                    false,
		"&lt;img src=x&gt;":              false,
		"```\n<img src=x>\n```":          false,
	} {
		if text, ok := safeMarkdown(md); ok != safe {
			t.Errorf("%q: %v, %q", md, ok, text)
		}
	}
}

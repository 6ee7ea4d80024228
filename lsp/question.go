package lsp

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reval-editor/reval/kernelclient"
)

// question is one way to ask a kernel what could stand at a place.
type question struct {
	code   string
	cursor int // byte offset in code
	// word is what of the name before the place's cursor is not asked, and only selects
	// among the answers.
	word string
	// keys says that only keys are meant, in a string the rest of which is none of the answer.
	keys bool
	// inferred says that the kernel may infer what the names of the code mean, without
	// looking at what they are.
	inferred bool
}

// at gives the question's cursor as kernels count.
func (q question) at() kernelclient.Cursor { return kernelclient.CursorAt(q.code, q.cursor) }

// ending is the question of a text whose end stands for the place's cursor.
func ending(text string) question { return question{code: text, cursor: len(text)} }

// questions gives what to ask the kernel for completions at a place, in order, until one
// brings something. From more than a statement IPython infers what names mean, and does not
// look at what they are; from less it misses what the line is a part of.
func (p place) questions() []question {
	if p.language.Context {
		code := p.above + p.line + p.below
		return []question{{code: code, cursor: len(p.above) + len(p.typed())}}
	}
	typed, logical := p.typed(), p.logical()
	if p.spot.String >= 0 {
		return p.inString(typed, logical)
	}
	if m := fromImport.FindStringSubmatch(logical); m != nil && p.language.NameAlone {
		return []question{ending("from " + m[1] + " import " + m[2])}
	}
	var all []question
	add := func(q question) {
		if !slices.ContainsFunc(all, func(o question) bool { return o.code == q.code }) {
			all = append(all, q)
		}
	}
	logical, typed = p.plain(logical), p.plain(typed)
	path, known := p.language.PathAtEnd(typed)
	line := !p.rebound(path)
	if line && (strings.TrimSpace(typed) != "" || p.cell == typed) {
		add(ending(logical))
		add(ending(typed))
	}
	whole := ending(p.plain(p.cell))
	whole.inferred = true
	add(whole)
	if word := p.language.WordAtEnd(typed); word != "" && line {
		add(shortened(logical, word))
		add(shortened(typed, word))
	}
	if !known && p.buffer != "" && p.session.AsksAside() {
		// What a call gives is not known without making it, but for what its function is written
		// like. That takes long, and an evaluation must not wait for it.
		q := ending(p.plain(p.buffer))
		q.inferred = true
		add(q)
	}
	return all
}

// fromImport has the module and the beginning of the name that is being written. IPython
// understands neither brackets nor several names.
var fromImport = regexp.MustCompile(`^\s*from\s+([\pL\pN_.]+)\s+import\s*\(?(?:[\pL\pN_\s,]*[\s,])?([\pL\pN_]*)$`)

// shortened asks without the end of the word that a text ends with, which some kernels do not
// take for a part of a name, as Deno and IRkernel do with letters beyond ASCII.
func shortened(text, word string) question {
	known := strings.IndexFunc(word, func(r rune) bool {
		return r >= utf8.RuneSelf || r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	if known < 0 {
		known = len(word)
	}
	q := ending(text[:len(text)-len(word)+known])
	q.word = word[known:]
	return q
}

// plain is code that ends as a text does, without what keeps the kernel from completing it:
// magics of IPython's, what stands before members of R's, and braces of Bash's.
func (p place) plain(code string) string {
	switch p.language.ID {
	case "python":
		start := strings.LastIndexByte(code, '\n') + 1
		magic := codeMagic.FindString(code[start:])
		return code[:start] + strings.Repeat(" ", len(magic)) + code[start+len(magic):]
	case "r":
		// R takes all since the first "$" for one name, as in df$x[df$y.
		if path, whole := p.language.PathAtEnd(code); whole && path != p.language.WordAtEnd(path) {
			return strings.Repeat(" ", len(code)-len(path)) + path
		}
	case "shellscript":
		word := p.language.WordAtEnd(code)
		if before, ok := strings.CutSuffix(code[:len(code)-len(word)], "${"); ok {
			return before + "$" + word
		}
	}
	return code
}

// codeMagic is a magic of IPython's whose arguments are code.
var codeMagic = regexp.MustCompile(`^\s*(?:[\pL_][\pL\pN_]*\s*=\s*)?%%?(?:time|timeit|prun|lprun|mprun|memit|memray_flamegraph|pyinstrument|debug|capture)\s+(?:-\w+(?:[ =]?[\d.]+)?\s+|--[\w-]+(?:=\S+)?\s+)*`)

// inString gives what to ask inside a string: keys of what it is an index of or an argument to,
// else what the kernel knows of strings there.
func (p place) inString(typed, logical string) (all []question) {
	text := p.cell[p.spot.String:]
	if strings.Contains(text, "\n") {
		return nil
	}
	if p.language.Key != "" {
		for _, base := range p.keyed(p.beforeString()) {
			q := ending(base + strings.Replace(p.language.Key, `"`, p.spot.Quote, 1) + text)
			q.keys = true
			all = append(all, q)
		}
	}
	all = append(all, ending(p.plain(logical)))
	if typed != logical {
		all = append(all, ending(p.plain(typed)))
	}
	return all
}

// takesPath matches functions whose strings are paths rather than keys.
var takesPath = regexp.MustCompile(`(?i)(?:^|\W)(?:to_|from_file|read|open|load|save|write|exists|join|glob|mkdir|makedirs|rename|remove|unlink|chdir|listdir|scandir|imread|imsave|source|setwd|file|path|cd)\w*$`)

var (
	// writesFile matches functions that take paths although their values have keys.
	writesFile = regexp.MustCompile(`^(?:to_|read|open|load|save|write)`)
	indexer    = regexp.MustCompile(`\.(?:i?loc|i?at)$`)
	dataNamed  = regexp.MustCompile(`(?:^|[(,]\s*)data\s*=\s*([\pL_][\pL\pN_.]*)`)
	firstName  = regexp.MustCompile(`^\(\s*([\pL_][\pL\pN_.]*)\s*,`)
)

// beforeString is the statement up to the string that the place is in.
func (p place) beforeString() string {
	logical := p.logical()
	return logical[:max(0, len(logical)-len(p.cell[p.spot.String:])-len(p.spot.Quote))]
}

// inPath says whether the string that the place is in is an argument of what takes paths.
func (p place) inPath() bool {
	open := p.spot.Open
	if len(open) == 0 {
		return false
	}
	path, _ := p.language.PathAtEnd(p.cell[:open[len(open)-1].At])
	return open[len(open)-1].Sign == '(' && takesPath.MatchString(path)
}

// inImport says whether the string that the place is in is the path of an import of Go's.
func (p place) inImport() bool {
	return p.language.ID == "go" && goImport.MatchString(p.beforeString())
}

// goImport ends where the path of an import begins.
var goImport = regexp.MustCompile(`^\s*import\s*(?:\([^)]*)?(?:[\pL_.][\pL\pN_]*\s+)?$`)

// keyed gives the values whose keys a string behind a text can name: df of df[["a", and of
// df.groupby(, df of plot(data=df, x=.
func (p place) keyed(text string) []string {
	l := p.language
	for _, b := range slices.Backward(l.Spot(text).Open) {
		before := text[:b.At]
		path, whole := l.PathAtEnd(before)
		switch {
		case path == "" || b.Sign == '{':
			continue // a list, or brackets around an expression
		case writesFile.MatchString(l.WordAtEnd(path)) && b.Sign == '(', !whole:
			return nil
		case b.Sign == '[' && b.Commas == 0 && indexer.MatchString(path):
			return nil // the names of rows
		case b.Sign == '[':
			return []string{indexer.ReplaceAllString(path, "")}
		}
		var all []string
		if name := l.WordAtEnd(path); name != path {
			value := strings.TrimSuffix(path, name)
			all = append(all, strings.TrimSuffix(value, l.MemberAtEnd(value)))
		}
		if m := dataNamed.FindStringSubmatch(text[b.At:]); m != nil {
			all = append(all, m[1])
		}
		if m := firstName.FindStringSubmatch(text[b.At:]); m != nil {
			all = append(all, m[1])
		}
		return all
	}
	return nil
}

package lsp

import (
	"regexp"
	"slices"
	"strings"

	"github.com/reval-editor/reval/internal/language"
)

// signatures finds the signatures of a function in what a kernel tells of it, and gives what
// else it tells.
func (i inspection) signatures(name string) (found []signature, rest string) {
	if len(i.fields) > 0 && !i.has("Class attribute") {
		return i.fieldSignatures(name)
	}
	if usage, ok := usageOf(i.text); ok {
		return usageSignatures(usage, name), strings.TrimSpace(i.text)
	}
	return i.declared(name)
}

// generic are parameters that tell nothing: IPython has them of what is written in C.
var generic = regexp.MustCompile(`^\((?:self, /, )?\*args, \*\*kwargs\)$`)

// fieldSignatures reads those of IPython's fields, and the docstring's where they tell nothing.
func (i inspection) fieldSignatures(name string) (found []signature, rest string) {
	for _, title := range []string{"Signature", "Init signature", "Call signature"} {
		text := strings.TrimSpace(i.field(title))
		open := strings.IndexByte(text, '(')
		if open < 0 {
			continue
		}
		sig, ok := readSignature(text[strings.LastIndexAny(text[:open], ". ")+1:])
		if ok && !generic.MatchString(strings.TrimPrefix(sig.label, name)) {
			found = append(found, sig)
			break
		}
	}
	var told []string
	for _, f := range i.fields {
		switch {
		case strings.HasSuffix(f.title, "ignature"):
		case f.title == "Docstring" && len(found) == 0 && !i.has("String form"), f.title == "Docstring" && len(found) == 0 && i.has("Call signature"):
			var more string
			found, more = docstringSignatures(f.text, name)
			told = append(told, more)
		default:
			told = append(told, f.title+": "+f.text)
		}
	}
	return found, strings.TrimSpace(strings.Join(told, "\n"))
}

// docstringLine begins with a signature, of a function or of a method of any object's.
var docstringLine = regexp.MustCompile(`^(?:[\pL_][\pL\pN_]*\.)?([\pL_][\pL\pN_]*)\(`)

// docstringSignatures reads the lines that a docstring begins with which are signatures of a
// function, and gives what follows.
func docstringSignatures(text, name string) (found []signature, rest string) {
	lines := strings.Split(text, "\n")
	n := 0
	for ; n < len(lines); n++ {
		line := strings.TrimRight(lines[n], " ")
		if line == "" || line == "--" {
			if len(found) > 0 && line == "" {
				break
			}
			continue
		}
		m := docstringLine.FindStringSubmatchIndex(line)
		if m == nil || line[m[2]:m[3]] != name {
			if len(found) > 0 && line[0] == ' ' {
				continue // what the line above goes on with
			}
			break
		}
		if sig, ok := readDocstring(line[m[2]:]); ok {
			found = append(found, sig)
		}
	}
	if len(found) == 0 {
		return nil, text
	}
	return found, strings.Join(lines[n:], "\n")
}

var (
	// optional is how docstrings mark what can be left out: f(a[, b]).
	optional = strings.NewReplacer("[", "", "]", "")
	// returns is what a docstring's line says of the result, where it says only that.
	returns = regexp.MustCompile(`^\s*-+>\s*([^.]{1,30}?)(?:\.\s.*|\.?\s*)$`)
)

// readDocstring reads a signature as docstrings have it.
func readDocstring(line string) (sig signature, ok bool) {
	_, end, ok := bracketed(line)
	if !ok {
		return sig, false
	}
	if sig, ok = readSignature(optional.Replace(line[:end+1])); !ok {
		return sig, false
	}
	sig.label = line[:end+1]
	if m := returns.FindStringSubmatch(line[end+1:]); m != nil {
		sig.label += " -> " + m[1]
	}
	return sig, true
}

// usageTitle begins the signatures on a page of R's help.
var usageTitle = regexp.MustCompile(`(?m)^Usage:\s*$`)

// usageOf is that part of a page.
func usageOf(text string) (usage string, ok bool) {
	at := usageTitle.FindStringIndex(text)
	if at == nil {
		return "", false
	}
	var b strings.Builder
	for line := range strings.SplitSeq(text[at[1]:], "\n") {
		if line != "" && line[0] != ' ' && line[0] != '\t' {
			break // the next title
		}
		b.WriteString(strings.TrimSpace(line) + "\n")
	}
	return b.String(), true
}

var (
	s3Method = regexp.MustCompile(`^## S[34] method for (?:class|signature) ['‘"]([^'’"]+)['’"]`)
	s3Plain  = regexp.MustCompile(`^## Default S3 method`)
	rName    = regexp.MustCompile("^`?([\\pL.][\\pL\\pN._]*)`?\\s*\\(")
)

// usageSignatures reads the signatures of a function from R's Usage: its own, and those of its
// methods, which a page writes below the classes that they are for.
func usageSignatures(usage, name string) (found []signature) {
	r, _ := language.For("r")
	var methods []signature
	class, plain := "", false
	lines := strings.Split(usage, "\n")
	for n := 0; n < len(lines); n++ {
		if m := s3Method.FindStringSubmatch(lines[n]); m != nil {
			class, plain = m[1], false
			continue
		}
		if s3Plain.MatchString(lines[n]) {
			class, plain = "", true
			continue
		}
		m := rName.FindStringSubmatch(lines[n])
		if m == nil {
			continue
		}
		text := lines[n]
		for len(r.Spot(text).Open) > 0 && n+1 < len(lines) {
			n++
			text += " " + lines[n]
		}
		sig, ok := readSignature(m[1] + text[strings.IndexByte(text, '('):])
		if !ok {
			continue
		}
		switch {
		case m[1] == name && class == "" && !plain:
			found = append(found, sig)
		case m[1] == name && plain, m[1]+"."+class == name:
			methods = append([]signature{sig}, methods...)
		case m[1] == name:
			methods = append(methods, sig)
		}
		class, plain = "", false
	}
	return append(found, methods...)
}

// declared finds the signature in the first lines of what a kernel tells that has no fields:
// what begins with the function's name, or, for a variable, with its type's "func".
func (i inspection) declared(name string) (found []signature, rest string) {
	text, below, _ := strings.Cut(i.text, "\n\n")
	for _, begin := range []string{name, "func"} {
		at := regexp.MustCompile(`(?m)^(?:[^\n=]*[^\pL\pN_\n])?(` + regexp.QuoteMeta(begin) + `)(?:\[[^\]\n]*\])?\(`).FindStringSubmatchIndex(text)
		if at == nil {
			continue
		}
		if sig, ok := readSignature(text[at[2]:]); ok {
			return []signature{sig}, strings.TrimSpace(below)
		}
	}
	return nil, ""
}

// readSignature reads what a text begins with: a name, parameters in brackets, and the rest of
// the line.
func readSignature(text string) (sig signature, ok bool) {
	all, end, ok := bracketed(text)
	if !ok {
		return sig, false
	}
	rest, _, _ := strings.Cut(text[end+1:], "\n")
	sig.label = text[:strings.IndexByte(text, '(')+1] + strings.Join(all, ", ") + ")" + strings.TrimRight(rest, " \t\r")
	sig.parameters = slices.DeleteFunc(all, func(parameter string) bool {
		return parameter == "/" || parameter == "*" // marks of Python's, no parameters
	})
	return sig, true
}

// bracketed gives what the commas part in the first brackets of a text, and where they close.
func bracketed(text string) (all []string, end int, ok bool) {
	open := strings.IndexByte(text, '(')
	if open < 0 {
		return nil, 0, false
	}
	depth, begin := 0, open+1
	part := func(to int) {
		if parameter := strings.Join(strings.Fields(text[begin:to]), " "); parameter != "" {
			all = append(all, parameter)
		}
		begin = to + 1
	}
	scanBrackets(text[open:], func(i int, b byte) bool {
		i += open
		switch b {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			if depth--; depth == 0 {
				part(i)
				end, ok = i, true
			}
		case ',':
			if depth == 1 {
				part(i)
			}
		}
		return !ok
	})
	return all, end, ok
}

// scanBrackets calls f with the brackets and commas of a signature that are in no literal,
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
		case b == '"', b == '`', b == '\'':
			quote = b
		case strings.IndexByte("()[]{},", b) >= 0:
			if !f(i, b) {
				return
			}
		}
	}
}

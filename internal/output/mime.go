package output

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"maps"
	"mime"
	"regexp"
	"slices"
	"strings"
)

const textPlain = "text/plain"

// richness orders the types that are known, the richest first. A type that a client
// accepts and that is not here is taken for one that it has a special view for, and
// stands before all of them.
var richness = []string{
	"text/html", "image/svg+xml", "image/png", "image/jpeg", "image/webp", "image/gif",
	"application/pdf", "text/latex", "text/markdown", "application/json", textPlain,
}

// maxTypes is how many types of a bundle are looked at, if they are not spelt as they
// are known.
const maxTypes = 100

// Choose picks the richest form in a bundle that a client accepts, plain text where
// there is none. mime is the type as it is accepted; one without parameters stands for
// all. The value is text as it is, base64 for binary types, JSON for JSON types. A value
// that is not what its type asks for is passed over, and so is an SVG that could run code
// where it is opened. ok is false if nothing can be shown.
func Choose(bundle map[string]json.RawMessage, accepts []string) (mime string, value string, ok bool) {
	accepts = slices.Clone(accepts)
	slices.SortStableFunc(accepts, func(a, b string) int {
		return slices.Index(richness, essence(a)) - slices.Index(richness, essence(b))
	})
	types := typesOf(bundle, accepts)
	for _, accepted := range accepts {
		for _, t := range types {
			if t.name != accepted && (essence(accepted) != accepted || t.essence != accepted) {
				continue
			}
			value, ok := read(t.essence, bundle[t.name])
			if ok && !(t.essence == svgType && activeSVG(value)) {
				return accepted, value, true
			}
		}
	}
	if text, ok := plainText(bundle, types); ok {
		return textPlain, text, true
	}
	return "", "", false
}

// PlainText is a bundle's text/plain, or what comes nearest to it. It may hold
// colours, which Plain takes out.
func PlainText(bundle map[string]json.RawMessage) string {
	text, _ := plainText(bundle, typesOf(bundle, nil))
	return text
}

// textual are the types whose values have a text, the plainest first.
var textual = []string{textPlain, "text/html", "text/markdown", "text/latex", "application/json", "image/svg+xml"}

// emptyRepr is text that tells only that an object is one: what Python writes of an object whose
// class writes nothing itself.
var emptyRepr = regexp.MustCompile(`^<[\pL_][\pL\pN_.<>]*(?: object(?: at 0x[0-9a-fA-F]+)?| at 0x[0-9a-fA-F]+)>$`)

// plainText is the first of a bundle's texts that tells something.
func plainText(bundle map[string]json.RawMessage, types []bundleType) (text string, ok bool) {
	for _, kind := range textual {
		for _, t := range types {
			if t.essence != kind {
				continue
			}
			value, read := read(kind, bundle[t.name])
			if !read {
				continue
			}
			if kind == "text/html" || kind == "image/svg+xml" {
				value = htmlText(value)
			}
			if ok && strings.TrimSpace(value) == "" {
				continue
			}
			if kind != textPlain || !emptyRepr.MatchString(strings.TrimSpace(value)) {
				return value, true
			}
			text, ok = value, true
		}
	}
	return text, ok
}

// bundleType is a type as a bundle spells it, and what is meant.
type bundleType struct{ name, essence string }

// typesOf gives a bundle's types in an order that does not change. Of very many only
// those that are spelt as they are known.
func typesOf(bundle map[string]json.RawMessage, accepts []string) []bundleType {
	names := slices.Collect(maps.Keys(bundle))
	if len(names) > maxTypes {
		names = slices.DeleteFunc(names, func(name string) bool {
			return !slices.Contains(richness, name) && !slices.Contains(accepts, name)
		})
	}
	slices.Sort(names)
	types := make([]bundleType, len(names))
	for i, name := range names {
		types[i] = bundleType{name, essence(name)}
	}
	return types
}

// essence is a type without its parameters, in lower case.
func essence(name string) string {
	kind, _, err := mime.ParseMediaType(name)
	if err != nil {
		kind, _, _ = strings.Cut(strings.ToLower(name), ";")
	}
	return strings.TrimSpace(kind)
}

// read decodes a value as nbformat has it: JSON of any kind for JSON types, else a
// string or a list of strings to be joined.
func read(kind string, raw json.RawMessage) (string, bool) {
	if kind == "application/json" || strings.HasSuffix(kind, "+json") {
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil || b.String() == "null" {
			return "", false
		}
		return b.String(), true
	}
	text, ok := readText(raw)
	if !ok || !isBinary(kind) {
		return text, ok
	}
	text = strings.Join(strings.Fields(text), "") // kernels break its lines
	data, err := base64.StdEncoding.DecodeString(text)
	return text, err == nil && text != "" && isPicture(kind, data)
}

func readText(raw json.RawMessage) (string, bool) {
	var text *string
	if json.Unmarshal(raw, &text) == nil && text != nil {
		return *text, true
	}
	var lines []string
	if json.Unmarshal(raw, &lines) == nil && len(lines) > 0 {
		return strings.Join(lines, ""), true
	}
	return "", false
}

// isBinary says whether values of a type are base64 in a bundle.
func isBinary(kind string) bool {
	family, _, _ := strings.Cut(kind, "/")
	switch family {
	case "image", "audio", "video", "font":
		return !strings.HasSuffix(kind, "+xml")
	}
	return kind == "application/pdf" || kind == "application/octet-stream"
}

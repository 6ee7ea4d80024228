package output

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
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

// Choose picks the richest form in a bundle that a client accepts, plain text where
// there is none. mime is the type as the bundle spells it, parameters included; an
// accepted type without parameters stands for all. The value is text as it is,
// base64 for binary types, JSON for JSON types. A value that is not what its type
// asks for is passed over. ok is false if nothing can be shown.
func Choose(bundle map[string]json.RawMessage, accepts []string) (mime string, value string, ok bool) {
	accepts = slices.Clone(accepts)
	slices.SortStableFunc(accepts, func(a, b string) int {
		return slices.Index(richness, essence(a)) - slices.Index(richness, essence(b))
	})
	for _, accepted := range accepts {
		for _, name := range sortedNames(bundle) {
			if name != accepted && (essence(accepted) != accepted || essence(name) != accepted) {
				continue
			}
			if value, ok := read(name, bundle[name]); ok {
				return name, value, true
			}
		}
	}
	if text, ok := plainText(bundle); ok {
		return textPlain, text, true
	}
	return "", "", false
}

// PlainText is a bundle's text/plain, or what comes nearest to it. It may hold
// colours, which Plain takes out.
func PlainText(bundle map[string]json.RawMessage) string {
	text, _ := plainText(bundle)
	return text
}

func plainText(bundle map[string]json.RawMessage) (string, bool) {
	for _, kind := range []string{textPlain, "text/html", "text/markdown", "text/latex", "application/json"} {
		for _, name := range sortedNames(bundle) {
			if essence(name) != kind {
				continue
			}
			if value, ok := read(name, bundle[name]); ok {
				if kind == "text/html" {
					value = htmlText(value)
				}
				return value, true
			}
		}
	}
	return "", false
}

// sortedNames gives a bundle's types in an order that does not change.
func sortedNames(bundle map[string]json.RawMessage) []string {
	names := make([]string, 0, len(bundle))
	for name := range bundle {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
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
func read(name string, raw json.RawMessage) (string, bool) {
	kind := essence(name)
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
	_, err := base64.StdEncoding.DecodeString(text)
	return text, err == nil && text != ""
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

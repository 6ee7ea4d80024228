package output

import (
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"unicode"
)

// actors are elements, of whatever namespace, with which an SVG runs code or brings a page in
// when a browser opens it as a document.
var actors = []string{
	"script", "handler", "listener", "foreignobject", "iframe", "frame", "frameset", "embed", "object", "applet", "html", "head", "body",
	"base", "link", "meta", "form", "audio", "video", "source", "portal",
}

// activeSVG tells whether an SVG is more than a picture: opened by itself, which browsers
// do with such files, it could run code as a page of the user's own. What is not seen
// through for certain counts: entities, style sheets of other files, other encodings.
func activeSVG(source string) bool {
	d := xml.NewDecoder(strings.NewReader(source))
	d.Strict = false
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return false
		}
		if err != nil {
			return true
		}
		switch t := token.(type) {
		case xml.Directive:
			if slices.Contains(t, '[') {
				return true
			}
		case xml.ProcInst:
			declared := strings.ToLower(string(t.Inst))
			if t.Target != "xml" || strings.Contains(declared, "encoding") && !strings.Contains(declared, "utf-8") {
				return true
			}
		case xml.StartElement:
			if slices.Contains(actors, strings.ToLower(t.Name.Local)) || slices.ContainsFunc(t.Attr, isActive) {
				return true
			}
		}
	}
}

func isActive(a xml.Attr) bool {
	name := strings.ToLower(a.Name.Local)
	value := strings.ToLower(strings.Map(func(r rune) rune { // as browsers read the scheme of an address
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return -1
		}
		return r
	}, a.Value))
	if strings.HasPrefix(name, "on") || strings.Contains(value, "javascript:") || strings.Contains(value, "vbscript:") {
		return true
	}
	if name == "attributename" { // an animation may set what is looked at here
		return strings.HasPrefix(value, "on")
	}
	inline, found := strings.CutPrefix(value, "data:")
	if !found {
		return false
	}
	kind, _, _ := strings.Cut(inline, ";")
	return !slices.Contains([]string{"image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp"}, kind)
}

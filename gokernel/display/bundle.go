// Package display says how values look: in HTML, as pictures, and in every other
// form that a Jupyter client can show.
//
// A type brings its own forms by methods, each of which is optional:
//
//	HTML() string               text/html
//	Markdown() string           text/markdown
//	LaTeX() string              text/latex
//	SVG() string                image/svg+xml
//	PNG() []byte                image/png
//	JPEG() []byte               image/jpeg
//	JSON() any                  application/json
//	MIMEBundle() map[string]any any of them, by MIME type
package display

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"reflect"
	"strings"
)

// Bundle holds one value in several forms, by MIME type: text as a string, binary
// data as []byte, and for JSON types any value that encoding/json encodes.
type Bundle map[string]any

// Encode gives the bundle as messages have it ("display_data"): binary data in
// base64.
func (b Bundle) Encode() (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(b))
	for mime, v := range b {
		if raw, ok := v.([]byte); ok {
			v = base64.StdEncoding.EncodeToString(raw)
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			return nil, fmt.Errorf("display %s: %w", mime, err)
		}
		out[mime] = encoded
	}
	return out, nil
}

// Texts that are shown as what they say they are.
type (
	HTML     string
	Markdown string
	LaTeX    string
	SVG      string
)

func (h HTML) HTML() string         { return string(h) }
func (m Markdown) Markdown() string { return string(m) }
func (l LaTeX) LaTeX() string       { return string(l) }
func (s SVG) SVG() string           { return string(s) }

// PNG and JPEG are pictures in these formats.
type (
	PNG  []byte
	JPEG []byte
)

func (p PNG) PNG() []byte   { return p }
func (j JPEG) JPEG() []byte { return j }

// JSON is shown as a tree that can be unfolded.
type JSON struct{ Value any }

func (j JSON) JSON() any { return j.Value }

// maxPixels bounds pictures that are shown: some have no end, such as image.Uniform.
const maxPixels = 1 << 26

// Of gives all forms of a value; text/plain is always among them.
func Of(v any) (Bundle, error) {
	b, err := Rich(v)
	if err != nil {
		return nil, err
	}
	if b == nil {
		b = Bundle{}
	}
	if _, ok := b["text/plain"]; !ok {
		b["text/plain"] = Text(v, MaxText)
	}
	return b, nil
}

// sourceText gives the text of the types of this package, and of pictures, for clients
// that show nothing else; "" for others.
func sourceText(v any) string {
	switch v := v.(type) {
	case HTML, Markdown, LaTeX, SVG:
		return Cut(reflect.ValueOf(v).String(), MaxText)
	case PNG:
		return fmt.Sprintf("PNG of %d bytes", len(v))
	case JPEG:
		return fmt.Sprintf("JPEG of %d bytes", len(v))
	case JSON:
		return Text(v.Value, MaxText)
	}
	return ""
}

// Rich gives the forms of a value besides plain text, and that if it says more than the
// value's own; nil if there are none.
// Methods of the value are called, which may panic.
func Rich(v any) (Bundle, error) {
	if v == nil || isNil(v) {
		return nil, nil
	}
	b := Bundle{}
	if v, ok := v.(interface{ MIMEBundle() map[string]any }); ok {
		maps.Copy(b, v.MIMEBundle())
	}
	if v, ok := v.(interface{ HTML() string }); ok {
		b["text/html"] = v.HTML()
	}
	if v, ok := v.(interface{ Markdown() string }); ok {
		b["text/markdown"] = v.Markdown()
	}
	if v, ok := v.(interface{ LaTeX() string }); ok {
		b["text/latex"] = v.LaTeX()
	}
	if v, ok := v.(interface{ SVG() string }); ok {
		b["image/svg+xml"] = v.SVG()
	}
	if v, ok := v.(interface{ PNG() []byte }); ok {
		b["image/png"] = v.PNG()
	}
	if v, ok := v.(interface{ JPEG() []byte }); ok {
		b["image/jpeg"] = v.JPEG()
	}
	if v, ok := v.(interface{ JSON() any }); ok {
		b["application/json"] = v.JSON()
	}
	if text := sourceText(v); text != "" {
		b["text/plain"] = text
	}
	if len(b) > 0 {
		return b, nil
	}
	if m, ok := v.(image.Image); ok {
		if size := m.Bounds().Size(); size.X <= 0 || size.Y <= 0 || size.X > maxPixels/size.Y {
			return Bundle{"text/plain": fmt.Sprintf("%T of %d × %d pixels, which is no size to show", v, size.X, size.Y)}, nil
		}
		var out bytes.Buffer
		if err := png.Encode(&out, m); err != nil {
			return nil, fmt.Errorf("display a picture of %v: %w", m.Bounds().Size(), err)
		}
		return Bundle{"image/png": out.Bytes(), "text/plain": fmt.Sprintf("%T of %d × %d pixels", v, m.Bounds().Dx(), m.Bounds().Dy())}, nil
	}
	if html, ok := Table(v); ok {
		return Bundle{"text/html": html}, nil
	}
	return nil, nil
}

func isNil(v any) bool {
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return r.IsNil()
	}
	return false
}

// oneLine shortens a text for a cell of a table.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

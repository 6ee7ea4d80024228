package output

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"slices"
	"strings"
	"testing"
)

func pngOf(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pngOfSize is a small PNG whose header says that it is large.
func pngOfSize(width, height uint32) []byte {
	data := pngOf(1, 1)
	binary.BigEndian.PutUint32(data[16:], width)
	binary.BigEndian.PutUint32(data[20:], height)
	return data
}

func jpegOf(width, height int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func gifOf(frames, width, height int) []byte {
	frame := image.NewPaletted(image.Rect(0, 0, width, height), color.Palette{color.Black, color.White})
	g := gif.GIF{Image: slices.Repeat([]*image.Paletted{frame}, frames), Delay: make([]int, frames)}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func TestHeavyPictures(t *testing.T) {
	progressive := append(jpegOf(9, 9), bytes.Repeat([]byte{0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0}, 1000)...)
	for _, tt := range []struct {
		name, mime string
		data       []byte
		heavy      string
	}{
		{"png", "image/png", pngOf(64, 48), ""},
		{"png with parameters", "Image/PNG; x=y", pngOfSize(20000, 20000), "20000×20000"},
		{"png bomb", "image/png", pngOfSize(20000, 20000), "20000×20000"},
		{"png that is larger than numbers", "image/png", pngOfSize(math.MaxUint32, math.MaxUint32), "4294967295×4294967295"},
		{"png, cut", "image/png", pngOf(1, 1)[:20], "damaged"},
		{"png of many bytes", "image/png", append(pngOf(9, 9), make([]byte, 5<<20)...), "5 MB"},
		{"jpeg", "image/jpeg", jpegOf(64, 48), ""},
		{"jpeg bomb", "image/jpeg", bytes.Replace(jpegOf(64, 48), []byte{0, 48, 0, 64}, []byte{0xff, 0xff, 0xff, 0xff}, 1), "65535×65535"},
		{"jpeg of many scans", "image/jpeg", progressive, "scans"},
		{"jpeg, cut", "image/jpeg", jpegOf(9, 9)[:20], "damaged"},
		{"gif", "image/gif", gifOf(20, 64, 48), ""},
		{"gif bomb", "image/gif", gifOf(80, 1000, 1000), "80 frames of 1000×1000"},
		{"gif, cut", "image/gif", []byte("GIF89a"), "damaged"},
		{"bytes of another type", "image/bmp", []byte("BM"), ""},
		{"no picture", "application/pdf", make([]byte, 5<<20), ""},
	} {
		got := Heavy(tt.mime, base64.StdEncoding.EncodeToString(tt.data))
		if (got == "") != (tt.heavy == "") || !strings.Contains(got, tt.heavy) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.heavy)
		}
	}
}

const svgHead = `<?xml version="1.0" encoding="utf-8" standalone="no"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="800" height="600">`

// nest refers to the level below n times by the element of format.
func nest(levels, n int, level func(id, below string, n int) string) string {
	var b strings.Builder
	b.WriteString(`<defs><g id="l0"><circle r="3"/></g>`)
	for i := range levels {
		b.WriteString(level(fmt.Sprintf("l%d", i+1), fmt.Sprintf("l%d", i), n))
	}
	fmt.Fprintf(&b, `</defs><use href="#l%d"/><rect fill="url(#l%d)"/>`, levels, levels)
	return b.String()
}

func TestHeavySVG(t *testing.T) {
	use := func(id, below string, n int) string {
		return `<g id="` + id + `">` + strings.Repeat(`<use xlink:href="#`+below+`"/>`, n) + `</g>`
	}
	pattern := func(id, below string, n int) string {
		return `<pattern id="` + id + `">` + strings.Repeat(`<rect style="fill: url('#`+below+`')"/>`, n) + `</pattern>`
	}
	picture := func(kind string, data []byte) string {
		return `<image xlink:href="data:` + kind + `;base64,` + base64.StdEncoding.EncodeToString(data) + `"/>`
	}
	for _, tt := range []struct{ name, body, heavy string }{
		{"a plot", `<style>*{stroke-linejoin: round}</style><g id="a" style="fill: none; opacity: .5"><path d="M 0 0 L 8 8" clip-path="url(#c)"/></g>
			<defs><clipPath id="c"><rect/></clipPath></defs><use href="#a"/><text>größe</text><a href="https://example.org/"/>`, ""},
		{"use", nest(9, 10, use), "takes long"},
		{"few uses", nest(3, 3, use), ""},
		{"use without an end", nest(60, 2, use), "takes long"},
		{"patterns", nest(60, 2, pattern), "takes long"},
		{"a circle", `<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>`, "itself"},
		{"an id twice", `<g id="a">` + strings.Repeat("<rect/>", 4000) + `</g><g id="a"/><use href="#a"/><use href="#a"/>`, "takes long"},
		{"many elements", strings.Repeat("<rect/>", 20_000), "takes long"},
		{"a long path", `<path d="` + strings.Repeat("L9 9", 30_000) + `"/>`, "takes long"},
		{"a long polygon", `<polygon points="` + strings.Repeat("9,9 ", 30_000) + `"/>`, "takes long"},
		{"layers", strings.Repeat(`<g style="opacity:.5"><rect/></g>`, 1000), "takes long"},
		{"layers by a sheet", `<style><![CDATA[rect{opac]]><![CDATA[ity:.5}]]></style>` + strings.Repeat(`<rect/>`, 1000), "takes long"},
		{"masks", strings.Repeat(`<rect mask="url(#m)"/>`, 200), "takes long"},
		{"markers", `<marker id="m">` + strings.Repeat("<rect/>", 100) + `</marker><path marker-mid="url(#m)" d="` + strings.Repeat("L9 9", 100) + `"/>`, "takes long"},
		{"text", `<text>` + strings.Repeat("x", 100_000) + `</text>`, "takes long"},
		{"depth", strings.Repeat("<g>", 1000) + strings.Repeat("</g>", 1000), "deeply"},
		{"dashes", `<path style="stroke-dasharray: 0.001,0.001"/>`, "dashes"},
		{"dashes of a plot", `<path style="stroke-dasharray: 3.7, 1.6"/>`, ""},
		{"filter", `<filter id="f"><feTurbulence numOctaves="1000"/></filter>`, "filters"},
		{"filter elsewhere", `<rect filter="url(other.svg#f)"/>`, "other files"},
		{"entities", `<!DOCTYPE svg [<!ENTITY a "b">]>`, "entities"},
		{"another picture", `<image href="file:///etc/passwd"/>`, "other files"},
		{"a remote picture", `<image xlink:href="http://127.0.0.1/x.png"/>`, "other files"},
		{"another file's element", `<use href="other.svg#a"/>`, "other files"},
		{"a remote style", `<style>@import url(http://127.0.0.1/)</style>`, "style sheet"},
		{"an escaped style", `<rect style="f\69lter: x"/>`, "style"},
		{"a style sheet", `<?xml-stylesheet href="x.css"?>`, "other files"},
		{"an inclusion", `<xi:include href="/etc/passwd"/>`, "other files"},
		{"an image", picture("image/png", pngOf(100, 100)), ""},
		{"a heavy image", picture("image/png", pngOfSize(9999, 9999)), "9999×9999"},
		{"many images", strings.Repeat(picture("image/png", pngOfSize(4000, 4000)), 10), "takes long"},
		{"an SVG in it", picture("image/svg+xml", []byte("<svg/>")), "no picture"},
		{"an image of another type", picture("image/png", []byte("<svg/>")), "no picture"},
	} {
		got := Heavy("image/svg+xml", svgHead+tt.body+"</svg>")
		if (got == "") != (tt.heavy == "") || !strings.Contains(got, tt.heavy) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.heavy)
		}
	}
	for source, heavy := range map[string]bool{"<svg": true, "": true, "\x1f\x8b\b": true, "no svg": true, "<svg/>": false, strings.Repeat("<svg/>", 1<<20): true} {
		if got := Heavy("image/svg+xml", source); (got != "") != heavy {
			t.Errorf("%.20q: %q", source, got)
		}
	}
}

func TestChooseLooksAtTheBytes(t *testing.T) {
	encode := func(data []byte) json.RawMessage {
		raw, _ := json.Marshal(base64.StdEncoding.EncodeToString(data))
		return raw
	}
	for kind, data := range map[string][]byte{"image/png": pngOf(1, 1), "image/jpeg": jpegOf(1, 1), "image/gif": gifOf(1, 1, 1)} {
		b := map[string]json.RawMessage{kind: encode(data), "text/plain": json.RawMessage(`"text"`)}
		if mime, _, _ := Choose(b, []string{kind}); mime != kind {
			t.Errorf("%s is shown as %s", kind, mime)
		}
		b[kind] = encode([]byte("[Desktop Entry]"))
		if mime, value, _ := Choose(b, []string{kind}); mime != "text/plain" || value != "text" {
			t.Errorf("%s that is none is shown as %s", kind, mime)
		}
	}
}

func FuzzHeavy(f *testing.F) {
	f.Add("image/png", base64.StdEncoding.EncodeToString(pngOf(2, 2)))
	f.Add("image/jpeg", base64.StdEncoding.EncodeToString(jpegOf(2, 2)))
	f.Add("image/gif", base64.StdEncoding.EncodeToString(gifOf(3, 2, 2)))
	f.Add("image/webp", base64.StdEncoding.EncodeToString([]byte("RIFF    WEBPVP8X                  ")))
	f.Add("image/svg+xml", svgHead+`<g id="a" style="fill: url(#a); x"/><use href="#a"/></svg>`)
	f.Fuzz(func(t *testing.T, mime, value string) { Heavy(mime, value) })
}

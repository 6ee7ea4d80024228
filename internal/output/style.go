package output

import (
	"fmt"
	"image/color"

	"github.com/charmbracelet/x/ansi"
)

// Span is a styled part of a text. Start and End count code points of the text.
type Span struct {
	Start int   `json:"start"`
	End   int   `json:"end"`
	Style Style `json:"style"`
}

// Style is how a part of a text is to look. Its zero value is the plain look.
type Style struct {
	Bold      bool  `json:"bold,omitzero"`
	Italic    bool  `json:"italic,omitzero"`
	Underline bool  `json:"underline,omitzero"`
	Faint     bool  `json:"faint,omitzero"`
	Inverse   bool  `json:"inverse,omitzero"`
	Strike    bool  `json:"strike,omitzero"`
	Fg        Color `json:"fg,omitzero"`
	Bg        Color `json:"bg,omitzero"`
}

// Color is "" for the default, one of the terminal's sixteen by name ("red",
// "bright-red"), or "#rrggbb".
type Color string

var colorNames = [16]Color{
	"black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
	"bright-black", "bright-red", "bright-green", "bright-yellow",
	"bright-blue", "bright-magenta", "bright-cyan", "bright-white",
}

// apply changes a style by the parameters of an SGR sequence (ECMA-48 8.3.117, and
// xterm's colours).
func (s *Style) apply(params ansi.Params) {
	if len(params) == 0 {
		*s = Style{}
		return
	}
	for i := 0; i < len(params); i++ {
		p := params[i].Param(0)
		switch {
		case p == 0:
			*s = Style{}
		case p == 1:
			s.Bold = true
		case p == 2:
			s.Faint = true
		case p == 3:
			s.Italic = true
		case p == 4:
			s.Underline = true
			if params[i].HasMore() && i+1 < len(params) { // 4:0 is none, 4:3 a curly one
				i++
				s.Underline = params[i].Param(1) != 0
			}
		case p == 7:
			s.Inverse = true
		case p == 9:
			s.Strike = true
		case p == 21:
			s.Underline = true
		case p == 22:
			s.Bold, s.Faint = false, false
		case p == 23:
			s.Italic = false
		case p == 24:
			s.Underline = false
		case p == 27:
			s.Inverse = false
		case p == 29:
			s.Strike = false
		case p >= 30 && p <= 37:
			s.Fg = colorNames[p-30]
		case p == 39:
			s.Fg = ""
		case p >= 40 && p <= 47:
			s.Bg = colorNames[p-40]
		case p == 49:
			s.Bg = ""
		case p >= 90 && p <= 97:
			s.Fg = colorNames[p-90+8]
		case p >= 100 && p <= 107:
			s.Bg = colorNames[p-100+8]
		case p == 38 || p == 48 || p == 58:
			c, n := extendedColor(params[i:])
			i += n - 1
			switch {
			case c == "":
			case p == 38:
				s.Fg = c
			case p == 48:
				s.Bg = c
			}
		}
	}
}

// extendedColor reads "38;5;n", "38;2;r;g;b" and their forms with colons. It says
// how many parameters it took, at least one.
func extendedColor(params ansi.Params) (Color, int) {
	var c color.Color
	n := ansi.ReadStyleColor(params, &c)
	if index, ok := c.(ansi.IndexedColor); ok && int(index) < len(colorNames) {
		return colorNames[index], n
	}
	if c == nil {
		return "", max(1, n)
	}
	r, g, b, _ := c.RGBA()
	return Color(fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)), n
}

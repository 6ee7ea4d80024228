package plot

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"io"
	"math"
	"strings"
	"testing"
)

func TestPictures(t *testing.T) {
	xs, ys := make([]float64, 200), make([]float64, 200)
	for i := range xs {
		xs[i], ys[i] = float64(i)/10, math.Sin(float64(i)/10)
	}
	ys[7] = math.NaN()
	for name, p := range map[string]*Plot{
		"a line":             New().Line("sin", xs, ys).Title("a < b").Axes("x", "y"),
		"points of integers": New().Points("", nil, []int{3, 1, 2}).Size(200, 150),
		"one point":          New().Line("", []uint8{5}, []any{7.5}),
		"a level line":       New().Line("", nil, [3]float32{2, 2, 2}),
	} {
		m, err := png.Decode(bytes.NewReader(p.PNG()))
		if err != nil || m.Bounds().Dx() != p.width || m.Bounds().Dy() != p.height {
			t.Errorf("%s: the picture is %v, %v", name, m, err)
			continue
		}
		colors := map[[3]uint32]bool{}
		for y := range p.height {
			for x := range p.width {
				r, g, b, _ := m.At(x, y).RGBA()
				colors[[3]uint32{r, g, b}] = true
			}
		}
		if len(colors) < 4 {
			t.Errorf("%s: the picture has %d colors", name, len(colors))
		}
		svg := p.SVG()
		for d := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Errorf("%s: the SVG: %v", name, err)
				break
			}
		}
		if strings.Contains(svg, "NaN") {
			t.Errorf("%s: the SVG has NaN", name)
		}
	}
}

func TestWhatCannotBeDrawn(t *testing.T) {
	for want, f := range map[string]func(){
		`plot "a": there are 2 x and 1 y`:                            func() { New().Line("a", []int{1, 2}, []int{1}) },
		"plot: the y values are a []string: give a slice of numbers": func() { New().Line("", nil, []string{"a"}) },
		"plot: the x values are a int: give a slice of numbers":      func() { New().Points("", 5, []int{1}) },
		"plot: there is no point to draw":                            func() { New().Line("", nil, []float64{math.NaN()}).PNG() },
	} {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || err.Error() != want {
					t.Errorf("%v, want %s", err, want)
				}
			}()
			f()
		}()
	}
}

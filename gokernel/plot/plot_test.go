package plot

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/png"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-analyze/charts/chartdraw"
)

func TestPictures(t *testing.T) {
	xs, ys := make([]float64, 200), make([]float64, 200)
	for i := range xs {
		xs[i], ys[i] = float64(i)/10, math.Sin(float64(i)/10)
	}
	ys[7] = math.NaN()
	for name, p := range map[string]*Figure{
		"a line":             New().Line("sin", xs, ys).Title("a < b").Axes("x", "y"),
		"points of integers": New().Points("", nil, []int{3, 1, 2}).Size(200, 150),
		"one point":          New().Line("", []uint8{5}, []any{7.5}),
		"a level line":       New().Line("", nil, [3]float32{2, 2, 2}),
		"no step between":    New().Line("", nil, []float64{1e20, 1e20 + 16384}),
		"hardly a number":    New().Line("", nil, []float64{0, 5e-324}),
		"all there is":       New().Line("", nil, []float64{-1e299, 1e299, math.MaxFloat64}),
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
		if size := fmt.Sprintf(`<svg width="%d" height="%d"`, p.width, p.height); !strings.HasPrefix(svg, size) {
			t.Errorf("%s: the SVG begins with %.100s", name, svg)
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
		"plot: the size is 0 × 5 pixels: give each from 100 to 4000": func() { New().Size(0, 5) },
		`plot "b": some of the x values are times and some are numbers`: func() {
			New().Line("a", []time.Time{{}}, []int{1}).Line("b", nil, []int{1})
		},
		"plot: there is no point to draw": func() { New().Line("", nil, []float64{math.NaN()}).PNG() },
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

func labels(ticks []chartdraw.Tick) string {
	var all []string
	for _, t := range ticks {
		all = append(all, t.Label)
	}
	return strings.Join(all, " ")
}

// Each tick of an axis has a label of its own, in a form that reads well.
func TestTicks(t *testing.T) {
	for _, tc := range []struct {
		low, high float64
		want      string
	}{
		{0, 1, "0 0.2 0.4 0.6 0.8 1.0"},
		{-1, 1, "-1.0 -0.5 0 0.5 1.0"},
		{0, 25, "0 5 10 15 20 25"},
		{1e9, 1e9 + 800, "1000000000 1000000200 1000000400 1000000600 1000000800"},
		{0, 4e12, "0 1e12 2e12 3e12 4e12"},
		{0, 9e-10, "0 2e-10 4e-10 6e-10 8e-10 1e-9"},
		{1200000, 1900000, "1.2e6 1.4e6 1.6e6 1.8e6 2e6"},
		{0.00012, 0.00017, "0.00012 0.00013 0.00014 0.00015 0.00016 0.00017"},
	} {
		if got := labels(numberTicks(tc.low, tc.high, 6)); got != tc.want {
			t.Errorf("%g to %g: %s, want %s", tc.low, tc.high, got, tc.want)
		}
	}
	zone := time.FixedZone("", 5400)
	for _, tc := range []struct {
		low, high, want string
	}{
		{"2026-01-20T21:59:00Z", "2026-01-20T22:01:30Z", "23:29:00 23:29:30 23:30:00 23:30:30 23:31:00 23:31:30"},
		{"2026-01-20T21:00:00Z", "2026-01-21T01:00:00Z", "Jan 20 22:00|Jan 20 23:00|Jan 21 00:00|Jan 21 01:00|Jan 21 02:00|Jan 21 03:00"},
		{"2026-01-30T00:00:00Z", "2026-02-02T00:00:00Z", "Jan 30 00:00|Jan 30 12:00|Jan 31 00:00|Jan 31 12:00|Feb 1 00:00|Feb 1 12:00|Feb 2 00:00|Feb 2 12:00"},
		{"2026-01-30T00:00:00Z", "2026-02-04T00:00:00Z", "Jan 30|Jan 31|Feb 1|Feb 2|Feb 3|Feb 4|Feb 5"},
		{"2025-11-20T00:00:00Z", "2026-03-01T00:00:00Z", "Nov 2025|Dec 2025|Jan 2026|Feb 2026|Mar 2026|Apr 2026"},
		{"1914-01-01T00:00:00Z", "2026-03-01T00:00:00Z", "1900 1920 1940 1960 1980 2000 2020 2040"},
	} {
		low, _ := time.Parse(time.RFC3339, tc.low)
		high, _ := time.Parse(time.RFC3339, tc.high)
		var all []string
		for _, tick := range timeTicks(float64(low.Unix()), float64(high.Unix()), zone, 6) {
			all = append(all, tick.Label)
		}
		if got := strings.Join(all, "|"); got != strings.ReplaceAll(tc.want, " ", "|") && got != tc.want {
			t.Errorf("%s to %s: %s, want %s", tc.low, tc.high, got, tc.want)
		}
	}
}

// A line has a gap where there is no number, and of more points than a picture can show
// those that make its shape.
func TestRuns(t *testing.T) {
	nan := math.NaN()
	s := series{xs: []float64{0, 1, 2, 3, 4, 5}, ys: []float64{1, 2, nan, 3, math.Inf(1), 4}}
	var got []int
	for _, r := range s.runs(1000, 1000) {
		got = append(got, len(r.xs))
	}
	if !slices.Equal(got, []int{2, 1, 1}) {
		t.Errorf("the runs have %v points", got)
	}
	many := series{}
	for i := range 100_000 {
		many.xs, many.ys = append(many.xs, float64(i)), append(many.ys, math.Sin(float64(i)))
	}
	many.ys[54_321] = 7 // a single peak
	runs := many.runs(0.01, 100)
	if len(runs) != 1 || len(runs[0].xs) > 4000 || !slices.Contains(runs[0].ys, 7) || runs[0].xs[0] != 0 || !slices.IsSorted(runs[0].xs) {
		t.Errorf("%d runs, the first of %d points", len(runs), len(runs[0].xs))
	}
	many.points = true
	if runs := many.runs(0.01, 100); len(runs) != 1 || len(runs[0].xs) > 60_000 || !slices.Contains(runs[0].ys, 7) {
		t.Errorf("%d of 100000 points", len(runs[0].xs))
	}
}

// The legend stands beside the plot, with a mark for each kind of series, and says how
// many more there are. What is too long is shortened.
func TestTextsFit(t *testing.T) {
	p := New().Points("some points", nil, []int{1, 2}).Title(strings.Repeat("a title ", 50)).Axes("x", strings.Repeat("a name ", 50))
	for range 40 {
		p.Line("a line", nil, []int{1, 2})
	}
	svg := p.SVG()
	if strings.Count(svg, "a line") >= 40 || !regexp.MustCompile(`>2\d more<`).MatchString(svg) || strings.Count(svg, "…") != 2 {
		t.Errorf("the legend has %d lines, and %d texts are shortened", strings.Count(svg, "a line"), strings.Count(svg, "…"))
	}
	texts := regexp.MustCompile(`<text x="(-?\d+)"[^>]*>([^<]*)<`).FindAllStringSubmatch(svg, -1)
	for _, m := range texts {
		if x, _ := strconv.Atoi(m[1]); x < 0 || x > p.width {
			t.Errorf("%q stands at %d", m[2], x)
		}
	}
	// Its mark is a dot of the points' color, as the points are.
	dots := regexp.MustCompile(`<circle`).FindAllString(svg, -1)
	if len(dots) != 3 {
		t.Errorf("%d dots for two points and their mark", len(dots))
	}
}

// Package plot draws lines and points, for a look at numbers while one works.
package plot

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"strconv"

	"github.com/go-analyze/charts/chartdraw"
)

// Plot is a drawing. Its methods change it and give it back, so that they can be
// chained; a Jupyter client shows it as a picture.
type Plot struct {
	title, x, y   string
	width, height int
	series        []series
}

type series struct {
	name   string
	xs, ys []float64
	points bool
}

// New makes an empty plot.
func New() *Plot { return &Plot{width: 640, height: 400} }

// Title sets the line above the plot.
func (p *Plot) Title(text string) *Plot {
	p.title = text
	return p
}

// Axes names the axes.
func (p *Plot) Axes(x, y string) *Plot {
	p.x, p.y = x, y
	return p
}

// Size sets width and height in pixels.
func (p *Plot) Size(width, height int) *Plot {
	p.width, p.height = width, height
	return p
}

// Line draws a line through points. xs and ys are slices or arrays of numbers; nil
// for xs counts from 0. Points whose x or y is no finite number are left out. The
// name, if not empty, is in the legend. It panics if xs and ys do not fit.
func (p *Plot) Line(name string, xs, ys any) *Plot { return p.add(name, xs, ys, false) }

// Points draws the points alone.
func (p *Plot) Points(name string, xs, ys any) *Plot { return p.add(name, xs, ys, true) }

func (p *Plot) add(name string, xs, ys any, points bool) *Plot {
	y := numbers("y", ys)
	x := make([]float64, len(y))
	for i := range x {
		x[i] = float64(i)
	}
	if xs != nil {
		x = numbers("x", xs)
	}
	if len(x) != len(y) {
		panic(fmt.Errorf("plot %q: there are %d x and %d y", name, len(x), len(y)))
	}
	s := series{name: name, points: points}
	for i := range x {
		if finite(x[i]) && finite(y[i]) {
			s.xs, s.ys = append(s.xs, x[i]), append(s.ys, y[i])
		}
	}
	p.series = append(p.series, s)
	return p
}

func finite(f float64) bool { return !math.IsNaN(f) && !math.IsInf(f, 0) }

// numbers gives the numbers of a slice or array.
func numbers(axis string, v any) []float64 {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		panic(fmt.Errorf("plot: the %s values are a %T: give a slice of numbers", axis, v))
	}
	out := make([]float64, r.Len())
	for i := range out {
		e := r.Index(i)
		if e.Kind() == reflect.Interface {
			e = e.Elem()
		}
		switch {
		case e.CanFloat():
			out[i] = e.Float()
		case e.CanInt():
			out[i] = float64(e.Int())
		case e.CanUint():
			out[i] = float64(e.Uint())
		default:
			panic(fmt.Errorf("plot: the %s values are a %T: give a slice of numbers", axis, v))
		}
	}
	return out
}

// String says what is drawn, for clients that show no pictures.
func (p *Plot) String() string {
	n := 0
	for _, s := range p.series {
		n += len(s.xs)
	}
	return fmt.Sprintf("plot of %d points in %d series", n, len(p.series))
}

// SVG gives the drawing as SVG. It panics if there is nothing to draw.
func (p *Plot) SVG() string { return string(p.render(chartdraw.SVG)) }

// PNG gives the drawing as a picture. It panics if there is nothing to draw.
func (p *Plot) PNG() []byte { return p.render(chartdraw.PNG) }

func (p *Plot) render(as chartdraw.RendererProvider) []byte {
	xs, ys := p.spread(func(s series) []float64 { return s.xs }), p.spread(func(s series) []float64 { return s.ys })
	top := 20
	if p.title != "" {
		top = 50
	}
	c := chartdraw.Chart{
		Title: p.title, Width: p.width, Height: p.height,
		Background: chartdraw.Style{Padding: chartdraw.NewBox(top, 20, 20, 20)},
		XAxis:      chartdraw.XAxis{Name: p.x, Range: xs, Ticks: ticks(xs.Min, xs.Max)},
		// The library's secondary axis is the one on the left.
		YAxis:          chartdraw.YAxis{Style: chartdraw.Style{Hidden: true}, Range: p.spread(func(s series) []float64 { return s.ys })},
		YAxisSecondary: chartdraw.YAxis{Name: p.y, Range: ys, Ticks: ticks(ys.Min, ys.Max)},
	}
	legend := false
	for i, s := range p.series {
		if len(s.xs) == 0 {
			continue
		}
		color := chartdraw.GetDefaultColor(i)
		style := chartdraw.Style{StrokeColor: color, StrokeWidth: 2}
		if s.points || len(s.xs) == 1 {
			style = chartdraw.Style{StrokeColor: color, StrokeWidth: chartdraw.Disabled, DotColor: color, DotWidth: 3}
		}
		legend = legend || s.name != ""
		c.Series = append(c.Series, chartdraw.ContinuousSeries{Name: s.name, Style: style, YAxis: chartdraw.YAxisSecondary, XValues: s.xs, YValues: s.ys})
	}
	if len(c.Series) == 0 {
		panic(fmt.Errorf("plot: there is no point to draw"))
	}
	if legend {
		c.Elements = []chartdraw.Renderable{chartdraw.Legend(&c)}
	}
	var out bytes.Buffer
	if err := c.Render(as, &out); err != nil {
		panic(fmt.Errorf("plot: %w", err))
	}
	return out.Bytes()
}

// ticks gives about six round numbers around a range; the axis goes from the first to
// the last.
func ticks(low, high float64) []chartdraw.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/6)))
	for _, factor := range []float64{2, 2.5, 2} { // to 2, 5, 10 times a power of ten
		if (high-low)/step > 8 {
			step *= factor
		}
	}
	var out []chartdraw.Tick
	for i := math.Floor(low / step); i <= math.Ceil(high/step); i++ {
		v := i * step
		out = append(out, chartdraw.Tick{Value: v, Label: strconv.FormatFloat(v, 'g', 6, 64)})
	}
	return out
}

// spread gives the range of all series, which is never empty.
func (p *Plot) spread(of func(series) []float64) *chartdraw.ContinuousRange {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		for _, v := range of(s) {
			low, high = min(low, v), max(high, v)
		}
	}
	if low == high {
		room := max(math.Abs(low)/2, 1)
		low, high = low-room, high+room
	}
	return &chartdraw.ContinuousRange{Min: low, Max: high}
}

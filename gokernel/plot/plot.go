// Package plot draws lines and points, for a look at numbers while one works.
package plot

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-analyze/charts/chartdraw"
)

// Figure is a drawing. Its methods change it and give it back, so that they can be
// chained; a Jupyter client shows it as a picture.
type Figure struct {
	title, x, y   string
	width, height int
	series        []series
	times         *time.Location // where the x values are seconds since 1970; nil = they are numbers
}

// series is what is drawn alike. Where a value cannot be drawn, it has NaN.
type series struct {
	name   string
	xs, ys []float64
	points bool
}

// drawn counts the points that can be drawn.
func (s series) drawn() (n int) {
	for i := range s.xs {
		if drawable(s.xs[i], s.ys[i]) {
			n++
		}
	}
	return n
}

// New makes an empty plot.
func New() *Figure { return &Figure{width: 640, height: 400} }

// Title sets the line above the plot.
func (p *Figure) Title(text string) *Figure {
	p.title = text
	return p
}

// Axes names the axes.
func (p *Figure) Axes(x, y string) *Figure {
	p.x, p.y = x, y
	return p
}

// Size sets width and height in pixels, each from 100 to 4000; other sizes panic.
func (p *Figure) Size(width, height int) *Figure {
	if min(width, height) < 100 || max(width, height) > 4000 {
		panic(fmt.Errorf("plot: the size is %d × %d pixels: give each from 100 to 4000", width, height))
	}
	p.width, p.height = width, height
	return p
}

// Line draws a line through points. xs and ys are slices or arrays of numbers; xs can be
// []time.Time, and nil counts from 0. The line has a gap where x or y is no finite number.
// The name, if not empty, is in the legend. It panics if xs and ys do not fit.
func (p *Figure) Line(name string, xs, ys any) *Figure { return p.add(name, xs, ys, false) }

// Points draws the points alone.
func (p *Figure) Points(name string, xs, ys any) *Figure { return p.add(name, xs, ys, true) }

func (p *Figure) add(name string, xs, ys any, points bool) *Figure {
	y := numbers("y", ys)
	x := make([]float64, len(y))
	for i := range x {
		x[i] = float64(i)
	}
	times, areTimes := xs.([]time.Time)
	var where *time.Location
	switch {
	case areTimes:
		where = time.UTC
		if len(times) > 0 {
			where = times[0].Location()
		}
		x = make([]float64, len(times))
		for i, t := range times {
			x[i] = float64(t.Unix()) + float64(t.Nanosecond())/1e9
		}
	case xs != nil:
		x = numbers("x", xs)
	}
	if len(x) != len(y) {
		panic(fmt.Errorf("plot %q: there are %d x and %d y", name, len(x), len(y)))
	}
	if len(p.series) > 0 && areTimes != (p.times != nil) {
		panic(fmt.Errorf("plot %q: some of the x values are times and some are numbers", name))
	}
	p.times = where
	p.series = append(p.series, series{name: name, xs: x, ys: y, points: points})
	return p
}

// drawable reports a point that is finite, with room for the axes around it.
func drawable(x, y float64) bool { return math.Abs(x) < 1e300 && math.Abs(y) < 1e300 }

// numbers gives the numbers of a slice or array.
func numbers(axis string, v any) []float64 {
	r := reflect.ValueOf(v)
	if r.Kind() != reflect.Slice && r.Kind() != reflect.Array {
		panic(fmt.Errorf("plot: the %s values are a %T: give a slice of numbers", axis, v))
	}
	if floats, ok := v.([]float64); ok {
		return slices.Clone(floats) // the plot is of now
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
func (p *Figure) String() string {
	n := 0
	for _, s := range p.series {
		n += s.drawn()
	}
	return fmt.Sprintf("plot of %d points in %d series", n, len(p.series))
}

// SVG gives the drawing as SVG. It panics if there is nothing to draw.
func (p *Figure) SVG() string {
	// The library gives no size, so that a browser would take all the width that there is.
	size := fmt.Sprintf("<svg width=%q height=%q ", strconv.Itoa(p.width), strconv.Itoa(p.height))
	return strings.Replace(string(p.render(chartdraw.SVG)), "<svg ", size, 1)
}

// PNG gives the drawing as a picture. It panics if there is nothing to draw.
func (p *Figure) PNG() []byte { return p.render(chartdraw.PNG) }

package plot

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/go-analyze/charts/chartdraw"
	"github.com/go-analyze/charts/chartdraw/drawing"
)

// colors are those of Okabe and Ito, which all eyes can tell apart, without the yellow,
// which is hard to see on white. More series than colors have dashes.
var colors = []drawing.Color{
	{R: 0, G: 114, B: 178, A: 255}, {R: 213, G: 94, B: 0, A: 255}, {R: 0, G: 158, B: 115, A: 255}, {R: 204, G: 121, B: 167, A: 255},
	{R: 230, G: 159, B: 0, A: 255}, {R: 86, G: 180, B: 233, A: 255}, {R: 0, G: 0, B: 0, A: 255},
}

var dashes = [][]float64{nil, {8, 4}, {2, 3}}

// Sizes, in pixels, and of texts, in points.
const (
	margin     = 20
	titleRoom  = 50
	nameRoom   = 16 // left of the numbers of the y axis
	legendRow  = 18
	legendMark = 22 // the line or point before a name
	dotRadius  = 3
	textSize   = chartdraw.DefaultAxisFontSize
	titleSize  = chartdraw.DefaultTitleFontSize
)

// style gives the look of the series of a number.
func (s series) style(number int) chartdraw.Style {
	color := colors[number%len(colors)]
	if s.points {
		return chartdraw.Style{StrokeColor: color, StrokeWidth: chartdraw.Disabled, DotColor: color, DotWidth: dotRadius}
	}
	return chartdraw.Style{StrokeColor: color, StrokeWidth: 2, StrokeDashArray: dashes[number/len(colors)%len(dashes)]}
}

func (p *Figure) render(as chartdraw.RendererProvider) []byte {
	top, left, right := margin, margin, margin
	if p.title != "" {
		top = titleRoom
	}
	var elements []chartdraw.Renderable
	if p.y != "" {
		left += nameRoom
		elements = append(elements, p.yName(p.height-3*margin-top))
	}
	if legend, width := p.legend(); legend != nil {
		right += width
		elements = append(elements, legend)
	}
	xlow, xhigh := p.extent(func(s series) []float64 { return s.xs })
	ylow, yhigh := p.extent(func(s series) []float64 { return s.ys })
	if math.IsInf(xlow, 0) || math.IsNaN(xlow) {
		panic(fmt.Errorf("plot: there is no point to draw"))
	}
	xticks := numberTicks(xlow, xhigh, min(max((p.width-left-right)/70, 2), 8))
	if p.times != nil {
		xticks = timeTicks(xlow, xhigh, p.times, min(max((p.width-left-right)/100, 2), 8))
	}
	yticks := numberTicks(ylow, yhigh, min(max((p.height-top)/40, 2), 8))
	grid := chartdraw.Style{StrokeColor: drawing.Color{R: 225, G: 225, B: 225, A: 255}, StrokeWidth: 1}
	c := chartdraw.Chart{
		Title: cut(p.title, titleSize, p.width-2*margin), Width: p.width, Height: p.height,
		Background: chartdraw.Style{Padding: chartdraw.NewBox(top, left, right, margin)},
		XAxis:      chartdraw.XAxis{Name: cut(p.x, textSize, p.width-2*margin-left-right), Ticks: xticks, GridMajorStyle: grid},
		YAxis:      chartdraw.YAxis{Style: chartdraw.Style{Hidden: true}, Range: &chartdraw.ContinuousRange{Max: 1}},
		// The library's secondary axis is the one on the left.
		YAxisSecondary: chartdraw.YAxis{Ticks: yticks, GridMajorStyle: grid},
		Elements:       elements,
	}
	x, y := scaleOf(xticks, p.width), scaleOf(yticks, p.height)
	for number, s := range p.series {
		for _, run := range s.runs(x, y) {
			style := s.style(number)
			if len(run.xs) == 1 { // it has no line
				style = series{points: true}.style(number)
			}
			c.Series = append(c.Series, chartdraw.ContinuousSeries{Style: style, YAxis: chartdraw.YAxisSecondary, XValues: run.xs, YValues: run.ys})
		}
	}
	var out bytes.Buffer
	if err := c.Render(as, &out); err != nil {
		panic(fmt.Errorf("plot: %w", err))
	}
	return out.Bytes()
}

// scale gives about how many pixels a unit of an axis has.
type scale float64

func scaleOf(ticks []chartdraw.Tick, pixels int) scale {
	return scale(float64(pixels) / (ticks[len(ticks)-1].Value - ticks[0].Value))
}

func (s scale) pixel(v float64) int { return int(v * float64(s)) }

// runs gives the parts of a series between its gaps, without points that no eye could
// tell from others.
func (s series) runs(x, y scale) []series {
	if s.points {
		return s.distinct(x, y)
	}
	var runs []series
	var run series
	var column []int // first, lowest, highest and last of the points in one column of pixels
	endColumn := func() {
		slices.Sort(column)
		for _, i := range slices.Compact(column) {
			run.xs, run.ys = append(run.xs, s.xs[i]), append(run.ys, s.ys[i])
		}
		column = nil
	}
	endRun := func() {
		endColumn()
		if len(run.xs) > 0 {
			runs = append(runs, run)
		}
		run = series{}
	}
	for i := range s.xs {
		switch {
		case !drawable(s.xs[i], s.ys[i]):
			endRun()
			continue
		case column == nil || x.pixel(s.xs[i]) != x.pixel(s.xs[column[0]]):
			endColumn()
			column = []int{i, i, i, i}
		}
		if s.ys[i] < s.ys[column[1]] {
			column[1] = i
		}
		if s.ys[i] > s.ys[column[2]] {
			column[2] = i
		}
		column[3] = i
	}
	endRun()
	return runs
}

// distinct gives one point of those that are as good as in the same place.
func (s series) distinct(x, y scale) []series {
	type pixel struct{ x, y int }
	seen := map[pixel]bool{}
	var out series
	for i := range s.xs {
		at := pixel{x.pixel(s.xs[i]) / (dotRadius - 1), y.pixel(s.ys[i]) / (dotRadius - 1)}
		if drawable(s.xs[i], s.ys[i]) && !seen[at] {
			seen[at] = true
			out.xs, out.ys = append(out.xs, s.xs[i]), append(out.ys, s.ys[i])
		}
	}
	if len(out.xs) == 0 {
		return nil
	}
	return []series{out}
}

// legend gives what draws the names of the series to the right of the plot, and its
// width in pixels; nil if there are no names.
func (p *Figure) legend() (draw chartdraw.Renderable, width int) {
	type entry struct {
		name  string
		style chartdraw.Style
	}
	var entries []entry
	for number, s := range p.series {
		if s.name == "" {
			continue
		}
		name := cut(s.name, textSize, p.width/3)
		entries = append(entries, entry{name, s.style(number)})
		width = max(width, textWidth(name, textSize))
	}
	if len(entries) == 0 {
		return nil, 0
	}
	rows := max((p.height-titleRoom-2*margin)/legendRow, 1)
	if more := len(entries) - rows; more > 0 {
		entries = append(entries[:rows-1], entry{name: fmt.Sprintf("%d more", more+1)})
	}
	return func(r chartdraw.Renderer, canvas chartdraw.Box, _ chartdraw.Style) {
		left, y := canvas.Right+margin/2, canvas.Top+legendRow/2
		for _, e := range entries {
			switch {
			case e.style.DotWidth > 0:
				r.SetFillColor(e.style.DotColor)
				r.SetStrokeColor(e.style.DotColor)
				r.Circle(dotRadius, left+legendMark/2-3, y)
				r.FillStroke()
			case e.style.StrokeWidth > 0:
				e.style.GetStrokeOptions().WriteDrawingOptionsToRenderer(r)
				r.MoveTo(left, y)
				r.LineTo(left+legendMark-6, y)
				r.Stroke()
			}
			plainText(r)
			r.Text(e.name, left+legendMark, y+4)
			y += legendRow
		}
	}, width + legendMark + margin/2
}

// yName gives what draws the name of the y axis upwards, shortened to some pixels: the
// library leaves no room for it on the left.
func (p *Figure) yName(pixels int) chartdraw.Renderable {
	name := cut(p.y, textSize, pixels)
	return func(r chartdraw.Renderer, canvas chartdraw.Box, _ chartdraw.Style) {
		plainText(r)
		r.SetTextRotation(-math.Pi / 2)
		r.Text(name, margin, (canvas.Top+canvas.Bottom+textWidth(name, textSize))/2)
		r.ClearTextRotation()
	}
}

func plainText(r chartdraw.Renderer) {
	r.SetFont(chartdraw.GetDefaultFont())
	r.SetFontColor(chartdraw.DefaultTextColor)
	r.SetFontSize(textSize)
}

// cut shortens a text that is wider than some pixels.
func cut(text string, size float64, pixels int) string {
	runes := []rune(text)
	if most := max(pixels, 0) / 2; len(runes) > most { // no letter is thinner
		runes = runes[:most]
	}
	for shown := text; ; shown = string(runes) + "…" {
		if len(runes) == 0 || textWidth(shown, size) <= pixels {
			return shown
		}
		runes = runes[:len(runes)-1]
	}
}

// textWidth gives the width of a text in pixels.
func textWidth(text string, size float64) int {
	r := chartdraw.PNG(1, 1)
	r.SetDPI(drawing.DefaultDPI)
	r.SetFont(chartdraw.GetDefaultFont())
	r.SetFontSize(size)
	return r.MeasureText(text).Width()
}

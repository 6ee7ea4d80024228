package plot

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/go-analyze/charts/chartdraw"
)

// extent gives the least and the greatest of the values that are drawn, or, where these
// are as good as equal, some room around them.
func (p *Figure) extent(of func(series) []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range p.series {
		for i, v := range of(s) {
			if drawable(s.xs[i], s.ys[i]) {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if size := max(math.Abs(low), math.Abs(high)); high-low <= 1e-12*size || high-low < 1e-300 {
		room := size / 2
		if size < 1e-300 {
			room = 1
		}
		low, high = low-room, high+room
	}
	return low, high
}

// numberTicks gives at most so many round numbers around a range, but two at least; the
// axis goes from the first to the last.
func numberTicks(low, high float64, most int) []chartdraw.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/float64(most))))
	for _, factor := range []float64{2, 2.5, 2} { // to 2, 5, 10 times a power of ten
		if (high-low)/step > float64(most) {
			step *= factor
		}
	}
	first, last := math.Floor(low/step+1e-9), math.Ceil(high/step-1e-9)
	var out []chartdraw.Tick
	for i := first; i <= last; i++ {
		out = append(out, chartdraw.Tick{Value: i * step, Label: numberText(i*step, step, max(math.Abs(first), math.Abs(last))*step)})
	}
	return out
}

// numberText writes a tick with the digits that tell it from the next; most is the
// greatest of the axis.
func numberText(v, step, most float64) string {
	if v == 0 {
		return "0" // not -0
	}
	unit, size := math.Floor(math.Log10(step)+1e-9), math.Floor(math.Log10(most)+1e-9)
	if digits := int(size-unit) + 1; (size >= 6 || size < -4) && digits < 6 {
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'g', digits, 64), "e")
		if exponent == "" {
			return mantissa
		}
		n, _ := strconv.Atoi(exponent)
		return mantissa + "e" + strconv.Itoa(n)
	}
	return strconv.FormatFloat(v, 'f', int(max(0, -unit)), 64)
}

// A step of a time axis, and how its ticks are written.
type timeStep struct {
	years, months, days int
	rest                time.Duration
	layout              string
}

var timeSteps = []timeStep{
	{rest: time.Second, layout: "15:04:05"}, {rest: 2 * time.Second, layout: "15:04:05"}, {rest: 5 * time.Second, layout: "15:04:05"},
	{rest: 10 * time.Second, layout: "15:04:05"}, {rest: 30 * time.Second, layout: "15:04:05"},
	{rest: time.Minute, layout: "15:04"}, {rest: 2 * time.Minute, layout: "15:04"}, {rest: 5 * time.Minute, layout: "15:04"},
	{rest: 10 * time.Minute, layout: "15:04"}, {rest: 30 * time.Minute, layout: "15:04"},
	{rest: time.Hour, layout: "Jan 2 15:04"}, {rest: 2 * time.Hour, layout: "Jan 2 15:04"}, {rest: 6 * time.Hour, layout: "Jan 2 15:04"}, {rest: 12 * time.Hour, layout: "Jan 2 15:04"},
	{days: 1, layout: "Jan 2"}, {days: 2, layout: "Jan 2"}, {days: 7, layout: "Jan 2"}, {days: 14, layout: "Jan 2"},
	{months: 1, layout: "Jan 2006"}, {months: 2, layout: "Jan 2006"}, {months: 3, layout: "Jan 2006"}, {months: 6, layout: "Jan 2006"},
	{years: 1, layout: "2006"}, {years: 2, layout: "2006"}, {years: 5, layout: "2006"}, {years: 10, layout: "2006"}, {years: 20, layout: "2006"},
	{years: 50, layout: "2006"}, {years: 100, layout: "2006"},
}

// length is about how long a step is, in seconds.
func (s timeStep) length() float64 {
	const day = 24 * 60 * 60
	return s.rest.Seconds() + day*(float64(s.days)+30.4*float64(s.months)+365.25*float64(s.years))
}

// before gives the last tick that is not after t.
func (s timeStep) before(t time.Time) time.Time {
	switch y, m, d := t.Date(); {
	case s.years > 0:
		return time.Date(y-y%s.years, 1, 1, 0, 0, 0, 0, t.Location())
	case s.months > 0:
		return time.Date(y, m-(m-1)%time.Month(s.months), 1, 0, 0, 0, 0, t.Location())
	case s.days > 0:
		return time.Date(y, m, d, 0, 0, 0, 0, t.Location())
	default:
		midnight := time.Date(y, m, d, 0, 0, 0, 0, t.Location())
		return midnight.Add(t.Sub(midnight).Truncate(s.rest))
	}
}

func (s timeStep) next(t time.Time) time.Time {
	return t.AddDate(s.years, s.months, s.days).Add(s.rest)
}

// timeTicks gives the ticks of an axis of seconds since 1970. Those of spans under seconds
// and over centuries are numbers.
func timeTicks(low, high float64, where *time.Location, most int) []chartdraw.Tick {
	for _, step := range timeSteps {
		if step.length()*float64(most) < high-low || high-low < 2 {
			continue
		}
		var out []chartdraw.Tick
		for t := step.before(time.Unix(int64(math.Floor(low)), 0).In(where)); ; t = step.next(t) {
			out = append(out, chartdraw.Tick{Value: float64(t.Unix()), Label: t.Format(step.layout)})
			if float64(t.Unix()) >= high {
				return out
			}
		}
	}
	return numberTicks(low, high, most)
}

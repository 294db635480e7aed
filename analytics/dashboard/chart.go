package dashboard

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// The chart's own units: heights in CSS pixels, places along it in per cent of
// its width. So it fits any screen without a script, and its words keep their
// size.
const (
	chartHeight = 232
	chartTop    = 22  // room for the notes' dots
	chartBottom = 204 // the base line; the dates stand below
)

// A Chart is visits and page views over a period, as bars, with the visits of
// the period compared with as a dashed line, and the same numbers as a table.
type Chart struct {
	Bars   []bar
	Lines  []gridLine
	Dates  []dateMark
	Before []segment
	Flags  []flag
	// Compared is the name of the period of the dashed line; empty for none.
	Compared string
	Height   int
	Base     int
}

type bar struct {
	Label         string // "Monday 3 November 2026"
	Short         string // for the table: "Mon 3 Nov"
	Visits, Views string
	Earlier       string // visits of the compared period, for the table
	X, Width      string // per cent
	HitX, HitW    string
	VisitsY       string
	VisitsH       string
	ViewsY        string
	ViewsH        string
	Title         string
}

type gridLine struct {
	Y     string
	TextY string
	Label string
}

type dateMark struct{ X, Anchor, Label string }

type segment struct{ X1, Y1, X2, Y2 string }

type flag struct{ X, Text, Day string }

// flag puts notes on the days of the chart.
func (c *Chart) flag(notes []annotation, points []analytics.Point) {
	for _, n := range notes {
		at := -1
		for i, p := range points {
			if !p.Start.After(n.Day) {
				at = i
			}
		}
		if at < 0 {
			continue
		}
		c.Flags = append(c.Flags, flag{X: pct((float64(at) + 0.5) * 100 / float64(len(points))), Text: n.Note, Day: n.Day.Format("2 January 2006")})
	}
}

// newChart draws now, and before as a dashed line when it has points.
func newChart(now, before []analytics.Point, step analytics.SeriesStep) *Chart {
	if len(now) == 0 {
		return nil
	}
	c := &Chart{Height: chartHeight, Base: chartBottom}
	var highest int64
	for _, p := range now {
		highest = max(highest, amount(p.Views), amount(p.Visits))
	}
	for i := range min(len(before), len(now)) {
		highest = max(highest, amount(before[i].Visits))
	}
	top, stepSize := niceTop(highest)
	for v := stepSize; v <= top; v += stepSize {
		y := height(v, top)
		c.Lines = append(c.Lines, gridLine{Y: px(y), TextY: px(y + 4), Label: thousands(v)})
	}
	slot := 100 / float64(len(now))
	for i, p := range now {
		c.Bars = append(c.Bars, newBar(p, i, slot, top, step))
		if i < len(before) {
			c.Bars[i].Earlier = number(before[i].Visits)
		}
	}
	c.Dates = dateMarks(now, slot, step)
	for i := 1; i < min(len(before), len(now)); i++ {
		c.Before = append(c.Before, segment{
			X1: pct((float64(i) - 0.5) * slot), Y1: px(height(amount(before[i-1].Visits), top)),
			X2: pct((float64(i) + 0.5) * slot), Y2: px(height(amount(before[i].Visits), top)),
		})
	}
	return c
}

func newBar(p analytics.Point, i int, slot float64, top int64, step analytics.SeriesStep) bar {
	fill := 0.72 // of the slot; few bars are kept from becoming walls
	if slot > 12 {
		fill = 0.4
	}
	b := bar{
		Label: stepName(p.Start, step, true), Short: stepName(p.Start, step, false),
		Visits: number(p.Visits), Views: number(p.Views),
		HitX: pct(float64(i) * slot), HitW: pct(slot),
		X: pct((float64(i) + (1-fill)/2) * slot), Width: pct(fill * slot),
	}
	v, w := height(amount(p.Visits), top), height(amount(p.Views), top)
	b.VisitsY, b.VisitsH = px(v), px(chartBottom-v)
	b.ViewsY, b.ViewsH = px(w), px(chartBottom-w)
	b.Title = fmt.Sprintf("%s: %s, %s", b.Label, plural(p.Visits, "visit", "visits"), plural(p.Views, "page view", "page views"))
	return b
}

// stepName is the name of one step of a series.
func stepName(t time.Time, step analytics.SeriesStep, long bool) string {
	switch {
	case step == analytics.SeriesHour:
		return t.Format("Mon 2 Jan, 15:00")
	case step == analytics.SeriesMonth && long:
		return t.Format("January 2006")
	case step == analytics.SeriesMonth:
		return t.Format("Jan 2006")
	case long:
		return t.Format("Monday 2 January 2006")
	default:
		return t.Format("Mon 2 Jan")
	}
}

// dateMarks names the first step and others at equal distances, as many as a phone
// has room for.
func dateMarks(points []analytics.Point, slot float64, step analytics.SeriesStep) (marks []dateMark) {
	layout, every := markedSteps(len(points), step)
	for i := 0; i < len(points); i += every {
		m := dateMark{X: pct((float64(i) + 0.5) * slot), Anchor: "middle", Label: points[i].Start.Format(layout)}
		if len(points) > 12 && i == len(points)-1 { // a thin bar: its date is wider than what is left beside it
			m.X, m.Anchor = "100%", "end"
		}
		marks = append(marks, m)
	}
	return marks
}

// markedSteps says how the steps of a chart of n are named, and every how many of
// them: whole weeks, quarters of days and of years where there are many.
func markedSteps(n int, step analytics.SeriesStep) (layout string, every int) {
	whole := func(unit int, most float64) int {
		return unit * max(1, int(math.Ceil(float64(n)/(float64(unit)*most))))
	}
	switch {
	case step == analytics.SeriesHour:
		return "15:00", whole(6, 4.5)
	case step == analytics.SeriesMonth && n > 12:
		return "Jan 2006", whole(3, 3)
	case step == analytics.SeriesMonth: // no month comes twice
		return "Jan", whole(1, 8)
	case n > 31:
		return "2 Jan", whole(7, 4.5)
	}
	return "2 Jan", whole(1, 4.5)
}

// niceTop is the top of a scale that ends above highest, and the distance of its
// three to five lines: 1, 2 or 5 times a power of ten.
func niceTop(highest int64) (top, step int64) {
	step = 1
	for i := 0; highest > 4*step; i++ {
		if i%3 == 1 {
			step = step / 2 * 5
		} else {
			step *= 2
		}
	}
	top = max((highest+step-1)/step, 2) * step
	return top, step
}

// height is the place of a count, in pixels from above.
func height(v, top int64) float64 {
	return chartBottom - float64(v)/float64(top)*(chartBottom-chartTop)
}

func px(f float64) string  { return strconv.FormatFloat(f, 'f', 1, 64) }
func pct(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) + "%" }

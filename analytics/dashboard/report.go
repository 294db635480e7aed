package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A Report is what a charity hands to its funders: one page about one month,
// quarter or financial year, beside the one before. All its numbers are
// protected for everybody's eyes.
type Report struct {
	Site         Site
	Span         string
	Period       Period
	Before       Period
	Figures      []reportFigure
	Chart        *Chart
	Lists        []reportList
	Shared       string // the share of page requests whose visitor agreed to be counted
	SharedBefore string
	Estimate     string
	Rounding     string
	Made         time.Time
	Places       analytics.PlaceSource
	// Known is false when counting began after Before did: it is no measure then.
	Known bool
	// Began is the first day counted, if it lies in Period or Before.
	Began       string
	now, before analytics.Answer
	names       names
}

type reportFigure struct{ Name, Now, Before, Means string }

type reportList struct {
	Title, Head string
	Rows        []reportRow
	Empty       string
	More        int
}

type reportRow struct {
	Name, Count, Share string
	Path               bool
}

// The spans of a report, by their keys in an address.
const (
	spanMonth   = "month"
	spanQuarter = "quarter"
	spanYear    = "year"
)

var spanMonths = map[string]int{spanMonth: 1, spanQuarter: 3, spanYear: 12}

// reportPeriod is the month, quarter or financial year of a day, the running one
// up to today.
func reportPeriod(span string, day, today time.Time) Period {
	p := Period{Key: custom}
	switch span {
	case spanQuarter:
		p.From = quarterOf(day)
	case spanYear:
		p.From = financialYearOf(day)
	default:
		span, p.From = spanMonth, monthOf(day)
	}
	p.To = p.From.AddDate(0, spanMonths[span], -1)
	p.Name = dateRange(p.From, p.To)
	if span == spanYear {
		p.Name = fmt.Sprintf("Financial year %d/%02d", p.From.Year(), p.To.Year()%100)
	}
	if p.To.After(today) {
		p.To = today
		p.Name += ", so far"
	}
	return p
}

// reportLists are the lists of a report and their lengths.
var reportLists = []struct {
	title string
	rows  int
	tab
}{
	{"Pages seen most", 10, tab{Dim: analytics.DimPage, Count: byViews, Empty: "No page was seen often enough to be named."}},
	{"Where visitors came from", 9, tab{Dim: analytics.DimChannel, Count: byVisits, Empty: "Too few visits to say."}},
	{"UK nations and regions", 12, tab{Dim: analytics.DimRegion, Count: byVisits, Empty: "Regions are not counted on this website."}},
	{"Countries", 6, tab{Dim: analytics.DimCountry, Count: byVisits, Empty: "Too few visits to say."}},
	{"Goals reached", 12, tab{Dim: analytics.DimGoal, Count: byGoals, Empty: "No goal was reached often enough to be named."}},
	{"Downloads", 5, tab{Dim: analytics.DimDownload, Count: byTimes, Empty: "No file was downloaded often enough to be named."}},
}

// newReport asks for the numbers of a report about p and the period before it.
func newReport(ctx context.Context, ask asker, small int, n names, site Site, span string, p, before Period) (*Report, error) {
	step := analytics.SeriesMonth
	if span == spanMonth {
		step = analytics.SeriesDay
	}
	q := analytics.Question{Site: site.ID, From: p.From, To: p.To, Series: step}
	for _, l := range reportLists {
		q.Lists = append(q.Lists, analytics.ListQuestion{Dim: l.Dim, Limit: l.rows})
	}
	measure := q
	measure.From, measure.To, measure.Lists, measure.Series = before.From, before.To, nil, analytics.SeriesNone
	answers, err := askEverybody(ctx, ask, q, measure)
	if err != nil {
		return nil, err
	}
	now, then := answers[0], answers[1]
	r := &Report{
		Site: site, Span: span, Period: p, Before: before, Rounding: rounding(small),
		Made: time.Now().In(site.Location), now: now, before: then, names: n,
		Chart: newChart(now.Series, nil, step), Figures: reportFigures(now.Headline, then.Headline),
		Shared: sharedPart(now.States), SharedBefore: sharedPart(then.States),
	}
	if s := newConsentStrip(now); s != nil {
		r.Estimate = s.Estimate
	}
	r.Places, r.Known = now.Health.Places, measures(before, now)
	if oldest := now.Retention.OldestDay; oldest.After(before.From) {
		r.Began = oldest.Format("2 January 2006")
	}
	for i, l := range reportLists {
		if i < len(now.Lists) {
			r.Lists = append(r.Lists, newReportList(n, l.title, l.tab, now.Lists[i], l.rows))
		}
	}
	return r, nil
}

func reportFigures(now, before analytics.Counts) []reportFigure {
	var all []reportFigure
	for _, f := range figures(now, before, false) {
		all = append(all, reportFigure{Name: f.Name, Now: f.Value, Means: f.What})
	}
	for i, f := range figures(before, before, false) {
		all[i].Before = f.Value
	}
	return all
}

func newReportList(n names, title string, t tab, l analytics.List, limit int) reportList {
	list := t.show(view{}, n, l, limit)
	out := reportList{Title: title, Head: t.Count.Name, Empty: t.Empty, More: list.More}
	if l.Refused != "" {
		out.Empty = refusal(l.Refused)
		return out
	}
	for _, r := range list.Rows {
		out.Rows = append(out.Rows, reportRow{r.Name, number(r.Count), r.Share, r.Path})
	}
	return out
}

// sharedPart is the share of page requests by visitors who had agreed.
func sharedPart(s analytics.States) string {
	if s.Accepted.Kind == analytics.Unanswered {
		return "not kept for so long"
	}
	all := analytics.Number{N: amount(s.Accepted) + amount(s.Declined) + amount(s.Undecided)}
	if p := share(s.Accepted, all); p != "" {
		return p
	}
	return "too few to say"
}

// export is the report as rows: section, name, the number and the one before.
func (r *Report) export() export {
	e := export{
		Rounding: r.Rounding, Site: r.Site.ID, From: r.Period.From, To: r.Period.To,
		Head: append([]string{"section", "value", "name"}, countHead...),
	}
	add := func(section, value, name string, c analytics.Counts) {
		e.Rows = append(e.Rows, exportRow{[]string{section, value, name}, countCells(c)})
	}
	add("total", "", r.Period.Name, r.now.Headline)
	add("total before", "", r.Before.Name, r.before.Headline)
	for i, l := range r.now.Lists {
		for _, row := range reportLists[i].withoutSmall(slices.Clone(l.Rows)) {
			add(string(l.Dim), row.Value, r.names.of(l.Dim, row.Value), row.Counts)
		}
	}
	return e
}

// A reportPage is a report with the ways to others.
type reportPage struct {
	*Report
	Spans      []link
	Prev, Next string
	CSV, JSON  string
}

// reportOf reads which report an address asks for. Without one it is the last
// whole month.
func reportOf(q url.Values, today time.Time) (span string, p, before Period) {
	span = q.Get("span")
	if spanMonths[span] == 0 {
		span = spanMonth
	}
	day, err := time.Parse(isoMonth, q.Get("of"))
	if err != nil || day.After(today) || day.Year() < 2000 {
		day = monthOf(today).AddDate(0, -1, 0)
	}
	p = reportPeriod(span, day, today)
	return span, p, reportPeriod(span, p.From.AddDate(0, 0, -1), today)
}

func reportURL(base, span string, day time.Time) string {
	return base + "?span=" + span + "&of=" + day.Format(isoMonth)
}

// report shows the report of a site, or sends it as a file.
func (d *Dashboard) report(c *call) error {
	today := dayOf(time.Now(), c.site.Location)
	span, p, before := reportOf(c.r.URL.Query(), today)
	r, err := newReport(c.ctx(), d.answers.each, d.c.Analytics.SmallNumber(), d.names, c.site, span, p, before)
	if err != nil {
		return err
	}
	if f := path.Base(c.r.URL.Path); f != "report" {
		if err := c.note("download report", p.Name); err != nil {
			return err
		}
		return r.export().send(c.w, "report", path.Ext(f)[1:])
	}
	return d.show(c, http.StatusOK, "report", "Report of "+c.site.Name, newReportPage(r, siteURL(c.site.ID), today))
}

func newReportPage(r *Report, base string, today time.Time) reportPage {
	p := reportPage{Report: r}
	here := base + "report"
	for _, s := range []struct{ key, name string }{{spanMonth, "Month"}, {spanQuarter, "Quarter"}, {spanYear, "Financial year"}} {
		p.Spans = append(p.Spans, link{s.name, reportURL(here, s.key, r.Period.From), s.key == r.Span})
	}
	p.Prev = reportURL(here, r.Span, r.Before.From)
	if next := r.Period.From.AddDate(0, spanMonths[r.Span], 0); !next.After(today) {
		p.Next = reportURL(here, r.Span, next)
	}
	p.CSV = reportURL(base+"report.csv", r.Span, r.Period.From)
	p.JSON = reportURL(base+"report.json", r.Span, r.Period.From)
	return p
}

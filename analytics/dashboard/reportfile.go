package dashboard

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// WriteReport writes the report of a site about whole months to w, as "html" (one
// file that needs no other), "csv" or "json". The days are widened to the months
// they lie in; zero days stand for the last whole month.
func WriteReport(ctx context.Context, w io.Writer, a *analytics.Analytics, site Site, from, to time.Time, format string) error {
	if site.Location == nil {
		site.Location = time.UTC
	}
	if site.Name == "" {
		site.Name = site.ID
	}
	today := dayOf(time.Now(), site.Location)
	span, p, before := spanOf(from, to, today)
	own, err := readAssets()
	if err != nil {
		return fmt.Errorf("read dashboard assets: %w", err)
	}
	n := names{readCountries()}
	r, err := newReport(ctx, a.QueryEach, a.SmallNumber(), n, site, span, p, before)
	if err != nil {
		return err
	}
	switch format {
	case "csv":
		return r.export().writeCSV(w)
	case "json":
		return r.export().writeJSON(w)
	case "html":
		all, err := parsePages(own, n)
		if err != nil {
			return fmt.Errorf("parse dashboard pages: %w", err)
		}
		return all["report-file"].ExecuteTemplate(w, "bare", frame{Title: "Report of " + site.Name, Site: site, Body: reportPage{Report: r}})
	}
	return fmt.Errorf("format %q: want html, csv or json", format)
}

// spanOf names the months from..to: as a month, quarter or financial year where
// they are one, and otherwise as their dates.
func spanOf(from, to, today time.Time) (span string, p, before Period) {
	if from.IsZero() && to.IsZero() {
		from = monthOf(today).AddDate(0, -1, 0)
		to = from
	}
	if to.IsZero() {
		to = today
	}
	if from.IsZero() || from.After(to) {
		from = to
	}
	w := Period{Key: custom, From: from, To: to, Name: dateRange(from, to)}.wholeMonths(today)
	for _, span := range []string{spanMonth, spanQuarter, spanYear} {
		if p := reportPeriod(span, w.From, today); p.From.Equal(w.From) && p.To.Equal(w.To) {
			return span, p, reportPeriod(span, p.From.AddDate(0, 0, -1), today)
		}
	}
	months := (w.To.Year()-w.From.Year())*12 + int(w.To.Month()-w.From.Month()) + 1
	w.Name = dateRange(w.From, w.To)
	b := Period{Key: custom, From: w.From.AddDate(0, -months, 0), To: w.From.AddDate(0, 0, -1)}
	b.Name = dateRange(b.From, b.To)
	return spanQuarter, w, b
}

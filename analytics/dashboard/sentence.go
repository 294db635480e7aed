package dashboard

import (
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A sentence is the page in one breath: "In November 2026 so far **1,040 visits**
// were counted: 12% more than in October. Most visits came from search engines."
// Strong is set in bold between Start and End.
type sentence struct {
	Start, Strong, End string
	// More are the sentences after it; values from visitors stand in Quoted
	// between Before and After.
	More []quote
}

type quote struct {
	Before, Quoted, After string
	Path                  bool // Quoted is one, see [rowView]
}

func (d *Dashboard) sentence(v view, now, before analytics.Answer, comparing bool) (s sentence) {
	if !counted(now.Headline.Visits) && now.Headline.Visits.Kind != analytics.FewerThan {
		if counted(now.Headline.Views) {
			return sentence{inTime(v.Period) + " there were ", plural(now.Headline.Views, "page view", "page views"), " of this choice.", nil}
		}
		return sentence{Start: "The numbers cannot be read just now. They are still being counted."}
	}
	if now.Headline.Visits.Kind == analytics.Known && now.Headline.Visits.N == 0 {
		return sentence{Start: inTime(v.Period) + " no visit has been counted. Visits are counted only once somebody presses Accept."}
	}
	s.Start = inTime(v.Period) + " "
	s.Strong = plural(now.Headline.Visits, "visit", "visits")
	s.End = " were counted"
	if now.Headline.Visits.Kind == analytics.Known && now.Headline.Visits.N == 1 {
		s.End = " was counted"
	}
	if comparing {
		if c := compare(now.Headline.Visits, before.Headline.Visits); c.Text != "" {
			s.End += ": " + c.Text
			if p, _ := v.compared(); strings.HasSuffix(c.Text, "more") || strings.HasSuffix(c.Text, "fewer") {
				s.End += " than " + shortly(p, v.today)
			}
		}
	}
	s.End += "."
	s.More = d.highlights(v, now)
	return s
}

// duringPeriod is p after "than": "in October 2026", "from 1 to 22 October 2026".
func duringPeriod(p Period) string {
	switch {
	case p.Days() == 1:
		return "on " + p.Dates()
	case p.From.Day() == 1 && p.To.Equal(monthOf(p.From).AddDate(0, 1, -1)):
		return "in " + p.Dates()
	}
	return "from " + p.Dates()
}

// shortly is p after "than", without a year that goes without saying.
func shortly(p Period, today time.Time) string {
	during := duringPeriod(p)
	if p.From.Year() == today.Year() && p.To.Year() == today.Year() {
		during = strings.TrimSuffix(during, p.To.Format(" 2006"))
	}
	return during
}

// highlights name the first row of the lists of ways and of pages.
func (d *Dashboard) highlights(v view, now analytics.Answer) (all []quote) {
	for _, l := range now.Lists {
		if l.Refused != "" || len(l.Rows) == 0 || (v.Filter != nil && v.Filter.Dim == l.Dim) {
			continue
		}
		r := l.Rows[0]
		switch {
		case l.Dim == analytics.DimChannel && counted(r.Visits) && r.Visits.N >= 10:
			most := "Most visits came "
			if 2*r.Visits.N <= now.Headline.Visits.N {
				most = "The largest part of visits came "
			}
			all = append(all, quote{Before: most, Quoted: channelWords[r.Value], After: "."})
		case l.Dim == analytics.DimPage && v.Page == "" && counted(r.Views) && r.Views.N >= 10:
			all = append(all, quote{"The page seen most was ", pageName(r.Value), ", " + plural(r.Views, "time", "times") + ".", r.Value != "/"})
		}
	}
	return all
}

// inTime begins a sentence about p.
func inTime(p Period) string {
	switch p.Key {
	case "today":
		return "Today"
	case "this-month":
		return "In " + p.From.Format("January") + " so far"
	case "last-month":
		return "In " + p.From.Format("January")
	case "this-quarter", "last-quarter", custom:
		during := duringPeriod(p)
		return strings.ToUpper(during[:1]) + during[1:]
	default:
		return "In the " + strings.ToLower(p.Name[:1]) + p.Name[1:]
	}
}

// pageName is a path as a sentence names it.
func pageName(path string) string {
	if path == "/" {
		return "the front page"
	}
	return path
}

// channelWords say how visits came, after "Most visits came".
var channelWords = map[string]string{
	analytics.Direct.String(): "directly, or by ways not known", analytics.Search.String(): "from search engines",
	analytics.Social.String(): "from social media", analytics.Video.String(): "from video sites",
	analytics.Email.String(): "from e-mails and newsletters", analytics.Assistant.String(): "from AI assistants",
	analytics.Paid.String(): "from paid advertising", analytics.Campaign.String(): "by campaign links",
	analytics.Referral.String(): "from other websites",
}

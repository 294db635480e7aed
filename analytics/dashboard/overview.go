package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// An overview is the page of one site.
type overview struct {
	View    view
	Periods []link
	// MorePeriods are those asked for less often.
	MorePeriods []link
	Hidden      map[string]string
	Kept        []keptFilter
	Compared    string // the compared period in words
	Began       string // the first day counted, where that is why nothing is compared
	Fresh       bool   // nothing has ever been counted: the page says how to begin
	Sentence    sentence
	Numbers     []figure
	Consent     *consentStrip
	Chart       *Chart
	ChartWhy    string
	Panels      []panelView
	Live        analytics.Number
	Footer      footer
	Notices     []string
	Rounding    string
}

// A keptFilter is one thing the page is narrowed to, with the way back.
type keptFilter struct {
	What, Value, Remove string
	Path                bool // Value is one, see [rowView]
}

// A figure is one of the large numbers.
type figure struct {
	Name, What string // What answers "What is this?"
	Value      string
	Change     change
	Grey       bool
}

func siteURL(site string) string { return adminURL + "sites/" + url.PathEscape(site) + "/" }

// overview shows one site.
func (d *Dashboard) overview(c *call) error {
	v := parseView(siteURL(c.site.ID), c.r.URL.Query(), dayOf(time.Now(), c.site.Location))
	page, err := d.readOverview(c, v)
	if err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "overview", c.site.Name, page)
}

// readOverview asks for everything on the page.
func (d *Dashboard) readOverview(c *call, v view) (*overview, error) {
	q := analytics.Question{
		Site: c.site.ID, From: v.Period.From, To: v.Period.To, Filter: v.Filter, Page: v.Page,
		Series: v.Period.step(), Mode: v.mode,
	}
	for _, p := range panels {
		q.Lists = append(q.Lists, v.openTab(p).question(shownRows))
	}
	countries := len(q.Lists) // asked for as well, should no region be known
	q.Lists = append(q.Lists, analytics.ListQuestion{Dim: analytics.DimCountry, Limit: shownRows})
	now, before, err := d.both(c, q, v)
	if err != nil {
		return nil, err
	}
	v.withoutRegions(&now, countries)
	var from string // since when there are numbers, if that is why none are compared
	p, comparing := v.compared()
	if comparing && !measures(p, now) {
		comparing, from, before = false, began(now), analytics.Answer{}
	}
	o := &overview{
		View: v, Periods: periodLinks(v, false), MorePeriods: periodLinks(v, true),
		Hidden: v.hidden(), Kept: d.kept(v),
		Numbers: figures(now.Headline, before.Headline, comparing), Rounding: d.rounding(),
		Began: from, Consent: newConsentStrip(now), Live: now.Live, Footer: newFooter(now, c.site),
		Fresh: v.mode == analytics.Exact && now.Health.StoreOpen && now.Retention.OldestDay.IsZero(),
	}
	if comparing {
		o.Compared = p.Name
	}
	o.Chart = newChart(now.Series, before.Series, q.Series)
	if o.Chart == nil {
		o.ChartWhy = "There is no chart for this: the numbers by day are not kept for it."
	} else if len(o.Chart.Before) > 0 {
		o.Chart.Compared = p.Name
	}
	for i, p := range panels {
		o.Panels = append(o.Panels, d.panel(v, p, now.Lists, i))
	}
	o.Panels = append(o.Panels, newAndReturning(now))
	o.Sentence = d.sentence(v, now, before, comparing)
	if o.Chart != nil && v.mode == analytics.Exact {
		notes, err := d.flags(c, v.Period)
		if err != nil {
			return nil, err
		}
		o.Chart.flag(notes, now.Series)
	}
	if d.c.Gateway != nil && v.mode == analytics.Exact {
		o.Notices = d.c.Gateway(c.site.ID).notices(time.Now())
	}
	return o, nil
}

// measures reports whether all of p was counted, so that now can be measured by it.
func measures(p Period, now analytics.Answer) bool {
	oldest := now.Retention.OldestDay
	return !oldest.IsZero() && !oldest.After(p.From)
}

func began(now analytics.Answer) string {
	if now.Retention.OldestDay.IsZero() {
		return ""
	}
	return now.Retention.OldestDay.Format("2 January 2006")
}

// both asks for the period of q and for the one that v compares it with.
func (d *Dashboard) both(c *call, q analytics.Question, v view) (now, before analytics.Answer, err error) {
	other := q
	p, comparing := v.compared()
	other.From, other.To, other.Lists = p.From, p.To, nil
	questions := []analytics.Question{q}
	if comparing {
		questions = append(questions, other)
	}
	var answers []analytics.Answer
	if q.Mode == analytics.Shared {
		answers, err = askEverybody(c.ctx(), d.answers.each, questions...)
	} else {
		answers, err = d.answers.each(c.ctx(), questions)
	}
	if err != nil {
		return now, before, err
	}
	if comparing {
		before = answers[1]
	}
	return answers[0], before, nil
}

// question asks for t's list. Last pages are the most left of all pages, so more
// of them are asked for than shown.
func (t tab) question(limit int) analytics.ListQuestion {
	if t.Count.Name == byExits.Name || t.Dim == analytics.DimRegion { // only the United Kingdom's are shown
		limit = maxRows
	}
	return analytics.ListQuestion{Dim: t.Dim, Limit: limit}
}

func periodLinks(v view, more bool) (links []link) {
	for _, p := range presets {
		if p.more != more || v.mode == analytics.Shared && !p.months {
			continue
		}
		u := v
		u.Period.Key = p.key
		key := p.key
		if key == presets[0].key {
			key = ""
		}
		links = append(links, link{p.name, u.url("period", key), v.Period.Key == p.key})
	}
	return links
}

// kept are the page and the value that the view is narrowed to.
func (d *Dashboard) kept(v view) (all []keptFilter) {
	if v.Page != "" {
		all = append(all, keptFilter{"Only the page", v.Page, v.url("page", ""), true})
	}
	if v.Filter != nil {
		u := v
		u.Filter = nil
		all = append(all, keptFilter{"Only " + dimWords[v.Filter.Dim], d.names.of(v.Filter.Dim, v.Filter.Value), u.url(), isPath(v.Filter.Dim, v.Filter.Value)})
	}
	return all
}

var dimWords = map[analytics.Dim]string{
	analytics.DimChannel: "visits by way of", analytics.DimSource: "visits from", analytics.DimCampaign: "the campaign",
	analytics.DimCountry: "visits from", analytics.DimRegion: "visits from", analytics.DimDevice: "visits by",
	analytics.DimBrowser: "visits with", analytics.DimOS: "visits with", analytics.DimEntry: "visits that began on",
	analytics.DimGoal: "visits that reached",
}

// figures are the five large numbers.
func figures(now, before analytics.Counts, comparing bool) []figure {
	all := []struct {
		name, what string
		of         func(analytics.Counts) analytics.Number
	}{
		{"Visitors", "Browsers that came at least once and agreed to be counted. One person with a phone and a laptop is two.", byVisitors.of},
		{"Visits", "A visit begins with the first page and ends after half an hour without another. Only visitors who pressed Accept are counted.", byVisits.of},
		{"Page views", "How often a page was opened or loaded again.", byViews.of},
		{"Stayed on", "Visits that saw a second page or reached a goal. Others call the rest “bounces”.", func(c analytics.Counts) analytics.Number { return c.Engaged }},
		{"Goals reached", "Visits that reached one of the goals you named, once for each goal.", func(c analytics.Counts) analytics.Number { return c.Goals }},
	}
	figures := make([]figure, 0, len(all))
	for _, f := range all {
		n := f.of(now)
		x := figure{Name: f.name, What: f.what, Value: number(n), Grey: n.Kind == analytics.Unanswered}
		if x.Grey {
			x.What += " It is not counted for this choice."
		}
		if f.name == "Stayed on" {
			if s := share(n, now.Visits); s != "" {
				x.Value = s
				x.What += fmt.Sprintf(" Here: %s of %s.", number(n), number(now.Visits))
			}
			if s := share(before.Engaged, before.Visits); comparing && s != "" {
				x.Change.Text = s + " before"
			}
		} else if comparing {
			x.Change = compare(n, f.of(before))
		}
		figures = append(figures, x)
	}
	return figures
}

// panel makes one panel from the i-th list of an answer.
func (d *Dashboard) panel(v view, p panel, lists []analytics.List, i int) panelView {
	open := v.openTab(p)
	w := panelView{panel: p, Open: *open, Empty: open.Empty, AllURL: v.listURL(p.ID + "." + open.ID)}
	for k, t := range p.Tabs {
		id := t.ID
		if k == 0 {
			id = ""
		}
		w.Links = append(w.Links, link{t.Title, v.url(p.ID, id) + "#" + p.ID, t.ID == open.ID})
	}
	if i >= len(lists) {
		w.Empty = "The numbers cannot be read just now."
		return w
	}
	if lists[i].Refused != "" {
		w.Refused = refusal(lists[i].Refused)
		return w
	}
	w.List = open.show(v, d.names, lists[i], shownRows)
	if open.Dim == analytics.DimRegion {
		w.Map = newUKMap(d.names, lists[i].Rows)
	}
	return w
}

// listURL is the page of one list in full, for the same view.
func (v view) listURL(tab string) string {
	v.base += "list/" + tab
	v.tabs = nil
	return v.url()
}

package dashboard

import (
	"slices"
	"strings"

	"github.com/lychgate/lychgate/analytics"
)

// A panel is one box of lists, of which one is open.
type panel struct {
	ID, Title string
	Tabs      []tab
}

// A tab is one list.
type tab struct {
	ID, Title string
	Dim       analytics.Dim
	// Count is the metric shown and its name in the list's head.
	Count metric
	// Empty is said when nothing was counted.
	Empty string
}

// A metric is one number of Counts and its name.
type metric struct {
	Name string
	of   func(analytics.Counts) analytics.Number
}

var (
	byViews    = metric{"Page views", func(c analytics.Counts) analytics.Number { return c.Views }}
	byVisits   = metric{"Visits", func(c analytics.Counts) analytics.Number { return c.Visits }}
	byVisitors = metric{"Visitors", func(c analytics.Counts) analytics.Number { return c.Visitors }}
	byExits    = metric{"Visits ended here", func(c analytics.Counts) analytics.Number { return c.Exits }}
	byGoals    = metric{"Reached", func(c analytics.Counts) analytics.Number { return c.Goals }}
	byTimes    = metric{"Times", func(c analytics.Counts) analytics.Number { return c.Views }}
)

// placesPanel is the panel of regions and countries.
const placesPanel = "places"

// panels are in the order of the page: what a volunteer asks first stands first.
var panels = []panel{
	{"pages", "Pages", []tab{
		{"all", "All", analytics.DimPage, byViews, "No page was seen in this time."},
		{"first", "First page", analytics.DimEntry, byVisits, "No visit began in this time."},
		{"last", "Last page", analytics.DimPage, byExits, "No visit ended in this time."},
		{"not-found", "Not found", analytics.DimNotFound, byTimes, "Nobody met a missing page. Good!"},
		{"downloads", "Downloads", analytics.DimDownload, byTimes, "No file was downloaded in this time."},
	}},
	{"from", "Where visitors came from", []tab{
		{"channels", "Ways", analytics.DimChannel, byVisits, "No visit began in this time."},
		{"sources", "Sources", analytics.DimSource, byVisits, "No source is known in this time."},
		{"campaigns", "Campaigns", analytics.DimCampaign, byVisits, "No visit came by a link with utm_campaign. Your mailing tool can add it to its links."},
	}},
	{"goals", "Goals", []tab{
		{"goals", "Goals", analytics.DimGoal, byGoals, "No goal was reached. Goals are pages such as a thank-you page, named in the configuration."},
		{"funnels", "Steps", analytics.DimFunnel, byTimes, "No steps are counted. They are named in the configuration."},
		{"events", "Events", analytics.DimEvent, byTimes, "No event was counted in this time."},
		{"outbound", "Links out", analytics.DimOutbound, byTimes, "No link to another website was counted."},
	}},
	{placesPanel, "Where in the world", []tab{
		{"regions", "UK nations and regions", analytics.DimRegion, byVisits, "No region is known. For regions, lychgate needs a place file that has them: “geoip” in the configuration."},
		{"countries", "Countries", analytics.DimCountry, byVisits, "No country is known in this time."},
	}},
	{"devices", "Devices", []tab{
		{"kinds", "Kinds", analytics.DimDevice, byVisits, "No visit began in this time."},
		{"browsers", "Browsers", analytics.DimBrowser, byVisits, "No visit began in this time."},
		{"systems", "Systems", analytics.DimOS, byVisits, "No visit began in this time."},
		{"widths", "Screens", analytics.DimWidth, byVisits, "Screen widths are counted only with the optional script."},
	}},
	{"searches", "Searched for on your site", []tab{
		{"words", "Words", analytics.DimSearch, byTimes, "No words were counted in this time. The configuration names the parameter of your search page (search_params) to count them."},
	}},
}

// filterable are the dimensions of which one value can be kept.
var filterable = map[analytics.Dim]bool{
	analytics.DimChannel: true, analytics.DimSource: true, analytics.DimCampaign: true, analytics.DimCountry: true,
	analytics.DimRegion: true, analytics.DimDevice: true, analytics.DimBrowser: true, analytics.DimOS: true,
	analytics.DimEntry: true, analytics.DimGoal: true,
}

// tab returns the tab called id, or nil.
func (p panel) tab(id string) *tab {
	for i := range p.Tabs {
		if p.Tabs[i].ID == id {
			return &p.Tabs[i]
		}
	}
	return nil
}

// openTab is the tab of p that v shows.
func (v view) openTab(p panel) *tab {
	if t := p.tab(v.tabs[p.ID]); t != nil {
		return t
	}
	return &p.Tabs[0]
}

// tabByName finds a tab by the name that addresses use: "pages.first".
func tabByName(name string) (p panel, t *tab, ok bool) {
	for _, p := range panels {
		for i := range p.Tabs {
			if p.ID+"."+p.Tabs[i].ID == name {
				return p, &p.Tabs[i], true
			}
		}
	}
	return panel{}, nil, false
}

// shownRows is the length of a list in a panel.
const shownRows = 7

// A panelView is a panel as a page shows it.
type panelView struct {
	panel
	Open    tab
	Links   []link // the tabs
	List    listView
	AllURL  string
	Empty   string
	Refused string
	Map     *ukMap
}

// A link is one choice of several.
type link struct {
	Text, URL string
	Current   bool
}

// A listView is a list as a page shows it.
type listView struct {
	Head string // the column of counts
	Rows []rowView
	More int
}

type rowView struct {
	Name  string
	URL   string // keeps this row alone; empty when that cannot be
	Count analytics.Number
	Share string // of the longest bar, in per cent
	// Path keeps a path or a host from left to right, whatever letters stand in it.
	Path bool
}

// personal are the dimensions whose values people write themselves. One that few
// wrote is not even named: a search may hold a name.
var personal = map[analytics.Dim]bool{
	analytics.DimSearch: true, analytics.DimTerm: true, analytics.DimContent: true,
}

// withoutSmall leaves the rows whose count is hidden out of rows. To everybody
// but admins such a row would still say that somebody was there.
func (t tab) withoutSmall(rows []analytics.ListRow) []analytics.ListRow {
	return slices.DeleteFunc(rows, func(r analytics.ListRow) bool {
		return t.Count.of(r.Counts).Kind == analytics.FewerThan
	})
}

// show makes t's list from the answer's, with at most limit rows.
func (t tab) show(v view, n names, l analytics.List, limit int) listView {
	rows := slices.Clone(l.Rows)
	if t.Dim == analytics.DimRegion {
		rows = slices.DeleteFunc(rows, func(r analytics.ListRow) bool { return !isUK(r.Value) })
	}
	if t.Count.Name == byExits.Name { // the store's order is by views
		rows = slices.DeleteFunc(rows, func(r analytics.ListRow) bool { return amount(r.Exits) == 0 })
		slices.SortStableFunc(rows, func(a, b analytics.ListRow) int { return int(amount(b.Exits) - amount(a.Exits)) })
	}
	kept := len(rows)
	if v.mode == analytics.Shared || personal[t.Dim] {
		rows = t.withoutSmall(rows)
	}
	out := listView{Head: t.Count.Name, More: l.More + kept - min(len(rows), limit)}
	rows = rows[:min(len(rows), limit)]
	var longest int64
	for _, r := range rows {
		longest = max(longest, amount(t.Count.of(r.Counts)))
	}
	for _, r := range rows {
		count := t.Count.of(r.Counts)
		row := rowView{Name: n.of(t.Dim, r.Value), Count: count, Share: "0%", Path: isPath(t.Dim, r.Value)}
		if longest > 0 {
			row.Share = pct(100 * float64(amount(count)) / float64(longest))
		}
		row.URL = v.only(t.Dim, r.Value)
		out.Rows = append(out.Rows, row)
	}
	return out
}

// isPath reports whether a value of a dimension is a path or the name of a host.
func isPath(d analytics.Dim, value string) bool {
	switch d {
	case analytics.DimPage, analytics.DimEntry, analytics.DimNotFound, analytics.DimDownload, analytics.DimOutbound:
		return true
	case analytics.DimSource: // a host, or what a link called itself
		return strings.Contains(value, ".") && !strings.Contains(value, " ")
	}
	return false
}

// newAndReturning is the panel of those who came for the first time and those who
// came again.
func newAndReturning(a analytics.Answer) panelView {
	w := panelView{panel: panel{ID: "returning", Title: "New and returning"}}
	all := a.Headline.Visitors
	switch {
	case !counted(a.New) || !counted(all):
		w.Refused = "Not shown: this is known only for all visits, and for times that began less than three months ago."
		return w
	case all.N == 0:
		w.Empty = "Nobody was counted in this time."
		return w
	}
	again := all
	again.N = max(0, all.N-a.New.N)
	longest := max(a.New.N, again.N, 1)
	for _, r := range []struct {
		name string
		n    analytics.Number
	}{{"Here for the first time", a.New}, {"Came again", again}} {
		w.List.Rows = append(w.List.Rows, rowView{Name: r.name, Count: r.n, Share: pct(100 * float64(r.n.N) / float64(longest))})
	}
	w.List.Head = byVisitors.Name
	return w
}

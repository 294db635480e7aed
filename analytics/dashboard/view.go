package dashboard

import (
	"net/url"
	"slices"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A view is what the address of a site's page asks to see. Every link on the
// page is the same view with one thing changed.
type view struct {
	base    string // the page's path
	mode    analytics.Mode
	today   time.Time
	Period  Period
	Compare string // a key of comparisons
	Page    string // one page only; empty for all
	Filter  *analytics.Filter
	tabs    map[string]string // the tab open in each panel, where not the first
}

// Comparisons, by their keys in an address.
const (
	compareBefore = "before"
	compareYear   = "year"
	compareNone   = "none"
)

// maxValue bounds a value taken from an address.
const maxValue = 512

// parseView reads an address. What it does not know it leaves out.
func parseView(base string, q url.Values, today time.Time) view {
	v := view{base: base, mode: analytics.Exact, today: today, Period: parsePeriod(q, today), Compare: compareBefore, tabs: map[string]string{}}
	if c := q.Get("compare"); c == compareYear || c == compareNone {
		v.Compare = c
	}
	if page := q.Get("page"); len(page) <= maxValue {
		v.Page = page
	}
	dim := analytics.Dim(q.Get("by"))
	if is := q.Get("is"); filterable[dim] && q.Has("is") && len(is) <= maxValue {
		v.Filter = &analytics.Filter{Dim: dim, Value: is}
	}
	for _, p := range panels {
		if t := q.Get(p.ID); p.tab(t) != nil && t != p.Tabs[0].ID {
			v.tabs[p.ID] = t
		}
	}
	return v
}

// withoutRegions opens the list of countries, the last of a, where nobody chose
// between it and that of regions, and no region of the United Kingdom is known.
func (v *view) withoutRegions(a *analytics.Answer, countries int) {
	for i, p := range panels {
		if p.ID != placesPanel || v.tabs[p.ID] != "" || len(a.Lists) <= countries || a.Lists[i].Refused == analytics.RefusedPrivacy {
			continue
		}
		known := slices.ContainsFunc(a.Lists[i].Rows, func(r analytics.ListRow) bool { return isUK(r.Value) })
		if !known {
			v.tabs[p.ID] = p.Tabs[1].ID
			a.Lists = slices.Clone(a.Lists) // others are shown the same answer
			a.Lists[i] = a.Lists[countries]
		}
	}
}

// Unusual reports whether v's period or comparison is one of those asked for less
// often.
func (v view) Unusual() bool {
	for _, p := range presets {
		if p.key == v.Period.Key {
			return p.more || v.Compare == compareYear || v.Compare == compareNone && !v.Everybody()
		}
	}
	return true
}

// Everybody reports whether v is for everybody's eyes.
func (v view) Everybody() bool { return v.mode == analytics.Shared }

// compared is the period to compare with, if any.
func (v view) compared() (Period, bool) {
	switch v.Compare {
	case compareYear:
		return v.Period.yearBefore(), true
	case compareNone:
		return Period{}, false
	default:
		return v.Period.before(), true
	}
}

// url is the address of v with pairs of keys and values changed; an empty value
// takes the key away.
func (v view) url(changes ...string) string {
	q := v.Period.values()
	if v.Period.Key == presets[0].key {
		q.Del("period")
	}
	if v.Compare != compareBefore {
		q.Set("compare", v.Compare)
	}
	if v.Page != "" {
		q.Set("page", v.Page)
	}
	if v.Filter != nil {
		q.Set("by", string(v.Filter.Dim))
		q.Set("is", v.Filter.Value)
	}
	for panel, tab := range v.tabs {
		q.Set(panel, tab)
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Set(changes[i], changes[i+1])
		if changes[i+1] == "" && changes[i] != "is" {
			q.Del(changes[i])
		}
	}
	if len(q) == 0 {
		return v.base
	}
	return v.base + "?" + q.Encode()
}

// only is the address of v with one value of a dimension kept, or one page.
func (v view) only(d analytics.Dim, value string) string {
	switch {
	case v.mode == analytics.Shared:
	case d == analytics.DimPage:
		return v.url("page", value)
	case filterable[d]:
		return v.url("by", string(d), "is", value)
	}
	return ""
}

// hidden are v's parts that a form of its periods must send along.
func (v view) hidden() map[string]string {
	u, err := url.Parse(v.url("period", "", "from", "", "to", "", "compare", ""))
	if err != nil {
		return nil
	}
	m := map[string]string{}
	for k, x := range u.Query() {
		m[k] = x[0]
	}
	return m
}

package dashboard

import (
	"net/http"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A listPage is one list in full.
type listPage struct {
	View    view
	Panel   string
	Tab     string
	Back    string
	CSV     string
	JSON    string
	Kept    []keptFilter
	List    listView
	Empty   string
	Refused string
}

// maxRows is the length of a list in full.
const maxRows = 1000

// list shows one list in full.
func (d *Dashboard) list(c *call) error {
	name, format := c.r.PathValue("tab"), ""
	for _, f := range []string{"csv", "json"} {
		if rest, ok := strings.CutSuffix(name, "."+f); ok {
			name, format = rest, f
		}
	}
	p, t, ok := tabByName(name)
	if !ok {
		return errNotFound
	}
	base := siteURL(c.site.ID)
	v := parseView(base, c.r.URL.Query(), dayOf(time.Now(), c.site.Location))
	if format != "" {
		return d.sendList(c, v, t, name, format)
	}
	a, err := d.answers.ask(c.ctx(), analytics.Question{
		Site: c.site.ID, From: v.Period.From, To: v.Period.To, Filter: v.Filter, Page: v.Page,
		Lists: []analytics.ListQuestion{t.question(maxRows)}, Mode: analytics.Exact,
	})
	if err != nil {
		return err
	}
	page := listPage{
		View: v, Panel: p.Title, Tab: t.Title, Back: v.url() + "#" + p.ID,
		CSV: v.listURL(name + ".csv"), JSON: v.listURL(name + ".json"), Kept: d.kept(v), Empty: t.Empty,
	}
	switch {
	case len(a.Lists) == 0:
		page.Empty = "The numbers cannot be read just now."
	case a.Lists[0].Refused != "":
		page.Refused = refusal(a.Lists[0].Refused)
	default:
		page.List = t.show(v, d.names, a.Lists[0], maxRows)
	}
	return d.show(c, http.StatusOK, "list", p.Title, page)
}

// sendList sends one list as a file: of whole months, without filter, in
// protected numbers.
func (d *Dashboard) sendList(c *call, v view, t *tab, name, format string) error {
	p := v.Period.wholeMonths(v.today)
	a, err := d.ask(c, p, analytics.Question{Lists: []analytics.ListQuestion{t.question(maxRows)}})
	if err != nil {
		return err
	}
	if err := c.note("download list", name+", "+p.Name); err != nil {
		return err
	}
	l := analytics.List{Dim: t.Dim}
	if len(a.Lists) == 1 && a.Lists[0].Refused == "" {
		l = a.Lists[0]
	}
	return d.names.listExport(a, t, l, d.rounding()).send(c.w, name, format)
}

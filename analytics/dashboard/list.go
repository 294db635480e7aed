package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A listPage is one list in full.
type listPage struct {
	View    view
	Panel   string
	Tab     string
	Back    string
	Kept    []keptFilter
	List    listView
	Empty   string
	Refused string
}

// maxRows is the length of a list in full.
const maxRows = 1000

// list shows one list in full.
func (d *Dashboard) list(c *call) error {
	p, t, ok := tabByName(c.r.PathValue("tab"))
	if !ok {
		return errNotFound
	}
	base := siteURL(c.site.ID)
	v := parseView(base, c.r.URL.Query(), dayOf(time.Now(), c.site.Location))
	a, err := d.c.Analytics.Query(c.ctx(), analytics.Question{
		Site: c.site.ID, From: v.Period.From, To: v.Period.To, Filter: v.Filter, Page: v.Page,
		Lists: []analytics.ListQuestion{t.question(maxRows)}, Mode: analytics.Exact,
	})
	if err != nil {
		return fmt.Errorf("query %s: %w", c.site.ID, err)
	}
	page := listPage{View: v, Panel: p.Title, Tab: t.Title, Back: v.url() + "#" + p.ID, Kept: d.kept(v), Empty: t.Empty}
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

package dashboard

import (
	"errors"
	"net/http"
	"path"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

const sharedPrefix = consent.Prefix + "shared/"

// sharedURL is where a shared link leads.
func sharedURL(secret string) string { return sharedPrefix + secret + "/" }

// onShared makes a handler of a page for whoever has a shared link. Its numbers
// are always those for everybody's eyes.
func (d *Dashboard) onShared(page func(*call) error) http.HandlerFunc {
	return d.anybody(func(c *call) error {
		k, err := c.accounts.keyOf(c.ctx(), linkKey, c.r.PathValue("secret"))
		if errors.Is(err, errNoKey) {
			if wait := d.throttle.try(networkKey(c.r.RemoteAddr)); wait > 0 {
				return tooManyTries(wait)
			}
		}
		if err != nil {
			return err
		}
		site, ok := d.site(k.Site)
		if !ok {
			return errNoKey
		}
		c.site, c.shared = site, sharedURL(c.r.PathValue("secret"))
		return page(c)
	})
}

// sharedOverview shows a site's numbers by whole months.
func (d *Dashboard) sharedOverview(c *call) error {
	v := parseView(c.shared, c.r.URL.Query(), dayOf(time.Now(), c.site.Location)).forEverybody()
	page, err := d.readOverview(c, v)
	if err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "overview", c.site.Name, page)
}

// forEverybody is v with whole months, no filter, and a comparison only of months
// that are over: see [Period.wholeMonths].
func (v view) forEverybody() view {
	v.mode = analytics.Shared
	v.Period = v.Period.wholeMonths(v.today)
	v.Page, v.Filter = "", nil
	if v.Period.To.Equal(v.today) && v.today.AddDate(0, 0, 1).Day() != 1 || v.Compare == compareYear {
		v.Compare = compareNone
	}
	return v
}

// sharedReport shows the report, or sends it as a file.
func (d *Dashboard) sharedReport(c *call) error {
	today := dayOf(time.Now(), c.site.Location)
	span, p, before := reportOf(c.r.URL.Query(), today)
	r, err := newReport(c.ctx(), d.answers.each, d.c.Analytics.SmallNumber(), d.names, c.site, span, p, before)
	if err != nil {
		return err
	}
	if f := path.Ext(c.r.URL.Path); f != "" {
		return r.export().send(c.w, "report", f[1:])
	}
	return d.show(c, http.StatusOK, "report", "Report of "+c.site.Name, newReportPage(r, c.shared, today))
}

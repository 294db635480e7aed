package dashboard

import (
	"net/http"
)

// home is the start: the list of sites, or the only one at once.
func (d *Dashboard) home(c *call) error {
	sites := d.sitesOf(c.session.account)
	if len(sites) == 1 {
		return c.see(siteURL(sites[0].ID))
	}
	return d.show(c, http.StatusOK, "home", "Your websites", sites)
}

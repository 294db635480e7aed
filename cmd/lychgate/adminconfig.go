package main

import (
	"slices"
	"time"
)

// checkAdmin checks how long sessions and the log of the dashboard last, and
// where the figures for machines are.
func (c *config) checkAdmin(p *problems) {
	for _, k := range []struct {
		key         string
		is          period
		least, most time.Duration
	}{
		{"admin.session", c.Admin.Session, 5 * time.Minute, 30 * day},
		{"admin.idle", c.Admin.Idle, time.Minute, c.Admin.Session.Duration},
		{"admin.keep_audit", c.Admin.KeepAudit, 30 * day, 10 * year},
	} {
		switch {
		case k.is.err != nil:
			p.add(k.key, "%v", k.is.err)
		case k.is.Duration < k.least:
			p.add(k.key, "%s is too short: at least %s", k.is, period{Duration: k.least})
		case k.is.Duration > k.most && k.key == "admin.idle":
			p.add(k.key, "%s is longer than session, which ends first: %s", k.is, c.Admin.Session)
		case k.is.Duration > k.most:
			p.add(k.key, "%s is too long: at most %s", k.is, period{Duration: k.most})
		}
	}
	if h := c.Admin.Host; h != "" && !isHostName(h) {
		p.add("admin.host", `%q is not a host name: write the bare name, such as "stats.charity.example"`, h)
	}
	for i := range c.Sites {
		if slices.Contains(c.Sites[i].Hosts, c.Admin.Host) {
			p.add("admin.host", "%q belongs to site[%d], whose pages nobody would reach: give the dashboard a name of its own, or leave this out", c.Admin.Host, i)
		}
	}
	if c.Admin.Listen != "" {
		checkAddress(p, "admin.listen", c.Admin.Listen)
	}
}

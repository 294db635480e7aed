package proxy

import (
	"cmp"
	"context"
	"slices"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A ScanReport is what a crawl of a site found, and what would become of it
// before a visitor agrees to anything.
type ScanReport struct {
	Site string `json:"site"`
	// Complete is false when the crawl ran out of time or of its limit of pages.
	Complete     bool         `json:"complete"`
	Pages        []*ScanPage  `json:"pages"`
	ThirdParties []ThirdParty `json:"third_parties"`
	Cookies      []SiteCookie `json:"cookies"`
	// Advice is what the owner may want to change in the configuration.
	Advice []string `json:"advice,omitempty"`
}

// A ScanPage is one page, style sheet or drawing of the site.
type ScanPage struct {
	Path   string      `json:"path"`
	Status int         `json:"status"`
	Found  []ScanFound `json:"found"`
}

// A ScanFound is something that a page would have a browser load.
type ScanFound struct {
	Host    string `json:"host"`
	Service string `json:"service,omitempty"`
	Loads   string `json:"loads"`
	Verdict string `json:"verdict"`
}

// add notes one reference, once.
func (p *ScanPage) add(q *party, d rewrite.Dest, o outcome) {
	f := ScanFound{Host: q.host, Loads: destWord(d), Verdict: o.String()}
	if q.service != nil {
		f.Service = q.service.Name
	}
	if !slices.Contains(p.Found, f) {
		p.Found = append(p.Found, f)
	}
}

// finish brings the report into order.
func (r *ScanReport) finish(s *site, complete bool) {
	r.Complete = complete
	slices.SortFunc(r.Pages, func(a, b *ScanPage) int { return cmp.Compare(a.Path, b.Path) })
	r.ThirdParties, r.Cookies = s.thirdParties.inventory.list(), s.thirdParties.inventory.cookieList()
	for _, p := range r.ThirdParties {
		advice := p.Name + " asks visitors about cookies, as lychgate does: whoever says yes is asked a second time. Take its code out of your pages."
		if p.AsksToo() && !slices.Contains(r.Advice, advice) {
			r.Advice = append(r.Advice, advice)
		}
	}
}

// Scan crawls every site as the gateway would serve it and reports what it
// found; nobody else is asked but third parties whose pictures, styles and
// fonts would be relayed. What was found is in force afterwards;
// SaveThirdParties keeps that.
func (g *Gateway) Scan(ctx context.Context) []*ScanReport {
	var reports []*ScanReport
	for _, s := range g.sites().list {
		in := s.thirdParties.inventory
		in.learn(true)
		reports = append(reports, s.scan(ctx))
		in.learn(false)
		reports[len(reports)-1].finish(s, reports[len(reports)-1].Complete)
	}
	return reports
}

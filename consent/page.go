package consent

import (
	"bytes"
	"errors"
	"net/http"
	"slices"

	"github.com/lychgate/lychgate/banner"
)

// showPage answers GET /_lychgate/consent: what the visitor chose, what it
// means, and every way to change it (GDPR Art. 7(3), 12, 13).
func (g *Gate) showPage(w http.ResponseWriter, r *http.Request) {
	t := g.today()
	d, grant := g.Of(r)
	saved := r.URL.Query().Get("saved")
	if saved == Withdraw && d.Answer == Declined && !d.GPC {
		g.showWithdrawn(w, r, t)
		return
	}
	p := &banner.ConsentPage{
		Visitor: visitor(r), Saved: saved != "" && d.Answer != Undecided && !d.GPC,
		Choice: choiceOf(d), GPC: d.GPC, Day: d.Day, Policy: t.policy.version,
		News: g.news(r, t, d), CountStates: g.config.CountStates,
		Contact: g.config.Contact, PrivacyURL: g.config.PrivacyURL,
		KeepAnswer: g.config.AskAgain, KeepRecords: g.config.KeepRecords, KeepStatistics: g.config.KeepStatistics,
		Purposes: purposeChoices(t, grant), Always: g.always(),
	}
	if !d.Day.IsZero() {
		p.Expires = g.ends(d.Day)
	}
	p.ReturnTo = cameFrom(r)
	if g.config.Counting != nil && grant.Allows(Statistics) {
		p.Counting = g.config.Counting(r)
	}
	_, p.Receipt = parseReceiptID(oneCookie(r, receiptCookie(secure(r))))
	g.html(w, http.StatusOK, func(b *bytes.Buffer) error { return g.config.Banner.WriteConsent(b, p) })
}

// showWithdrawn confirms a withdrawal, says what no answer of ours can undo, and
// offers the receipt of the consent that has just ended, whose cookie is gone.
func (g *Gate) showWithdrawn(w http.ResponseWriter, r *http.Request, t *today) {
	p := &banner.WithdrawnPage{Visitor: visitor(r), ReturnTo: cameFrom(r)}
	if id, ok := parseReceiptID(r.URL.Query().Get("last")); ok {
		if last, err := g.receiptOf(r, id); err == nil {
			p.Receipt = string(last.json())
		} else if !errors.Is(err, ErrNoRecord) {
			g.config.Log.Error("last receipt cannot be read", "site", g.config.Site, "err", err)
		}
	}
	for _, s := range t.services {
		if s.Privacy != "" {
			p.Providers = append(p.Providers, bannerService(s))
		}
	}
	g.html(w, http.StatusOK, func(b *bytes.Buffer) error { return g.config.Banner.WriteWithdrawn(b, p) })
}

func choiceOf(d Decision) banner.Choice {
	switch d.Answer {
	case Accepted:
		return banner.Accepted
	case Declined:
		return banner.Declined
	default:
		return banner.Undecided
	}
}

// News is what the list in force asks about that the answer r still holds was
// not about, for a visitor who is asked again because of it.
func (g *Gate) News(r *http.Request) banner.News {
	d, _ := g.Of(r)
	return g.news(r, g.today(), d)
}

func (g *Gate) news(r *http.Request, t *today, d Decision) (n banner.News) {
	if d.Answer != Undecided {
		return n
	}
	a, ok := g.read(r, t)
	if !ok {
		return n
	}
	older := g.history.find(a.version)
	if older == nil {
		return n
	}
	missing := t.policy.missing(older)
	for _, id := range t.policy.names(t.policy.asked) {
		if hosts, is := missing[id]; is && len(hosts) == 0 {
			n.Purposes = append(n.Purposes, id)
		}
	}
	for _, s := range t.services {
		if slices.ContainsFunc(s.named(), func(h string) bool { return slices.Contains(missing[s.Purpose], h) }) {
			n.Services = append(n.Services, bannerService(s))
		}
	}
	return n
}

// purposeChoices is the list in force with the visitor's answers.
func purposeChoices(t *today, grant Grant) []banner.PurposeChoice {
	var list []banner.PurposeChoice
	for _, id := range t.policy.names(t.policy.asked) {
		c := banner.PurposeChoice{ID: id, Granted: grant.Allows(id)}
		for _, s := range t.services {
			if s.Purpose == id {
				c.Services = append(c.Services, bannerService(s))
			}
		}
		list = append(list, c)
	}
	return list
}

// always are the third parties that nobody is asked about.
func (g *Gate) always() []banner.Service {
	if g.config.Always == nil {
		return nil
	}
	var list []banner.Service
	for _, s := range g.config.Always() {
		list = append(list, bannerService(s))
	}
	return list
}

func bannerService(s Service) banner.Service {
	out := banner.Service{Name: s.Name, Words: s.Words, Hosts: s.Hosts, Text: s.Text, Privacy: s.Privacy}
	for _, c := range s.Cookies {
		out.Cookies = append(out.Cookies, banner.Cookie(c))
	}
	return out
}

package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A gatePage is the gate's side of a site.
type gatePage struct {
	GatewayStatus
	Known bool
	// Groups are the third parties by what the gateway does about them.
	Groups   []partyGroup
	Notices  []string
	Held     []heldDay
	Now      time.Time
	Previews []link
	// Change is true when the reader may decide about third parties.
	Change, Again bool
	Problem       string
}

// A partyGroup is the companies of one verdict.
type partyGroup struct {
	Verdict     Verdict
	Title, Text string
	Companies   []company
}

// Waiting reports whether visitors have not been asked about the group yet.
func (g partyGroup) Waiting() bool { return g.Verdict == Pending }

// A company is the hosts of one service about which the gateway does the same.
type company struct {
	ThirdParty // of all its hosts
	Hosts      []string
}

// companies are the parties of one verdict, those of a service together.
func companies(parties []ThirdParty, v Verdict) (all []company) {
	for _, p := range parties {
		if p.Verdict != v {
			continue
		}
		i := slices.IndexFunc(all, func(c company) bool { return c.Service != "" && c.Service == p.Service && c.Fixed == p.Fixed })
		if i < 0 {
			all = append(all, company{p, []string{p.Host}})
			continue
		}
		c := &all[i]
		c.Hosts, c.Pages, c.Chosen = append(c.Hosts, p.Host), max(c.Pages, p.Pages), c.Chosen || p.Chosen
		for _, k := range p.Kinds {
			if !slices.Contains(c.Kinds, k) {
				c.Kinds = append(slices.Clip(c.Kinds), k)
			}
		}
		if p.FirstSeen.Before(c.FirstSeen) {
			c.FirstSeen = p.FirstSeen
		}
	}
	return all
}

// partyGroups are in the order in which an admin should look at them.
var partyGroups = []partyGroup{
	{Verdict: Pending, Title: "New: held from everybody", Text: "Visitors have not been asked about these yet. They come onto the list by themselves at 03:00, and visitors are asked again."},
	{Verdict: Held, Title: "Held until a visitor agrees"},
	{Verdict: Relayed, Title: "Fetched by the gateway", Text: "Pictures, styles and fonts that come through the gate. The other company does not learn who visits."},
	{Verdict: Passed, Title: "Let through", Text: "Payment and donation services, and what was allowed. The company sees the visit of everybody who opens the page."},
}

// A heldDay is how many pages were given with everything held back on one day:
// those asked for by visitors who declined or had not chosen.
type heldDay struct {
	Day   time.Time
	Pages analytics.Number
	Share string // of the longest bar, in per cent
}

// gate shows what the gateway holds back, lets through and keeps.
func (d *Dashboard) gate(c *call) error { return d.showGate(c, http.StatusOK, "") }

func (d *Dashboard) showGate(c *call, status int, problem string) error {
	p := gatePage{
		Now: time.Now(), Previews: previewLinks(c.site), Problem: problem, Again: d.asksAgain(),
		Change: d.c.Choose != nil && c.session.account.Role(c.site.ID) >= Owner,
	}
	if d.c.Gateway != nil {
		p.GatewayStatus, p.Known = d.c.Gateway(c.site.ID), true
	}
	p.Notices = p.notices(p.Now)
	for _, g := range partyGroups {
		if g.Companies = companies(p.ThirdParties, g.Verdict); len(g.Companies) > 0 {
			p.Groups = append(p.Groups, g)
		}
	}
	var err error
	if p.Held, err = d.heldDays(c.ctx(), c.site, shownRows); err != nil {
		return err
	}
	return d.show(c, status, "gate", "Gate of "+c.site.Name, p)
}

// heldDays are the last days of a site, the newest first.
func (d *Dashboard) heldDays(ctx context.Context, site Site, n int) (days []heldDay, err error) {
	today := dayOf(time.Now(), site.Location)
	questions := make([]analytics.Question, n)
	for i := range questions {
		day := today.AddDate(0, 0, -i)
		questions[i] = analytics.Question{Site: site.ID, From: day, To: day, Mode: analytics.Exact}
	}
	answers, err := d.answers.each(ctx, questions)
	if err != nil {
		return nil, err
	}
	var most int64
	for _, a := range answers {
		pages := a.States.Declined
		if pages.N += a.States.Undecided.N; pages.Kind == analytics.Unanswered {
			return nil, nil
		}
		days = append(days, heldDay{Day: a.From, Pages: pages})
		most = max(most, pages.N)
	}
	for i := range days {
		days[i].Share = pct(100 * float64(days[i].Pages.N) / float64(max(most, 1)))
	}
	if most == 0 {
		return nil, nil
	}
	return days, nil
}

// notices are what an admin should know now, in plain words, worst first.
func (s GatewayStatus) notices(now time.Time) (all []string) {
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if s.Ledger != nil && s.Ledger.Err != "" {
		say("Decisions cannot be recorded, so nobody can accept. Declining works. The reason is on the page “Gate”.")
	}
	if s.Upstream != nil && !s.Upstream.OK {
		say("The website behind the gate does not answer.")
	}
	for _, c := range s.Certificates {
		switch left := c.NotAfter.Sub(now); {
		case c.NotAfter.IsZero():
			say("There is no certificate yet for %s.", strings.Join(c.Names, ", "))
		case left <= 0:
			say("The certificate of %s has ended.", strings.Join(c.Names, ", "))
		case left < 7*oneDay:
			say("The certificate of %s ends in %s.", strings.Join(c.Names, ", "), window(max(left, oneDay)))
		}
	}
	pending := 0
	var asking []string
	for _, p := range s.ThirdParties {
		if p.Verdict == Pending {
			pending++
		}
		if p.AsksToo && !slices.Contains(asking, p.Service) {
			asking = append(asking, p.Service)
			say("%s on your pages asks visitors about cookies, too: whoever accepts is asked a second time. Take its code out of your pages.", p.Service)
		}
	}
	if pending > 0 {
		say("%s new on your pages, and held from everybody until 03:00. See “Gate”.",
			theyAre(pending, "third party", "third parties"))
	}
	return all
}

// theyAre is "1 third party is", "3 third parties are".
func theyAre(n int, one, many string) string {
	if n == 1 {
		return "1 " + one + " is"
	}
	return fmt.Sprintf("%d %s are", n, many)
}

// What the gateway refuses of an owner's decision, in words of [Config.Choose].
var (
	// ErrUnknownParty says that no page of the site contacts this host any more.
	ErrUnknownParty = errors.New("no page of yours contacts this any more")
	// ErrConfigured says that the configuration file decides about a host.
	ErrConfigured = errors.New("the configuration file decides about this one")
)

// changeGate carries out one button of the gate's page.
func (d *Dashboard) changeGate(c *call) error {
	err := d.confirm(c)
	if err == nil {
		err = d.gateAct(c, c.r.PostFormValue("act"), c.r.PostForm["host"])
	}
	if text, known := peopleProblem(err); known {
		return d.showGate(c, http.StatusBadRequest, text)
	}
	if errors.Is(err, ErrUnknownParty) || errors.Is(err, ErrConfigured) {
		return d.showGate(c, http.StatusBadRequest, "Nothing has been changed: "+err.Error()+".")
	}
	if err != nil {
		return err
	}
	return c.see(siteURL(c.site.ID) + "gate")
}

func (d *Dashboard) gateAct(c *call, act string, hosts []string) error {
	if d.c.Choose == nil || d.c.Admit == nil {
		return errNotFound
	}
	switch act {
	case "admit":
		if err := d.c.Admit(c.site.ID); err != nil {
			return fmt.Errorf("put third parties on the list: %w", err)
		}
		return c.note("put new third parties on the list", "")
	case "allow", "hold", "relay", "usual":
		verdict := act
		if act == "usual" {
			verdict = ""
		}
		for _, host := range hosts {
			if err := d.c.Choose(c.site.ID, host, verdict); err != nil {
				return err
			}
		}
		return c.note(act+" a third party", strings.Join(hosts, ", "))
	}
	return errNotFound
}

// Expiry says in words when a certificate ends.
func (p gatePage) Expiry(c Certificate) string {
	switch left := c.NotAfter.Sub(p.Now); {
	case c.NotAfter.IsZero():
		return "none yet"
	case left < 0:
		return "ended on " + c.NotAfter.Format("2 January 2006")
	default:
		return "until " + c.NotAfter.Format("2 January 2006") + " (" + window(left) + ")"
	}
}

// Ago says in words how long ago t was.
func (p gatePage) Ago(t time.Time) string { return ago(t, p.Now) }

// Buttons are what may be decided about a third party now.
func (p gatePage) Buttons(t company) (all []link) {
	for _, b := range []link{
		{"Let through", "allow", t.Verdict == Passed},
		{"Fetch by the gateway", "relay", t.Verdict == Relayed},
		{"Hold until agreed", "hold", t.Verdict == Held || t.Verdict == Pending},
	} {
		if !b.Current {
			all = append(all, b)
		}
	}
	if t.Chosen {
		all = append(all, link{"Leave it to lychgate", "usual", false})
	}
	return all
}

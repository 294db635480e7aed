package dashboard

import (
	"fmt"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// A consentStrip is how visitors answered, the only place in which those who
// declined appear.
type consentStrip struct {
	Parts []stripPart
	// Chose is the share of those who chose that accepted; empty on few.
	Chose string
	// Estimate is the total traffic in words; empty when it cannot be told.
	Estimate string
	Bots     analytics.Number
}

type stripPart struct {
	Name     string
	N        analytics.Number
	Share    string // of all, in words; empty on few
	X, Width string // of the bar
	Class    string
}

func newConsentStrip(a analytics.Answer) *consentStrip {
	s := &consentStrip{Bots: a.States.Bot}
	parts := []stripPart{
		{Name: "Accepted", N: a.States.Accepted, Class: "yes"},
		{Name: "Declined", N: a.States.Declined, Class: "no"},
		{Name: "No choice yet", N: a.States.Undecided, Class: "none"},
	}
	var all int64
	for _, p := range parts {
		all += amount(p.N)
	}
	if all == 0 {
		return nil
	}
	var x int64
	for _, p := range parts {
		n := amount(p.N)
		p.X, p.Width = pct(100*float64(x)/float64(all)), pct(100*float64(n)/float64(all))
		if all >= minPercentBase {
			p.Share = fmt.Sprintf("%d%%", percent(n, all))
		}
		x += n
		s.Parts = append(s.Parts, p)
	}
	yes, no := amount(a.States.Accepted), amount(a.States.Declined)
	if yes+no >= minPercentBase {
		s.Chose = fmt.Sprintf("%d%%", percent(yes, yes+no))
	}
	if e := a.Estimate; e.Visits.Kind != analytics.Unanswered {
		s.Estimate = fmt.Sprintf("about %s visits in all (between %s and %s)",
			thousands(e.Visits.N), thousands(e.Low.N), thousands(e.High.N))
	}
	return s
}

// A footer says what is kept, for how long, and whether counting is well.
type footer struct {
	Window, Hours, Days string
	Oldest, Next        string
	Zone                string
	Places              analytics.PlaceSource
	Health              []healthLine
}

type healthLine struct {
	Text string
	Bad  bool
}

func newFooter(a analytics.Answer, site Site) footer {
	f := footer{
		Window: window(a.Retention.Window), Hours: window(a.Retention.Hours), Days: window(a.Retention.Days),
		Zone: site.Location.String(), Places: a.Health.Places,
	}
	if !a.Retention.OldestDay.IsZero() {
		f.Oldest = a.Retention.OldestDay.Format("2 January 2006")
	}
	if !a.Retention.NextDeletion.IsZero() {
		f.Next = a.Retention.NextDeletion.In(site.Location).Format("2 January 2006")
	}
	f.Health = health(a.Health)
	return f
}

func health(h analytics.Health) (lines []healthLine) {
	say := func(bad bool, format string, args ...any) {
		lines = append(lines, healthLine{fmt.Sprintf(format, args...), bad})
	}
	if !h.StoreOpen {
		say(true, "The store of numbers cannot be reached; counting goes on and is added later. %s", h.Err)
	} else if h.LastWrite.IsZero() {
		say(false, "All is well. Nothing new has been written since lychgate started.")
	} else {
		say(false, "All is well. Last write: %s.", ago(h.LastWrite, time.Now()))
	}
	if h.Backlog > 0 {
		say(h.Backlog > 100, "Waiting to be written: %s (%s).", countOf(int64(h.Backlog), "entry"), countOf(h.BacklogBytes, "byte"))
	}
	if h.SetAside > 0 {
		say(true, "%s set aside: nobody can tell whether they were written.", countOf(int64(h.SetAside), "entry"))
	}
	if h.PlaceErr != "" {
		say(true, "Countries are not counted: %s", h.PlaceErr)
	}
	return lines
}

package dashboard

import (
	"fmt"

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

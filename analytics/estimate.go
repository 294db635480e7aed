package analytics

import "math"

// leastArrivals is the number of agreed arrivals below which nothing is
// estimated.
const leastArrivals = 100

// estimate computes the site's total visits from the opted-in share. Arrivals,
// requests that came from outside, can be told for everybody; for those who
// agreed it is also known how many visits they were. So
//
//	all visits = arrivals of people x (agreed visits / agreed arrivals)
//
// which takes out reloads and returns from payment pages. The bounds are those
// of counting (arrivals as a Poisson process, 95 %); that those who agreed visit
// like those who did not is an assumption, which no bound covers.
func (q *asking) estimate(by map[string]Metrics) Estimate {
	var visits int64
	for _, r := range q.overPieces(q.days(DimTotal)) {
		visits += r.Visits
	}
	agreed := by[StateAccepted.String()].Visits
	if agreed < leastArrivals || visits == 0 {
		return noEstimate
	}
	all := agreed + by[StateDeclined.String()].Visits + by[StateUndecided.String()].Visits
	mean := float64(all) * float64(visits) / float64(agreed)
	spread := math.Exp(1.96 * math.Sqrt(1/float64(agreed)+1/float64(all)))
	about := func(n float64) Number {
		base := float64(q.show.base)
		return Number{N: int64(math.Round(n/base) * base), Kind: About}
	}
	return Estimate{
		Visits: about(mean),
		Low:    about(max(mean/spread, float64(visits))),
		High:   about(mean * spread),
	}
}

package analytics

import "time"

var noStates = States{Accepted: unanswered, Declined: unanswered, Undecided: unanswered, Bot: unanswered, Prefetch: unanswered}

var noEstimate = Estimate{unanswered, unanswered, unanswered}

// states sums page requests by state over the period. They are kept by the hour,
// and then by the month: it reports false for a period that begins within a
// month whose hours are forgotten.
func (q *asking) states() (map[string]Metrics, bool) {
	byName := map[string]Metrics{}
	add := func(sel Select) {
		sel.By = ByValue
		for _, r := range q.rows(sel) {
			m := byName[r.Value]
			m.Add(r.Metrics)
			byName[r.Value] = m
		}
	}
	sel := q.hours(DimState)
	for month := monthOf(date(q.from)); q.site.midnight(month) < q.books.hours && !month.After(date(q.to)); month = monthAfter(month) {
		if !q.books.closed[month.Unix()] {
			continue // nothing there, or not counted
		}
		end := monthAfter(month)
		if month.Before(date(q.from)) || end.After(date(q.to+1)) {
			return nil, false
		}
		add(Select{Site: q.Site, Grain: Month, Dim: DimState, From: month.Unix(), To: end.Unix()})
		sel.From = q.site.midnight(end)
	}
	if sel.From < sel.To {
		add(sel)
	}
	return byName, true
}

func showStates(c cover, by map[string]Metrics) States {
	requests := func(s State) Number { return c.number(by[s.String()].Views) }
	arrivals := func(s State) Number { return c.number(by[s.String()].Visits) }
	out := States{
		Accepted: requests(StateAccepted), Declined: requests(StateDeclined), Undecided: requests(StateUndecided),
		Bot: requests(StateBot), Prefetch: requests(StatePrefetch),
	}
	out.Arrivals.Accepted = arrivals(StateAccepted)
	out.Arrivals.Declined = arrivals(StateDeclined)
	out.Arrivals.Undecided = arrivals(StateUndecided)
	return out
}

// Health is the state of the way from counter to store.
func (a *Analytics) Health() Health {
	a.mu.Lock()
	h := a.health
	a.mu.Unlock()
	source, err := a.places.status()
	h.Places = source
	if err != nil {
		h.PlaceErr = err.Error()
	}
	if s := a.currentSpool(); s != nil {
		h.Backlog, h.BacklogBytes, h.SetAside = s.backlog()
	}
	return h
}

// Kept is how the last retention pass of this gateway went. Its windows and oldest
// rows are left out.
func (a *Analytics) Kept() Retention {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.kept
}

// retention says what is forgotten when.
func (a *Analytics) retention(b *books, read *reading) Retention {
	r := a.Kept()
	r.Window = a.config.Retention
	r.Hours, r.Days = min(keepHours, r.Window), min(keepDays, r.Window)
	if first, keep := b.oldest(&r); !first.IsZero() {
		r.OldestDay, r.NextDeletion = first, first.Add(keep)
	}
	if first := b.oldestHour(read); first != 0 {
		r.OldestHour = time.Unix(first, 0).UTC()
		if gone := r.OldestHour.Add(r.Hours); gone.Before(r.NextDeletion) {
			r.NextDeletion = gone
		}
	}
	return r
}

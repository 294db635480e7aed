package analytics

// minutesBetween two views after which the later one begins a new visit: the
// field's common window.
const visitWindow = 30

// A visitor is the state that a browser carries in its counting cookie, and all
// that counting knows of it. It tells what was done last, never who did it.
type visitor struct {
	// LastDay is the last day with a view, in days since 1970 in the site's
	// zone; 0: none yet.
	LastDay int32
	// Start and Last are the minutes, since 1970, of the visit's first and last view.
	Start, Last uint32
	// Pages counts the visit's views. 0: agreed, but nothing seen since.
	Pages uint16
	// Goals has a bit for each goal reached in the visit.
	Goals uint16
	// Funnels has four bits for each funnel: the number of steps taken in the visit.
	Funnels uint16
	// Spent is the number of seconds already counted for the visit's last page.
	Spent uint16
	// From is where the visit came from.
	From attribution
	// Entry and Page are the visit's first and last page.
	Entry, Page string
}

// An attribution is where a visit came from, as far as a site may know.
type attribution struct {
	Channel  Channel
	Source   string
	Campaign string
	// Medium, Term and Content are counted once, when the visit begins.
	Medium, Term, Content string
}

// A view is what the state machine is told of one counted view.
type view struct {
	// At is the moment in the site's zone.
	At moment
	// Page is the page's name in the sums.
	Page string
	// Goals has a bit for each goal that this view reaches.
	Goals uint16
	// Steps has four bits for each funnel: the steps that this page is.
	Steps uint16
	// From is where this request came from; it counts when a visit begins.
	From attribution
}

// effects are what one view adds to the sums. Those at the moment of the view:
type effects struct {
	// NoView: it was a file or an event, not a view.
	NoView bool
	// NewVisit: the view began a visit.
	NewVisit bool
	// NewDay: it was the browser's first of the day. Gap is then the number of
	// days since the last active one, 0 when none is known, and LastDay that day.
	NewDay  bool
	Gap     int32
	LastDay int32
	// Goals are those reached for the first time in the visit.
	Goals uint16
	// Steps has the bit of each funnel's step that was taken just now.
	Steps uint16

	// Engaged: the visit became one that saw more than a page; it counts at the
	// visit's start, so that bounces are visits less engaged in every hour.
	Engaged bool

	// Continues: the visit went on from Prev, seen in minute PrevAt, after
	// Seconds. It counts there, so that exits are views less continues.
	Continues bool
	Prev      string
	PrevAt    uint32
	// Seconds are to be added to Prev, which is Timed if it was not before.
	Seconds int64
	Timed   bool
}

// step is the whole of counting: from what a browser did last and what it does
// now to what it did last and what is added up. It is a pure function.
//
// A visit ends after 30 minutes without a view. It may run past midnight: it
// then stays the one visit of the day on which it began, its later views belong
// to the day on which they happen, and the browser is a visitor of both days.
//
// A state from the future, which a clock set back leaves behind, counts as one
// of this moment.
func step(old visitor, v view) (visitor, effects) {
	next, e := old, effects{}
	e.day(&next, old.LastDay, v.At.Day)

	idle := uint32(0)
	if v.At.Minute > old.Last {
		idle = v.At.Minute - old.Last
	}
	switch {
	case old.Pages == 0 && old.Start != 0 && idle < visitWindow:
		// The page that the visitor agreed on brought the attribution along.
		e.begin(&next, v, old.From)
	case old.Pages == 0 || idle >= visitWindow:
		e.begin(&next, v, v.From)
	default:
		e.Continues, e.Prev, e.PrevAt = true, old.Page, min(old.Last, v.At.Minute)
		e.Timed = old.Spent == 0
		e.Seconds = max(int64(idle)*60-int64(old.Spent), 0)
		if next.Pages < ^uint16(0) {
			next.Pages++
		}
	}

	wasEngaged := next.Pages > 2 || next.Goals != 0
	e.reach(&next, v.Goals)
	e.Engaged = !wasEngaged && (next.Pages == 2 || next.Goals != 0)
	e.walk(&next, v.Steps)
	next.Last, next.Page, next.Spent = v.At.Minute, v.Page, 0
	if next.Start > next.Last {
		next.Start = next.Last
	}
	return next, e
}

// reachGoals is what step is for a file or an event: it may reach goals in the
// visit that is going on, and is no view. It reports false when no visit is.
func reachGoals(old visitor, at moment, goals uint16) (visitor, effects, bool) {
	next, e := old, effects{NoView: true}
	if old.Pages == 0 || at.Minute > old.Last && at.Minute-old.Last >= visitWindow {
		return old, e, false
	}
	wasEngaged := old.Pages > 1 || old.Goals != 0
	e.reach(&next, goals)
	e.Engaged = !wasEngaged && next.Goals != 0
	return next, e, true
}

// look is what step is for the time that the last page was looked at, told by
// the page itself. It reports false when no visit is going on or the time cannot
// be: more than has passed, by the minute clock, since the page was seen.
func look(old visitor, at moment, seconds int) (visitor, effects, bool) {
	passed := int64(0)
	if at.Minute > old.Last {
		passed = int64(at.Minute-old.Last) * 60
	}
	seconds = min(seconds, int(passed)+60-int(old.Spent))
	if old.Pages == 0 || passed >= visitWindow*60 || seconds <= 0 {
		return old, effects{}, false
	}
	next := old
	next.Spent += uint16(seconds)
	return next, effects{
		NoView: true, Prev: old.Page, PrevAt: min(old.Last, at.Minute), Seconds: int64(seconds), Timed: old.Spent == 0,
	}, true
}

// reach notes the goals that are new in the visit.
func (e *effects) reach(next *visitor, goals uint16) {
	e.Goals = goals &^ next.Goals
	next.Goals |= goals
}

// walk takes each funnel's next step, if this page is that step. Steps count in
// their order, whatever was seen in between.
func (e *effects) walk(next *visitor, steps uint16) {
	for f := uint16(0); f < maxFunnels; f++ {
		taken := next.Funnels >> (f * funnelBits) & (1<<funnelBits - 1)
		bit := uint16(1) << (f*funnelBits + taken)
		if taken < maxFunnelSteps && steps&bit != 0 {
			e.Steps |= bit
			next.Funnels += 1 << (f * funnelBits)
		}
	}
}

// The limits of funnels: as many as fit in a state.
const (
	maxFunnels     = 4
	maxFunnelSteps = 4
	funnelBits     = 4
)

func (e *effects) begin(next *visitor, v view, from attribution) {
	e.NewVisit = true
	next.Start, next.Pages, next.Goals, next.Funnels = v.At.Minute, 1, 0, 0
	next.From, next.Entry = from, v.Page
}

// day notes whether the view is the browser's first of the day.
func (e *effects) day(next *visitor, last, today int32) {
	if last >= today && last != 0 {
		next.LastDay = today
		return
	}
	e.NewDay, e.LastDay = true, last
	if last != 0 {
		e.Gap = today - last
	}
	next.LastDay = today
}

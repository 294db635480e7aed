package consent

import "time"

// Prefix is the path under which everything of lychgate's own lives. Nothing
// below it is ever passed upstream or counted.
const Prefix = "/_lychgate/"

// Statistics is the id of the built-in purpose of counting visits.
const Statistics = "statistics"

// Other is the id of the built-in purpose of everything not in the catalogue.
const Other = "other"

// A Purposes is a set of purposes as bits. Bit i is the i-th purpose of the
// site's list in force, which is at most eight long; bit 0 is Statistics.
type Purposes uint8

// An Answer is what a visitor said.
type Answer uint8

// The answers.
const (
	// Undecided: no valid cookie and no Sec-GPC. Nothing is granted, the banner is shown.
	Undecided Answer = iota
	// Declined: nothing is granted, no banner.
	Declined
	// Accepted: at least one purpose is granted.
	Accepted
)

// A Decision is what a request says about its visitor's choice.
type Decision struct {
	Answer Answer
	// Purposes are those granted; empty unless Accepted.
	Purposes Purposes
	// Policy is the version the visitor decided about.
	Policy string
	// Day is when, as a date in the site's zone. Zero when undecided.
	Day time.Time
	// GPC is true when the answer is Declined only because of Sec-GPC: 1.
	GPC bool
	// Changed is true when the visitor is Undecided only because their answer
	// was about an older list, which did not name all that is in force now.
	Changed bool
}

// A Grant is proof that a visitor agreed. Only this package makes one, from a
// verified cookie; the zero Grant allows nothing.
type Grant struct {
	site     string
	purposes Purposes
	ids      []string // the site's list, shared, never written
	until    time.Time
}

// Allows reports whether the visitor agreed to the purpose with this id.
func (g Grant) Allows(id string) bool {
	for i, p := range g.ids {
		if p == id {
			return g.purposes&(1<<i) != 0
		}
	}
	return false
}

// Site is the site the grant is for.
func (g Grant) Site() string { return g.site }

// Until is when the consent behind the grant ends: nothing that follows from it
// may live longer. Counting takes it for the Max-Age of its cookie.
func (g Grant) Until() time.Time { return g.until }

// Purposes is the set of purposes granted, the cache variant of a page.
func (g Grant) Purposes() Purposes { return g.purposes }

package analytics

import "time"

// A Dim says what the value of a row of sums is.
type Dim string

// The dimensions. Total's value is empty; the others' are named beside them.
const (
	DimTotal    Dim = "total"
	DimState    Dim = "state"    // accepted, declined, undecided, bot, prefetch: requests by state
	DimPage     Dim = "page"     // path; visits are those that began there
	DimEntry    Dim = "entry"    // path on which the visit began; every metric of that visit
	DimChannel  Dim = "channel"  // see Channel
	DimSource   Dim = "source"   // "google", "example.org"; empty: none known
	DimCampaign Dim = "campaign" // utm_campaign
	DimMedium   Dim = "medium"   // utm_medium
	DimTerm     Dim = "term"     // utm_term
	DimContent  Dim = "content"  // utm_content
	DimCountry  Dim = "country"  // ISO 3166-1 alpha-2; empty: not known
	DimRegion   Dim = "region"   // ISO 3166-2, "GB-WLS"; empty: not known
	DimBrowser  Dim = "browser"  // family, "Firefox"
	DimOS       Dim = "os"       // family, "Windows"
	DimDevice   Dim = "device"   // phone, tablet, computer, other
	DimWidth    Dim = "width"    // width class, with the beacon only
	DimSearch   Dim = "search"   // words searched for on the site itself
	DimNotFound Dim = "notfound" // path asked for; with a page: that page, by referring page
	DimDownload Dim = "download" // path of a file
	DimOutbound Dim = "outbound" // host of a link followed, with the beacon only
	DimGoal     Dim = "goal"     // the Goal's name
	DimFunnel   Dim = "funnel"   // "name/step"
	DimEvent    Dim = "event"    // a declared event's name
	DimGap      Dim = "gap"      // days since the browser's last active day
	DimNewIn    Dim = "newin"    // week, month, quarter, year, financial-year
	DimCube     Dim = "cube"     // "channel|country|device"
)

// A Question asks for the sums of one site. Days are calendar dates of the
// site's zone, written as 00:00 UTC of that date.
type Question struct {
	Site string
	// From and To are the first and the last day, both included.
	From, To time.Time
	// Filter keeps one value of one dimension; nil keeps everything.
	Filter *Filter
	// Page keeps one page; empty keeps all.
	Page string
	// Series asks for a series over the period; SeriesNone for none.
	Series SeriesStep
	// Lists asks for the values of dimensions with the greatest counts.
	Lists []ListQuestion
	// Mode says how small numbers are protected. The zero value is the
	// strictest.
	Mode Mode
}

// A Filter keeps the rows of one value of one dimension.
type Filter struct {
	Dim   Dim
	Value string
}

// A ListQuestion asks for the Limit greatest values of Dim.
type ListQuestion struct {
	Dim   Dim
	Limit int // default 10, at most 1,000
}

// A SeriesStep is the length of one step of a series.
type SeriesStep uint8

// The steps.
const (
	SeriesNone SeriesStep = iota
	// SeriesHour answers for at most 92 days back, without filter.
	SeriesHour
	SeriesDay
	SeriesMonth
)

// A Mode says for whose eyes an answer is. Small numbers are protected here and
// nowhere else, so that no output can forget to.
type Mode uint8

// The modes.
const (
	// Shared is for everybody else: shared and public pages, reports, CSV, API.
	// Cells below the small number are "fewer than", and every other count is
	// rounded on its own, totals included.
	Shared Mode = iota
	// Exact is for signed-in admins: site totals and views of single pages are
	// exact, small cells of places, search terms, campaigns, referrers and of a
	// page by another characteristic are "fewer than".
	Exact
)

// A Number is one count as it may be shown.
type Number struct {
	// N is the count; with FewerThan the bound that it lies under.
	N    int64
	Kind Kind
}

// A Kind says how much a Number tells.
type Kind uint8

// The kinds.
const (
	// Known is the count itself.
	Known Kind = iota
	// FewerThan hides a small count: 1 to N-1.
	FewerThan
	// Rounded is rounded to the nearest base.
	Rounded
	// About is an estimate: unique visitors of an odd long range, for one.
	About
	// Unanswered cannot be answered with privacy, or was never counted. It is
	// shown grey, never as zero.
	Unanswered
)

// An Answer is what may be shown for a Question.
type Answer struct {
	Site     string
	From, To time.Time
	Mode     Mode
	Headline Counts
	// New is how many of Headline's visitors had never been counted before.
	// Unanswered under filters and for periods that began more than 92 days ago.
	New Number
	// Series has one point for every step of the period, in order, also where
	// nothing was counted. Nil when it cannot be answered.
	Series []Point
	// Lists are in the order asked for.
	Lists []List
	// Live is the number of page views of the last 30 minutes.
	Live Number
	// States are all page requests of the period by what their visitors had
	// said: the only number in which those who declined appear.
	States States
	// Estimate is the site's total traffic, from the opted-in share. Its kinds
	// are Unanswered when too few have opted in.
	Estimate  Estimate
	Retention Retention
	Health    Health
}

// Counts are the metrics of one thing: the site, a page, a value, a step.
type Counts struct {
	Views    Number
	Visits   Number // on a page: visits that began there
	Visitors Number // browsers; Unanswered on pages and under filters
	Engaged  Number // visits that saw a second page or reached a goal
	Exits    Number // views that were the last of their visit
	Goals    Number // visits that reached a goal, once per goal
	// Seconds is the mean time a visit was seen to last (the site) or a page
	// was looked at, in whole seconds.
	Seconds Number
}

// A Point is one step of a series.
type Point struct {
	// Start is the day or month as 00:00 UTC, or for SeriesHour the hour in the
	// site's zone.
	Start time.Time
	Counts
}

// A List is one dimension's values, greatest first.
type List struct {
	Dim  Dim
	Rows []ListRow
	// More counts the values left out: beyond Limit, and too small to be named.
	More int
	// Refused says why the question cannot be answered; empty when it can.
	Refused Refusal
}

// A ListRow is one value and its counts.
type ListRow struct {
	Value string
	Counts
}

// A Refusal is a reason why a part of a question is not answered.
type Refusal string

// The reasons.
const (
	RefusedPrivacy   Refusal = "privacy"   // the cells would single out visitors
	RefusedForgotten Refusal = "forgotten" // older than that grain is kept
	RefusedNotKept   Refusal = "not-kept"  // these two are never counted together
)

// States are the page requests of a period by state, and the arrivals among
// them: requests that came from outside the site.
type States struct {
	Accepted, Declined, Undecided, Bot, Prefetch Number
	Arrivals                                     struct{ Accepted, Declined, Undecided Number }
}

// An Estimate is the site's total traffic with the bounds between which it lies
// in 19 of 20 cases, under the assumption named on the dashboard: that those who
// agreed visit like those who did not.
type Estimate struct{ Visits, Low, High Number }

// A Retention is what an admin and a visitor are told about forgetting. Days are
// 00:00 UTC.
type Retention struct {
	// Window is how long sums are kept at most, and Hours and Days how long
	// hour and day rows are; older ones remain as months.
	Window, Hours, Days time.Duration
	// OldestDay is the oldest day of which anything is kept; zero: nothing yet.
	OldestDay time.Time
	// NextDeletion is when the oldest rows go.
	NextDeletion time.Time
	// OldestHour is the oldest hour of which anything is kept; zero: nothing yet.
	OldestHour time.Time
	// LastPass is when the retention pass last ran to its end; zero where another
	// gateway keeps house, or since the start.
	LastPass time.Time
	// Late is how many expired rows the last pass found, which a ClickHouse server
	// should have deleted by itself. Err says why it could not delete them.
	Late int64
	Err  string
	// Others are the ids of gateways that keep house beside this one, which exactly
	// one should do.
	Others []string
}

// A Health is the state of the way from counter to store.
type Health struct {
	// StoreOpen is false while the store cannot be opened or answers errors.
	StoreOpen bool
	// Err is the store's last error in the operator's words; empty when well.
	Err string
	// LastWrite is when a batch last reached the store.
	LastWrite time.Time
	// Sent is how many batches have reached it since the start, Failures how many
	// tries failed.
	Sent, Failures int64
	// SpoolErr says why counts stay in memory, where a crash would lose them;
	// empty while they reach the disk.
	SpoolErr string
	// Backlog is the number of batches waiting in the spool, BacklogBytes their size.
	Backlog      int
	BacklogBytes int64
	// SetAside is the number of batches of unknown fate that wait for the admin.
	SetAside int
	// PlaceErr says why countries are not counted; empty when they are.
	PlaceErr string
	// Places says where countries and regions come from. Its Name and Link must
	// be shown wherever they are.
	Places PlaceSource
}

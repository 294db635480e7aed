package analytics

import (
	"log/slog"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// Config says what is counted, where it is kept and for how long.
type Config struct {
	Sites []SiteConfig
	// Dir is the data folder, which holds stats.db and the spool.
	Dir string
	// ClickHouse says where the sums are instead of in Dir. nil: in Dir.
	ClickHouse *ClickHouseConfig
	// Retention is how long sums are kept. Default 25 months.
	Retention time.Duration
	// GeoIP is the path of a GeoLite2 or DB-IP file; empty: the embedded one.
	GeoIP string
	// CountStates counts page requests by state. Default true (nil).
	CountStates *bool
	// SmallNumber is the least count that is shown of a cell that could single
	// somebody out; smaller ones are "fewer than". Default 5.
	SmallNumber int
	// Keys seal the counting cookies. nil: no view is counted until
	// [Analytics.SetKeys].
	Keys *consent.Keys
	Log  *slog.Logger

	// pieceRows is how many rows [Move] copies at once. Default pieceRows.
	pieceRows int
}

// SiteConfig is the part of Config that is one site's own.
type SiteConfig struct {
	Site string
	// Location is the zone in which days begin. Default UTC.
	Location *time.Location
	// SearchParams are the query parameters that hold what visitors search for on
	// the site, like "q". Default none.
	SearchParams []string
	// Goals are at most 16.
	Goals []Goal
	// Funnels are at most 4 of at most 4 steps.
	Funnels []Funnel
	// Events are the names that the optional script may count. Default none.
	Events []string
}

// A Goal is a page or file whose visit counts as a success. A Path that ends in
// * stands for all that begin so.
type Goal struct{ Name, Path string }

// A Funnel is a row of pages that visitors are hoped to see in that order within
// one visit. It counts from the day on which it is configured.
type Funnel struct {
	Name  string
	Steps []string // paths, as in a Goal
}

// DefaultRetention is how long sums are kept: 25 months, so that a month can be
// compared with the same one two years before.
const DefaultRetention = 761 * 24 * time.Hour

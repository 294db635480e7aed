// Package analytics turns agreed page views into sums, stores them, and
// forgets them on time.
package analytics

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// A State is what a page request's visitor had said, for the one number per
// hour that is counted without a Grant.
type State uint8

// The states.
const (
	StateUndecided State = iota
	StateAccepted
	StateDeclined
	StateBot
	StatePrefetch
)

// A PageView is one agreed view of one page. It is built only for a visitor
// with a Grant for statistics and lives no longer than the call of Record.
type PageView struct {
	Site string
	// Path is the canonical path, without query.
	Path string
	// Query is the request's query, of which only campaign and declared search
	// parameters are read.
	Query url.Values
	// Status is the response's status: 200, 304 or 404.
	Status int
	// Network is the visitor's address after truncation.
	Network netip.Addr
	Time    time.Time
}

// Config says what is counted, where it is kept and for how long.
type Config struct {
	Sites []SiteConfig
	// Dir is the data folder, which holds stats.db and the spool.
	Dir string
	// Retention is how long sums are kept. Default 25 months.
	Retention time.Duration
	// GeoIP is the path of a GeoLite2 or DB-IP file; empty: the embedded one.
	GeoIP string
	// CountStates counts page requests by state. Default true (nil).
	CountStates *bool
	Keys        *consent.Keys
	Log         *slog.Logger
}

// SiteConfig is the part of Config that is one site's own.
type SiteConfig struct {
	Site         string
	Location     *time.Location
	SearchParams []string
	Goals        []Goal
}

// A Goal is a page or file whose visit counts as a success.
type Goal struct{ Name, Path string }

// Analytics counts for all sites. It is safe for concurrent use.
type Analytics struct{}

// Open opens the store. A store that cannot be opened is no error: counting
// goes on into the spool, and the store is tried again.
func Open(ctx context.Context, c Config) (*Analytics, error) { return &Analytics{}, nil }

// Run writes sums and enforces retention until ctx is done.
func (a *Analytics) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Close flushes what is counted and closes the store.
func (a *Analytics) Close(ctx context.Context) error { return nil }

// Record counts v and puts the new counting cookie into h, the header of the
// response about to be sent for r. Without a grant for statistics it does nothing.
func (a *Analytics) Record(h http.Header, r *http.Request, g consent.Grant, v PageView) {}

// CountState adds one to the hour's total of a state. It takes no request, so
// that nothing of a visitor can come along.
func (a *Analytics) CountState(site string, s State, arrival bool) {}

// SourceField is the signed hidden field by which an arrival's landing page and
// source survive the accept; empty when r is no arrival.
func (a *Analytics) SourceField(r *http.Request, site string) string { return "" }

// Decided sets or expires the counting cookie after a decision; it is the
// consent.Config.Decided of a site. r.PostForm may hold "source".
func (a *Analytics) Decided(w http.ResponseWriter, r *http.Request, d consent.Decision, g consent.Grant) {
}

// Counting is the visitor's counting cookie in plain words.
func (a *Analytics) Counting(r *http.Request) []banner.Fact { return nil }

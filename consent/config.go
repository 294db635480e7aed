package consent

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// A Purpose is one thing a visitor can agree to.
type Purpose struct {
	ID   string            // "statistics", "video", ...
	Name map[string]string // by language; shipped ids need none
	Text map[string]string // by language
}

// A Service is a third party the site would contact, as the visitor is told of it.
type Service struct {
	Name    string   // "YouTube"
	Purpose string   // a Purpose's ID
	Hosts   []string // "youtube.com", ...
	Cookies []Cookie
	Text    string // one plain sentence
	Privacy string // link to the provider's own policy
	// Words is as in banner.Service: what has no name of its own is told in the
	// visitor's language, and Name and Text say the same in English.
	Words string
}

// A Cookie is one cookie or storage entry a service sets on the site.
type Cookie struct {
	Name, Text, Life string
	Storage          bool // web storage rather than a cookie
}

// Config says how one site's Gate works.
type Config struct {
	// Site is the site's canonical host, or "default" for a site matching every host.
	Site string
	// AskAgain is how long an answer holds, the same for both. Default 180 days.
	AskAgain time.Duration
	// Label is the owner's label of the policy ("2026-11").
	Label string
	// Purposes are the owner's own, besides Statistics and Other.
	Purposes []Purpose
	// Statistics says whether visits are counted on this site at all.
	Statistics bool
	// Location is the zone in which days begin.
	Location *time.Location
	// Contact and PrivacyURL are shown on the consent page.
	Contact, PrivacyURL string
	// Retention is shown on the consent page: how long records and sums are kept.
	KeepRecords, KeepStatistics time.Duration

	// Dir is the data folder, where the lists that were ever in force are kept.
	// Empty keeps them in memory, which is for tests.
	Dir string
	// CountStates says that page requests are counted by state, which the
	// consent page then tells.
	CountStates bool

	Banner *banner.Banner
	Ledger *Ledger
	// Keys may be nil when the key file cannot be used: nobody can accept then,
	// until [Gate.SetKeys].
	Keys *Keys

	// Follows is the gate of the same site that this one takes the place of while
	// the program runs, because the configuration has changed: cookies that were
	// signed today are given on, so that nobody can tell when it was. May be nil.
	Follows *Gate

	// Services are the third parties held on this site. May be nil.
	Services func() []Service
	// Always are the third parties that pass whatever the answer is, because
	// visitors come to them by their own act (payment, donations) or the site's
	// owner needs them: shown, not asked about. May be nil.
	Always func() []Service
	// Counting decodes the visitor's counting cookie in plain words. May be nil.
	Counting func(*http.Request) []banner.Fact
	// Decided is called after a decision is recorded and before the answer is
	// written, so that counting can set or expire its cookie. The Grant is that
	// of the new decision. May be nil.
	Decided func(http.ResponseWriter, *http.Request, Decision, Grant)
	// Expire lists the cookies to take away from a visitor who has just said no
	// or allowed less than before: those that third parties set on this site.
	// The cookies are sent as they are. May be nil.
	Expire func(*http.Request) []*http.Cookie

	Log *slog.Logger
}

// fill puts defaults in and checks the rest.
func (c *Config) fill() error {
	if c.AskAgain == 0 {
		c.AskAgain = 180 * 24 * time.Hour
	}
	if c.Location == nil {
		c.Location = time.UTC
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Site == "" || strings.ContainsAny(c.Site, "|/\\\n "):
		return fmt.Errorf("site %q: want a host", c.Site)
	case c.AskAgain < 24*time.Hour || c.AskAgain > 400*24*time.Hour:
		// Browsers keep no cookie longer than 400 days (RFC 6265bis section 5.5).
		return fmt.Errorf("ask_again %v: want 1 to 400 days", c.AskAgain)
	case c.Banner == nil:
		return errors.New("no banner")
	case len(c.Purposes) > maxOwnPurposes:
		return fmt.Errorf("%d purposes: want at most %d", len(c.Purposes), maxOwnPurposes)
	}
	for _, p := range c.Purposes {
		if !isPurpose(p.ID) {
			return fmt.Errorf("purpose %q: want small letters, digits and hyphens", p.ID)
		}
	}
	return nil
}

// Package dashboard shows web admins the sums and the gate's state, behind a
// login.
//
// A request passes [Dashboard.ServeHTTP], which sets the headers of all own
// pages, refuses what is no navigation and what comes from another origin, and
// then one of the handlers in routes. Handlers read the session, ask
// [analytics.Analytics.Query] and fill a template; they compute nothing about
// visitors. Small numbers are hidden and rounded there, not here: this room only
// chooses whether an answer is for a signed-in admin (Exact) or for everybody
// else (Shared), and offers periods of whole months alone to the latter.
//
// Decisions:
//   - Everything is rendered on the server and complete without a script. The
//     policy allows no script at all, so text that visitors bring along (paths,
//     referrers, campaigns, search words) has nothing to run in, and no such text
//     ever becomes a link to somewhere else. The pages on which passkeys are used
//     are the exception: they hold nothing of visitors, and their policy names
//     the one file of ours.
//   - The state of a page is its address, so that it can be bookmarked and sent.
//   - admin.db holds accounts and nothing of visitors. When it cannot be opened
//     the dashboard says so and tries again; the site does not notice.
//   - A sign-in link works once and needs a press on a button, because programs
//     that scan mail follow links.
package dashboard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// Where things are.
const (
	adminURL  = consent.Prefix + "admin/"
	signInURL = consent.Prefix + "admin/sign-in"
)

// Config says whose sums are shown.
type Config struct {
	Sites     []Site
	Analytics *analytics.Analytics
	// Keys sign the sessions and seal second factors. nil, when the key file cannot
	// be used: sessions end with the program, and no second factor can be set up.
	Keys *consent.Keys
	// Dir is the data folder, which holds admin.db.
	Dir string
	// Gateway is the gate's side of the page. May be nil.
	Gateway func(site string) GatewayStatus
	// Choose decides about one other host of a site: "allow", "hold", "relay", or
	// "" to leave it to the gateway again. It returns ErrUnknownParty or
	// ErrConfigured where it cannot. Admit puts what is new on a site onto the
	// list that visitors are asked about. Nil: nothing can be decided here.
	Choose func(site, host, verdict string) error
	Admit  func(site string) error
	// OwnOrigin says that the dashboard has a host of its own, on which no
	// website is served. Without it every change asks for the password again.
	OwnOrigin bool
	// SessionLength is how long somebody stays signed in at most. Default 12 hours.
	SessionLength time.Duration
	// SessionIdle is how long somebody stays signed in without looking at a
	// page. Default 2 hours.
	SessionIdle time.Duration
	// KeepAudit is how long the log of what admins did is kept. Default 400 days.
	KeepAudit time.Duration
	// Mail is the mail server of the monthly letters. Default: none are sent.
	Mail Mail
	// Version is lychgate's own; a change of it is noted on the charts. May be empty.
	Version string
	Log     *slog.Logger
}

// A Site is one site as its admins know it.
type Site struct {
	// ID is the site's canonical host, or "default".
	ID string
	// Name is the site's name in words. Default: its ID, or for a site that
	// answers to every host "Your website".
	Name string
	// Location is the zone in which the site's days begin. Default UTC.
	Location *time.Location
	// Banner and DarkBanner show what visitors are asked, as those see it who
	// prefer light or dark pages. May be nil.
	Banner, DarkBanner *banner.Banner
}

// everySiteID is the ID of the one site that answers to every host.
const everySiteID = "default"

// A Dashboard serves /_lychgate/admin/. It is safe for concurrent use.
type Dashboard struct {
	c Config // but for what is in settings
	// passingKeys says that c.Keys are of this run alone: what is sealed with them
	// must not be kept.
	passingKeys bool

	settings atomic.Pointer[settings]
	names    names
	pages    pages
	packers  packers
	assets   *assetSet
	sessions *sessions
	hasher   *hasher
	throttle throttle
	answers  answers
	// ceremonies are those of passkeys under way.
	ceremonies ceremonies
	csrf       *http.CrossOriginProtection
	handler    http.Handler

	mu       sync.Mutex
	accounts *Accounts // nil while admin.db cannot be opened
	tried    time.Time // when it was last tried
	err      error     // why it cannot be opened
}

// Open opens the accounts and returns the Dashboard. An admin.db that cannot be
// opened is no error: it is tried again while the dashboard is asked for.
func Open(ctx context.Context, c Config) (*Dashboard, error) {
	if c.SessionLength == 0 {
		c.SessionLength = 12 * time.Hour
	}
	if c.SessionIdle == 0 {
		c.SessionIdle = 2 * time.Hour
	}
	if c.KeepAudit == 0 {
		c.KeepAudit = 400 * oneDay
	}
	passing := c.Keys == nil
	if passing {
		c.Keys = consent.NewKeys()
	}
	d := &Dashboard{
		c:           c,
		passingKeys: passing,
		names:       names{readCountries()},
		hasher:      newHasher(usualCost),
		answers:     answers{of: c.Analytics.QueryEach, live: c.Analytics.Live},
		ceremonies:  ceremonies{keys: c.Keys},
		csrf:        http.NewCrossOriginProtection(),
		sessions: &sessions{
			codec: c.Keys.Signed("dashboard/session", c.SessionLength), length: c.SessionLength, idle: c.SessionIdle,
		},
	}
	if err := d.Set(c.Sites, c.Mail); err != nil {
		return nil, err
	}
	var err error
	if d.assets, err = readAssets(); err != nil {
		return nil, fmt.Errorf("read dashboard assets: %w", err)
	}
	if d.pages, err = parsePages(d.assets, d.names); err != nil {
		return nil, fmt.Errorf("parse dashboard pages: %w", err)
	}
	d.handler = d.routes()
	if _, err := d.open(ctx); err != nil {
		c.Log.Error("dashboard: cannot open the accounts, will try again", "err", err)
	}
	return d, nil
}

// routes is every address of the dashboard.
func (d *Dashboard) routes() http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET "+adminURL+"{$}", d.signedIn(d.home))
	m.HandleFunc("GET "+signInURL, d.anybody(d.signInForm))
	m.HandleFunc("POST "+signInURL, d.anybody(d.signIn))
	m.HandleFunc("GET "+signInURL+"/code", d.halfSignedIn(d.codeForm))
	m.HandleFunc("POST "+signInURL+"/code", d.halfSignedIn(d.enterCode))
	m.HandleFunc("POST "+signInURL+"/passkey", d.anybody(d.signInByPasskey))
	m.HandleFunc("POST "+signInURL+"/code/passkey", d.halfSignedIn(d.enterPasskey))
	m.HandleFunc("GET "+signInURL+"/{token}", d.anybody(d.linkForm))
	m.HandleFunc("POST "+signInURL+"/{token}", d.anybody(d.useLink))
	m.HandleFunc("POST "+adminURL+"sign-out", d.signedIn(d.signOut))
	m.HandleFunc("GET "+adminURL+"account", d.signedIn(d.account))
	m.HandleFunc("POST "+adminURL+"account/password", d.signedIn(d.changePassword))
	m.HandleFunc("GET "+adminURL+"account/factor", d.signedIn(d.factor))
	m.HandleFunc("POST "+adminURL+"account/factor", d.signedIn(d.changeFactor))
	m.HandleFunc("GET "+adminURL+"account/passkeys", d.signedIn(d.passkeys))
	m.HandleFunc("POST "+adminURL+"account/passkeys", d.signedIn(d.changePasskeys))
	m.HandleFunc("GET "+adminURL+"sites/{site}/{$}", d.onSite(Viewer, d.overview))
	m.HandleFunc("GET "+adminURL+"sites/{site}/list/{tab}", d.onSite(Viewer, d.list))
	for _, format := range []string{"report", "report.csv", "report.json"} {
		m.HandleFunc("GET "+adminURL+"sites/{site}/"+format, d.onSite(Viewer, d.report))
	}
	m.HandleFunc("GET "+adminURL+"sites/{site}/people", d.onSite(Owner, d.people))
	m.HandleFunc("POST "+adminURL+"sites/{site}/people", d.onSite(Owner, d.changePeople))
	m.HandleFunc("GET "+adminURL+"sites/{site}/audit", d.onSite(Owner, d.audit))
	m.HandleFunc("GET "+adminURL+"sites/{site}/gate", d.onSite(Viewer, d.gate))
	m.HandleFunc("POST "+adminURL+"sites/{site}/gate", d.onSite(Owner, d.changeGate))
	m.HandleFunc("GET "+adminURL+"sites/{site}/banner/{lang}", d.onSite(Viewer, d.preview))
	m.HandleFunc("GET "+adminURL+"sites/{site}/sharing", d.onSite(Editor, d.sharing))
	m.HandleFunc("POST "+adminURL+"sites/{site}/sharing", d.onSite(Editor, d.changeSharing))
	m.HandleFunc("GET "+sharedPrefix+"{secret}/{$}", d.onShared(d.sharedOverview))
	for _, format := range []string{"report", "report.csv", "report.json"} {
		m.HandleFunc("GET "+sharedPrefix+"{secret}/"+format, d.onShared(d.sharedReport))
	}
	m.HandleFunc("GET "+apiPrefix+"openapi.json", d.openapi)
	for path, answer := range d.apiRoutes() {
		m.HandleFunc("GET "+path, d.onToken(answer))
	}
	m.HandleFunc("/", d.anybody(func(c *call) error { return errNotFound }))
	return m
}

// reopenAfter is how long a failed admin.db is left alone.
const reopenAfter = 30 * time.Second

// open returns the accounts, opening them when that has not worked so far.
func (d *Dashboard) open(ctx context.Context) (*Accounts, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts != nil || (d.err != nil && time.Since(d.tried) < reopenAfter) {
		return d.accounts, d.err
	}
	d.tried = time.Now()
	d.accounts, d.err = OpenAccounts(ctx, d.c.Dir)
	if d.err == nil {
		if err := errors.Join(d.accounts.noteVersion(ctx, d.c.Version), d.accounts.forget(ctx, d.sessions, d.c.KeepAudit)); err != nil {
			d.c.Log.Error("dashboard: note the version and forget what is past its time", "err", err)
		}
	}
	return d.accounts, d.err
}

// SignInPath returns the path of a fresh one-time sign-in link, or "" when
// somebody has chosen a password already. The link works until it is used or
// the program starts anew.
func (d *Dashboard) SignInPath() string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a, err := d.open(ctx)
	if err != nil {
		return "" // said by Open already
	}
	link, err := a.firstLink(ctx)
	if err != nil {
		d.c.Log.Error("dashboard: make sign-in link", "err", err)
		return ""
	}
	return link
}

// Close closes the accounts.
func (d *Dashboard) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.accounts == nil {
		return nil
	}
	err := d.accounts.Close()
	d.accounts, d.err, d.tried = nil, errors.New("closed"), time.Now()
	return err
}

// site returns the site called id.
func (d *Dashboard) site(id string) (Site, bool) {
	for _, s := range d.settings.Load().sites {
		if s.ID == id {
			return s, true
		}
	}
	return Site{}, false
}

// rounding is the rule of every number that leaves the dashboard.
func (d *Dashboard) rounding() string { return rounding(d.c.Analytics.SmallNumber()) }

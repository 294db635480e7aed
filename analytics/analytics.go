// Package analytics turns agreed page views into sums, stores them, and forgets
// them on time.
//
// # The way of a view
//
// The proxy serves a page to a visitor whose Grant allows statistics and calls
// [Analytics.Record]. Record opens the counting cookie, in which that browser
// carries what it did last (visitor), and asks the state machine (step) what the
// new view adds up to. The effects become rows of a few fixed sums (site.rows)
// which the counter adds up in memory. Once a second the counter is drained to
// the end of the spool, on disk; the spool seals what it has into numbered
// batches; and these go to the Store, exactly once each, whenever it is there.
// The new state goes back to the browser. No page ever waits for a disk.
//
// # Why so
//
// State lives with the visitor, sums live with us. Nothing that is kept says who:
// there is no identifier, no event, and no row that joins a page with more than
// one characteristic of its readers. Unique visitors come from the days that lie
// between a browser's visits (DimGap, DimNewIn), which add up where identifiers
// would have to be compared. The metrics only grow, so that gateways, seconds
// and crashes cannot contradict one another.
//
// Texts that others write are cleaned before they are counted (cleanText) and
// new ones limited each day (guard), so that neither a mail address in a search
// box nor a flood of made-up addresses ends up in the store.
package analytics

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

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
	states
)

var stateNames = [states]string{"undecided", "accepted", "declined", "bot", "prefetch"}

// String is the state's value in the sums.
func (s State) String() string { return stateNames[min(s, states-1)] }

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

// Analytics counts for all sites. It is safe for concurrent use; a nil one
// counts nothing.
type Analytics struct {
	config Config
	log    *slog.Logger
	sites  atomic.Pointer[map[string]*site]
	keys   *consent.Keys // nil until there are; guarded by arranging

	arranging sync.Mutex // held while sites or keys are changed

	sources sourceTable
	bots    wordTable // words in the names of programs
	fields  atomic.Pointer[sourceFields]
	recent  *recent
	counter *counter
	places  places
	shelf   bookshelf

	now       func() time.Time
	openStore func(ctx context.Context) (Store, error)
	sealed    chan struct{} // a batch may be waiting
	reading   bool          // nothing is counted

	flushing sync.Mutex
	held     []Row     // drained, but not on the disk yet; guarded by flushing
	spool    *spool    // nil until it could be opened; guarded by flushing
	sealedAt time.Time // when a batch was last sealed; guarded by flushing

	opening sync.Mutex // held by the one who opens the store

	mu        sync.Mutex
	store     Store // nil until it could be opened
	openTries int
	openErr   error // of the last try
	health    Health
	kept      Retention
	// houseSince is the first hour in which this gateway kept house, in seconds
	// since 1970; 0: none.
	houseSince int64
}

// Open opens the store. A store that cannot be opened is no error: counting
// goes on into the spool, and the store is tried again.
func Open(ctx context.Context, c Config) (*Analytics, error) {
	return open(ctx, c, func(ctx context.Context) (Store, error) { return c.openStore(ctx, false) })
}

// openStore opens the engine that c names.
func (c *Config) openStore(ctx context.Context, readOnly bool) (Store, error) {
	if c.ClickHouse == nil {
		s, err := openSQLite(ctx, c.Dir, readOnly)
		if err != nil {
			return nil, err
		}
		s.mayAdd = func() error { return checkMoving(c.Dir, engineSQLite) }
		return s, nil
	}
	s, err := openClickHouse(ctx, c.ClickHouse.withDefaults(), windows(cmp.Or(c.Retention, DefaultRetention)))
	if err != nil {
		return nil, err
	}
	if err := c.skipFiled(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// The names of the engines.
const (
	engineSQLite     = "sqlite"
	engineClickHouse = "clickhouse"
)

func (c *Config) engine() string {
	if c.ClickHouse != nil {
		return engineClickHouse
	}
	return engineSQLite
}

// skipFiled lets s pass over the batches of this gateway's spool that reached the
// file of sums, before they were kept on a server, and were not taken off.
func (c *Config) skipFiled(ctx context.Context, s *clickhouseStore) error {
	source, err := os.ReadFile(filepath.Join(c.Dir, spoolFolder, gatewayFile))
	if err == nil {
		_, err = os.Stat(filepath.Join(c.Dir, storeFile))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, number, err := readStored(ctx, c.Dir, trimID(source))
	s.added[trimID(source)] = number
	return err
}

// OpenForReading opens the sums beside a gateway that writes them, for reports:
// Query answers, nothing is counted and nothing on the disk is changed. What
// still waits in the gateway's spool is not seen.
func OpenForReading(ctx context.Context, c Config) (*Analytics, error) {
	a, err := prepare(c, func(ctx context.Context) (Store, error) { return c.openStore(ctx, true) })
	if err != nil {
		return nil, err
	}
	a.reading = true
	if _, err := a.opened(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// open is Open with the engine that openStore opens.
func open(ctx context.Context, c Config, openStore func(context.Context) (Store, error)) (*Analytics, error) {
	a, err := prepare(c, openStore)
	if err != nil {
		return nil, err
	}
	if c.Keys != nil {
		a.SetKeys(c.Keys)
	}
	a.refreshPlaces()
	if err := a.openSpool(); err != nil {
		a.log.Error("open spool; counts stay in memory until it opens", "err", err)
		a.noteSpool(err)
	}
	if _, err := a.opened(ctx); err != nil {
		a.log.Error("open statistics store; counts stay on disk until it opens", "err", err)
	}
	return a, nil
}

// prepare makes an Analytics that has opened nothing yet.
func prepare(c Config, openStore func(context.Context) (Store, error)) (*Analytics, error) {
	if c.Retention == 0 {
		c.Retention = DefaultRetention
	}
	if c.SmallNumber == 0 {
		c.SmallNumber = 5
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	sources, err := readSources(sourcesText)
	if err != nil {
		return nil, err
	}
	a := &Analytics{
		config: c, log: c.Log,
		sources: sources, bots: readBots(botsText), recent: newRecent(), counter: newCounter(),
		sealed: make(chan struct{}, 1), now: time.Now, openStore: openStore,
		places: places{path: c.GeoIP},
	}
	a.sites.Store(&map[string]*site{})
	return a, a.SetSites(c.Sites)
}

// refreshPlaces reads the owner's database of places, if it changed.
func (a *Analytics) refreshPlaces() {
	_, before := a.places.status()
	changed, err := a.places.refresh()
	switch {
	case err != nil && (before == nil || before.Error() != err.Error()):
		a.log.Warn("the database of places cannot be used", "err", err)
	case changed:
		a.log.Info("places read", "file", a.config.GeoIP)
	}
}

// openSpool opens the spool if it is not open yet.
func (a *Analytics) openSpool() error {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	if a.spool != nil {
		return nil
	}
	s, err := openSpool(a.spoolDir())
	if err != nil {
		return err
	}
	a.spool = s
	return nil
}

func (a *Analytics) spoolDir() string { return filepath.Join(a.config.Dir, spoolFolder) }

const spoolFolder = "spool"

// opened returns the store, opening it if it is not.
func (a *Analytics) opened(ctx context.Context) (Store, error) {
	a.mu.Lock()
	store, before := a.store, a.openTries
	a.mu.Unlock()
	if store != nil {
		return store, nil
	}
	a.opening.Lock()
	defer a.opening.Unlock()
	a.mu.Lock()
	store, tries, err := a.store, a.openTries, a.openErr
	a.mu.Unlock()
	if store != nil || tries > before { // somebody else tried meanwhile
		return store, err
	}
	// Not under mu: what tells how things are must not wait for a server.
	store, err = a.openStore(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.openTries++
	a.openErr = err
	if err != nil {
		a.health.StoreOpen, a.health.Err = false, err.Error()
		return nil, err
	}
	a.store, a.health.StoreOpen, a.health.Err = store, true, ""
	return store, nil
}

// Close flushes what is counted and closes the store. What the store does not
// take before ctx is done stays in the spool for the next start.
func (a *Analytics) Close(ctx context.Context) error {
	if a == nil {
		return nil
	}
	var err error
	if !a.reading {
		err = a.finish(ctx)
	}
	a.mu.Lock()
	store := a.store
	a.store = nil
	a.mu.Unlock()
	if store != nil {
		err = errors.Join(err, store.Close())
	}
	a.flushing.Lock()
	defer a.flushing.Unlock()
	if a.spool != nil {
		err = errors.Join(err, a.spool.close())
	}
	if len(a.held) > 0 {
		err = errors.Join(err, fmt.Errorf("%d counts could not be written and are lost", len(a.held)))
	}
	return err
}

// finish brings what was counted to the disk and, if it takes it, to the store.
func (a *Analytics) finish(ctx context.Context) error {
	if err := a.flush(true); err != nil {
		return err
	}
	if err := a.sendAll(ctx); err != nil {
		// Nothing is lost: it is in the spool.
		a.log.Warn("counts stay in the spool until the next start", "err", err)
	}
	return nil
}

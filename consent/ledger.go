package consent

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed migrations
var migrations embed.FS

// ErrLedger says that a decision was not recorded. An accept then is none; a
// no counts all the same.
var ErrLedger = errors.New("decision could not be recorded")

// LedgerConfig says where the ledger is and for how long it keeps what.
type LedgerConfig struct {
	// Dir is the data folder, which holds consent.db.
	Dir string
	// Keep is how long a record is kept; then it is erased and only the hash of
	// its leaf stays. It should outlast the answer itself by the time in which
	// somebody may ask for proof. Default 4 years.
	Keep time.Duration
	// Keys sign the checkpoints. nil: nothing is recorded until [Ledger.SetKeys].
	Keys *Keys
	Log  *slog.Logger
}

// A Ledger is the durable, append-only, tamper-evident record of decisions:
// rows in consent.db, whose hashes form a tree (RFC 6962) with signed heads.
//
// One goroutine writes. Decisions that arrive while it waits for the disk are
// committed together, so that a thousand visitors cost little more than one.
// It is safe for concurrent use; one process at a time may have it open.
type Ledger struct {
	config LedgerConfig
	keys   atomic.Pointer[Keys]
	store  atomic.Pointer[store] // nil while the file cannot be used

	queue   chan *appending
	orders  chan func(*store) error // what else the writer is asked to do
	stop    chan struct{}
	stopped chan struct{}
	closing sync.Once

	tried time.Time // when the file was last opened or tried; the writer's own

	trouble  atomic.Pointer[error] // why nothing can be recorded, nil while it can
	reported time.Time             // when it was last logged; the writer's own

	commits, committed atomic.Int64 // how many, and the last one's Unix time
}

// LedgerFile is the ledger's name in the data folder.
const LedgerFile = "consent.db"

// OpenLedger starts the ledger in c.Dir. A file that cannot be opened is no
// error here: the Log says why, Append fails, and the file is tried again every
// 30 seconds, because the site comes first.
func OpenLedger(c LedgerConfig) *Ledger {
	if c.Keep == 0 {
		c.Keep = 4 * 365 * 24 * time.Hour
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	l := &Ledger{
		config: c, queue: make(chan *appending, maxGroup), orders: make(chan func(*store) error),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	if c.Keys != nil {
		l.keys.Store(c.Keys)
		l.open()
	}
	go l.write()
	return l
}

// SetKeys gives a Ledger the keys it was waiting for.
func (l *Ledger) SetKeys(k *Keys) { l.keys.Store(k) }

// Path is the ledger's file.
func (l *Ledger) Path() string { return filepath.Join(l.config.Dir, LedgerFile) }

// Err is nil while decisions can be recorded, as far as is known; else it says
// why not.
func (l *Ledger) Err() error {
	if err := l.trouble.Load(); err != nil {
		return fmt.Errorf("%w: %w", ErrLedger, *err)
	}
	if l.store.Load() == nil {
		return fmt.Errorf("%w: there are no keys", ErrLedger)
	}
	return nil
}

// Checkpoint is the signed head of the tree, as of the newest commit.
func (l *Ledger) Checkpoint(ctx context.Context) (string, error) {
	s := l.store.Load()
	if s == nil {
		return "", ErrLedger
	}
	var text string
	err := s.db.Read.QueryRowContext(ctx, "SELECT checkpoint FROM trees ORDER BY tree DESC LIMIT 1").Scan(&text)
	return text, err
}

// Append records one decision and the documents it refers to, and returns when
// they are on the disk, with the record's place: the tree's origin and the
// sequence in it. After an error wrapping ErrLedger nothing may follow from the
// decision. If ctx ends first, the record may or may not be written.
func (l *Ledger) Append(ctx context.Context, r Record, documents ...Document) (origin string, seq int64, err error) {
	if err := r.check(); err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrLedger, err)
	}
	a := &appending{record: r, documents: documents, done: make(chan struct{})}
	select {
	case l.queue <- a:
	case <-l.stop:
		return "", 0, fmt.Errorf("%w: ledger is closed", ErrLedger)
	case <-ctx.Done():
		return "", 0, fmt.Errorf("%w: %w", ErrLedger, ctx.Err())
	}
	select {
	case <-a.done:
	case <-l.stopped:
		select {
		case <-a.done:
		default:
			return "", 0, fmt.Errorf("%w: ledger is closed", ErrLedger)
		}
	case <-ctx.Done():
		return "", 0, fmt.Errorf("%w: %w", ErrLedger, ctx.Err())
	}
	if a.err != nil {
		return "", 0, fmt.Errorf("%w: %w", ErrLedger, a.err)
	}
	return a.origin, a.seq, nil
}

// Forget erases the records that are older than LedgerConfig.Keep, salt and all,
// from the file's free pages too. The hashes of their leaves stay, and without
// the salt tell nothing (GDPR Art. 5(1)(e)).
func (l *Ledger) Forget(ctx context.Context) error {
	cutoff := time.Now().Add(-l.config.Keep)
	return l.order(ctx, func(s *store) error { return s.erase(ctx, cutoff) })
}

// Run erases records whose time is over, every hour, until ctx is done.
func (l *Ledger) Run(ctx context.Context) error {
	hour := time.NewTicker(time.Hour)
	defer hour.Stop()
	for {
		if err := l.Forget(ctx); err != nil && ctx.Err() == nil {
			l.config.Log.Error("expired records could not be erased; trying again in an hour", "err", err)
		}
		select {
		case <-hour.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// Close records what is waiting, closes the file and seals it.
func (l *Ledger) Close() error {
	l.closing.Do(func() { close(l.stop) })
	<-l.stopped
	s := l.store.Swap(nil)
	if s == nil {
		return nil
	}
	if err := errors.Join(s.publish(), s.close(), seal(l.Path())); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

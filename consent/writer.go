package consent

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// An appending is one record on its way to the disk.
type appending struct {
	record    Record
	documents []Document
	seq       int64
	origin    string
	err       error
	done      chan struct{}
}

// retryOpening is how often a file that cannot be opened is tried while nobody
// decides; a decision tries it too, at most once in retryDeciding.
const (
	retryOpening  = 30 * time.Second
	retryDeciding = time.Second
)

var errUnopened = errors.New("ledger cannot be opened")

// maxGroup bounds how many decisions one commit holds.
const maxGroup = 512

// write is the one goroutine that writes, until Close.
func (l *Ledger) write() {
	defer close(l.stopped)
	tick := time.NewTicker(retryOpening)
	defer tick.Stop()
	for {
		select {
		case a := <-l.queue:
			l.commit(l.group(a))
		case do := <-l.orders:
			l.obey(do)
		case <-tick.C:
			l.tick()
		case <-l.stop:
			l.finish()
			return
		}
	}
}

// tick opens a file that could not be opened, or brings the copy of the
// checkpoint up to date.
func (l *Ledger) tick() {
	if s := l.store.Load(); s != nil {
		l.publish(s)
	} else if l.open() {
		l.well()
	}
}

// group is first and all that wait behind it.
func (l *Ledger) group(first *appending) []*appending {
	group := []*appending{first}
	for len(group) < maxGroup {
		select {
		case a := <-l.queue:
			group = append(group, a)
		default:
			return group
		}
	}
	return group
}

// commit writes a group in one transaction and tells each of its outcome.
func (l *Ledger) commit(group []*appending) {
	if l.store.Load() == nil && time.Since(l.tried) > retryDeciding {
		l.open()
	}
	s := l.store.Load()
	err := errUnopened
	if s != nil {
		if err = s.append(group); err != nil {
			l.reopen()
			l.ill(err)
		}
	}
	if err == nil {
		l.commits.Add(1)
		l.committed.Store(time.Now().Unix())
		l.well()
		l.publish(s) // before the answer, so that it covers all that was acknowledged
	}
	for _, a := range group {
		a.err = err
		close(a.done)
	}
}

// ill keeps why nothing can be recorded, and logs it once in a while: a full
// disk must not fill with complaints about it.
func (l *Ledger) ill(err error) {
	l.trouble.Store(&err)
	if time.Since(l.reported) >= retryOpening {
		l.reported = time.Now()
		l.config.Log.Error("decisions cannot be recorded: nobody can accept, a no is honoured without record; trying again",
			"every", retryOpening, "err", err)
	}
}

// well ends what ill began. A file that could be opened after a failed commit
// does not say so yet: a full disk can be read.
func (l *Ledger) well() {
	if l.trouble.Swap(nil) != nil {
		l.reported = time.Time{}
		l.config.Log.Info("decisions can be recorded again")
	}
}

// publish copies the newest checkpoint to its file.
func (l *Ledger) publish(s *store) {
	if err := s.publish(); err != nil {
		l.config.Log.Warn("checkpoint could not be copied", "file", CheckpointFile, "err", err)
	}
}

// reopen closes the file and opens it anew: after a failed fsync nobody knows
// what the old descriptor would call written.
func (l *Ledger) reopen() {
	if s := l.store.Swap(nil); s != nil {
		if err := s.close(); err != nil {
			l.config.Log.Warn("ledger could not be closed", "err", err)
		}
	}
	l.open()
}

// open opens the file, or leaves the ledger without one, and reports which.
func (l *Ledger) open() bool {
	k := l.keys.Load()
	if k == nil {
		return false
	}
	l.tried = time.Now()
	s, err := openStore(context.Background(), l.Path(), k)
	if err != nil {
		l.ill(err)
		return false
	}
	l.store.Store(s)
	return true
}

// order has the writer do something between two commits.
func (l *Ledger) order(ctx context.Context, do func(*store) error) error {
	done := make(chan error, 1)
	select {
	case l.orders <- func(s *store) (err error) {
		defer func() { done <- err }()
		if s == nil {
			return ErrLedger
		}
		return do(s)
	}:
	case <-l.stop:
		return fmt.Errorf("%w: ledger is closed", ErrLedger)
	case <-ctx.Done():
		return ctx.Err()
	}
	return <-done
}

func (l *Ledger) obey(do func(*store) error) {
	s := l.store.Load()
	if s == nil && l.open() {
		l.well()
		s = l.store.Load()
	}
	if err := do(s); err != nil && s != nil {
		l.reopen()
	}
}

// finish commits what was queued before Close.
func (l *Ledger) finish() {
	for {
		select {
		case a := <-l.queue:
			l.commit(l.group(a))
		default:
			return
		}
	}
}

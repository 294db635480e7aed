package analytics

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// flushEvery bounds what a crash can cost.
	flushEvery = time.Second
	// retryAtMost is the longest pause between two tries of a store that fails.
	retryAtMost = 30 * time.Second
	// readPlacesEvery is how often the owner's database of places is looked at.
	readPlacesEvery = time.Minute
	// keepHouseEvery is how often the retention pass looks whether it is due.
	keepHouseEvery = time.Hour
)

// Run writes sums and enforces retention until ctx is done.
func (a *Analytics) Run(ctx context.Context) error {
	var running sync.WaitGroup
	running.Go(func() { a.runSend(ctx) })
	if ch := a.config.ClickHouse; ch == nil || ch.Housekeeping {
		running.Go(func() { a.runHouse(ctx) })
	}
	running.Go(func() { a.runPlaces(ctx) })
	defer running.Wait()
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		err := a.flush(a.sealDue())
		if err != nil && !failing {
			a.log.Error("write counts to the spool; they stay in memory until it works", "err", err)
		}
		if err == nil && failing {
			a.log.Info("spool works again")
		}
		failing = err != nil
		a.noteSpool(err)
	}
}

// noteSpool keeps how the last try to reach the disk went.
func (a *Analytics) noteSpool(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.health.SpoolErr = ""
	if err != nil {
		a.health.SpoolErr = err.Error()
	}
}

// ClickHouse wants few, large inserts: a batch is sealed for it after sealEvery
// or sealRows, and for SQLite each second.
const (
	sealEvery = 30 * time.Second
	sealRows  = 5000
)

// sealDue reports whether the next flush makes a batch.
func (a *Analytics) sealDue() bool {
	if a.config.ClickHouse == nil {
		return true
	}
	a.flushing.Lock()
	defer a.flushing.Unlock()
	return a.now().Sub(a.sealedAt) >= sealEvery || a.spool != nil && a.spool.openRows() >= sealRows
}

// flush moves what was counted from memory to the disk, and with seal on to a
// batch. What cannot be written is kept and comes along with the next flush.
func (a *Analytics) flush(seal bool) error {
	if err := a.openSpool(); err != nil {
		a.hold(a.counter.drain())
		return err
	}
	a.flushing.Lock()
	defer a.flushing.Unlock()
	rows := a.counter.drain()
	if len(a.held) > 0 {
		rows = sumRows(append(a.held, rows...))
	}
	if len(rows) == 0 && (!seal || a.spool.openRows() == 0) {
		return nil
	}
	kept, err := a.spool.append(rows, seal)
	a.held = nil
	if !kept {
		a.held = rows
	}
	if seal && kept {
		a.sealedAt = a.now()
		select {
		case a.sealed <- struct{}{}:
		default:
		}
		err = errors.Join(err, a.spool.merge())
	}
	return err
}

func (a *Analytics) hold(rows []Row) {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	a.held = sumRows(append(a.held, rows...))
}

// runSend hands batches to the store until ctx is done: at once when one is
// sealed, and after a failure again and again, ever more slowly.
func (a *Analytics) runSend(ctx context.Context) {
	retry := time.NewTimer(0) // what the last run left behind
	defer retry.Stop()
	pause := time.Second
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.sealed:
		case <-retry.C:
		}
		err := a.sendAll(ctx)
		if err == nil {
			pause = time.Second
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if pause == time.Second {
			a.log.Error("write to the statistics store; counts wait in the spool", "err", err)
		}
		// Until the pause is over further batches wait, too.
		retry.Reset(pause)
		select {
		case <-ctx.Done():
			return
		case <-retry.C:
			retry.Reset(0)
		}
		pause = min(2*pause, retryAtMost)
	}
}

// runPlaces reads the owner's database of places whenever it changes.
func (a *Analytics) runPlaces(ctx context.Context) {
	tick := time.NewTicker(readPlacesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			a.refreshPlaces()
		}
	}
}

func (a *Analytics) sendAll(ctx context.Context) error {
	for ctx.Err() == nil {
		if more, err := a.sendOne(ctx); err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// sendOne hands the oldest batch to the store and reports whether there was one.
func (a *Analytics) sendOne(ctx context.Context) (more bool, err error) {
	defer func() { a.noteSend(more, err) }()
	spool := a.currentSpool()
	if spool == nil {
		return false, nil
	}
	store, err := a.opened(ctx)
	if err != nil {
		return false, err
	}
	b, ok, err := spool.head()
	if err != nil || !ok {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	err = a.deliver(ctx, spool, store, b)
	if errors.Is(err, ErrUnknownFate) {
		a.log.Error("a batch is set aside", "batch", b.Number, "err", err)
		return true, spool.setAside()
	}
	if err != nil {
		return false, err
	}
	return true, spool.done()
}

func (a *Analytics) currentSpool() *spool {
	a.flushing.Lock()
	defer a.flushing.Unlock()
	return a.spool
}

func (a *Analytics) noteSend(sent bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case err != nil && !errors.Is(err, context.Canceled):
		a.health.StoreOpen, a.health.Err = false, err.Error()
		a.health.Failures++
	case sent:
		a.health.StoreOpen, a.health.Err, a.health.LastWrite = true, "", a.now().UTC()
		a.health.Sent++
	}
}

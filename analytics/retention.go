package analytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"
)

// How long rows of each grain are kept, at most as long as Config.Retention:
// the older, the coarser.
const (
	keepHours = 92 * 24 * time.Hour
	keepDays  = 396 * 24 * time.Hour // 13 months
	keepGaps  = keepHours
)

// runHouse runs the retention pass when a new day has begun, until ctx is done.
func (a *Analytics) runHouse(ctx context.Context) {
	tick := time.NewTicker(keepHouseEvery)
	defer tick.Stop()
	for {
		if err := a.keepHouse(ctx, a.now()); err != nil && ctx.Err() == nil {
			a.log.Error("retention pass; it is tried again in an hour", "err", err)
		}
		if err := a.signHouse(ctx); err != nil && ctx.Err() == nil {
			a.log.Error("see whether another gateway keeps house; it is tried again in an hour", "err", err)
		}
		// Closing months takes more memory than all else. What it had goes back at
		// once; left to itself that takes minutes.
		debug.FreeOSMemory()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// keepHouse closes the months that are over and forgets what is too old, unless
// that was done today. What is closed is first, so that days never go before
// their month is written.
func (a *Analytics) keepHouse(ctx context.Context, now time.Time) error {
	a.mu.Lock()
	done := a.kept.LastPass
	a.mu.Unlock()
	if done.After(now.Truncate(24 * time.Hour)) {
		return nil
	}
	if err := a.moving(); err != nil {
		return err
	}
	store, err := a.opened(ctx)
	if err != nil {
		return err
	}
	var closed []error
	for _, s := range *a.sites.Load() {
		closed = append(closed, a.closeMonths(ctx, store, s, now))
	}
	err = errors.Join(closed...)
	late := int64(0)
	if err == nil {
		late, err = store.Forget(ctx, a.expired(now))
	}
	if err == nil {
		err = a.forgetFile(ctx, now)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.Late, a.kept.Err = late, ""
	if err != nil {
		a.kept.Err = err.Error()
		return fmt.Errorf("keep house: %w", err)
	}
	a.kept.LastPass = now.UTC()
	return nil
}

// forgetFile forgets in a file of sums that is left from before they were moved
// to a server, too.
func (a *Analytics) forgetFile(ctx context.Context, now time.Time) (err error) {
	_, err = os.Stat(filepath.Join(a.config.Dir, storeFile))
	if a.config.ClickHouse == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	left, err := openSQLite(ctx, a.config.Dir, false)
	if err != nil {
		return err
	}
	_, err = left.Forget(ctx, a.expired(now))
	return errors.Join(err, left.Close())
}

// expired is what must be gone at now. A row goes when its first moment is older
// than its window, so that nothing in it is ever older.
func (a *Analytics) expired(now time.Time) []Expiry {
	before := func(keep time.Duration) int64 {
		return now.Add(-min(keep, a.config.Retention)).Unix()
	}
	return []Expiry{
		{Grain: Hour, Before: before(keepHours)},
		{Grain: Day, Before: before(keepDays)},
		{Grain: Day, Dim: DimGap, Before: before(keepGaps)},
		{Grain: Month, Before: before(a.config.Retention)},
	}
}

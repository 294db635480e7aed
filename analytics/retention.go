package analytics

import (
	"context"
	"fmt"
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
	store, err := a.opened(ctx)
	if err != nil {
		return err
	}
	for _, s := range a.sites {
		if err := a.closeMonths(ctx, store, s, now); err != nil {
			return err
		}
	}
	if err := store.Forget(ctx, a.expired(now)); err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kept.LastPass = now.UTC()
	return nil
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

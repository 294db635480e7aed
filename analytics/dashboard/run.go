package dashboard

import (
	"context"
	"time"
)

// keepHouseEvery is how often what is past its time is looked for, and letters
// that are due.
const keepHouseEvery = time.Hour

// Run forgets what is past its time and sends the monthly letters until ctx is
// done.
func (d *Dashboard) Run(ctx context.Context) error {
	tick := time.NewTicker(keepHouseEvery)
	defer tick.Stop()
	for {
		if err := d.keepHouse(ctx); err != nil && ctx.Err() == nil {
			d.c.Log.Error("dashboard: hourly work; it is tried again in an hour", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Dashboard) keepHouse(ctx context.Context) error {
	a, err := d.open(ctx)
	if err != nil {
		return err
	}
	if err := a.forget(ctx, d.sessions, d.c.KeepAudit); err != nil {
		return err
	}
	return d.sendLetters(ctx, time.Now())
}

// Err is why nobody can sign in: the accounts cannot be opened. nil while they can.
func (d *Dashboard) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

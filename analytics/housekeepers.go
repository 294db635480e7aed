package analytics

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// housekeeperPage stands in the rows by which gateways that keep house sign, among
// the marks of batches.
const housekeeperPage = "housekeeper"

// signHouse signs that this gateway keeps house in this hour, and looks who else
// does. Two that close the same months at once could count what they fold twice.
//
// Who took the work over from another is not told of: only signatures of hours
// after this gateway's first count.
func (a *Analytics) signHouse(ctx context.Context) error {
	spool := a.currentSpool()
	if a.config.ClickHouse == nil || spool == nil || a.moving() != nil {
		return nil
	}
	store, err := a.opened(ctx)
	if err != nil {
		return err
	}
	const anHour = int64(time.Hour / time.Second)
	hour := a.now().Truncate(time.Hour).Unix()
	sign := Row{Key{markSite, Hour, dimMark, housekeeperPage, hour, spool.source}, Metrics{Views: 1}}
	err = store.Add(ctx, Batch{Source: "house/" + spool.source, Number: uint64(hour), Rows: []Row{sign}, First: true})
	if err != nil {
		return fmt.Errorf("sign as the housekeeper: %w", err)
	}
	a.mu.Lock()
	if a.houseSince == 0 {
		a.houseSince = hour
	}
	since := a.houseSince
	a.mu.Unlock()
	rows, err := store.Query(ctx, Select{
		Site: markSite, Grain: Hour, Dim: dimMark, Page: housekeeperPage,
		From: max(since, hour-2*anHour) + anHour, To: hour + 2*anHour, By: ByValue,
	})
	if err != nil {
		return fmt.Errorf("look for other housekeepers: %w", err)
	}
	var others []string
	for i := range rows {
		if rows[i].Value != spool.source {
			others = append(others, rows[i].Value)
		}
	}
	a.noteHousekeepers(others)
	return nil
}

func (a *Analytics) noteHousekeepers(others []string) {
	a.mu.Lock()
	fresh := !slices.Equal(others, a.kept.Others)
	a.kept.Others = others
	a.mu.Unlock()
	switch {
	case fresh && len(others) > 0:
		a.log.Error(`another gateway keeps house, too: set "housekeeping = true" on exactly one`, "gateways", strings.Join(others, " "))
	case fresh:
		a.log.Info("no other gateway keeps house any more")
	}
}

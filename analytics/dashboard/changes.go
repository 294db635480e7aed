package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Notes on the chart that nobody has to write: what visitors are asked changed,
// and lychgate itself did. Both can move the numbers.

// newVersion is the act of the audit log that notes another version of lychgate.
const newVersion = "new version"

// noteVersion notes the version that runs, if it is another than the last.
func (a *Accounts) noteVersion(ctx context.Context, version string) error {
	var last string
	err := a.db.Read.QueryRowContext(ctx, "SELECT what FROM audit WHERE act = ? ORDER BY id DESC LIMIT 1", newVersion).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read audit log: %w", err)
	}
	if version == "" || last == version {
		return nil
	}
	return a.Note(ctx, AuditEntry{Act: newVersion, What: version})
}

// versions are the changes of lychgate's version; the first one noted is none.
func (a *Accounts) versions(ctx context.Context, zone *time.Location) (all []annotation, err error) {
	entries, err := a.audit(ctx, `SELECT at, who, site, act, what FROM audit v WHERE act = ?1
		AND EXISTS (SELECT 1 FROM audit WHERE act = ?1 AND id < v.id) ORDER BY id`, newVersion)
	for _, e := range entries {
		all = append(all, annotation{Day: dayOf(e.At, zone), Note: "lychgate changed to " + e.What})
	}
	return all, err
}

// policyChanges are the days on which visitors were first asked something else.
// What happened on the first day belongs to setting up.
func (s GatewayStatus) policyChanges(zone *time.Location) (all []annotation) {
	var first time.Time
	for _, p := range s.Policies {
		if day := dayOf(p.Since, zone); !p.Since.IsZero() && (first.IsZero() || day.Before(first)) {
			first = day
		}
	}
	for _, p := range s.Policies {
		day := dayOf(p.Since, zone)
		if p.Since.IsZero() || !day.After(first) || slices.ContainsFunc(all, func(a annotation) bool { return a.Day.Equal(day) }) {
			continue
		}
		all = append(all, annotation{Day: day, Note: "What visitors are asked changed"})
	}
	return all
}

// flags are all notes on a period of a site, in order.
func (d *Dashboard) flags(c *call, p Period) ([]annotation, error) {
	all, err := c.accounts.annotations(c.ctx(), c.site.ID, p.From, p.To)
	if err != nil {
		return nil, err
	}
	own, err := c.accounts.versions(c.ctx(), c.site.Location)
	if err != nil {
		return nil, err
	}
	if d.c.Gateway != nil {
		own = append(own, d.c.Gateway(c.site.ID).policyChanges(c.site.Location)...)
	}
	for _, n := range own {
		if !n.Day.Before(p.From) && !n.Day.After(p.To) {
			all = append(all, n)
		}
	}
	slices.SortStableFunc(all, func(a, b annotation) int { return a.Day.Compare(b.Day) })
	return all, nil
}

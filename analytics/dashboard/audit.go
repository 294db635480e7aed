package dashboard

import (
	"context"
	"fmt"
	"time"
)

// An AuditEntry is one act of an admin. It names accounts and things, never
// numbers, addresses or secrets.
type AuditEntry struct {
	At        time.Time // UTC, to the second
	Who, Site string    // Who is "" for the command line
	Act       string
	What      string
}

// Note writes one act into the audit log.
func (a *Accounts) Note(ctx context.Context, e AuditEntry) error {
	_, err := a.db.Write.ExecContext(ctx, "INSERT INTO audit (at, who, site, act, what) VALUES (?, ?, ?, ?, ?)",
		time.Now().Unix(), e.Who, e.Site, e.Act, e.What)
	if err != nil {
		return fmt.Errorf("write audit log: %w", err)
	}
	return nil
}

// Audit returns the newest acts, at most limit.
func (a *Accounts) Audit(ctx context.Context, limit int) ([]AuditEntry, error) {
	return a.audit(ctx, "SELECT at, who, site, act, what FROM audit ORDER BY id DESC LIMIT ?", limit)
}

// AuditOf returns the newest acts on one site, at most limit.
func (a *Accounts) AuditOf(ctx context.Context, site string, limit int) ([]AuditEntry, error) {
	return a.audit(ctx, "SELECT at, who, site, act, what FROM audit WHERE site = ? ORDER BY id DESC LIMIT ?", site, limit)
}

func (a *Accounts) audit(ctx context.Context, query string, args ...any) (all []AuditEntry, err error) {
	rows, err := a.db.Read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit log: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var e AuditEntry
		var at int64
		if err := rows.Scan(&at, &e.Who, &e.Site, &e.Act, &e.What); err != nil {
			return nil, fmt.Errorf("read audit log: %w", err)
		}
		e.At = time.Unix(at, 0).UTC()
		all = append(all, e)
	}
	return all, rows.Err()
}

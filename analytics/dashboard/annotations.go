package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// An annotation is a note on a day of the chart: "appeal sent".
type annotation struct {
	ID   int64
	Day  time.Time
	Note string
}

// maxNote is the greatest length of a note, in characters.
const maxNote = 120

func (a *Accounts) annotate(ctx context.Context, site string, day time.Time, note string) error {
	_, err := a.db.Write.ExecContext(ctx, "INSERT INTO annotations (site, day, note) VALUES (?, ?, ?)",
		site, day.Format(isoDate), note)
	if err != nil {
		return fmt.Errorf("write note: %w", err)
	}
	return nil
}

// annotations returns the notes on a site's days, both ends included.
func (a *Accounts) annotations(ctx context.Context, site string, from, to time.Time) (all []annotation, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read notes: %w", err)
		}
	}()
	rows, err := a.db.Read.QueryContext(ctx,
		"SELECT id, day, note FROM annotations WHERE site = ? AND day BETWEEN ? AND ? ORDER BY day, id",
		site, from.Format(isoDate), to.Format(isoDate))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n annotation
		var day string
		if err := rows.Scan(&n.ID, &day, &n.Note); err != nil {
			return nil, err
		}
		if n.Day, err = time.Parse(isoDate, day); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}

func (a *Accounts) removeAnnotation(ctx context.Context, site string, id int64) (note string, err error) {
	err = a.db.Write.QueryRowContext(ctx, "DELETE FROM annotations WHERE id = ? AND site = ? RETURNING note", id, site).Scan(&note)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNotFound
	}
	return note, err
}

package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/mail"
)

// A letter is one address that gets a site's monthly report.
type letter struct {
	Site, Address string
	Sent          string // the last month reported, 2006-01; empty: none
}

// errAddress says that a text is no e-mail address.
var errAddress = errors.New("this is no e-mail address")

// addLetter has a site's report sent to address, first for the month after sent.
func (a *Accounts) addLetter(ctx context.Context, site, address, sent string) error {
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Name != "" || parsed.Address != address || len(address) > 254 {
		return errAddress
	}
	_, err = a.db.Write.ExecContext(ctx, "INSERT OR IGNORE INTO letters (site, address, sent) VALUES (?, ?, ?)", site, address, sent)
	if err != nil {
		return fmt.Errorf("add address: %w", err)
	}
	return nil
}

func (a *Accounts) removeLetter(ctx context.Context, site, address string) error {
	return a.tx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM letters WHERE site = ? AND address = ?", site, address)
		return err
	})
}

// letters returns the addresses of a site.
func (a *Accounts) letters(ctx context.Context, site string) (all []letter, err error) {
	rows, err := a.db.Read.QueryContext(ctx, "SELECT site, address, sent FROM letters WHERE site = ? ORDER BY address", site)
	if err != nil {
		return nil, fmt.Errorf("read addresses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var l letter
		if err := rows.Scan(&l.Site, &l.Address, &l.Sent); err != nil {
			return nil, fmt.Errorf("read addresses: %w", err)
		}
		all = append(all, l)
	}
	return all, rows.Err()
}

// noteSent notes that the letter about a month went out.
func (a *Accounts) noteSent(ctx context.Context, l letter, month string) error {
	_, err := a.db.Write.ExecContext(ctx, "UPDATE letters SET sent = ? WHERE site = ? AND address = ?", month, l.Site, l.Address)
	if err != nil {
		return fmt.Errorf("note letter: %w", err)
	}
	return nil
}

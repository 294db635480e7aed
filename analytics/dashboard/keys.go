package dashboard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// A key opens one site's rounded numbers to whoever holds it: a shared link, or
// a token of the statistics API. It changes nothing and can be revoked.
type key struct {
	ID      int64
	Site    string
	Name    string // whom it was given to
	Created time.Time
	Expires time.Time
	Used    string // day of the last use, as a date; empty: never
}

// LastUsed is the day of the last use in words; empty: never.
func (k key) LastUsed() string {
	day, err := time.Parse(isoDate, k.Used)
	if err != nil {
		return ""
	}
	return day.Format("2 January 2006")
}

// The kinds of keys.
const (
	linkKey  = "link"
	tokenKey = "token"
)

// maxKeyLife is the longest time a key may work.
const maxKeyLife = 366 * oneDay

// errNoKey says that a key was revoked, is too old or never was one.
var errNoKey = errors.New("this key does not work any more")

// addKey makes a key and returns its secret, which is kept nowhere.
func (a *Accounts) addKey(ctx context.Context, kind, site, name string, life time.Duration) (secret string, err error) {
	secret = newToken()
	now := time.Now()
	_, err = a.db.Write.ExecContext(ctx, "INSERT INTO keys (kind, site, name, hash, created, expires) VALUES (?, ?, ?, ?, ?, ?)",
		kind, site, name, hashToken(secret), now.Unix(), now.Add(min(life, maxKeyLife)).Unix())
	if err != nil {
		return "", fmt.Errorf("add %s: %w", kind, err)
	}
	return secret, nil
}

// keyOf returns the key of a secret, and notes the day of its use.
func (a *Accounts) keyOf(ctx context.Context, kind, secret string) (key, error) {
	hash, now := hashToken(secret), time.Now().UTC()
	all, err := a.readKeys(ctx, "kind = ? AND hash = ? AND expires > ?", kind, hash, now.Unix())
	if err != nil {
		return key{}, err
	}
	if len(all) == 0 {
		return key{}, errNoKey
	}
	if today := now.Format(isoDate); all[0].Used != today {
		if _, err := a.db.Write.ExecContext(ctx, "UPDATE keys SET used = ? WHERE hash = ?", today, hash); err != nil {
			return key{}, fmt.Errorf("note use of %s: %w", kind, err)
		}
	}
	return all[0], nil
}

// keys returns the keys of a site that still work, newest first.
func (a *Accounts) keys(ctx context.Context, kind, site string) ([]key, error) {
	return a.readKeys(ctx, "kind = ? AND site = ? AND expires > ? ORDER BY id DESC", kind, site, time.Now().Unix())
}

func (a *Accounts) readKeys(ctx context.Context, where string, args ...any) (all []key, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read keys: %w", err)
		}
	}()
	rows, err := a.db.Read.QueryContext(ctx, "SELECT id, site, name, created, expires, used FROM keys WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var k key
		var created, expires int64
		if err := rows.Scan(&k.ID, &k.Site, &k.Name, &created, &expires, &k.Used); err != nil {
			return nil, err
		}
		k.Created, k.Expires = time.Unix(created, 0).UTC(), time.Unix(expires, 0).UTC()
		all = append(all, k)
	}
	return all, rows.Err()
}

// revoke takes a key of a site away and returns its name.
func (a *Accounts) revoke(ctx context.Context, site string, id int64) (name string, err error) {
	err = a.db.Write.QueryRowContext(ctx, "DELETE FROM keys WHERE id = ? AND site = ? RETURNING name", id, site).Scan(&name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", errNotFound
	}
	return name, err
}

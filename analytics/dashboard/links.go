package dashboard

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// InvitationLife is how long the link of an invitation or of a forgotten
// password works.
const InvitationLife = 7 * 24 * time.Hour

// ErrLink says that a sign-in link was used, is too old or never was one.
var ErrLink = errors.New("this sign-in link does not work any more")

// newToken returns 128 random bits as text.
func newToken() string { return rand.Text() }

// hashToken is what is kept of a token. The token is random, so a plain hash is
// enough: nobody can try them all.
func hashToken(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

func signInPath(token string) string { return signInURL + "/" + token }

// NewLink makes a link by which an existing account signs in once and chooses a
// new password. It holds for [InvitationLife].
func (a *Accounts) NewLink(ctx context.Context, name string) (link string, err error) {
	token := newToken()
	return signInPath(token), a.tx(ctx, func(tx *sql.Tx) error {
		id, err := accountID(ctx, tx, name)
		if err != nil {
			return err
		}
		return insertLink(ctx, tx, token, &id, time.Now().Add(InvitationLife).Unix())
	})
}

// firstLink makes the link of a first start, in place of any before it. It
// returns "" when somebody can sign in by password already.
func (a *Accounts) firstLink(ctx context.Context) (link string, err error) {
	token := newToken()
	err = a.tx(ctx, func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM accounts WHERE password <> ''").Scan(&n); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM links WHERE expires = 0"); err != nil {
			return err
		}
		if n > 0 {
			token = ""
			return nil
		}
		return insertLink(ctx, tx, token, nil, 0)
	})
	if err != nil || token == "" {
		return "", err
	}
	return signInPath(token), nil
}

func insertLink(ctx context.Context, tx *sql.Tx, token string, account *int64, expires int64) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO links (hash, account, expires) VALUES (?, ?, ?)",
		hashToken(token), account, expires)
	return err
}

// linkWorks reports whether a sign-in link could be used now, without using it.
func (a *Accounts) linkWorks(ctx context.Context, token string) error {
	var n int
	err := a.db.Read.QueryRowContext(ctx, "SELECT COUNT(*) FROM links WHERE hash = ? AND (expires = 0 OR expires > ?)",
		hashToken(token), time.Now().Unix()).Scan(&n)
	if err == nil && n == 0 {
		return ErrLink
	}
	return err
}

// useLink uses a sign-in link up and returns the account it is for. The link of
// an account that is there takes its second factors away. The link of
// a first start makes that account, called FirstName, the owner of every site.
func (a *Accounts) useLink(ctx context.Context, token string) (id int64, err error) {
	err = a.tx(ctx, func(tx *sql.Tx) error {
		var account sql.NullInt64
		err := tx.QueryRowContext(ctx,
			"DELETE FROM links WHERE hash = ? AND (expires = 0 OR expires > ?) RETURNING account",
			hashToken(token), time.Now().Unix()).Scan(&account)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrLink
		}
		if err != nil {
			return fmt.Errorf("use sign-in link: %w", err)
		}
		if id = account.Int64; account.Valid {
			return dropFactors(ctx, tx, id) // the link stands for a lost phone, too
		}
		return firstAccount(ctx, tx, &id)
	})
	return id, err
}

// FirstName is the name of the account that a first start makes.
const FirstName = "owner"

// firstAccount finds or makes the account of the first start. It may be there
// already when its owner closed the browser before choosing a password.
func firstAccount(ctx context.Context, tx *sql.Tx, id *int64) (err error) {
	*id, err = accountID(ctx, tx, FirstName)
	if errors.Is(err, ErrNoAccount) {
		*id, err = insertAccount(ctx, tx, FirstName, EverySite, Owner)
	}
	return err
}

// dropFactors takes the second factors of an account away.
func dropFactors(ctx context.Context, tx *sql.Tx, account int64) error {
	for _, stmt := range []string{
		"UPDATE accounts SET totp = NULL, totp_step = 0 WHERE id = ?",
		"DELETE FROM passkeys WHERE account = ?",
	} {
		if _, err := tx.ExecContext(ctx, stmt, account); err != nil {
			return fmt.Errorf("take second factors away: %w", err)
		}
	}
	return nil
}

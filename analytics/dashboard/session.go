package dashboard

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// A session is one signed-in browser.
type session struct {
	account Account
	// pending is true between the password and the code.
	pending bool
}

// sessions writes and reads the session cookie. What it holds is a random id,
// signed, so that a made-up one never reaches the file; the session itself is in
// admin.db and can be ended there.
type sessions struct {
	codec *consent.Codec
	// length and idle are how long a session lasts at most, and without a request.
	length, idle time.Duration
}

// cookieName is the name under which a session is kept. Over https only the
// prefixed name is read, which no plain http answer can set (RFC 6265bis
// section 4.1.3).
func cookieName(r *http.Request) string {
	if r.URL.Scheme == "https" {
		return "__Secure-lychgate-admin"
	}
	return "lychgate-admin"
}

// start makes a session under a new id and sets its cookie. A session that the
// browser had before is ended: an id known before signing in is worth nothing
// after (ASVS V7.2.4).
//
// A pending session opens nothing but the page that asks for the code.
func (s *sessions) start(w http.ResponseWriter, r *http.Request, a *Accounts, account int64, pending bool) error {
	if err := s.end(w, r, a); err != nil {
		return err
	}
	id := make([]byte, 32)
	rand.Read(id)
	value, err := s.codec.Encode(cookieName(r), id)
	if err != nil {
		return fmt.Errorf("sign session: %w", err)
	}
	now := time.Now().Unix()
	if _, err := a.db.Write.ExecContext(r.Context(),
		"INSERT INTO sessions (hash, account, created, seen, pending) VALUES (?, ?, ?, ?, ?)",
		hashToken(string(id)), account, now, now, pending); err != nil {
		return fmt.Errorf("start session: %w", err)
	}
	http.SetCookie(w, s.cookie(r, value, int(s.length/time.Second)))
	return nil
}

// end ends the request's session, if it has one, and takes the cookie back.
func (s *sessions) end(w http.ResponseWriter, r *http.Request, a *Accounts) error {
	id, ok := s.id(r)
	if !ok {
		return nil
	}
	http.SetCookie(w, s.cookie(r, "", -1))
	_, err := a.db.Write.ExecContext(r.Context(), "DELETE FROM sessions WHERE hash = ?", hashToken(string(id)))
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

func (s *sessions) cookie(r *http.Request, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(r), Value: value, Path: consent.Prefix, MaxAge: maxAge,
		Secure: r.URL.Scheme == "https", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}
}

// id is the session id that r carries, if it was signed here.
func (s *sessions) id(r *http.Request) ([]byte, bool) {
	c, err := r.Cookie(cookieName(r))
	if err != nil {
		return nil, false
	}
	id, err := s.codec.Decode(c.Name, c.Value)
	return id, err == nil
}

// errNoSession says that r is not signed in, or was for too long.
var errNoSession = errors.New("not signed in")

// pendingLife is how long the code may come after the password.
const pendingLife = 10 * time.Minute

// of returns the session of r and notes that it was used.
func (s *sessions) of(r *http.Request, a *Accounts) (session, error) {
	id, ok := s.id(r)
	if !ok {
		return session{}, errNoSession
	}
	ctx, now := r.Context(), time.Now()
	hash := hashToken(string(id))
	var account, created, seen int64
	var pending bool
	err := a.db.Read.QueryRowContext(ctx, "SELECT account, created, seen, pending FROM sessions WHERE hash = ?", hash).
		Scan(&account, &created, &seen, &pending)
	if errors.Is(err, sql.ErrNoRows) {
		return session{}, errNoSession
	}
	if err != nil {
		return session{}, fmt.Errorf("read session: %w", err)
	}
	if now.Sub(time.Unix(created, 0)) >= s.length || now.Sub(time.Unix(seen, 0)) >= s.idle ||
		pending && now.Sub(time.Unix(created, 0)) >= pendingLife {
		return session{}, errNoSession
	}
	x, err := a.byID(ctx, account)
	if errors.Is(err, ErrNoAccount) {
		return session{}, errNoSession
	}
	if err != nil {
		return session{}, err
	}
	if now.Unix()-seen >= 60 {
		if _, err := a.db.Write.ExecContext(ctx, "UPDATE sessions SET seen = ? WHERE hash = ?", now.Unix(), hash); err != nil {
			return session{}, fmt.Errorf("note session: %w", err)
		}
	}
	return session{account: x, pending: pending}, nil
}

// forget deletes what is past its time: sessions and links that work no more,
// and audit rows older than keepAudit.
func (a *Accounts) forget(ctx context.Context, s *sessions, keepAudit time.Duration) error {
	now := time.Now()
	return a.tx(ctx, func(tx *sql.Tx) error {
		for _, f := range []struct {
			stmt   string
			before time.Time
		}{
			{"DELETE FROM sessions WHERE created <= ?", now.Add(-s.length)},
			{"DELETE FROM sessions WHERE seen <= ?", now.Add(-s.idle)},
			{"DELETE FROM links WHERE expires <> 0 AND expires <= ?", now},
			{"DELETE FROM audit WHERE at <= ?", now.Add(-keepAudit)},
		} {
			if _, err := tx.ExecContext(ctx, f.stmt, f.before.Unix()); err != nil {
				return fmt.Errorf("forget: %w", err)
			}
		}
		return nil
	})
}

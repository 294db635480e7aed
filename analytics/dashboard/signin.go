package dashboard

import (
	"errors"
	"net/http"
)

// A signInPage is the form in which somebody signs in.
type signInPage struct {
	Next, Name, Problem string
	// Elsewhere is true when another website led here. The session cookie does
	// not come along then (SameSite=Strict), so the reader may be signed in.
	Elsewhere bool
	Passkey   ceremony // empty: passkeys do not work here
}

func (d *Dashboard) signInForm(c *call) error {
	p := signInPage{Next: localPath(c.r.URL.Query().Get("next"))}
	if s, err := d.sessions.of(c.r, c.accounts); err == nil && !s.pending {
		return c.see(p.Next)
	}
	p.Elsewhere = c.r.Header.Get("Sec-Fetch-Site") == "cross-site"
	return d.showSignIn(c, http.StatusOK, p)
}

func (d *Dashboard) showSignIn(c *call, status int, p signInPage) (err error) {
	if p.Passkey, err = d.offerPasskey(c, nil); err != nil {
		return err
	}
	return d.show(c, status, "sign-in", "Sign in", p)
}

// signIn checks name and password and starts a session. The answer is the same,
// and takes as long, whether the name or the password is wrong.
func (d *Dashboard) signIn(c *call) error {
	name, password := c.r.PostFormValue("name"), c.r.PostFormValue("password")
	account, network := accountKey(foldName(name)), networkKey(c.r.RemoteAddr)
	if wait := d.throttle.try(account, network); wait > 0 {
		return tooManyTries(wait)
	}
	id, err := d.hasher.checkPassword(c.ctx(), c.accounts, name, password)
	if errors.Is(err, ErrNoAccount) {
		if x, err := c.accounts.ByName(c.ctx(), name); err == nil {
			if err := c.accounts.Note(c.ctx(), AuditEntry{Who: x.Name, Act: "sign in refused"}); err != nil {
				return err
			}
		}
		p := signInPage{Next: localPath(c.r.PostFormValue("next")), Name: name, Problem: "Name or password is not right."}
		return d.showSignIn(c, http.StatusUnauthorized, p)
	}
	if err != nil {
		return err
	}
	d.throttle.right(account, network)
	x, err := c.accounts.byID(c.ctx(), id)
	if err != nil {
		return err
	}
	if x.SecondFactor() {
		if err := d.sessions.start(c.w, c.r, c.accounts, id, true); err != nil {
			return err
		}
		return c.see(codeURL(localPath(c.r.PostFormValue("next"))))
	}
	return d.enter(c, id, "sign in", localPath(c.r.PostFormValue("next")))
}

// enter starts the session of an account and goes on to next.
func (d *Dashboard) enter(c *call, id int64, act, next string) error {
	x, err := c.accounts.byID(c.ctx(), id)
	if err != nil {
		return err
	}
	if err := d.sessions.start(c.w, c.r, c.accounts, id, false); err != nil {
		return err
	}
	if err := c.accounts.Note(c.ctx(), AuditEntry{Who: x.Name, Act: act}); err != nil {
		return err
	}
	return c.see(next)
}

// linkForm shows the button that uses a sign-in link up.
func (d *Dashboard) linkForm(c *call) error {
	if err := d.tryLink(c); err != nil {
		return err
	}
	return d.show(c, http.StatusOK, "link", "Sign in", c.r.PathValue("token"))
}

func (d *Dashboard) tryLink(c *call) error {
	err := c.accounts.linkWorks(c.ctx(), c.r.PathValue("token"))
	if !errors.Is(err, ErrLink) {
		return err
	}
	if wait := d.throttle.try(networkKey(c.r.RemoteAddr)); wait > 0 {
		return tooManyTries(wait)
	}
	return err
}

// useLink signs in by a link and asks for a password.
func (d *Dashboard) useLink(c *call) error {
	id, err := c.accounts.useLink(c.ctx(), c.r.PathValue("token"))
	if errors.Is(err, ErrLink) {
		return d.tryLink(c)
	}
	if err != nil {
		return err
	}
	return d.enter(c, id, "sign in by link", adminURL+"account")
}

func (d *Dashboard) signOut(c *call) error {
	if err := d.sessions.end(c.w, c.r, c.accounts); err != nil {
		return err
	}
	if err := c.note("sign out", ""); err != nil {
		return err
	}
	return c.see(signInURL)
}

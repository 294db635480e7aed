package dashboard

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// A call is one request on its way to one page.
type call struct {
	w        http.ResponseWriter
	r        *http.Request
	accounts *Accounts
	session  session // of who is signed in; zero for anybody
	site     Site    // set by onSite
	shared   string  // where the shared link leads, on its pages
}

func (c *call) ctx() context.Context { return c.r.Context() }

// note writes what the signed-in person did into the audit log.
func (c *call) note(act, what string) error {
	return c.accounts.Note(c.ctx(), AuditEntry{Who: c.session.account.Name, Site: c.site.ID, Act: act, What: what})
}

// see answers a POST by sending the browser to path (RFC 9110 section 15.4.4).
func (c *call) see(path string) error {
	http.Redirect(c.w, c.r, path, http.StatusSeeOther)
	return nil
}

// What a page can answer instead of itself. They are mapped to a status in one
// place, problem.
var (
	errNotFound  = errors.New("no such page")
	errForbidden = errors.New("not allowed to this account")
)

// A tooManyTries says how long to wait before the next try.
type tooManyTries time.Duration

func (t tooManyTries) Error() string { return "too many tries" }

// anybody makes a handler of a page that asks for no sign-in.
func (d *Dashboard) anybody(page func(*call) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		a, err := d.open(r.Context())
		if err == nil {
			err = page(&call{w: w, r: r, accounts: a})
		}
		if err != nil {
			d.problem(w, r, err)
		}
	}
}

// signedIn makes a handler of a page for those who are signed in. Others are
// sent to sign in and come back.
func (d *Dashboard) signedIn(page func(*call) error) http.HandlerFunc {
	return d.withSession(false, page)
}

// halfSignedIn makes a handler for those who have said their password and owe the
// code.
func (d *Dashboard) halfSignedIn(page func(*call) error) http.HandlerFunc {
	return d.withSession(true, page)
}

func (d *Dashboard) withSession(pending bool, page func(*call) error) http.HandlerFunc {
	return d.anybody(func(c *call) (err error) {
		c.session, err = d.sessions.of(c.r, c.accounts)
		if errors.Is(err, errNoSession) || err == nil && c.session.pending != pending {
			c.session = session{}
			return c.see(signInFor(c.r))
		}
		if err != nil {
			return err
		}
		return page(c)
	})
}

// signInFor is the sign-in page that leads back to what r asked for.
func signInFor(r *http.Request) string {
	if r.Method != http.MethodGet || r.URL.Path == adminURL {
		return signInURL
	}
	return signInURL + "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
}

// onSite makes a handler of a page about one site, for those with at least role
// on it. To others the site does not exist.
func (d *Dashboard) onSite(role Role, page func(*call) error) http.HandlerFunc {
	return d.signedIn(func(c *call) error {
		site, ok := d.site(c.r.PathValue("site"))
		has := c.session.account.Role(site.ID)
		switch {
		case !ok || has == NoRole:
			return errNotFound
		case has < role:
			return errForbidden
		}
		c.site = site
		return page(c)
	})
}

// problem answers with a calm page for err, and logs what its reader cannot mend.
func (d *Dashboard) problem(w http.ResponseWriter, r *http.Request, err error) {
	var tries tooManyTries
	switch {
	case errors.Is(err, errNotFound):
		d.fail(w, http.StatusNotFound, "There is no such page", "Perhaps the address was cut short, or what it showed was taken away.")
	case errors.Is(err, errForbidden):
		d.fail(w, http.StatusForbidden, "Your account may not do this", "An owner of this site can give you a role that may.")
	case errors.Is(err, ErrLink):
		d.fail(w, http.StatusGone, "This sign-in link does not work any more",
			"Each link works once. The first link is new at each start of lychgate; an owner can make you another.")
	case errors.Is(err, errNoKey):
		d.fail(w, http.StatusNotFound, "This link does not work any more", "It was taken back, or its time is over. Whoever sent it to you can make a new one.")
	case errors.As(err, &tries):
		seconds := int64((time.Duration(tries) + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
		d.fail(w, http.StatusTooManyRequests, "Too many tries", "Please wait "+countOf(seconds, "second")+", then try again.")
	case errors.Is(err, context.Canceled):
		// The browser has gone.
	default:
		d.c.Log.Error("dashboard: answer a page", "err", err)
		w.Header().Set("Retry-After", "30")
		d.fail(w, http.StatusServiceUnavailable, "The dashboard cannot answer just now",
			"Your website is not affected. The reason is in lychgate's log; please try again in a minute.")
	}
}

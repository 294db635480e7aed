package dashboard

import (
	"errors"
	"net/http"
	"strings"
)

// An accountPage is where a person changes their own password.
type accountPage struct {
	Account Account
	Min     int
	Problem string
	Saved   bool
}

func (d *Dashboard) account(c *call) error {
	return d.show(c, http.StatusOK, "account", "Your account", accountPage{
		Account: c.session.account, Min: MinPasswordCharacters, Saved: c.r.URL.Query().Has("saved"),
	})
}

// changePassword sets the password of the person signed in. Whoever has one
// already says it first. All sessions end, and this browser gets a new one.
func (d *Dashboard) changePassword(c *call) error {
	x := c.session.account
	problem, err := d.newPassword(c, x)
	if err != nil {
		return err
	}
	if problem != "" {
		return d.show(c, http.StatusBadRequest, "account", "Your account",
			accountPage{Account: x, Min: MinPasswordCharacters, Problem: problem})
	}
	if err := d.sessions.start(c.w, c.r, c.accounts, x.ID, false); err != nil {
		return err
	}
	if err := c.note("change password", x.Name); err != nil {
		return err
	}
	return c.see(adminURL + "account?saved")
}

// newPassword sets the password of a form, or says what is wrong with it.
func (d *Dashboard) newPassword(c *call, x Account) (problem string, err error) {
	if x.HasPassword {
		if err := d.again(c); errors.Is(err, errAgain) {
			return "Your present password is not right.", nil
		} else if err != nil {
			return "", err
		}
	}
	password := c.r.PostFormValue("new")
	if password != c.r.PostFormValue("repeat") {
		return "The two new passwords differ.", nil
	}
	if err := CheckPassword(x.Name, password); err != nil {
		return err.Error(), nil
	}
	return "", d.hasher.setPassword(c.ctx(), c.accounts, x.ID, password)
}

// errAgain says that the password asked for again was not right.
var errAgain = errors.New("the password asked for again is wrong")

// again checks the field "password" of a form against the signed-in account.
func (d *Dashboard) again(c *call) error {
	name := c.session.account.Name
	account, network := accountKey(foldName(name)), networkKey(c.r.RemoteAddr)
	if wait := d.throttle.try(account, network); wait > 0 {
		return tooManyTries(wait)
	}
	_, err := d.hasher.checkPassword(c.ctx(), c.accounts, name, c.r.PostFormValue("password"))
	if errors.Is(err, ErrNoAccount) {
		return errAgain
	}
	if err == nil {
		d.throttle.right(account, network)
	}
	return err
}

// errNoPassword says that an account must choose a password before it changes
// anything.
var errNoPassword = errors.New("this account has no password yet")

// asksAgain reports whether changes ask for the password: when the dashboard
// shares the origin of a website, whose scripts (a service worker above all)
// could act in the name of whoever is signed in.
func (d *Dashboard) asksAgain() bool { return !d.c.OwnOrigin }

// confirm checks, before a change, what asksAgain asks for.
func (d *Dashboard) confirm(c *call) error {
	switch {
	case !c.session.account.HasPassword:
		return errNoPassword
	case d.asksAgain():
		return d.again(c)
	}
	return nil
}

// foldName is a name as the throttle counts it. It is cut, so that long names
// cost no memory.
func foldName(name string) string {
	return strings.ToLower(name[:min(len(name), 256)])
}

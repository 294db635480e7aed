package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// A passkeysPage is where a person adds and takes away passkeys.
type passkeysPage struct {
	Keys    []passkey
	Make    ceremony // empty: passkeys do not work here
	Host    string
	HasCode bool
	Problem string
}

func (d *Dashboard) passkeys(c *call) error {
	return d.showPasskeys(c, http.StatusOK, "")
}

func (d *Dashboard) showPasskeys(c *call, status int, problem string) error {
	x := c.session.account
	p := passkeysPage{Host: passkeyHost(c.r), HasCode: x.HasCode, Problem: problem}
	var err error
	if p.Keys, err = c.accounts.passkeys(c.ctx(), x.ID); err != nil {
		return err
	}
	if p.Host != "" && x.HasPassword && len(p.Keys) < maxPasskeys {
		h, err := c.accounts.holder(c.ctx(), x.ID, p.Host)
		if err != nil {
			return err
		}
		if p.Make, err = d.ceremonies.make(c.r, h); err != nil {
			return err
		}
		d.allowScript(c)
	}
	return d.show(c, status, "passkeys", "Passkeys", p)
}

// changePasskeys adds a passkey or takes one away, after the password.
func (d *Dashboard) changePasskeys(c *call) error {
	if !c.session.account.HasPassword {
		return errNotFound
	}
	err := d.again(c)
	if err == nil {
		err = d.passkeysAct(c)
	}
	switch {
	case errors.Is(err, errAgain):
		return d.showPasskeys(c, http.StatusBadRequest, "Your password is not right. Nothing has been changed.")
	case errors.Is(err, errPasskey):
		return d.showPasskeys(c, http.StatusBadRequest, "Your device's answer could not be used. Please try once more.")
	case errors.Is(err, errName):
		return d.showPasskeys(c, http.StatusBadRequest, "Please give the passkey a name, such as “phone”.")
	case err != nil:
		return err
	}
	return c.see(adminURL + "account/passkeys")
}

func (d *Dashboard) passkeysAct(c *call) error {
	x := c.session.account
	switch c.r.PostFormValue("act") {
	case "add":
		name := strings.TrimSpace(c.r.PostFormValue("name"))
		if checkName(name) != nil {
			return errName
		}
		h, err := c.accounts.holder(c.ctx(), x.ID, passkeyHost(c.r))
		if err != nil {
			return err
		}
		credential, err := d.ceremonies.made(c.r, h)
		if err != nil {
			return err
		}
		if err := c.accounts.addPasskey(c.ctx(), x.ID, name, passkeyHost(c.r), credential); err != nil {
			return err
		}
		return c.note("add passkey", name)
	case "remove":
		name, err := c.accounts.removePasskey(c.ctx(), x.ID, formID(c.r))
		if err != nil {
			return err
		}
		return c.note("remove passkey", name)
	}
	return errNotFound
}

// allowScript opens the policy of an answer for our own script: that one file,
// by its whole address, and no other of the website that we may share the origin
// with.
func (d *Dashboard) allowScript(c *call) {
	c.w.Header().Set("Content-Security-Policy", policy+"; script-src "+c.r.URL.Scheme+"://"+c.r.Host+d.assets.path("passkey.js"))
}

// offerPasskey puts the ceremony that uses a passkey on a sign-in page: of h, or
// with nil of whoever has one. Where passkeys do not work it puts none.
func (d *Dashboard) offerPasskey(c *call, h *holder) (ceremony, error) {
	if passkeyHost(c.r) == "" || h != nil && len(h.keys) == 0 {
		return ceremony{}, nil
	}
	d.allowScript(c)
	return d.ceremonies.ask(c.r, h)
}

// signInByPasskey signs in by a passkey alone: the device has made sure of its
// owner, so that it is something one has and something one is or knows.
func (d *Dashboard) signInByPasskey(c *call) error {
	network := networkKey(c.r.RemoteAddr)
	if wait := d.throttle.try(network); wait > 0 {
		return tooManyTries(wait)
	}
	next := localPath(c.r.PostFormValue("next"))
	x, err := d.usePasskey(c)
	if errors.Is(err, errPasskey) || errors.Is(err, ErrNoAccount) {
		return d.showSignIn(c, http.StatusUnauthorized, signInPage{Next: next, Problem: "This passkey is not known here. It may have been removed."})
	}
	if err != nil {
		return err
	}
	d.throttle.right(accountKey(foldName(x.Name)), network)
	return d.enter(c, x.ID, "sign in by passkey", next)
}

// enterPasskey finishes a sign-in, begun by password, with a passkey.
func (d *Dashboard) enterPasskey(c *call) error {
	network := networkKey(c.r.RemoteAddr)
	if wait := d.throttle.try(network); wait > 0 {
		return tooManyTries(wait)
	}
	next := localPath(c.r.PostFormValue("next"))
	x, err := d.usePasskey(c)
	if err == nil && x.ID != c.session.account.ID {
		err = errPasskey
	}
	if errors.Is(err, errPasskey) || errors.Is(err, ErrNoAccount) {
		return d.showCode(c, http.StatusUnauthorized, next, "Your device's answer could not be used. Please try once more.")
	}
	if err != nil {
		return err
	}
	d.throttle.right(accountKey("code "+foldName(x.Name)), network)
	return d.enter(c, x.ID, "sign in", next)
}

// usePasskey checks the answer of a form and returns whose passkey it is.
func (d *Dashboard) usePasskey(c *call) (Account, error) {
	h, credential, err := d.ceremonies.told(c.r, func(handle []byte) (holder, error) {
		return c.accounts.holderOf(c.ctx(), handle, passkeyHost(c.r))
	})
	if err != nil {
		return Account{}, err
	}
	return h.account, c.accounts.notePasskey(c.ctx(), credential)
}

// codeURL is the second step of a sign-in, which leads on to next.
func codeURL(next string) string {
	return signInURL + "/code?" + url.Values{"next": {next}}.Encode()
}

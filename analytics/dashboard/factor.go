package dashboard

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rsc.io/qr"
)

// A factorPage is where a person sets up or takes away the second factor.
type factorPage struct {
	On      bool
	Secret  string // in groups of four, to be typed
	QR      qrCode
	Pending string // the secret as the form sends it back
	Problem string
	Closed  bool // none can be set up now
}

// A qrCode is a QR code as one SVG path.
type qrCode struct {
	Size int
	Path string
}

// newQR draws text. A border of four modules belongs to it (ISO/IEC 18004).
func newQR(text string) (qrCode, error) {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return qrCode{}, fmt.Errorf("draw QR code: %w", err)
	}
	const border = 4
	var b strings.Builder
	for y := range c.Size {
		for x := range c.Size {
			if c.Black(x, y) {
				fmt.Fprintf(&b, "M%d %dh1v1h-1z", x+border, y+border)
			}
		}
	}
	return qrCode{c.Size + 2*border, b.String()}, nil
}

// factor shows a fresh secret, or that there is one.
func (d *Dashboard) factor(c *call) error {
	if c.session.account.HasCode {
		return d.show(c, http.StatusOK, "factor", "Second factor", factorPage{On: true})
	}
	if d.passingKeys {
		return d.show(c, http.StatusServiceUnavailable, "factor", "Second factor", factorPage{Closed: true})
	}
	return d.offerFactor(c, http.StatusOK, newTOTP(), "")
}

func (d *Dashboard) offerFactor(c *call, status int, secret []byte, problem string) error {
	code, err := newQR(totpURI(secret, c.session.account.Name, c.r.Host))
	if err != nil {
		return err
	}
	sealed, err := safe{d.c.Keys}.seal(secret, c.session.account.ID)
	if err != nil {
		return err
	}
	return d.show(c, status, "factor", "Second factor", factorPage{
		Secret: groups(totpText(secret)), QR: code, Pending: hex.EncodeToString(sealed), Problem: problem,
	})
}

// groups is s in groups of four characters.
func groups(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// changeFactor sets the second factor up once a code shows that the app has it,
// or takes it away.
func (d *Dashboard) changeFactor(c *call) error {
	x := c.session.account
	if x.HasCode {
		return d.removeFactor(c)
	}
	if d.passingKeys {
		return d.factor(c)
	}
	sealed, err := hex.DecodeString(c.r.PostFormValue("pending"))
	if err != nil {
		return errNotFound
	}
	secret, err := safe{d.c.Keys}.open(sealed, x.ID)
	if err != nil {
		return errNotFound
	}
	if err := d.again(c); errors.Is(err, errAgain) {
		return d.offerFactor(c, http.StatusBadRequest, secret, "Your password is not right.")
	} else if err != nil {
		return err
	}
	step, ok := verifyTOTP(secret, digits(c.r.PostFormValue("code")), time.Now(), 0)
	if !ok {
		return d.offerFactor(c, http.StatusBadRequest, secret, "This code is not right. Is the clock of your phone?")
	}
	if err := c.accounts.setTOTP(c.ctx(), x.ID, sealed, step); err != nil {
		return err
	}
	if err := c.note("set second factor", x.Name); err != nil {
		return err
	}
	return c.see(adminURL + "account")
}

func (d *Dashboard) removeFactor(c *call) error {
	x := c.session.account
	if err := d.again(c); errors.Is(err, errAgain) {
		return d.show(c, http.StatusBadRequest, "factor", "Second factor", factorPage{On: true, Problem: "Your password is not right."})
	} else if err != nil {
		return err
	}
	if err := c.accounts.setTOTP(c.ctx(), x.ID, nil, 0); err != nil {
		return err
	}
	if err := c.note("remove second factor", x.Name); err != nil {
		return err
	}
	return c.see(adminURL + "account")
}

// digits is s without the blanks that apps and people put between digits.
func digits(s string) string { return strings.Join(strings.Fields(s), "") }

func (a *Accounts) setTOTP(ctx context.Context, account int64, sealed []byte, step int64) error {
	_, err := a.db.Write.ExecContext(ctx, "UPDATE accounts SET totp = ?, totp_step = ? WHERE id = ?", sealed, step, account)
	if err != nil {
		return fmt.Errorf("set second factor: %w", err)
	}
	return nil
}

// useCode uses the code of an account up. It reports false for a wrong code and
// for one that was used before.
func (a *Accounts) useCode(ctx context.Context, s safe, account int64, code string) (ok bool, err error) {
	err = a.tx(ctx, func(tx *sql.Tx) error {
		var sealed []byte
		var used int64
		if err := tx.QueryRowContext(ctx, "SELECT totp, totp_step FROM accounts WHERE id = ?", account).Scan(&sealed, &used); err != nil {
			return fmt.Errorf("read second factor: %w", err)
		}
		secret, err := s.open(sealed, account)
		if err != nil {
			return err
		}
		var step int64
		if step, ok = verifyTOTP(secret, digits(code), time.Now(), used); !ok {
			return nil
		}
		_, err = tx.ExecContext(ctx, "UPDATE accounts SET totp_step = ? WHERE id = ?", step, account)
		return err
	})
	return ok && err == nil, err
}

// codeForm asks for the code, after the password was right.
func (d *Dashboard) codeForm(c *call) error {
	return d.showCode(c, http.StatusOK, localPath(c.r.URL.Query().Get("next")), "")
}

// A codePage asks for the second factor.
type codePage struct {
	Next, Problem string
	HasCode       bool
	Passkey       ceremony
	// Elsewhere are the hosts on which the person's passkeys work, where this
	// is none of them.
	Elsewhere []string
}

func (d *Dashboard) showCode(c *call, status int, next, problem string) error {
	x := c.session.account
	p := codePage{Next: next, Problem: problem, HasCode: x.HasCode}
	if x.HasPasskey {
		h, err := c.accounts.holder(c.ctx(), x.ID, passkeyHost(c.r))
		if err != nil {
			return err
		}
		if p.Passkey, err = d.offerPasskey(c, &h); err != nil {
			return err
		}
		if p.Passkey.Options == "" {
			all, err := c.accounts.passkeys(c.ctx(), x.ID)
			if err != nil {
				return err
			}
			for _, k := range all {
				if !slices.Contains(p.Elsewhere, k.Host) {
					p.Elsewhere = append(p.Elsewhere, k.Host)
				}
			}
		}
	}
	return d.show(c, status, "code", "Sign in", p)
}

// enterCode finishes a sign-in with the code.
func (d *Dashboard) enterCode(c *call) error {
	x := c.session.account
	if !x.HasCode {
		return errNotFound
	}
	next := localPath(c.r.PostFormValue("next"))
	account, network := accountKey("code "+foldName(x.Name)), networkKey(c.r.RemoteAddr)
	if wait := d.throttle.try(account, network); wait > 0 {
		return tooManyTries(wait)
	}
	ok, err := c.accounts.useCode(c.ctx(), safe{d.c.Keys}, x.ID, c.r.PostFormValue("code"))
	if err != nil {
		return err
	}
	if !ok {
		if err := c.accounts.Note(c.ctx(), AuditEntry{Who: x.Name, Act: "sign in refused"}); err != nil {
			return err
		}
		return d.showCode(c, http.StatusUnauthorized, next, "This code is not right, or was used already. Wait for the next one.")
	}
	d.throttle.right(account, network)
	return d.enter(c, x.ID, "sign in", next)
}

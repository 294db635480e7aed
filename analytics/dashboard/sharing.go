package dashboard

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A sharingPage is a site's notes and everything by which its numbers go out.
type sharingPage struct {
	typed
	Today         string
	Notes         []annotation
	Links, Tokens []key
	Letters       []letter
	MailOff       bool // letters cannot be sent: no mail server is configured
	Again         bool
	Problem       string
	Secret        string // a fresh link or token, shown once
	Kind          string
}

func (d *Dashboard) sharing(c *call) error { return d.showSharing(c, http.StatusOK, sharingPage{}) }

func (d *Dashboard) showSharing(c *call, status int, p sharingPage) (err error) {
	today := dayOf(time.Now(), c.site.Location)
	p.Today, p.Again, p.MailOff = today.Format(isoDate), d.asksAgain(), d.settings.Load().mail.Server == ""
	if p.Notes, err = c.accounts.annotations(c.ctx(), c.site.ID, today.Add(-maxPeriod), today.AddDate(1, 0, 0)); err != nil {
		return err
	}
	if p.Links, err = c.accounts.keys(c.ctx(), linkKey, c.site.ID); err != nil {
		return err
	}
	if p.Tokens, err = c.accounts.keys(c.ctx(), tokenKey, c.site.ID); err != nil {
		return err
	}
	if p.Letters, err = c.accounts.letters(c.ctx(), c.site.ID); err != nil {
		return err
	}
	return d.show(c, status, "sharing", "Notes and sharing of "+c.site.Name, p)
}

// What a form of the sharing page can get wrong, in words for its reader.
var (
	errNote = errors.New("a note needs a day and 1 to 120 characters")
	errName = errors.New("say in 1 to 64 characters whom it is for")
)

// changeSharing carries out one form of the sharing page.
func (d *Dashboard) changeSharing(c *call) error {
	var p sharingPage
	err := d.confirm(c)
	if err == nil {
		p, err = d.sharingAct(c, c.r.PostFormValue("act"))
	}
	for _, known := range []error{errNote, errName, errAddress} {
		if errors.Is(err, known) {
			p.Problem = "Nothing has been changed: " + known.Error() + "."
		}
	}
	if text, known := peopleProblem(err); known {
		p.Problem = text
	}
	switch {
	case p.Problem != "":
		p.typed = typedIn(c.r)
		return d.showSharing(c, http.StatusBadRequest, p)
	case err != nil:
		return err
	case p.Secret != "":
		return d.showSharing(c, http.StatusOK, p)
	}
	return c.see(siteURL(c.site.ID) + "sharing")
}

// formID is the number of the thing that a form is about; 0, which is nobody's,
// when it has none.
func formID(r *http.Request) int64 {
	id, err := strconv.ParseInt(r.PostFormValue("id"), 10, 64)
	if err != nil {
		return 0
	}
	return id
}

func (d *Dashboard) sharingAct(c *call, act string) (p sharingPage, err error) {
	form := func(name string) string { return strings.TrimSpace(c.r.PostFormValue(name)) }
	id := formID(c.r)
	switch act {
	case "note":
		day, err := time.Parse(isoDate, form("day"))
		note := form("note")
		if n := utf8.RuneCountInString(note); err != nil || n < 1 || n > maxNote {
			return p, errNote
		}
		if err := c.accounts.annotate(c.ctx(), c.site.ID, day, note); err != nil {
			return p, err
		}
		return p, c.note("add note", note)
	case "remove-note":
		note, err := c.accounts.removeAnnotation(c.ctx(), c.site.ID, id)
		if err != nil {
			return p, err
		}
		return p, c.note("remove note", note)
	case linkKey, tokenKey:
		return d.makeKey(c, act, form("name"), form("days"))
	case "revoke":
		name, err := c.accounts.revoke(c.ctx(), c.site.ID, id)
		if err != nil {
			return p, err
		}
		return p, c.note("revoke", name)
	case "letter":
		// The first letter is about the running month, when it is over.
		last := monthOf(dayOf(time.Now(), c.site.Location)).AddDate(0, -1, 0).Format(isoMonth)
		if err := c.accounts.addLetter(c.ctx(), c.site.ID, form("address"), last); err != nil {
			return p, err
		}
		return p, c.note("add address", domainOf(form("address")))
	case "remove-letter":
		if err := c.accounts.removeLetter(c.ctx(), c.site.ID, form("address")); err != nil {
			return p, err
		}
		return p, c.note("remove address", domainOf(form("address")))
	}
	return p, errNotFound
}

// domainOf is all of an address that the log keeps: whoever is taken off the
// list is gone.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address, "@")
	return "@" + domain
}

const isoMonth = "2006-01"

func (d *Dashboard) makeKey(c *call, kind, name, days string) (p sharingPage, err error) {
	if checkName(name) != nil {
		return p, errName
	}
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > 366 {
		n = 90
	}
	secret, err := c.accounts.addKey(c.ctx(), kind, c.site.ID, name, time.Duration(n)*oneDay)
	if err != nil {
		return p, err
	}
	p.Kind, p.Secret = kind, secret
	if kind == linkKey {
		p.Secret = c.r.URL.Scheme + "://" + c.r.Host + sharedURL(secret)
	}
	return p, c.note("make "+kind, name)
}

package dashboard

import (
	"errors"
	"net/http"
	"strings"
)

// A peoplePage is who may see a site, for its owners.
type peoplePage struct {
	typed
	People []person
	// All is true when the reader may also give roles on every site.
	All     bool
	Again   bool // the password is asked for with each change
	Problem string
	Link    string // a fresh sign-in link, shown once
	For     string
}

type person struct {
	Account
	Role   Role
	Every  bool // the role is on every site
	Manage bool // the reader may change it
	Me     bool
}

func (d *Dashboard) people(c *call) error { return d.showPeople(c, http.StatusOK, peoplePage{}) }

func (d *Dashboard) showPeople(c *call, status int, p peoplePage) error {
	all, err := c.accounts.List(c.ctx())
	if err != nil {
		return err
	}
	me := c.session.account
	p.All, p.Again = me.OwnsAll(), d.asksAgain()
	for _, x := range all {
		if role := x.Role(c.site.ID); role != NoRole {
			p.People = append(p.People, person{
				Account: x, Role: role, Every: x.Roles[EverySite] == role, Manage: manages(me, x), Me: x.ID == me.ID,
			})
		}
	}
	return d.show(c, status, "people", "People of "+c.site.Name, p)
}

// manages reports whether me may make x a new sign-in link or take it away:
// only if me owns every site on which x has a role. Else the owner of one site
// could become somebody on another.
func manages(me, x Account) bool {
	if me.OwnsAll() {
		return true
	}
	for site := range x.Roles {
		if site == EverySite || me.Role(site) < Owner {
			return false
		}
	}
	return true
}

// changePeople carries out one form of the people page.
func (d *Dashboard) changePeople(c *call) error {
	var p peoplePage
	err := d.confirm(c)
	if err == nil {
		p, err = d.peopleAct(c, c.r.PostFormValue("act"), c.r.PostFormValue("name"))
	}
	var known bool
	if p.Problem, known = peopleProblem(err); err != nil && !known {
		return err
	}
	if err != nil {
		p.typed = typedIn(c.r)
		return d.showPeople(c, http.StatusBadRequest, p)
	}
	if p.Link == "" {
		return c.see(siteURL(c.site.ID) + "people")
	}
	return d.showPeople(c, http.StatusOK, p)
}

func (d *Dashboard) peopleAct(c *call, act, name string) (p peoplePage, err error) {
	name = strings.TrimSpace(name)
	switch act {
	case "invite":
		return d.invite(c, name)
	case "role":
		return p, d.giveRole(c, name)
	case "link", "remove":
		x, err := c.accounts.ByName(c.ctx(), name)
		if err != nil {
			return p, err
		}
		if x.Role(c.site.ID) == NoRole || !manages(c.session.account, x) {
			return p, errForbidden
		}
		if act == "remove" {
			if err := c.accounts.Remove(c.ctx(), x.Name); err != nil {
				return p, err
			}
			return p, c.note("remove account", x.Name)
		}
		p.For = x.Name
		if p.Link, err = c.accounts.NewLink(c.ctx(), x.Name); err != nil {
			return p, err
		}
		return p, c.note("make sign-in link", x.Name)
	}
	return p, errNotFound
}

// roleOf reads the role and the site of a form. Only who owns everything gives
// roles on every site.
func (d *Dashboard) roleOf(c *call) (site string, role Role, err error) {
	role, err = ParseRole(c.r.PostFormValue("role"))
	if err != nil {
		return "", NoRole, errNotFound
	}
	site = c.site.ID
	if c.r.PostFormValue("every") != "" {
		if !c.session.account.OwnsAll() {
			return "", NoRole, errForbidden
		}
		site = EverySite
	}
	return site, role, nil
}

// invite gives somebody a role, and an account when they have none.
func (d *Dashboard) invite(c *call, name string) (p peoplePage, err error) {
	site, role, err := d.roleOf(c)
	if err != nil {
		return p, err
	}
	p.For = name
	p.Link, err = c.accounts.Add(c.ctx(), name, site, role)
	if errors.Is(err, ErrTaken) {
		p.Link = ""
		return p, d.giveRole(c, name)
	}
	if err != nil {
		return p, err
	}
	return p, c.note("add account as "+role.String(), name)
}

func (d *Dashboard) giveRole(c *call, name string) error {
	x, err := c.accounts.ByName(c.ctx(), name)
	if err != nil {
		return err
	}
	site, role := c.site.ID, NoRole
	if c.r.PostFormValue("role") != NoRole.String() {
		if site, role, err = d.roleOf(c); err != nil {
			return err
		}
	}
	if err := c.accounts.SetRole(c.ctx(), x.Name, site, role); err != nil {
		return err
	}
	return c.note("make "+role.String(), x.Name)
}

// peopleProblem is an error in words for the person who filled in the form.
func peopleProblem(err error) (text string, known bool) {
	for _, e := range []struct {
		err  error
		text string
	}{
		{errAgain, "Your password is not right. Nothing has been changed."},
		{errNoPassword, "Please choose a password for your own account first."},
		{ErrNoAccount, "There is no account of that name."},
		{ErrLastOwner, "This is the last account that may change everything. Make another one first."},
		{ErrBadName, "A name has 1 to 64 characters."},
	} {
		if errors.Is(err, e.err) {
			return e.text, true
		}
	}
	return "", false
}

// An auditPage is what was done on a site, or everywhere for who owns all.
type auditPage struct {
	Entries []AuditEntry
	All     bool
	Keep    string
}

const auditRows = 200

func (d *Dashboard) audit(c *call) error {
	p := auditPage{All: c.session.account.OwnsAll(), Keep: window(d.c.KeepAudit)}
	var err error
	if p.All {
		p.Entries, err = c.accounts.Audit(c.ctx(), auditRows)
	} else {
		p.Entries, err = c.accounts.AuditOf(c.ctx(), c.site.ID, auditRows)
	}
	if err != nil {
		return err
	}
	for i := range p.Entries {
		p.Entries[i].At = p.Entries[i].At.In(c.site.Location)
	}
	return d.show(c, http.StatusOK, "audit", "What was done", p)
}

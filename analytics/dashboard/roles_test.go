package dashboard

import (
	"net/http"
	"strings"
	"testing"
)

// choosePassword gives a browser's account the good password, without which it
// may change nothing.
func (b *browser) choosePassword() *browser {
	b.t.Helper()
	want(b.t, b.post("/_lychgate/admin/account/password", "new", goodPassword, "repeat", goodPassword), http.StatusSeeOther)
	return b
}

// Every page of a site, for every role, on one's own site and on another: what is
// not listed here does not exist.
func TestRolesOnEveryPage(t *testing.T) {
	d := testDashboard(t)
	pages := []struct {
		method, path string
		least        Role
	}{
		{"GET", "", Viewer},
		{"GET", "list/pages.all", Viewer},
		{"GET", "list/pages.all.csv", Viewer},
		{"GET", "report", Viewer},
		{"GET", "report.csv", Viewer},
		{"GET", "report.json", Viewer},
		{"GET", "gate", Viewer},
		{"POST", "gate", Owner},
		{"GET", "sharing", Editor},
		{"POST", "sharing", Editor},
		{"GET", "people", Owner},
		{"POST", "people", Owner},
		{"GET", "audit", Owner},
	}
	members := map[string]*browser{}
	for role := Viewer; role <= Owner; role++ {
		members[role.String()] = d.member(t, role.String(), "willow.example", role).choosePassword()
	}
	for role := Viewer; role <= Owner; role++ {
		for _, p := range pages {
			b := members[role.String()]
			own := b.do(p.method, "/_lychgate/admin/sites/willow.example/"+p.path, nil).StatusCode // a POST lacks the password: 400
			if refused := own == http.StatusForbidden || own == http.StatusNotFound; refused != (role < p.least) {
				t.Errorf("%s of the site, %s %q: got status %d", role, p.method, p.path, own)
			}
			if other := b.do(p.method, "/_lychgate/admin/sites/wren.example/"+p.path, nil).StatusCode; other != http.StatusNotFound {
				t.Errorf("%s of another site, %s %q: got status %d", role, p.method, p.path, other)
			}
			if nobody := d.testBrowser(t).do(p.method, "/_lychgate/admin/sites/willow.example/"+p.path, nil).StatusCode; nobody != http.StatusSeeOther {
				t.Errorf("nobody, %s %q: got status %d", p.method, p.path, nobody)
			}
		}
	}
}

func TestPeople(t *testing.T) {
	const here = "/_lychgate/admin/sites/willow.example/people"
	d := testDashboard(t)
	all := d.owner(t).choosePassword()
	willow := d.member(t, "Wil", "willow.example", Owner).choosePassword()
	d.member(t, "Wren", "wren.example", Owner).choosePassword()
	both := d.member(t, "Bo", "willow.example", Viewer)
	if err := d.accounts.SetRole(t.Context(), "Bo", "wren.example", Viewer); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name string
		who  *browser
		form []string
		want int
	}{
		{"without the password nothing changes", all, []string{"act", "invite", "name", "Eve", "role", "owner"}, 400},
		{"with a wrong one neither", all, []string{"act", "invite", "name", "Eve", "role", "owner", "password", "wrong password"}, 400},
		{"an owner invites", willow, []string{"act", "invite", "name", "Ann", "role", "viewer", "password", goodPassword}, 200},
		{"an owner of one site cannot give every site", willow, []string{"act", "invite", "name", "Eve", "role", "viewer", "every", "yes", "password", goodPassword}, 403},
		{"nor make a link for who sees other sites, too", willow, []string{"act", "link", "name", "Bo", "password", goodPassword}, 403},
		{"nor for the owner of everything", willow, []string{"act", "link", "name", FirstName, "password", goodPassword}, 403},
		{"nor remove them", willow, []string{"act", "remove", "name", "Bo", "password", goodPassword}, 403},
		{"nor touch who has no role here", willow, []string{"act", "remove", "name", "Wren", "password", goodPassword}, 403},
		{"but make one for who is only here", willow, []string{"act", "link", "name", "Ann", "password", goodPassword}, 200},
		{"the owner of everything may", all, []string{"act", "link", "name", "Bo", "password", goodPassword}, 200},
		{"a role that is none", all, []string{"act", "role", "name", "Bo", "role", "king", "password", goodPassword}, 404},
		{"the last owner stays", all, []string{"act", "remove", "name", FirstName, "password", goodPassword}, 400},
		{"a role is taken away", willow, []string{"act", "role", "name", "Bo", "role", "none", "password", goodPassword}, 303},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.who.t = t
			want(t, tt.who.post(here, tt.form...), tt.want)
		})
	}
	if got := both.get("/_lychgate/admin/sites/willow.example/").StatusCode; got != http.StatusNotFound {
		t.Errorf("the role was taken away, yet the page answers %d", got)
	}
	if got := both.get("/_lychgate/admin/sites/wren.example/").StatusCode; got != http.StatusOK {
		t.Errorf("the other site answers %d", got)
	}
	if _, err := d.accounts.ByName(t.Context(), "Eve"); err != ErrNoAccount {
		t.Errorf("Eve has an account: %v", err)
	}
	t.Run("the log says who did what, and no secret", func(t *testing.T) {
		all.t = t
		log := text(page(t, all.get("/_lychgate/admin/sites/willow.example/audit")))
		for _, want := range []string{"add account as viewer: Ann", "make sign-in link: Bo", "make none: Bo", "change password: owner"} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %q: %s", want, log)
			}
		}
		if strings.Contains(log, goodPassword) || strings.Contains(log, "192.0.2") {
			t.Error("the log holds a secret")
		}
	})
}

func TestAHostOfItsOwnAsksOnce(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t).choosePassword()
	d.c.OwnOrigin = true
	want(t, b.post("/_lychgate/admin/sites/willow.example/people", "act", "invite", "name", "Ann", "role", "viewer"), http.StatusOK)
}

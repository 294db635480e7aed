package dashboard

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"
)

const goodPassword = "otter lantern gravel sixpence"

func TestFirstStart(t *testing.T) {
	d := testDashboard(t)
	link := d.SignInPath()
	b := d.testBrowser(t)

	t.Run("reading the link's page does not use it up", func(t *testing.T) {
		for range 3 {
			n := page(t, b.get(link))
			if len(find(n, tag("button"))) != 1 {
				t.Error("the page has not one button")
			}
		}
		if len(b.cookies) != 0 {
			t.Errorf("got cookies %v before a press", b.cookies)
		}
	})
	t.Run("a press signs in and asks for a password", func(t *testing.T) {
		res := b.post(link)
		want(t, res, http.StatusSeeOther)
		if got := res.Header.Get("Location"); got != "/_lychgate/admin/account" {
			t.Errorf("got sent to %s", got)
		}
		c := res.Cookies()[0]
		if c.Name != "__Secure-lychgate-admin" || !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode ||
			c.Path != "/_lychgate/" || c.Domain != "" {
			t.Errorf("got cookie %v", c)
		}
		if got := text(page(t, b.get("/_lychgate/admin/"))); !strings.Contains(got, "Willow Family Centre") {
			t.Errorf("start page says %q", got)
		}
	})
	t.Run("a second press does nothing", func(t *testing.T) {
		other := d.testBrowser(t)
		want(t, other.post(link), http.StatusGone)
		want(t, other.get(link), http.StatusGone)
		if len(other.cookies) != 0 {
			t.Errorf("got cookies %v", other.cookies)
		}
	})
	t.Run("until there is a password, a start makes a new link", func(t *testing.T) {
		if d.SignInPath() == "" {
			t.Error("no link, yet nobody could sign in")
		}
		want(t, b.post("/_lychgate/admin/account/password", "new", goodPassword, "repeat", goodPassword), http.StatusSeeOther)
		if got := d.SignInPath(); got != "" {
			t.Errorf("got link %s though there is a password", got)
		}
	})
	t.Run("the password signs in", func(t *testing.T) {
		other := d.testBrowser(t)
		res := other.post("/_lychgate/admin/sign-in", "name", FirstName, "password", goodPassword)
		want(t, res, http.StatusSeeOther)
		want(t, other.get("/_lychgate/admin/sites/willow.example/"), http.StatusOK)
	})
}

func TestLinkOfAnEarlierStart(t *testing.T) {
	d := testDashboard(t)
	old := d.SignInPath()
	fresh := d.SignInPath()
	want(t, d.testBrowser(t).post(old), http.StatusGone)
	want(t, d.testBrowser(t).post(fresh), http.StatusSeeOther)
}

// No token, session id or password may be read out of a stolen admin.db.
func TestNoSecretAtRest(t *testing.T) {
	dir := t.TempDir()
	d := testDashboardIn(t, dir)
	link := d.SignInPath()
	b := d.testBrowser(t).signIn(link)
	b.post("/_lychgate/admin/account/password", "new", goodPassword, "repeat", goodPassword)
	second, err := d.accounts.NewLink(t.Context(), FirstName)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	files, err := filepath.Glob(filepath.Join(dir, "admin.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	secrets := map[string]string{
		"first link": filepath.Base(link), "second link": filepath.Base(second), "password": goodPassword,
		"cookie": b.cookies["__Secure-lychgate-admin"], "network": "192.0.2",
	}
	for name, s := range secrets {
		if s == "" || bytes.Contains(all, []byte(s)) {
			t.Errorf("%s %q stands in admin.db", name, s)
		}
	}
	if !bytes.Contains(all, []byte(FirstName)) {
		t.Error("control: even the account's name is not there")
	}
}

func TestSessionLimits(t *testing.T) {
	const site = "/_lychgate/admin/sites/willow.example/"
	tests := []struct {
		name string
		run  func(b *browser)
		want int
	}{
		{"a session in use lasts", func(b *browser) {
			for range 10 {
				time.Sleep(time.Hour)
				b.get(site)
			}
		}, http.StatusOK},
		{"two hours without a request end it", func(b *browser) { time.Sleep(2 * time.Hour) }, http.StatusSeeOther},
		{"twelve hours end it, used or not", func(b *browser) {
			for range 12 {
				time.Sleep(time.Hour)
				b.get(site)
			}
		}, http.StatusSeeOther},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := testDashboard(t)
				b := d.owner(t)
				want(t, b.get(site), http.StatusOK)
				tt.run(b)
				want(t, b.get(site), tt.want)
			})
		})
	}
}

func TestSessionEnds(t *testing.T) {
	const start = "/_lychgate/admin/account"
	d := testDashboard(t)
	first := d.owner(t)
	want(t, first.post("/_lychgate/admin/account/password", "new", goodPassword, "repeat", goodPassword), http.StatusSeeOther)
	signIn := func() *browser {
		b := d.testBrowser(t)
		want(t, b.post("/_lychgate/admin/sign-in", "name", FirstName, "password", goodPassword), http.StatusSeeOther)
		return b
	}
	t.Run("signing out ends it on the server, not only in the browser", func(t *testing.T) {
		b := signIn()
		kept := b.cookies["__Secure-lychgate-admin"]
		want(t, b.post("/_lychgate/admin/sign-out"), http.StatusSeeOther)
		b.cookies["__Secure-lychgate-admin"] = kept
		want(t, b.get(start), http.StatusSeeOther)
	})
	t.Run("a new password ends all others and renews this one", func(t *testing.T) {
		thief, b := signIn(), signIn()
		before := b.cookies["__Secure-lychgate-admin"]
		const next = "harbour velvet nineteen trombone"
		want(t, b.post("/_lychgate/admin/account/password", "password", "wrong password here", "new", next, "repeat", next), http.StatusBadRequest)
		want(t, thief.get(start), http.StatusOK)
		want(t, b.post("/_lychgate/admin/account/password", "password", goodPassword, "new", next, "repeat", next), http.StatusSeeOther)
		want(t, thief.get(start), http.StatusSeeOther)
		want(t, first.get(start), http.StatusSeeOther)
		want(t, b.get(start), http.StatusOK)
		if b.cookies["__Secure-lychgate-admin"] == before {
			t.Error("the session kept its id")
		}
	})
	t.Run("removing the account ends it", func(t *testing.T) {
		b := d.member(t, "Sam", "willow.example", Viewer)
		want(t, b.get(start), http.StatusOK)
		if err := d.accounts.Remove(t.Context(), "sam"); err != nil {
			t.Fatal(err)
		}
		want(t, b.get(start), http.StatusSeeOther)
	})
}

// Fixation: an id that an attacker planted before is worth nothing after.
func TestSignInMakesANewSession(t *testing.T) {
	d := testDashboard(t)
	attacker := d.member(t, "Mallory", "wren.example", Viewer)
	planted := attacker.cookies["__Secure-lychgate-admin"]
	victim := d.testBrowser(t)
	victim.cookies["__Secure-lychgate-admin"] = planted
	victim.signIn(d.SignInPath())
	if victim.cookies["__Secure-lychgate-admin"] == planted {
		t.Fatal("signing in kept the planted id")
	}
	want(t, attacker.get("/_lychgate/admin/account"), http.StatusSeeOther)
}

func TestMadeUpCookies(t *testing.T) {
	d := testDashboard(t)
	real := d.owner(t).cookies["__Secure-lychgate-admin"]
	for _, value := range []string{"", "x", strings.Repeat("A", 5000), real[:len(real)-2], real + "A", strings.ToLower(real)} {
		b := d.testBrowser(t)
		b.cookies["__Secure-lychgate-admin"] = value
		want(t, b.get("/_lychgate/admin/account"), http.StatusSeeOther)
	}
	t.Run("over https the name without prefix is not read", func(t *testing.T) {
		b := d.testBrowser(t)
		b.cookies["lychgate-admin"] = real
		want(t, b.get("/_lychgate/admin/account"), http.StatusSeeOther)
	})
}

func TestOnlyNavigations(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	tests := []struct {
		name  string
		path  string
		post  bool
		alter func(http.Header)
		want  int
	}{
		{"a person opening the page", "account", false, nil, 200},
		{"a script of the site reading it", "account", false, func(h http.Header) { h.Set("Sec-Fetch-Mode", "cors"); h.Set("Sec-Fetch-Dest", "empty") }, 403},
		{"a script of the same origin", "account", false, func(h http.Header) { h.Set("Sec-Fetch-Mode", "same-origin") }, 403},
		{"a frame", "account", false, func(h http.Header) { h.Set("Sec-Fetch-Dest", "iframe") }, 403},
		{"an old browser", "account", false, func(h http.Header) { h.Del("Sec-Fetch-Mode"); h.Del("Sec-Fetch-Dest"); h.Del("Sec-Fetch-Site") }, 200},
		{"a form of another website", "sign-out", true, func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site"); h.Set("Origin", "https://evil.example") }, 403},
		{"a form of a neighbour's sub-domain", "sign-out", true, func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site"); h.Set("Origin", "https://a.willow.example") }, 403},
		{"a form from nowhere, in an old browser", "sign-out", true, func(h http.Header) { h.Del("Sec-Fetch-Site"); h.Set("Origin", "null") }, 403},
		{"a script's POST", "sign-out", true, func(h http.Header) { h.Set("Sec-Fetch-Mode", "cors") }, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b.t, b.alter = t, func(r *http.Request) {
				if tt.alter != nil {
					tt.alter(r.Header)
				}
			}
			method := http.MethodGet
			if tt.post {
				method = http.MethodPost
			}
			want(t, b.do(method, "/_lychgate/admin/"+tt.path, nil), tt.want)
		})
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	for _, path := range []string{"account", "", "sites/willow.example/", "sites/none/", "nowhere", "sign-in/nothing", "assets/none.css"} {
		res := b.get("/_lychgate/admin/" + path)
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'", "Cross-Origin-Opener-Policy": "same-origin",
			"Cache-Control": "no-store", "X-Robots-Tag": "noindex", "X-Content-Type-Options": "nosniff",
		} {
			if got := res.Header.Get(name); !strings.Contains(got, want) {
				t.Errorf("%q: got %s %q, want %q in it", path, name, got, want)
			}
		}
	}
	res := b.get(d.assets.path("style.css"))
	want(t, res, http.StatusOK)
	if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
		t.Errorf("style sheet: got Cache-Control %q", got)
	}
}

// The policy allows no inline style and no script, so there must be none.
func TestPagesHoldNothingInline(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	for _, path := range []string{"account", "", "sites/willow.example/", "sites/willow.example/list/pages.all"} {
		n := page(t, b.get("/_lychgate/admin/"+path))
		for _, e := range find(n, func(*html.Node) bool { return true }) {
			if e.Data == "script" || e.Data == "style" || e.Data == "iframe" || e.Data == "img" || attr(e, "style") != "" {
				t.Errorf("%q holds <%s>", path, e.Data)
			}
			for _, a := range e.Attr {
				if strings.HasPrefix(a.Key, "on") {
					t.Errorf("%q: <%s %s>", path, e.Data, a.Key)
				}
			}
		}
	}
}

func TestLocalPath(t *testing.T) {
	for _, next := range []string{
		"", "/", "//evil.example", "https://evil.example", "/_lychgate/admin//evil.example", "/_lychgate/admin/../../x",
		`/_lychgate/admin/\evil.example`, "/_lychgate/consent", "/_lychgate/admin/\r\nSet-Cookie: a=b", "javascript:alert(1)", "/_lychgate/admin/\u202e",
	} {
		if got := localPath(next); got != adminURL {
			t.Errorf("localPath(%q) = %q", next, got)
		}
	}
	const good = "/_lychgate/admin/sites/willow.example/?period=last-month"
	if got := localPath(good); got != good {
		t.Errorf("localPath(%q) = %q", good, got)
	}
}

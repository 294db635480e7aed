package dashboard

import (
	"bytes"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/consent"
)

// RFC 6238 appendix B, cut to six digits.
func TestTOTPVectors(t *testing.T) {
	for at, want := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		if got := totpCode([]byte("12345678901234567890"), at/30); got != want {
			t.Errorf("at %d: got %s, want %s", at, got, want)
		}
	}
}

func TestSealedSecrets(t *testing.T) {
	keys := consent.NewKeys()
	secret := newTOTP()
	sealed, err := safe{keys}.seal(secret, 7)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (safe{keys}).open(sealed, 7); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("got %x, %v", got, err)
	}
	if bytes.Contains(sealed, secret) {
		t.Error("the secret stands in it")
	}
	if _, err := (safe{keys}).open(sealed, 8); err == nil {
		t.Error("opens for another account")
	}
	if _, err := (safe{consent.NewKeys()}).open(sealed, 7); err == nil {
		t.Error("opens with another key")
	}
	for n := range sealed {
		if _, err := (safe{keys}).open(sealed[:n], 7); err == nil {
			t.Errorf("opens when cut to %d bytes", n)
		}
	}
}

// What is sealed with keys of this run alone could never be opened again.
func TestNoSecondFactorWithoutLastingKeys(t *testing.T) {
	d := testDashboard(t)
	d.passingKeys = true
	b := d.owner(t).choosePassword()
	const factor = "/_lychgate/admin/account/factor"
	want(t, b.get(factor), http.StatusServiceUnavailable)
	want(t, b.post(factor, "pending", "", "code", "123456", "password", goodPassword), http.StatusServiceUnavailable)
}

func TestSecondFactor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const (
			door   = "/_lychgate/admin/sign-in"
			factor = "/_lychgate/admin/account/factor"
			site   = "/_lychgate/admin/sites/willow.example/"
		)
		d := testDashboard(t)
		b := d.owner(t).choosePassword()
		n, pending, secret := b.offeredFactor()
		if shown := find(n, tag("code"))[0]; text(shown) != groups(totpText(secret)) {
			t.Errorf("shows the key %q", text(shown))
		}
		code := func() string { return totpCode(secret, time.Now().Unix()/30) }

		want(t, b.post(factor, "pending", pending, "code", "000000", "password", goodPassword), http.StatusBadRequest)
		want(t, b.post(factor, "pending", pending, "code", code(), "password", "not the password"), http.StatusBadRequest)
		want(t, b.post(factor, "pending", strings.Repeat("00", 48), "code", code(), "password", goodPassword), http.StatusNotFound)
		want(t, b.post(factor, "pending", pending, "code", code(), "password", goodPassword), http.StatusSeeOther)

		used := code()
		other := d.testBrowser(t)
		res := other.post(door, "name", FirstName, "password", goodPassword, "next", site)
		want(t, res, http.StatusSeeOther)
		if got := res.Header.Get("Location"); !strings.HasPrefix(got, door+"/code") {
			t.Fatalf("the password alone leads to %s", got)
		}
		for _, path := range []string{site, "/_lychgate/admin/account", "/_lychgate/admin/", factor} {
			want(t, other.get(path), http.StatusSeeOther)
		}
		want(t, other.post("/_lychgate/admin/account/password", "password", goodPassword, "new", "another good password", "repeat", "another good password"), http.StatusSeeOther)
		want(t, other.post(door+"/code", "code", used), http.StatusUnauthorized) // it set the factor up
		time.Sleep(30 * time.Second)
		half := other.cookies["__Secure-lychgate-admin"]
		good := code()
		want(t, other.post(door+"/code", "code", good[:3]+" "+good[3:], "next", site), http.StatusSeeOther)
		want(t, other.get(site), http.StatusOK)
		if other.cookies["__Secure-lychgate-admin"] == half {
			t.Error("the session kept its id")
		}

		again := d.testBrowser(t)
		again.post(door, "name", FirstName, "password", goodPassword)
		want(t, again.post(door+"/code", "code", good), http.StatusUnauthorized)
		refused := 0
		for range 30 {
			if again.post(door+"/code", "code", "123456").StatusCode == http.StatusTooManyRequests {
				refused++
			}
		}
		if refused < 20 {
			t.Errorf("%d of 30 guesses were answered", 30-refused)
		}
		time.Sleep(pendingLife)
		want(t, again.post(door+"/code", "code", code()), http.StatusSeeOther)
		want(t, again.get(site), http.StatusSeeOther)

		// A link of the command line takes it away.
		link, err := d.accounts.NewLink(t.Context(), FirstName)
		if err != nil {
			t.Fatal(err)
		}
		lost := d.testBrowser(t).signIn(link)
		want(t, lost.get(site), http.StatusOK)
		x, err := d.accounts.ByName(t.Context(), FirstName)
		if err != nil || x.SecondFactor() {
			t.Errorf("got %+v, %v", x, err)
		}
	})
}

// offeredFactor opens the page with a fresh secret. Of a few secrets in ten thousand
// two codes are the same within the test, or one is what is guessed there: then it
// is another page.
func (b *browser) offeredFactor() (n *html.Node, pending string, secret []byte) {
	b.t.Helper()
	steps := int64((pendingLife + 3*totpStep) / totpStep)
	for {
		n = page(b.t, b.get("/_lychgate/admin/account/factor"))
		pending = attr(find(n, func(n *html.Node) bool { return attr(n, "name") == "pending" })[0], "value")
		secret = testOpenPending(b.t, b.d, pending)
		codes := map[string]bool{"000000": true, "123456": true}
		first := len(codes)
		for step := range steps {
			codes[totpCode(secret, time.Now().Unix()/30-1+step)] = true
		}
		if len(codes) == first+int(steps) {
			return n, pending, secret
		}
	}
}

func testOpenPending(t *testing.T, d *Dashboard, pending string) []byte {
	t.Helper()
	x, err := d.accounts.ByName(t.Context(), FirstName)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := hex.DecodeString(pending)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := safe{d.c.Keys}.open(sealed, x.ID)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

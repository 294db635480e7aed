package dashboard

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/consent"
)

// A testDevice is an authenticator in software: it makes one ES256 passkey and
// signs with it (WebAuthn level 3, sections 6.1 and 6.5).
type testDevice struct {
	t       *testing.T
	origin  string
	key     *ecdsa.PrivateKey
	id      []byte
	handle  []byte
	counter uint32
	flags   byte // 0x01 somebody is there, 0x04 it is the owner
}

func newTestDevice(t *testing.T) *testDevice {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &testDevice{t: t, origin: "https://willow.example", key: key, id: id, flags: 0x05}
}

var b64 = base64.RawURLEncoding

func (d *testDevice) clientData(kind, challenge string) []byte {
	d.t.Helper()
	data, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	if err != nil {
		d.t.Fatal(err)
	}
	return data
}

func (d *testDevice) authData(host string, flags byte) []byte {
	d.counter++
	sum := sha256.Sum256([]byte(host))
	return binary.BigEndian.AppendUint32(append(sum[:], flags), d.counter)
}

// make answers the options of a page that makes a passkey.
func (d *testDevice) make(options string) string {
	d.t.Helper()
	var o struct {
		Challenge string
		RP        struct{ ID string }
		User      struct{ ID string }
	}
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		d.t.Fatal(err)
	}
	d.handle = decode64(d.t, o.User.ID)
	point, err := d.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		d.t.Fatal(err)
	}
	public, err := webauthncbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		d.t.Fatal(err)
	}
	data := append(d.authData(o.RP.ID, d.flags|0x40), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(d.id)))
	data = append(append(data, d.id...), public...)
	object, err := webauthncbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": data})
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON":    b64.EncodeToString(d.clientData("webauthn.create", o.Challenge)),
		"attestationObject": b64.EncodeToString(object), "transports": []string{"internal"},
	})
}

// use answers the options of a page that asks for a passkey.
func (d *testDevice) use(options string) string {
	d.t.Helper()
	var o struct{ Challenge, RPID string }
	if err := json.Unmarshal([]byte(options), &o); err != nil {
		d.t.Fatal(err)
	}
	client, data := d.clientData("webauthn.get", o.Challenge), d.authData(o.RPID, d.flags)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte(nil), data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(d.handle),
	})
}

func (d *testDevice) answer(response map[string]any) string {
	id := b64.EncodeToString(d.id)
	text, err := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response})
	if err != nil {
		d.t.Fatal(err)
	}
	return string(text)
}

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := b64.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const (
	passkeysPath = "/_lychgate/admin/account/passkeys"
	doorPath     = "/_lychgate/admin/sign-in"
	codePath     = doorPath + "/code"
)

// ceremony reads the ceremony that a page offers.
func (b *browser) ceremony(path string) (c ceremony) {
	b.t.Helper()
	for _, f := range find(page(b.t, b.get(path)), tag("form")) {
		if attr(f, "data-passkey") == "" {
			continue
		}
		c.Options = attr(f, "data-options")
		c.State = attr(find(f, func(n *html.Node) bool { return attr(n, "name") == "state" })[0], "value")
		return c
	}
	b.t.Fatalf("%s offers no passkey", path)
	return c
}

// addPasskey makes a passkey of the browser's account on a new device.
func (b *browser) addPasskey(name string) *testDevice {
	b.t.Helper()
	dev := newTestDevice(b.t)
	c := b.ceremony(passkeysPath)
	want(b.t, b.post(passkeysPath, "act", "add", "name", name, "state", c.State, "answer", dev.make(c.Options), "password", goodPassword), http.StatusSeeOther)
	return dev
}

func TestPasskeySignsIn(t *testing.T) {
	d := testDashboard(t)
	dev := d.owner(t).choosePassword().addPasskey("phone")

	t.Run("by itself", func(t *testing.T) {
		b := d.testBrowser(t)
		c := b.ceremony(doorPath)
		answer := dev.use(c.Options)
		want(t, b.post(doorPath+"/passkey", "state", c.State, "answer", answer), http.StatusSeeOther)
		want(t, b.get(siteURL("willow.example")), http.StatusOK)
		// The same answer again, as somebody who overheard it would send.
		want(t, d.testBrowser(t).post(doorPath+"/passkey", "state", c.State, "answer", answer), http.StatusUnauthorized)
	})
	t.Run("after the password, which alone does not", func(t *testing.T) {
		b := d.testBrowser(t)
		res := b.post(doorPath, "name", FirstName, "password", goodPassword)
		want(t, res, http.StatusSeeOther)
		if got := res.Header.Get("Location"); !strings.HasPrefix(got, codePath) {
			t.Fatalf("the password alone leads to %s", got)
		}
		want(t, b.get(siteURL("willow.example")), http.StatusSeeOther)
		c := b.ceremony(codePath)
		want(t, b.post(codePath+"/passkey", "state", c.State, "answer", dev.use(c.Options)), http.StatusSeeOther)
		want(t, b.get(siteURL("willow.example")), http.StatusOK)
	})
	t.Run("and the log says so", func(t *testing.T) {
		entries, err := d.accounts.Audit(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		acts := map[string]bool{}
		for _, e := range entries {
			acts[e.Act] = true
		}
		for _, act := range []string{"add passkey", "sign in by passkey"} {
			if !acts[act] {
				t.Errorf("the log lacks %q: %v", act, entries)
			}
		}
	})
}

func TestPasskeyRefused(t *testing.T) {
	d := testDashboard(t)
	owner := d.owner(t).choosePassword()
	dev := owner.addPasskey("phone")
	mallory := d.member(t, "Mallory", "wren.example", Viewer).choosePassword()
	hers := mallory.addPasskey("hers")

	tests := []struct {
		name   string
		answer func(c *ceremony) string
	}{
		{"nothing", func(*ceremony) string { return "" }},
		{"no JSON", func(*ceremony) string { return "<script>" }},
		{"another page's origin", func(c *ceremony) string {
			other := *dev
			other.origin = "https://willow.example.evil.example"
			return other.use(c.Options)
		}},
		{"a device that did not make sure of its owner", func(c *ceremony) string {
			other := *dev
			other.flags = 0x01
			return other.use(c.Options)
		}},
		{"a stranger's device", func(c *ceremony) string {
			other := newTestDevice(t)
			other.handle = dev.handle
			return other.use(c.Options)
		}},
		{"a stranger's device with a copied number", func(c *ceremony) string {
			other := newTestDevice(t)
			other.handle, other.id = dev.handle, dev.id
			return other.use(c.Options)
		}},
		{"another account's handle", func(c *ceremony) string {
			other := *hers
			other.handle = dev.handle
			return other.use(c.Options)
		}},
		{"a counter that went back", func(c *ceremony) string {
			other := *dev
			other.counter = 0
			return other.use(c.Options)
		}},
		{"a changed state", func(c *ceremony) string {
			a := dev.use(c.Options)
			first := "A"
			if strings.HasPrefix(c.State, first) {
				first = "B"
			}
			c.State = first + c.State[1:]
			return a
		}},
		{"the state of making one", func(c *ceremony) string {
			*c = owner.ceremony(passkeysPath)
			return dev.use(strings.ReplaceAll(c.Options, `"rp":{"`, `"rpId":"willow.example","rp":{"`))
		}},
	}
	// The counter of the good device is ahead from here on.
	b := d.testBrowser(t)
	c := b.ceremony(doorPath)
	want(t, b.post(doorPath+"/passkey", "state", c.State, "answer", dev.use(c.Options)), http.StatusSeeOther)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := d.testBrowser(t)
			b.network = "198.51.100.0:0" + tt.name // each counts its own tries
			c := b.ceremony(doorPath)
			answer := tt.answer(&c)
			want(t, b.post(doorPath+"/passkey", "state", c.State, "answer", answer), http.StatusUnauthorized)
			want(t, b.get(siteURL("willow.example")), http.StatusSeeOther)
		})
	}
	t.Run("as the second step of somebody else's sign-in", func(t *testing.T) {
		b := d.testBrowser(t)
		want(t, b.post(doorPath, "name", FirstName, "password", goodPassword), http.StatusSeeOther)
		c := d.testBrowser(t).ceremony(doorPath) // one that any passkey may answer
		want(t, b.post(codePath+"/passkey", "state", c.State, "answer", hers.use(c.Options)), http.StatusUnauthorized)
		want(t, b.get(siteURL("willow.example")), http.StatusSeeOther)
	})
	t.Run("without the password none is added", func(t *testing.T) {
		c := owner.ceremony(passkeysPath)
		want(t, owner.post(passkeysPath, "act", "add", "name", "eve", "state", c.State, "answer", newTestDevice(t).make(c.Options), "password", "not the password"), http.StatusBadRequest)
	})
	t.Run("nor one made for somebody else", func(t *testing.T) {
		c := mallory.ceremony(passkeysPath)
		want(t, owner.post(passkeysPath, "act", "add", "name", "eve", "state", c.State, "answer", newTestDevice(t).make(c.Options), "password", goodPassword), http.StatusBadRequest)
	})
	t.Run("nor taken away from somebody else", func(t *testing.T) {
		want(t, mallory.post(passkeysPath, "act", "remove", "id", "1", "password", goodPassword), http.StatusNotFound)
	})
	t.Run("a guesser must wait", func(t *testing.T) {
		b, waits := d.testBrowser(t), 0
		b.network = "203.0.113.0:0"
		for range 30 {
			if b.post(doorPath+"/passkey", "state", "x", "answer", "x").StatusCode == http.StatusTooManyRequests {
				waits++
			}
		}
		if waits < 15 {
			t.Errorf("%d of 30 guesses were answered", 30-waits)
		}
	})
}

func TestPasskeyEnds(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t).choosePassword()
	dev := b.addPasskey("phone")
	want(t, b.post(passkeysPath, "act", "remove", "id", "1", "password", goodPassword), http.StatusSeeOther)
	c := d.testBrowser(t).ceremony(doorPath)
	want(t, d.testBrowser(t).post(doorPath+"/passkey", "state", c.State, "answer", dev.use(c.Options)), http.StatusUnauthorized)
	want(t, d.testBrowser(t).post(doorPath, "name", FirstName, "password", goodPassword), http.StatusSeeOther)

	b.addPasskey("laptop")
	link, err := d.accounts.NewLink(t.Context(), FirstName) // the way back for who lost it
	if err != nil {
		t.Fatal(err)
	}
	d.testBrowser(t).signIn(link)
	if x, err := d.accounts.ByName(t.Context(), FirstName); err != nil || x.SecondFactor() {
		t.Errorf("got %+v, %v", x, err)
	}
}

func TestPasskeyTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDashboard(t)
		dev := d.owner(t).choosePassword().addPasskey("phone")
		b := d.testBrowser(t)
		c := b.ceremony(doorPath)
		time.Sleep(ceremonyLife + time.Second)
		want(t, b.post(doorPath+"/passkey", "state", c.State, "answer", dev.use(c.Options)), http.StatusUnauthorized)
	})
}

// Passkeys are offered where browsers know them, and our own script runs there
// and nowhere else.
func TestPasskeyPlaces(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"https://willow.example", "willow.example"},
		{"https://Willow.example:8443", "willow.example"},
		{"http://localhost:8080", "localhost"},
		{"http://willow.example", ""},
		{"https://192.0.2.1", ""},
		{"https://[2001:db8::1]:8443", ""},
		{"http://127.0.0.1:8080", ""},
	} {
		if got := passkeyHost(httptest.NewRequest(http.MethodGet, tt.url+"/", nil)); got != tt.want {
			t.Errorf("passkeyHost(%s) = %q, want %q", tt.url, got, tt.want)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "https://willow.example/", nil)
	r.Host = "willow.example:443;script-src *"
	if got := passkeyHost(r); got != "" {
		t.Errorf("passkeyHost(%s) = %q", r.Host, got)
	}
	d := testDashboard(t)
	b := d.owner(t).choosePassword()
	for path, script := range map[string]bool{
		passkeysPath: true, "/_lychgate/admin/account": false, siteURL("willow.example"): false, siteURL("willow.example") + "gate": false,
	} {
		res := b.get(path)
		got := strings.Contains(res.Header.Get("Content-Security-Policy"), "script-src https://willow.example/_lychgate/admin/assets/passkey-")
		if n := find(page(t, res), tag("script")); got != script || len(n) > 0 != script {
			t.Errorf("%s: policy %q, %d scripts", path, res.Header.Get("Content-Security-Policy"), len(n))
		}
	}
	plain := d.testBrowser(t)
	plain.scheme = "http"
	if res := plain.get(doorPath); strings.Contains(res.Header.Get("Content-Security-Policy"), "script-src") || len(find(page(t, res), tag("script"))) > 0 {
		t.Error("a script on plain http")
	}
}

// FuzzPasskey: whatever a form sends, it is refused, never trusted.
func FuzzPasskey(f *testing.F) {
	s := &ceremonies{keys: consent.NewKeys()}
	r := httptest.NewRequest(http.MethodPost, "https://willow.example/", nil)
	c, err := s.ask(r, nil)
	if err != nil {
		f.Fatal(err)
	}
	id := b64.EncodeToString(make([]byte, 16))
	f.Add(c.State, "")
	f.Add(c.State, `{"id":"`+id+`","rawId":"`+id+`","type":"public-key","response":{"clientDataJSON":"e30","authenticatorData":"`+b64.EncodeToString(make([]byte, 37))+`","signature":"AA","userHandle":"AA"}}`)
	f.Add(c.State, `{"id":"`+id+`","rawId":"`+id+`","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVi"}}`)
	f.Add("", "{}")
	f.Add(strings.Repeat("A", 100), "[]")
	f.Fuzz(func(t *testing.T, state, answer string) {
		r := httptest.NewRequest(http.MethodPost, "https://willow.example/", nil)
		r.PostForm = url.Values{"state": {state}, "answer": {answer}}
		find := func([]byte) (holder, error) { return holder{handle: []byte("handle")}, nil }
		if _, _, err := s.told(r, find); !errors.Is(err, errPasskey) {
			t.Errorf("told: %v", err)
		}
		if _, err := s.made(r, holder{handle: []byte("handle")}); !errors.Is(err, errPasskey) {
			t.Errorf("made: %v", err)
		}
	})
}

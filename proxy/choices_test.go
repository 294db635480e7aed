package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// testActionOf is what becomes of a reference on a page of the gateway's site.
func testActionOf(g *Gateway, d rewrite.Dest, url string) rewrite.Action {
	h := g.sites().list[0].thirdParties.open("https", "a.example", "/")
	defer h.close()
	return h.URL(&rewrite.Ref{Dest: d, URL: []byte(url)}).Action
}

func testParty(t *testing.T, g *Gateway, host string) ThirdParty {
	t.Helper()
	list, _ := g.ThirdParties("default")
	for _, p := range list {
		if p.Host == host {
			return p
		}
	}
	t.Fatalf("%s is not listed", host)
	return ThirdParty{}
}

func TestOwnerChoosesOnTheDashboard(t *testing.T) {
	data := t.TempDir()
	g := testScanGateway(t, data, Site{Dir: t.TempDir()})
	const script, image, payment = "https://unknown.example/x.js", "https://unknown.example/x.png", "https://js.stripe.com/v3/"
	see := func(g *Gateway) (scriptAction, imageAction rewrite.Action) {
		return testActionOf(g, rewrite.Script, script), testActionOf(g, rewrite.Image, image)
	}
	if s, i := see(g); s != rewrite.Hold || i != rewrite.Replace {
		t.Fatalf("control: script %v, image %v", s, i)
	}
	if testActionOf(g, rewrite.Script, payment) != rewrite.Pass {
		t.Fatal("control: a payment service is held")
	}
	choose := func(host, verdict string) {
		t.Helper()
		if err := g.Choose("default", host, verdict); err != nil {
			t.Fatal(err)
		}
	}

	choose("unknown.example", "allow")
	if s, i := see(g); s != rewrite.Pass || i != rewrite.Pass {
		t.Errorf("allowed: script %v, image %v", s, i)
	}
	if p := testParty(t, g, "unknown.example"); p.Verdict != "passed" || p.InForce {
		t.Errorf("allowed: listed as %+v", p)
	}
	h := g.sites().list[0].thirdParties.open("https", "a.example", "")
	if hosts := strings.Join(h.allowed(consent.Grant{}), " "); !strings.Contains(hosts, "unknown.example") {
		t.Errorf("the second belt lets only %s through", hosts)
	}
	choose("js.stripe.com", "hold")
	if testActionOf(g, rewrite.Script, payment) != rewrite.Hold {
		t.Error("held by the owner, yet it passes")
	}
	choose("unknown.example", "relay")
	if s, i := see(g); s != rewrite.Replace || i != rewrite.Replace {
		t.Errorf("relayed: script %v, image %v", s, i)
	}
	if testActionOf(g, rewrite.Frame, "https://unknown.example/frame") != rewrite.Hold {
		t.Error("a frame cannot be relayed, yet it is not held")
	}

	t.Run("it holds after a restart, and on other gateways", func(t *testing.T) {
		other := testScanGateway(t, data, Site{Dir: t.TempDir()})
		if s, _ := see(other); s != rewrite.Replace {
			t.Errorf("script %v", s)
		}
		choose("unknown.example", "allow")
		other.shareChoices()
		if s, _ := see(other); s != rewrite.Pass {
			t.Errorf("after a press elsewhere: script %v", s)
		}
	})
	t.Run("and is taken back", func(t *testing.T) {
		choose("unknown.example", "")
		if s, i := see(g); s != rewrite.Hold || i != rewrite.Replace {
			t.Errorf("script %v, image %v", s, i)
		}
		if p := testParty(t, g, "unknown.example"); p.Verdict != "held" || !p.InForce {
			t.Errorf("listed as %+v", p)
		}
	})
}

func TestChoicesRefused(t *testing.T) {
	data := t.TempDir()
	g := testScanGateway(t, data, Site{Dir: t.TempDir(), Hold: []string{"listed.example"}})
	testSees(g, "/", "https://listed.example/x.js")
	testSees(g, "/", "https://seen.example/x.js")
	for _, tt := range []struct {
		host, verdict string
		want          error
	}{
		{"listed.example", "allow", ErrConfigured},
		{"never-seen.example", "allow", ErrUnknownParty},
		{"", "allow", ErrUnknownParty},
	} {
		if err := g.Choose("default", tt.host, tt.verdict); !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.host, err, tt.want)
		}
	}
	if err := g.Choose("default", "seen.example", "everything"); err == nil {
		t.Error("a verdict that is none is taken")
	}
	if err := g.Choose("another", "seen.example", "allow"); !errors.Is(err, ErrUnknownParty) {
		t.Errorf("another site: %v", err)
	}
	if err := os.WriteFile(filepath.Join(data, choicesFileName), []byte("[[choice"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.Choose("default", "seen.example", "allow"); err == nil {
		t.Error("a damaged file is written over")
	}
	if testActionOf(g, rewrite.Script, "https://seen.example/x.js") != rewrite.Hold {
		t.Error("a damaged file lets something pass")
	}
}

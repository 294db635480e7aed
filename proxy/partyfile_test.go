package proxy

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// testSees has a page of the site hold a script of a third party.
func testSees(g *Gateway, path, url string) {
	h := g.sites().list[0].thirdParties.open("https", "a.example", path)
	h.URL(&rewrite.Ref{Dest: rewrite.Script, URL: []byte(url)})
	h.close()
}

func testPartyFile(t *testing.T, dir string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, partyFileName))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func testShare(t *testing.T, gs ...*Gateway) {
	t.Helper()
	for _, g := range gs {
		if err := g.SaveThirdParties(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestGatewaysThatShareAFileComeToOneList(t *testing.T) {
	data := t.TempDir()
	a := testScanGateway(t, data, Site{Dir: testScanFolder(t)})
	b := testScanGateway(t, data, Site{Dir: t.TempDir()})
	a.Learn(t.Context())
	testSees(a, "/one", "https://only-a.example/x.js")
	testSees(b, "/two", "https://only-b.example/x.js")
	testSees(b, "/three", "https://www.googletagmanager.com/gtag/js")
	testShare(t, b, a, b)
	if err := a.Admit("default"); err != nil {
		t.Fatal(err)
	}
	testShare(t, b)
	want := a.sites().list[0].Gate.Policy()
	if got := b.sites().list[0].Gate.Policy(); got != want {
		t.Errorf("b asks about %s, a about %s", got, want)
	}
	for _, g := range []*Gateway{a, b} {
		names := serviceNames(g.sites().list[0].Gate.Services())
		for _, name := range []string{"only-a.example", "only-b.example", "Google Analytics", "YouTube"} {
			if !strings.Contains(names, name) {
				t.Errorf("%s is not asked about: %s", name, names)
			}
		}
	}

	// Nothing new: nobody writes any more, whoever looks first.
	kept := testPartyFile(t, data)
	for range 3 {
		testShare(t, a, b)
	}
	if got := testPartyFile(t, data); !bytes.Equal(got, kept) {
		t.Errorf("the file went on changing:\n%s\nwas\n%s", got, kept)
	}
	if left, err := filepath.Glob(filepath.Join(data, "."+partyFileName+"-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestNothingIsLostWhenManyWriteAtOnce(t *testing.T) {
	data := t.TempDir()
	const gateways, hosts = 5, 8
	var all []*Gateway
	for range gateways {
		all = append(all, testScanGateway(t, data, Site{Dir: t.TempDir()}))
	}
	var work sync.WaitGroup
	for i, g := range all {
		work.Go(func() {
			for n := range hosts {
				testSees(g, "/", fmt.Sprintf("https://h%d-%d.example/x.js", i, n))
				if err := g.SaveThirdParties(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Wait()
	kept := string(testPartyFile(t, data))
	for i := range gateways {
		for n := range hosts {
			if host := fmt.Sprintf("h%d-%d.example", i, n); !strings.Contains(kept, host) {
				t.Errorf("%s is lost", host)
			}
		}
	}
}

func TestWhatOthersWroteIsKept(t *testing.T) {
	data := t.TempDir()
	today := time.Now().UTC().Format(dateForm)
	file := `[[site]]
name = "another-site"
[[site.party]]
host = "theirs.example"
verdict = "held"
last = "` + today + `"
in_force = true
[[site]]
name = "default"
[[site.party]]
host = "newer.example"
service = "from-a-newer-catalogue"
verdict = "held"
last = "` + today + `"
in_force = true
[[site.party]]
host = "long-gone.example"
verdict = "held"
last = "2020-01-01"
in_force = true
[[site.party]]
host = "allowed-since.example"
verdict = "held"
last = "` + today + `"
in_force = true
[[site.party]]
host = "early.example"
verdict = "held"
pages = 7
loads = ["frame"]
since = "2026-01-02"
last = "` + today + `"
in_force = true
[[site.cookie]]
name = "left"
purpose = "other"
since = "2026-01-02"
`
	if err := os.WriteFile(filepath.Join(data, partyFileName), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	g := testScanGateway(t, data, Site{Dir: t.TempDir(), Allow: []string{"allowed-since.example"}})
	if got := string(testPartyFile(t, data)); got != file {
		t.Error("starting alone wrote the file")
	}
	if names := serviceNames(g.Services("default")); names != "Other cookies of this site for other, early.example for other" {
		t.Errorf("in force: %s", names)
	}
	testSees(g, "/", "https://early.example/x.js")
	testShare(t, g)
	got := string(testPartyFile(t, data))
	for _, want := range []string{"theirs.example", "newer.example", "pages = 7", "'2026-01-02'", "'script', 'frame'", "'left'"} {
		if !strings.Contains(strings.ReplaceAll(got, `"`, `'`), want) {
			t.Errorf("%s is lost:\n%s", want, got)
		}
	}
	if strings.Contains(got, "long-gone.example") {
		t.Error("a host that no page has held for years is kept")
	}
}

func TestAFileThatCannotBeWrittenIsTriedAgain(t *testing.T) {
	data := t.TempDir()
	g := testScanGateway(t, data, Site{Dir: t.TempDir()})
	path := filepath.Join(data, partyFileName)
	if err := os.Mkdir(path, 0o700); err != nil { // not a file: neither read nor replaced
		t.Fatal(err)
	}
	testSees(g, "/", "https://late.example/x.js")
	if err := g.SaveThirdParties(); err == nil {
		t.Fatal("no error")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	testShare(t, g)
	if !strings.Contains(string(testPartyFile(t, data)), "late.example") {
		t.Error("it was forgotten")
	}
}

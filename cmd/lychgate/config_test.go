package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A wrong file is mended in one go: every problem is named, with line, key and
// what to do.
func TestConfigReportsEveryProblemAtOnce(t *testing.T) {
	const file = `data = "d"
datta = "x"

[listen]
http = "8080"
trusted_proxies = ["10.0.0.0/8", "nowhere"]

[consent]
ask_again = 180
keep_records = "4 moons"

[analytics]
timezone = "Europe/Atlantis"

[[site]]
hosts = ["a.example", "http://b.example"]
upstrem = "http://127.0.0.1:3000"
banner = "middle"
redirect = "no"
languages = [
  "en",
  3,
]

[[site]]
hosts = ["a.example"]
dir = "."
upstream = "ftp://x"
[[site.funnel]]
name = "Long"
steps = ["/1", "/2", "/3", "/4", "/5"]
`
	_, p := parseConfig("gate.toml", []byte(file))
	err := p.err()
	if err == nil {
		t.Fatal("a file with fifteen problems is accepted")
	}
	got := err.Error()
	for _, want := range []string{
		"gate.toml:2: datta: there is no such key; did you mean data?",
		`gate.toml:5: listen.http: "8080" is not an address to listen on`,
		`gate.toml:6: listen.trusted_proxies[1]: "nowhere" is not a network`,
		`gate.toml:9: consent.ask_again: "180" is not a period`,
		`gate.toml:10: consent.keep_records: "4 moons" is not a period`,
		`gate.toml:13: analytics.timezone: "Europe/Atlantis" is not a time zone`,
		`gate.toml:16: site[0].hosts: "http://b.example" (number 2) is not a host name`,
		"gate.toml:17: site[0].upstrem: there is no such key; did you mean upstream?",
		"gate.toml:15: site[0]: says neither dir",
		`gate.toml:18: site[0].banner: "middle" is no place; it is "top" or "bottom"`,
		"gate.toml:19: site[0].redirect: has the wrong type, a true or false is expected",
		"site[0].languages: has the wrong type",
		`gate.toml:26: site[1].hosts: "a.example" belongs to site[0] already`,
		"gate.toml:28: site[1].upstream: is set beside dir",
		"gate.toml:31: site[1].funnel[0].steps: at most 4 steps are counted; there are 5",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the report lacks %q", want)
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestConfigSyntaxErrorNamesItsLine(t *testing.T) {
	_, p := parseConfig("gate.toml", []byte("data = \"x\"\n[listen\nhttp = 1\n"))
	if err := p.err(); err == nil || !strings.Contains(err.Error(), "gate.toml:2: not valid TOML") {
		t.Errorf("got %v", err)
	}
}

func TestConfigDoorsAreApart(t *testing.T) {
	for text, want := range map[string]string{
		"[listen]\nhttp = \":8443\"\nhttps = \":8443\"":             `x.toml:3: listen.https: ":8443" is the address of listen.http already`,
		"[admin]\nlisten = \"127.0.0.1:8080\"":                      `x.toml:2: admin.listen: "127.0.0.1:8080" is the address of listen.http already`,
		"[admin]\nlisten = \"127.0.0.1:9464\"":                      "",
		"[listen]\nhttp = \"127.0.0.1:0\"\nhttps = \"127.0.0.1:0\"": "",
	} {
		_, p := parseConfig("x.toml", []byte(text+"\n[[site]]\nhosts = [\"a.example\"]\ndir = \".\"\n"))
		if err := p.err(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "has a problem:\n  "+want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// What would keep the gateway from starting, or never work, is found by reading.
func TestConfigOfASite(t *testing.T) {
	const folder, server = "dir = \".\"\n", "upstream = \"http://127.0.0.1:3000\"\n"
	for text, want := range map[string]string{
		folder + `hold = ["x y"]`:                                            `x.toml:3: site[0].hold: "x y" is no host`,
		folder + `hold = ["/js/track.js", "inline:start("]`:                  "",
		folder + `relay = ["/pictures"]`:                                     `x.toml:3: site[0].relay: "/pictures" is no host`,
		folder + `allow = ["inline:start()"]`:                                `x.toml:3: site[0].allow: "inline:start()" is no host`,
		folder + `allow = ["maps.example.org", "co.uk"]`:                     `x.toml:3: site[0].allow: "co.uk" is the ending of everybody's names`,
		folder + `allow = ["https://maps.example.org/api"]`:                  "",
		folder + `hosts = ["a..example"]`:                                    `x.toml:3: site[0].hosts: "a..example" (number 1) is not a host name`,
		folder + "[[site.funnel]]\nname = \"Book\"\nsteps = [\"/a\", \"b\"]": `x.toml:5: site[0].funnel[0].steps: "b" is not a path`,
		server + `upstream_host = "https://charity.github.io"`:               `x.toml:3: site[0].upstream_host: "https://charity.github.io" is not a host name`,
		server + `upstream_host = "charity.github.io:8443"`:                  "",
		server + `upstream_host = "a b"`:                                     `x.toml:3: site[0].upstream_host: "a b" is not a host name`,
		server + `fallbacks = ["http://127.0.0.1:99999"]`:                    `x.toml:3: site[0].fallbacks: "http://127.0.0.1:99999" is not an address`,
	} {
		_, p := parseConfig("x.toml", []byte("[[site]]\n"+text+"\n"))
		if err := p.err(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "has a problem:\n  "+want)) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// A nought that was written is no key left out: it holds, or is refused.
func TestConfigNoughtIsNoDefault(t *testing.T) {
	for key, want := range map[string]string{
		"[tls]\nhsts = \"0s\"":                 "",
		"[listen]\ndrain = \"0s\"":             "x.toml:2: listen.drain: 0s: requests in flight",
		"[consent]\nask_again = \"0d\"":        "x.toml:2: consent.ask_again: 0s is too short",
		"[consent]\nkeep_records = \"0y\"":     "x.toml:2: consent.keep_records: 0s is too short",
		"[analytics]\nretention = \"0mo\"":     "x.toml:2: analytics.retention: 0s is too short",
		"[analytics]\nsmall_number = 0":        "x.toml:2: analytics.small_number: 0 hides nobody",
		"[admin]\nkeep_audit = \"0d\"":         "x.toml:2: admin.keep_audit: 0s is too short: at least 30d",
		"[limits]\nrequests = 0":               "x.toml:2: limits.requests: 0: from 10",
		"[limits]\nheader_timeout = \"0s\"":    "x.toml:2: limits.header_timeout: 0s: from 1s to 1h",
		"[limits]\nconnections = \"many\"":     "x.toml:2: limits.connections: has the wrong type",
		"[limits]\nconnections = 600":          "",
		"\ufeff[analytics]\nsmall_number = 10": "",
	} {
		c, p := parseConfig("x.toml", []byte(key+"\n[[site]]\ndir = \".\"\n"))
		err := p.err()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), "has a problem:\n  "+want)) {
			t.Errorf("%q: got %v, want %q", key, err, want)
		}
		if strings.Contains(key, "hsts") && c.TLS.HSTS.Duration != 0 {
			t.Errorf("%q: browsers are told to come by https for %s", key, c.TLS.HSTS)
		}
	}
}

func TestConfigDefaults(t *testing.T) {
	dir := t.TempDir()
	c, p := parseConfig(filepath.Join(dir, "gate.toml"), []byte("[[site]]\ndir = \".\"\n"))
	if err := p.err(); err != nil {
		t.Fatal(err)
	}
	if got, want := c.Data, filepath.Join(dir, "lychgate-data"); got != want {
		t.Errorf("data: got %q, want %q beside the file", got, want)
	}
	if got, want := c.Listen.HTTP, "127.0.0.1:8080"; got != want {
		t.Errorf("listen.http: got %q, want %q", got, want)
	}
	if got, want := c.Sites[0].id(), "default"; got != want {
		t.Errorf("id of a site for every host: got %q, want %q", got, want)
	}
}

func TestPeriod(t *testing.T) {
	for _, test := range []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"180d", 180 * 24 * time.Hour, true},
		{"4y", 4 * 8766 * time.Hour, true},
		{"12mo", 8766 * time.Hour, true},
		{"30m", 30 * time.Minute, true},
		{"90 s", 90 * time.Second, true},
		{"30", 0, false},
		{"-3d", 0, false},
		{"", 0, false},
		{"9999999999y", 0, false},
		{"mo", 0, false},
		{"1.5d", 0, false},
	} {
		t.Run(test.text, func(t *testing.T) {
			got, err := parsePeriod(test.text)
			if (err == nil) != test.ok || got != test.want {
				t.Errorf("got %v, %v; want %v, ok %v", got, err, test.want, test.ok)
			}
			if again, err := parsePeriod(period{Duration: test.want}.String()); test.ok && (err != nil || again != test.want) {
				t.Errorf("written as %s it is %v, %v", period{Duration: test.want}, again, err)
			}
		})
	}
}

// The configuration is foreign bytes to the program: no file makes it panic, and
// a file that is refused says why.
func FuzzConfig(f *testing.F) {
	if reference, err := os.ReadFile("../../deploy/lychgate.toml"); err == nil {
		f.Add(reference)
	}
	for _, seed := range []string{
		"", "[[site]]\ndir=\".\"", "site = 1", "[site]\nhosts=[]", "[[site]]\n[[site.goals]]\n[site.x]",
		"a.b.c = {d = [1, [2]]}", "[listen]\nhttp = [\n1,\n2]\nhttps = 5", "[[purpose]]\nname.en = 3",
		"data = '''\n\n", "\"\" = 1", "consent.ask_again = \"1mo\"\nconsent = 3",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, p := parseConfig("gate.toml", data)
		if err := p.err(); err != nil && !strings.Contains(err.Error(), "problem") {
			t.Errorf("unexplained refusal: %v", err)
		}
	})
}

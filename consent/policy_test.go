package consent

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lychgate/lychgate/banner"
)

func version(c Config, services ...Service) string { return newPolicy(&c, services).version }

func TestVersionIsOfWhatIsAskedAndOfNoWording(t *testing.T) {
	base := Config{Label: "2026-11", Statistics: true}
	want := version(base, video, unknown)
	reworded := base
	reworded.Purposes = []Purpose{{ID: "video", Name: map[string]string{"en": "Films"}, Text: map[string]string{"en": "New words"}}}
	respelled := video
	respelled.Text, respelled.Privacy, respelled.Hosts = "Better words", "", []string{"ytimg.com", "youtube.com", "youtube.com"}
	for name, got := range map[string]string{
		"services in another order": version(base, unknown, video),
		"other words":               version(reworded, video, unknown),
		"hosts in another order":    version(base, respelled, unknown),
	} {
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	relabelled, uncounted := base, base
	relabelled.Label, uncounted.Statistics = "2026-12", false
	moved, grown := video, video
	moved.Purpose, grown.Hosts = "advertising", append(slices.Clone(video.Hosts), "googlevideo.com")
	for name, got := range map[string]string{
		"another label":   version(relabelled, video, unknown),
		"no statistics":   version(uncounted, video, unknown),
		"another purpose": version(base, moved, unknown),
		"another host":    version(base, grown, unknown),
		"a service less":  version(base, video),
	} {
		if got == want {
			t.Errorf("%s: the same version", name)
		}
	}
	if !isVersion(want) {
		t.Errorf("%q is no version", want)
	}
}

func TestPurposesKeepTheirPlaces(t *testing.T) {
	many := func(n int) (list []Service) {
		for i := range n {
			list = append(list, Service{Name: string(rune('a' + i)), Purpose: "p" + string(rune('a'+i)), Hosts: []string{string(rune('a'+i)) + ".test"}})
		}
		return list
	}
	for _, c := range []struct {
		name     string
		config   Config
		services []Service
		ids      []string
		asked    int
	}{
		{"nothing", Config{}, nil, []string{Statistics}, 0},
		{"counting alone", Config{Statistics: true}, nil, []string{Statistics}, 1},
		{"no counting keeps bit 0", Config{}, []Service{video}, []string{Statistics, "video"}, 1},
		{
			"the owner's order, then the alphabet, then other",
			Config{Statistics: true, Purposes: []Purpose{{ID: "video"}, {ID: "unused"}}},
			[]Service{unknown, video, {Name: "x", Purpose: "ads"}},
			[]string{Statistics, "video", "ads", Other},
			4,
		},
		{"too many go to other", Config{Statistics: true}, many(9), []string{Statistics, "pa", "pb", "pc", "pd", "pe", "pf", Other}, 8},
		{"too many without counting", Config{}, many(9), []string{Statistics, "pa", "pb", "pc", "pd", "pe", "pf", Other}, 7},
	} {
		p := newPolicy(&c.config, c.services)
		if !slices.Equal(p.ids, c.ids) || len(p.names(p.asked)) != c.asked {
			t.Errorf("%s: %v asked %v, want %v", c.name, p.ids, p.names(p.asked), c.ids)
		}
		for _, s := range c.services {
			found := false
			for _, hosts := range p.hosts {
				for _, h := range s.Hosts {
					found = found || slices.Contains(hosts, h)
				}
			}
			if !found && len(s.Hosts) > 0 {
				t.Errorf("%s: %s is in no purpose", c.name, s.Name)
			}
		}
	}
}

// changing is a list of services that a test changes.
type changing struct{ list []Service }

func (c *changing) services() []Service { return c.list }

func TestAnOlderAnswerCountsWhileItCoversAllInForce(t *testing.T) {
	grown := video
	grown.Hosts = append(slices.Clone(video.Hosts), "googlevideo.com")
	for _, c := range []struct {
		name          string
		before, after []Service
		counts        bool
		changed       string
	}{
		{"nothing changed", []Service{video}, []Service{video}, true, ""},
		{"a service left", []Service{video, unknown}, []Service{video}, true, ""},
		{"a new service", []Service{video}, []Service{video, unknown}, false, "cdn.example"},
		{"a new host of a known service", []Service{video}, []Service{grown}, false, "YouTube"},
		{"a host went to another purpose", []Service{video}, []Service{{Name: "YouTube", Purpose: "ads", Hosts: video.Hosts}}, false, "YouTube"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := &changing{c.before}
			g := testGate(t, Config{Services: list.services, Dir: t.TempDir()})
			yes, no := newVisitor("https"), newVisitor("https")
			yes.decide(g, Accept)
			no.decide(g, Decline)
			first := g.Policy()
			list.list = c.after
			if d, _ := yes.of(g); d.Answer != Accepted {
				t.Error("the list changed without Refresh")
			}
			if err := g.Refresh(); err != nil {
				t.Fatal(err)
			}
			for _, v := range []*testVisitor{yes, no} {
				d, grant := v.of(g)
				if (d.Answer != Undecided) != c.counts || d.Changed == c.counts {
					t.Errorf("%+v, want it to count: %v", d, c.counts)
				}
				if d.Answer != Undecided && d.Policy != first {
					t.Errorf("it is said to answer %s, not %s", d.Policy, first)
				}
				if grant.Allows(Other) && !slices.Contains(g.Purposes(), Other) {
					t.Error("a purpose that is gone is granted")
				}
				if body := testBody(t, v.get(g, pagePath)); c.changed != "" && !strings.Contains(body, c.changed) {
					t.Errorf("the page does not say that %s is new", c.changed)
				}
			}
		})
	}
}

func TestANewYesToMoreClearsNothing(t *testing.T) {
	list := &changing{[]Service{video}}
	g := testGate(t, Config{Services: list.services})
	v := newVisitor("https")
	v.decide(g, Accept)
	list.list = []Service{video, unknown}
	if err := g.Refresh(); err != nil {
		t.Fatal(err)
	}
	if res := v.decide(g, Accept); res.Header.Get("Clear-Site-Data") != "" {
		t.Error("an accept of all cleared the site's storage")
	}
	v.cookies[consentCookie(true)] = "nonsense"
	if res := v.post(g, url.Values{"purpose": {"video"}}); res.Header.Get("Clear-Site-Data") == "" {
		t.Error("who may have allowed more before kept what it left")
	}
}

func TestServicesSayUnderWhichPurposeTheyAreListed(t *testing.T) {
	odd := Service{Name: "odd", Purpose: "Not, an id", Hosts: []string{"odd.test"}}
	g := testGate(t, Config{}, video, odd)
	v := newVisitor("https")
	v.decide(g, Accept)
	_, grant := v.of(g)
	for _, s := range g.Services() {
		if !grant.Allows(s.Purpose) {
			t.Errorf("%s is listed under %q, which cannot be granted", s.Name, s.Purpose)
		}
	}
}

func TestTheLabelAsksEverybodyAgain(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	v := newVisitor("https")
	v.decide(testGate(t, Config{Keys: k, Dir: dir, Label: "2026-11"}, video), Accept)
	if d, _ := v.of(testGate(t, Config{Keys: k, Dir: dir, Label: "2026-11"}, video)); d.Answer != Accepted {
		t.Errorf("after a restart: %+v", d)
	}
	if d, _ := v.of(testGate(t, Config{Keys: k, Dir: dir, Label: "2026-12"}, video)); d.Answer != Undecided || !d.Changed {
		t.Errorf("after a new label: %+v", d)
	}
}

// Two gateways that share keys and lists never ask twice in turn, even while one
// knows the new list and the other does not yet.
func TestTwoGatewaysDoNotFlipFlop(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	older := testGate(t, Config{Keys: k, Dir: dir}, video)
	newer := testGate(t, Config{Keys: k, Dir: dir}, video, unknown)
	for _, decision := range []string{Accept, Decline} {
		v := newVisitor("https")
		v.decide(newer, decision)
		for i := range 6 {
			g := []*Gate{older, newer}[i%2]
			if d, grant := v.of(g); d.Answer == Undecided || grant.Allows("video") != (decision == Accept) {
				t.Errorf("%s, gateway %d: %+v", decision, i%2, d)
			}
		}
	}
}

func TestAFormOfAnOlderBannerRecordsWhatItShowed(t *testing.T) {
	list := &changing{[]Service{video, unknown}}
	g := testGate(t, Config{Services: list.services})
	shown := g.Policy()
	list.list = []Service{video}
	if err := g.Refresh(); err != nil {
		t.Fatal(err)
	}
	v := newVisitor("https")
	v.post(g, url.Values{"decision": {"accept"}, "policy": {shown}})
	rec := testRecords(t, g.config.Ledger)
	if len(rec) != 1 || !strings.HasPrefix(rec[0].Policy, shown) || !slices.Equal(rec[0].Purposes, []string{Statistics, "video", Other}) {
		t.Fatalf("recorded %+v", rec)
	}
	if d, grant := v.of(g); d.Answer != Accepted || d.Policy != shown || !grant.Allows("video") || grant.Allows(Other) {
		t.Errorf("%+v", d)
	}
	// The other way round: what the old form did not name is asked again.
	list.list = []Service{video, unknown}
	if err := g.Refresh(); err != nil {
		t.Fatal(err)
	}
	lacking := versionOf(newPolicy(&g.config, []Service{video}).body)
	v = newVisitor("https")
	v.post(g, url.Values{"decision": {"accept"}, "policy": {lacking}})
	if d, grant := v.of(g); d.Answer != Undecided || !d.Changed || grant.Allows("video") {
		t.Errorf("%+v", d)
	}
}

// A host found late reaches nobody before Refresh, and asks nobody twice a day
// as long as its list does not change in between.
func TestALateHostIsHeldUntilRefresh(t *testing.T) {
	list := &changing{[]Service{video}}
	g := testGate(t, Config{Services: list.services})
	v := newVisitor("https")
	v.decide(g, Accept)
	list.list = []Service{video, unknown}
	if slices.ContainsFunc(g.Services(), func(s Service) bool { return s.Name == unknown.Name }) || slices.Contains(g.Purposes(), Other) {
		t.Error("it is in force already")
	}
	if err := g.Refresh(); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for range 10 {
		if d, _ := v.of(g); d.Answer == Undecided {
			asked++
			v.decide(g, Accept)
		}
		if err := g.Refresh(); err != nil { // the same list again
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestHistorySurvivesDamage(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	g := testGate(t, Config{Keys: k, Dir: dir}, video, unknown)
	v := newVisitor("https")
	v.decide(g, Accept)
	path := filepath.Join(dir, policyDir, testSite, g.Policy()+".json")
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append([]byte(" "), body...), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, _ := v.of(testGate(t, Config{Keys: k, Dir: dir}, video)); d.Answer != Undecided {
		t.Errorf("a list that was changed is believed: %+v", d)
	}
	testGate(t, Config{Keys: k, Dir: dir}, video, unknown) // in force again: written anew
	if d, _ := v.of(testGate(t, Config{Keys: k, Dir: dir}, video)); d.Answer != Accepted {
		t.Errorf("after the list was in force again: %+v", d)
	}
}

func TestMidnightIsTheSites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // begins at midnight UTC of 2000-01-01
		auckland, err := time.LoadLocation("Pacific/Auckland")
		if err != nil {
			t.Fatal(err)
		}
		b, err := banner.New(banner.Config{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := NewGate(Config{Site: testSite, Banner: b, Statistics: true, Keys: NewKeys(), Location: auckland})
		if err != nil {
			t.Fatal(err)
		}
		if got := g.today().date; got != "2000-01-01" {
			t.Errorf("%s at noon", got)
		}
		time.Sleep(11*time.Hour - time.Second)
		if got := g.today().date; got != "2000-01-01" {
			t.Errorf("%s a second before midnight", got)
		}
		time.Sleep(time.Second)
		if got := g.today().date; got != "2000-01-02" {
			t.Errorf("%s at midnight", got)
		}
	})
}

// In the Azores the clocks of 26 March 2000 went from 23:59:59 to 01:00:00.
func TestADayWithoutMidnight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		azores, err := time.LoadLocation("Atlantic/Azores")
		if err != nil {
			t.Fatal(err)
		}
		b, err := banner.New(banner.Config{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := NewGate(Config{Site: testSite, Banner: b, Statistics: true, Keys: NewKeys(), Location: azores})
		if err != nil {
			t.Fatal(err)
		}
		skip := time.Date(2000, time.March, 26, 1, 0, 0, 0, time.UTC)
		for _, tt := range []struct {
			at   time.Time
			date string
			from time.Time
		}{
			{skip.Add(-time.Second), "2000-03-25", skip.Add(-24 * time.Hour)},
			{skip, "2000-03-26", skip},
			{skip.Add(23*time.Hour - time.Second), "2000-03-26", skip},
			{skip.Add(23 * time.Hour), "2000-03-27", skip.Add(23 * time.Hour)},
		} {
			time.Sleep(time.Until(tt.at))
			now := g.today()
			if now.date != tt.date || !now.from.Equal(tt.from) {
				t.Errorf("%v: %s since %v, want %s since %v", tt.at, now.date, now.from, tt.date, tt.from)
			}
			if g.today() != now {
				t.Errorf("%v: the day is made anew at every request", tt.at)
			}
			a, ok := parseDeclined(declinedPrefix+now.policy.version+"."+now.date, azores)
			if !ok || !a.day.Equal(now.from) {
				t.Errorf("%v: an answer of the day is of %v", tt.at, a.day)
			}
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(newPolicy(&Config{Statistics: true, Label: "x"}, []Service{video, unknown}).body)
	f.Add([]byte(`{"purposes":[{"id":""},{"id":""}]}`))
	f.Add([]byte(`{"purposes":[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"},{"id":"e"},{"id":"f"},{"id":"g"},{"id":"h"},{"id":"i"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := parsePolicy(body)
		if err != nil {
			return
		}
		if len(p.ids) > maxPurposes || !p.coveredBy(p) || p.translate(p, p.asked) != p.asked {
			t.Errorf("%+v", p)
		}
	})
}

func BenchmarkNewToday(b *testing.B) {
	g := testGate(b, Config{}, video, unknown, Service{Name: "x", Purpose: "x"}, Service{Name: "y", Purpose: "y"})
	for b.Loop() {
		if err := g.Refresh(); err != nil {
			b.Fatal(err)
		}
	}
}

package analytics

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// A plausibleFile adds the counts of one line of a file of Plausible's export.
type plausibleFile func(h *history, day int32, field func(string) string, p *plausibleCounts)

// plausibleFiles are those files by a column that each alone has. Cities and
// versions are left where they are.
var plausibleFiles = [...]struct {
	column string
	add    plausibleFile
}{
	{"page", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		// Its visits saw the page, ours began there.
		m := Metrics{Views: p.Views, Continues: p.Views, Seconds: p.looked, Timed: p.lookedAt}
		h.add(day, DimPage, field("page"), m)
	}},
	{"entry_page", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimEntry, field("entry_page"), p.Metrics)
		h.add(day, DimPage, field("entry_page"), Metrics{Visits: p.entrances, Engaged: p.Engaged})
	}},
	{"exit_page", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimPage, field("exit_page"), Metrics{Continues: -p.exits})
	}},
	{"name", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimEvent, field("name"), Metrics{Views: p.events})
	}},
	{"country", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimCountry, field("country"), p.Metrics)
		h.add(day, DimRegion, field("region"), p.Metrics)
	}},
	{"device", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimDevice, plausibleDevice(field("device")), p.Metrics)
	}},
	{"browser", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimBrowser, plausibleName(field("browser")), p.Metrics)
	}},
	{"operating_system", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.add(day, DimOS, plausibleName(field("operating_system")), p.Metrics)
	}},
	{"source", func(h *history, day int32, field func(string) string, p *plausibleCounts) {
		h.addFrom(day, h.plausibleSource(field), p.Metrics)
	}},
	{"pageviews", func(h *history, day int32, _ func(string) string, p *plausibleCounts) {
		h.add(day, DimTotal, "", p.Metrics)
	}},
}

// plausibleReader reads the file of Plausible's export that has these columns, or
// is nil when there is none.
func plausibleReader(columns map[string]int) lineReader {
	for _, f := range plausibleFiles {
		if _, ok := columns[f.column]; ok {
			return func(h *history, field func(string) string) error { return h.readPlausibleLine(f.add, field) }
		}
	}
	return nil
}

func (h *history) readPlausibleLine(add plausibleFile, field func(string) string) error {
	day, err := parseDay(field("date"))
	if err != nil {
		return err
	}
	var p plausibleCounts
	for name, n := range map[string]*int64{
		"pageviews": &p.Views, "visits": &p.Visits, "visitors": &p.Visitors, "visit_duration": &p.Seconds,
		"bounces": &p.bounces, "events": &p.events, "entrances": &p.entrances, "exits": &p.exits,
		"total_time_on_page": &p.looked, "total_time_on_page_visits": &p.lookedAt,
	} {
		if *n, err = parseCount(field(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if p.Visits == 0 {
		p.Visits = p.entrances
	}
	p.Engaged = max(p.Visits-p.bounces, 0)
	p.Continues = p.followed(DimTotal)
	add(h, day, field, &p)
	return nil
}

// plausibleCounts are the counts of a line, as ours and as theirs.
type plausibleCounts struct {
	Metrics
	bounces, events, entrances, exits int64
	looked, lookedAt                  int64 // seconds that a page was looked at, and how often that is known
}

// plausibleSource is where a line's visits came from.
func (h *history) plausibleSource(field func(string) string) attribution {
	var a attribution
	s := h.sources.of(bareHost(hostOf(field("referrer"))))
	if s.name == "" || s.channel == Referral {
		s = h.sources.named(field("source"))
	}
	a.Source, a.Channel = s.name, s.channel
	q := url.Values{}
	for _, name := range []string{"utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"} {
		if v := field(name); v != "" {
			q.Set(name, v)
		}
	}
	if len(q) != 0 {
		h.sources.readCampaign(&a, q)
	}
	return a
}

// named returns the source that another program calls by a name.
func (t sourceTable) named(name string) namedSource {
	plain := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "-")
	switch plain {
	case "", "direct-/-none", "(direct)", "direct":
		return namedSource{}
	case "twitter":
		plain = "x"
	}
	best := namedSource{name: plain, channel: Referral}
	for _, s := range t {
		// A name may stand in several channels; the one of people comes first.
		if s.name == plain && (best.channel == Referral || s.channel < best.channel) {
			best = s
		}
	}
	if best.channel == Referral {
		return t.of(bareHost(strings.ToLower(name)))
	}
	return best
}

// addFrom adds what visits from one place counted.
func (h *history) addFrom(day int32, a attribution, m Metrics) {
	if a.Source == spam {
		a = attribution{}
	}
	h.add(day, DimSource, cutText(a.Source, maxSourceBytes), m)
	h.add(day, DimChannel, a.Channel.String(), m)
	for d, value := range map[Dim]string{
		DimCampaign: a.Campaign, DimMedium: a.Medium, DimTerm: a.Term, DimContent: a.Content,
	} {
		if value != "" {
			h.add(day, d, value, m)
		}
	}
}

func plausibleDevice(name string) string {
	switch name {
	case "Mobile":
		return "phone"
	case "Tablet":
		return "tablet"
	case "Desktop", "Laptop", "Ultra-wide", "Ultra-wide Monitor":
		return "computer"
	}
	return "other"
}

// plausibleName is our name of a family of browsers or systems.
func plausibleName(name string) string {
	switch name {
	case "Microsoft Edge":
		return "Edge"
	case "Samsung Browser":
		return "Samsung Internet"
	case "Mac":
		return "macOS"
	case "GNU/Linux", "Ubuntu", "Fedora":
		return "Linux"
	case "Chrome OS":
		return "ChromeOS"
	}
	return name
}

// A goatCounter adds up the page views of GoatCounter's export, which has a line
// for each. The sessions in it are used to tell visits while the file is read,
// and are not kept.
type goatCounter struct {
	day      int32
	sessions map[string]*goatSession // of the day
}

// A goatSession is what a session did that day.
type goatSession struct {
	from        attribution
	entry, last string
	pages       int
}

func newGoatCounter() *goatCounter { return &goatCounter{sessions: map[string]*goatSession{}} }

func (g *goatCounter) readLine(h *history, field func(string) string) error {
	at, err := time.Parse(time.RFC3339, field("date"))
	if err != nil {
		return fmt.Errorf("date %q is not like 2024-05-31T10:00:00Z", field("date"))
	}
	if bot := field("bot"); bot != "" && bot != "0" {
		return nil
	}
	day := dayOf(at.In(h.location))
	if field("event") == "true" || field("event") == "1" {
		h.add(day, DimEvent, field("path"), Metrics{Views: 1})
		return nil
	}
	path, _, _ := strings.Cut(field("path"), "?")
	from, m := g.see(h, day, path, field)
	h.add(day, DimTotal, "", m)
	h.addFrom(day, from, m)
	country, _, _ := strings.Cut(field("location"), "-")
	h.add(day, DimCountry, country, m)
	browser, _, _ := strings.Cut(field("browser"), " ")
	h.add(day, DimBrowser, browser, m)
	system, _, _ := strings.Cut(field("system"), " ")
	h.add(day, DimOS, system, m)
	return nil
}

// see adds a view to its pages, and returns what it adds to its visit and where
// that came from. Sessions end after hours, so that those of a day are also its
// visitors.
func (g *goatCounter) see(h *history, day int32, path string, field func(string) string) (attribution, Metrics) {
	if day != g.day {
		g.day = day
		clear(g.sessions)
	}
	id := field("session")
	if id == "" { // sessions were not kept
		m := Metrics{Views: 1, Continues: 1}
		h.add(day, DimPage, path, m)
		return h.goatSource(field), m
	}
	s := g.sessions[id]
	m := Metrics{Views: 1}
	if s == nil {
		s = &goatSession{from: h.goatSource(field), entry: path}
		g.sessions[id] = s
		m.Visits, m.Visitors = 1, 1
	}
	h.add(day, DimPage, path, m)
	if s.pages++; s.pages > 1 {
		m.Continues = 1
		h.add(day, DimPage, s.last, Metrics{Continues: 1})
	}
	if s.pages == 2 {
		m.Engaged = 1
		h.add(day, DimPage, s.entry, Metrics{Engaged: 1})
	}
	s.last = path
	h.add(day, DimEntry, s.entry, m)
	return s.from, m
}

// goatSource is where a line's view came from: an address, a name that GoatCounter
// gave to several, or a campaign, as the scheme says.
func (h *history) goatSource(field func(string) string) attribution {
	referrer := field("referrer")
	var s namedSource
	switch field("referrer scheme") {
	case "c":
		return attribution{Channel: Campaign, Source: strings.ToLower(cleanText(referrer))}
	case "g":
		s = h.sources.named(referrer)
	default:
		if host := bareHost(hostOf(referrer)); host != "" {
			s = h.sources.of(host)
		}
	}
	return attribution{Channel: s.channel, Source: s.name}
}

// hostOf is the host of a referrer with or without its scheme.
func hostOf(referrer string) string {
	if referrer == "" {
		return ""
	}
	if !strings.Contains(referrer, "://") {
		referrer = "https://" + referrer
	}
	u, err := url.Parse(referrer)
	if err != nil {
		return ""
	}
	return u.Host
}

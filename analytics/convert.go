package analytics

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// readPlausibleLine reads a line of one of the files of Plausible's export. Which
// one it is its columns tell. Cities and versions are left where they are.
func readPlausibleLine(h *history, field func(string) string) error {
	day, err := parseDay(field("date"))
	if err != nil {
		return err
	}
	var m Metrics
	var bounces, events int64
	for name, n := range map[string]*int64{
		"pageviews": &m.Views, "visits": &m.Visits, "visitors": &m.Visitors, "visit_duration": &m.Seconds,
		"bounces": &bounces, "events": &events,
	} {
		if *n, err = parseCount(field(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if m.Visits == 0 {
		if m.Visits, err = parseCount(field("entrances")); err != nil {
			return fmt.Errorf("entrances: %w", err)
		}
	}
	m.Engaged = max(m.Visits-bounces, 0)
	h.addPlausible(day, field, m, events)
	return nil
}

func (h *history) addPlausible(day int32, field func(string) string, m Metrics, events int64) {
	has := func(name string) bool { return field(name) != "" }
	switch {
	case has("page"):
		// Its visits saw the page, ours began there.
		h.add(day, DimPage, field("page"), Metrics{Views: m.Views})
	case has("entry_page"):
		h.add(day, DimEntry, field("entry_page"), m)
	case has("exit_page"):
	case has("name"):
		h.add(day, DimEvent, field("name"), Metrics{Views: events})
	case has("country"):
		h.add(day, DimCountry, field("country"), m)
		h.add(day, DimRegion, field("region"), m)
	case has("device"):
		h.add(day, DimDevice, plausibleDevice(field("device")), m)
	case has("browser"):
		h.add(day, DimBrowser, field("browser"), m)
	case has("operating_system"):
		h.add(day, DimOS, plausibleOS(field("operating_system")), m)
	case has("source"), has("utm_campaign"):
		s := h.sources.of(bareHost(field("source")))
		h.add(day, DimSource, s.name, m)
		h.add(day, DimChannel, s.channel.String(), m)
		if has("utm_campaign") {
			h.add(day, DimCampaign, field("utm_campaign"), m)
		}
	case has("visits"):
		h.add(day, DimTotal, "", m)
	}
}

func plausibleDevice(name string) string {
	switch name {
	case "Mobile":
		return "phone"
	case "Tablet":
		return "tablet"
	case "Desktop", "Laptop", "Ultra-wide":
		return "computer"
	}
	return "other"
}

func plausibleOS(name string) string {
	switch name {
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
	sessions map[string]bool // of the day, and whether it saw a second page
}

func newGoatCounter() *goatCounter { return &goatCounter{sessions: map[string]bool{}} }

func (g *goatCounter) readLine(h *history, field func(string) string) error {
	at, err := time.Parse(time.RFC3339, field("date"))
	if err != nil {
		return fmt.Errorf("date %q is not like 2024-05-31T10:00:00Z", field("date"))
	}
	if bot := field("bot"); bot != "" && bot != "0" {
		return nil
	}
	day := dayOf(at)
	if field("event") == "true" || field("event") == "1" {
		h.add(day, DimEvent, field("path"), Metrics{Views: 1})
		return nil
	}
	m := g.metrics(day, field("session"))
	h.add(day, DimTotal, "", m)
	path, _, _ := strings.Cut(field("path"), "?")
	h.add(day, DimPage, path, m)
	from := h.sources.of(bareHost(hostOf(field("referrer"))))
	h.add(day, DimSource, from.name, m)
	channel := from.channel
	if from.name == "" {
		channel = Direct
	}
	h.add(day, DimChannel, channel.String(), m)
	country, _, _ := strings.Cut(field("location"), "-")
	h.add(day, DimCountry, country, m)
	browser, _, _ := strings.Cut(field("browser"), " ")
	h.add(day, DimBrowser, browser, m)
	system, _, _ := strings.Cut(field("system"), " ")
	h.add(day, DimOS, system, m)
	return nil
}

// metrics tells a session's first view of the day from its second.
func (g *goatCounter) metrics(day int32, session string) Metrics {
	if day != g.day {
		g.day = day
		clear(g.sessions)
	}
	m := Metrics{Views: 1}
	engaged, seen := g.sessions[session]
	switch {
	case !seen:
		m.Visits = 1
	case !engaged:
		m.Engaged = 1
	}
	g.sessions[session] = seen
	return m
}

// hostOf is the host of a referrer with or without its scheme.
func hostOf(referrer string) string {
	if !strings.Contains(referrer, "://") {
		referrer = "https://" + referrer
	}
	u, err := url.Parse(referrer)
	if err != nil {
		return ""
	}
	return u.Host
}

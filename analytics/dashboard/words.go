package dashboard

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// minPercentBase is the smallest count of which a percentage is told. Under it
// one person more or less would look like a trend.
const minPercentBase = 30

// number is n as people read it.
func number(n analytics.Number) string {
	switch n.Kind {
	case analytics.FewerThan:
		return "fewer than " + thousands(n.N)
	case analytics.About:
		return "about " + thousands(n.N)
	case analytics.Unanswered:
		return "–"
	default:
		return thousands(n.N)
	}
}

// thousands is n with commas: "1,234,567".
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := len(s) % 3
	if start == 0 || (start == 1 && s[0] == '-') {
		start += 3
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i >= start && (i-start)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// counted reports whether n holds a count to reckon with.
func counted(n analytics.Number) bool {
	return n.Kind != analytics.Unanswered && n.Kind != analytics.FewerThan
}

// amount is n as the length of a bar: a hidden count is drawn as one.
func amount(n analytics.Number) int64 {
	switch n.Kind {
	case analytics.FewerThan:
		return min(n.N, 1)
	case analytics.Unanswered:
		return 0
	default:
		return n.N
	}
}

// plural is "1 visit", "3 visits", "fewer than 5 visits".
func plural(n analytics.Number, one, many string) string {
	if n.Kind == analytics.Known && n.N == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

// A change is how a number moved against the period before, in words.
type change struct {
	Text string
	// Trend is "up", "down" or "same", for an arrow beside the words.
	Trend string
}

// compare says how now differs from before. On small counts it names both
// instead of a percentage.
func compare(now, before analytics.Number) (c change) {
	if !counted(now) || !counted(before) {
		return c
	}
	switch {
	case now.N > before.N:
		c.Trend = "up"
	case now.N < before.N:
		c.Trend = "down"
	default:
		return change{"the same as before", "same"}
	}
	if min(now.N, before.N) < minPercentBase {
		c.Text = fmt.Sprintf("%s from %s", c.Trend, thousands(before.N))
		return c
	}
	more := "more"
	if c.Trend == "down" {
		more = "fewer"
	}
	p := percent(abs(now.N-before.N), before.N)
	if p == 0 {
		return change{"nearly the same as before", "same"}
	}
	c.Text = fmt.Sprintf("%d%% %s", p, more)
	return c
}

// percent is part of whole in per cent, rounded half up.
func percent(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return (200*part + whole) / (2 * whole)
}

func abs(n int64) int64 { return max(n, -n) }

// share is part of whole in words, or "" when whole is too small for it.
func share(part, whole analytics.Number) string {
	if !counted(part) || !counted(whole) || whole.N < minPercentBase {
		return ""
	}
	return fmt.Sprintf("%d%%", percent(part.N, whole.N))
}

// length is a number of seconds as people say it: "2 min 14 s".
func length(n analytics.Number) string {
	if !counted(n) {
		return number(n)
	}
	d := time.Duration(n.N) * time.Second
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", n.N)
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", n.N/60, n.N%60)
	default:
		return fmt.Sprintf("%d h %02d min", n.N/3600, n.N/60%60)
	}
}

// ago is how long t lies back, coarsely.
func ago(t, now time.Time) string {
	switch d := now.Sub(t); {
	case t.IsZero():
		return "never"
	case d < time.Minute:
		return "just now"
	case d < 2*time.Minute:
		return "a minute ago"
	case d < time.Hour:
		return fmt.Sprintf("%d minutes ago", d/time.Minute)
	case d < 2*time.Hour:
		return "an hour ago"
	case d < 2*oneDay:
		return fmt.Sprintf("%d hours ago", d/time.Hour)
	default:
		return fmt.Sprintf("%d days ago", d/oneDay)
	}
}

// window is a length of keeping in words: "25 months".
func window(d time.Duration) string {
	const month = 30 * oneDay
	switch days := d / oneDay; {
	case days >= 365 && days%365 == 0:
		return countOf(int64(days/365), "year")
	case days >= 120:
		return countOf(int64((d+month/2)/(30*oneDay+10*time.Hour)), "month")
	default:
		return countOf(int64(days), "day")
	}
}

func countOf(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if stem, ok := strings.CutSuffix(thing, "y"); ok && thing != "day" {
		return thousands(n) + " " + stem + "ies"
	}
	return thousands(n) + " " + thing + "s"
}

// refusals are the reasons for a grey panel, said to an admin.
var refusals = map[analytics.Refusal]string{
	analytics.RefusedPrivacy:   "Not shown: such small groups could point to a single person.",
	analytics.RefusedForgotten: "Not shown: these details are kept for a shorter time than the period goes back.",
	analytics.RefusedNotKept:   "Not shown: lychgate never counts these two together, so that nobody can be followed from page to page.",
}

func refusal(r analytics.Refusal) string {
	if s, ok := refusals[r]; ok {
		return s
	}
	return "Not shown: this cannot be answered."
}

// countries.txt holds the English names of ISO 3166-1 codes (Unicode CLDR).
//
//go:embed countries.txt
var countriesFile string

// readCountries returns the names by code.
func readCountries() map[string]string {
	m := make(map[string]string, 256)
	for line := range strings.Lines(countriesFile) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		m[code] = name
	}
	return m
}

// ukNations are the ISO 3166-2 codes that are told apart within the country.
var ukNations = map[string]string{
	"GB-ENG": "England", "GB-SCT": "Scotland", "GB-WLS": "Wales", "GB-NIR": "Northern Ireland",
}

// names says in words what a value of a dimension is.
type names struct{ countries map[string]string }

// empty is what an empty value means.
var emptyNames = map[analytics.Dim]string{
	analytics.DimSource:  "No source known",
	analytics.DimCountry: "Country not known",
	analytics.DimRegion:  "Region not known",
	analytics.DimBrowser: "Other browsers",
	analytics.DimOS:      "Other systems",
	analytics.DimDevice:  "Other devices",
}

var deviceNames = map[string]string{
	"phone": "Phone", "tablet": "Tablet", "computer": "Computer", "other": "Something else",
}

func (n names) of(d analytics.Dim, value string) string {
	var name string
	switch d {
	case analytics.DimCountry:
		name = n.countries[value]
	case analytics.DimRegion:
		name = ukNations[value]
	case analytics.DimDevice:
		name = deviceNames[value]
	case analytics.DimChannel:
		name = channelNames[value]
	}
	switch {
	case name != "":
		return name
	case value == "" && emptyNames[d] != "":
		return emptyNames[d]
	case value == "":
		return "Not known"
	case value == "/" && (d == analytics.DimPage || d == analytics.DimEntry):
		return "/ (front page)"
	}
	return value
}

var channelNames = map[string]string{
	analytics.Direct.String(): "Direct or not known", analytics.Search.String(): "Search engines",
	analytics.Social.String(): "Social media", analytics.Video.String(): "Video sites",
	analytics.Email.String(): "E-mail and newsletters", analytics.Assistant.String(): "AI assistants",
	analytics.Paid.String(): "Paid advertising", analytics.Campaign.String(): "Campaign links",
	analytics.Referral.String(): "Other websites",
}

package analytics

import (
	_ "embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// A Channel is the kind of way by which a visit came.
type Channel uint8

// The channels.
const (
	// Direct: typed, bookmarked, or not known.
	Direct Channel = iota
	Search
	Social
	Video
	Email
	Assistant // AI assistants
	Paid      // advertisements, by utm_medium or a click id
	Campaign  // other links with utm parameters
	Referral  // other sites
	channels
)

var channelNames = [channels]string{
	"direct", "search", "social", "video", "email", "assistant", "paid", "campaign", "referral",
}

// String is the channel's value in the sums.
func (c Channel) String() string {
	if c >= channels {
		return channelNames[Direct]
	}
	return channelNames[c]
}

// A namedSource is a well-known place that visits come from.
type namedSource struct {
	name    string
	channel Channel
}

// sourcesText has a line for each: domain, name, channel. A domain stands for
// its sub-domains too.
//
//go:embed sources.txt
var sourcesText string

// A sourceTable knows named sources by domain.
type sourceTable map[string]namedSource

func readSources(text string) (sourceTable, error) {
	t := sourceTable{}
	for i, line := range strings.Split(text, "\n") {
		f := strings.Fields(line)
		if len(f) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		c := Direct
		for c < channels && (len(f) != 3 || channelNames[c] != f[2]) {
			c++
		}
		if c == channels {
			return nil, fmt.Errorf("sources.txt line %d: want domain, name, channel", i+1)
		}
		t[f[0]] = namedSource{name: f[1], channel: c}
	}
	return t, nil
}

// of returns the name and channel of a referring host. What is not in the table
// is a referral from the host itself.
func (t sourceTable) of(host string) namedSource {
	for part := host; part != ""; {
		if s, ok := t[part]; ok {
			return s
		}
		// google.co.uk, google.de, ...: one line "google.*" for all of them.
		label, rest, more := strings.Cut(part, ".")
		if s, ok := t[label+".*"]; ok && strings.Count(rest, ".") <= 1 && more {
			return s
		}
		part = rest
	}
	return namedSource{name: host, channel: Referral}
}

// attributionOf reads where r came from: its query's utm parameters first, then
// its referrer's host. Everything else of both is left where it is.
func (t sourceTable) attributionOf(r *http.Request, q url.Values) attribution {
	var a attribution
	host := externalReferrer(r)
	if host != "" {
		s := t.of(host)
		if s.name == spam {
			return attribution{}
		}
		a.Source, a.Channel = cleanText(s.name), s.channel
	}
	if len(q) != 0 {
		t.readCampaign(&a, q)
	}
	a.Source = cutText(a.Source, maxSourceBytes)
	a.Campaign = cutText(a.Campaign, min(maxCampaignBytes, maxOriginBytes-len(a.Source)))
	return a
}

// spam is the name of referrers that only exist to be seen in statistics.
const spam = "-"

func (t sourceTable) readCampaign(a *attribution, q url.Values) {
	source := firstText(q, "utm_source", "ref", "source")
	a.Campaign = cleanText(q.Get("utm_campaign"))
	medium := strings.ToLower(cleanText(q.Get("utm_medium")))
	a.Medium = cutText(medium, maxOnceBytes)
	a.Term = cutText(cleanText(q.Get("utm_term")), maxOnceBytes)
	a.Content = cutText(cleanText(q.Get("utm_content")), maxOnceBytes)
	if source != "" {
		s := t.of(bareHost(source))
		if s.channel == Referral { // no known domain: a word of the owner's
			s.name = source
		}
		a.Source = s.name
		if a.Channel == Direct || a.Channel == Referral {
			a.Channel = s.channel
		}
		if s.channel == Referral {
			a.Channel = Campaign
		}
	}
	switch {
	case strings.Contains(medium, "mail") || medium == "newsletter":
		a.Channel = Email
	case medium == "cpc" || medium == "ppc" || strings.HasPrefix(medium, "paid") || medium == "display" ||
		medium == "banner" || q.Has("gclid") || q.Has("msclkid"):
		a.Channel = Paid
	case medium == "social" || medium == "social-media":
		a.Channel = Social
	case a.Channel == Direct && (a.Campaign != "" || medium != ""):
		a.Channel = Campaign
	}
}

// firstText is the cleaned value of the first of names that q has.
func firstText(q url.Values, names ...string) string {
	for _, n := range names {
		if v := q.Get(n); v != "" {
			return strings.ToLower(cleanText(v))
		}
	}
	return ""
}

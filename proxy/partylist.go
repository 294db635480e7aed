package proxy

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A ThirdParty is what is known of one host that a site's pages contact. It
// holds nothing of any visitor.
type ThirdParty struct {
	Host string `toml:"host" json:"host"`
	// Service, Kind and Purpose are the catalogue's; Service is empty for an
	// unknown host, whose purpose is "other". Name is the service's in words.
	Service string `toml:"service,omitempty" json:"service,omitempty"`
	Name    string `toml:"-" json:"name,omitempty"`
	Kind    string `toml:"kind,omitempty" json:"kind,omitempty"`
	Purpose string `toml:"purpose,omitempty" json:"purpose,omitempty"`
	// Verdict is "held", "relayed" or "passed", before anything is granted.
	Verdict string `toml:"verdict" json:"verdict"`
	// Loads are the kinds of things it was wanted for: "script", "frame" ...
	Loads []string `toml:"loads" json:"loads"`
	// Pages is on how many pages it was seen, at least.
	Pages int `toml:"pages" json:"pages"`
	// Since and Last are the dates of the first and the last sight.
	Since string `toml:"since" json:"since"`
	Last  string `toml:"last" json:"last"`
	// InForce says that visitors are asked about it. What is not in force is
	// held for everybody, whatever they agreed to.
	InForce bool `toml:"in_force" json:"in_force"`
}

// AsksToo reports whether it is another cookie banner, which would put a second
// question to whoever has said yes to ours.
func (p ThirdParty) AsksToo() bool { return p.Kind == "consent" }

// A SiteCookie is a cookie that a site's answers tried to set and that is not
// one of its essential ones.
type SiteCookie struct {
	Name    string `toml:"name" json:"name"`
	Service string `toml:"service,omitempty" json:"service,omitempty"`
	// ServiceName is the service's in words.
	ServiceName string `toml:"-" json:"service_name,omitempty"`
	Purpose     string `toml:"purpose" json:"purpose"`
	Since       string `toml:"since" json:"since"`
}

// A partyListSite is one site's part of the file.
type partyListSite struct {
	Name    string       `toml:"name"`
	Parties []ThirdParty `toml:"party"`
	Cookies []SiteCookie `toml:"cookie"`
}

type partyList struct {
	Sites []partyListSite `toml:"site"`
}

const partyListHead = `# What the pages of your site contact. Written by lychgate; it may be changed
# while lychgate does not run. A held entry with in_force = false is held for
# everybody until 03:00, when it enters the list that visitors are asked about.

`

// destWord is the word for a destination in files and tables.
func destWord(d rewrite.Dest) string {
	words := [...]string{
		"script", "worker", "style", "image", "font", "media", "frame", "object", "manifest", "hint", "beacon", "refresh", "base",
	}
	if int(d) < len(words) {
		return words[d]
	}
	return "other"
}

const dateForm = "2006-01-02"

// list is the inventory as it is kept and shown.
func (in *inventory) list() []ThirdParty {
	var list []ThirdParty
	for p := range in.parties.Load().all() {
		pages, since := p.sight()
		t := ThirdParty{
			Host: p.host, Verdict: p.outcome().String(), Pages: pages,
			Since: since.Format(dateForm), Last: time.Unix(p.lastDay.Load()*86400, 0).UTC().Format(dateForm),
			InForce: p.admitted.Load(), Loads: []string{},
		}
		if s := p.service; s != nil {
			t.Service, t.Name, t.Kind, t.Purpose = s.ID, s.Name, s.Kind, s.Purpose
		} else if p.outcome() == holds {
			t.Purpose = purposeOf(nil)
		}
		for d := rewrite.Dest(0); d <= rewrite.Base; d++ {
			if p.dests.Load()&(1<<d) != 0 {
				t.Loads = append(t.Loads, destWord(d))
			}
		}
		list = append(list, t)
	}
	sortParties(list)
	return list
}

func sortParties(list []ThirdParty) {
	slices.SortFunc(list, func(a, b ThirdParty) int {
		return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Host, b.Host))
	})
}

// cookieList is every cookie seen that is not an essential one.
func (in *inventory) cookieList() []SiteCookie {
	in.mu.Lock()
	defer in.mu.Unlock()
	var list []SiteCookie
	for name, c := range in.cookies {
		k := SiteCookie{Name: name, Purpose: purposeOf(c.service), Since: c.since.Format(dateForm)}
		if c.service != nil {
			k.Service, k.ServiceName = c.service.ID, c.service.Name
		}
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b SiteCookie) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

// cookie notes that the site tried to set a cookie that is not essential.
func (in *inventory) cookie(name string, s *service) {
	name = withoutNumbers(name)
	in.mu.Lock()
	_, known := in.cookies[name]
	if known = known || len(in.cookies) >= maxSeenCookies; !known {
		in.cookies[name] = &seenCookie{service: s, since: in.now().UTC()}
		in.dirty.Store(true)
	}
	in.mu.Unlock()
	if s != nil && !known {
		in.inline(s).saw(rewrite.Beacon, holds)
	}
}

// withoutNumbers is a cookie's name without what might be a visitor's number
// in it: six or more digits and letters a to f in a row, one of them a digit.
func withoutNumbers(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		n, digits := i, 0
		for n < len(name) && strings.IndexByte("0123456789abcdefABCDEF", name[n]) >= 0 {
			if name[n] <= '9' {
				digits++
			}
			n++
		}
		switch {
		case n-i >= 6 && digits > 0:
			b.WriteByte('*')
		case n > i:
			b.WriteString(name[i:n])
		default:
			b.WriteByte(name[i])
			n++
		}
		i = n
	}
	return b.String()
}

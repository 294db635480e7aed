package proxy

import (
	"strings"
	"testing"
)

// TestTheTableIsForPeople: one row a service, what the words mean, and what all
// pages hold said once.
func TestTheTableIsForPeople(t *testing.T) {
	pixel := ScanFound{Host: "connect.facebook.net", Service: "Meta Pixel", Loads: "script", Verdict: "held"}
	font := ScanFound{Host: "fonts.googleapis.com", Service: "Google Fonts", Loads: "style", Verdict: "relayed"}
	film := ScanFound{Host: "films.example", Loads: "frame", Verdict: "held"}
	r := ScanReport{
		Site: "ours", Complete: true,
		Pages: []*ScanPage{
			{Path: "/", Found: []ScanFound{pixel, font}},
			{Path: "/films", Found: []ScanFound{font, film, pixel}},
			{Path: "/robots.txt"},
		},
		ThirdParties: []ThirdParty{
			{Host: "films.example", Purpose: "other", Verdict: "held", Loads: []string{"frame"}, Pages: 1},
			{Host: "connect.facebook.net", Name: "Meta Pixel", Purpose: "advertising", Verdict: "held", Loads: []string{"script"}, Pages: 2},
			{Host: "facebook.com", Name: "Meta Pixel", Purpose: "advertising", Verdict: "held", Loads: []string{"image", "script"}, Pages: 1},
			{Host: "fonts.googleapis.com", Name: "Google Fonts", Purpose: "functional", Verdict: "relayed", Loads: []string{"style"}, Pages: 2},
		},
		Cookies: []SiteCookie{{Name: "visitor_*", Purpose: "other"}},
		Advice:  []string{"set banner = \"bottom\""},
	}
	const want = `Site ours: 3 pages and files looked at.

VERDICT  SERVICE       PURPOSE      LOADS          PAGES  HOSTS
held     unknown       other        frame          1      films.example
held     Meta Pixel    advertising  script, image  2      connect.facebook.net, facebook.com
relayed  Google Fonts  functional   style          2      fonts.googleapis.com

held     does not load until a visitor agrees
relayed  comes through lychgate, so that browsers do not contact its server

COOKIE     SERVICE  PURPOSE
visitor_*  -        other
Cookies of the site's own server wait for a yes as well. Those the site cannot do without go into essential_cookies.

On all 2 pages that hold anything
  held     script  connect.facebook.net  Meta Pixel
  relayed  style   fonts.googleapis.com  Google Fonts

/films
  held  frame  films.example  

Nothing more on /

ADVICE  set banner = "bottom"
`
	var got strings.Builder
	if err := r.WriteTable(&got); err != nil {
		t.Fatal(err)
	}
	if got.String() != want {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
}

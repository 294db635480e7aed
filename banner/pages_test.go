package banner

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// testDay is when the visitor of the tests answered.
var testDay = time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)

func testPurposes() []PurposeChoice {
	return []PurposeChoice{
		{ID: "statistics", Granted: true},
		{ID: "media", Services: []Service{{
			Name: "YouTube", Hosts: []string{"youtube.com", "ytimg.com"}, Text: "Shows videos.", Privacy: "https://policies.google.com/privacy",
			Cookies: []Cookie{{Name: "VISITOR_INFO1_LIVE", Text: "Measures the connection.", Life: "6 months"}},
		}}},
	}
}

func testConsentPage(choice Choice) *ConsentPage {
	p := &ConsentPage{
		Choice: choice, Policy: "p1", Purposes: testPurposes(), CountStates: true,
		Contact: "hello@oaks.example", PrivacyURL: "/privacy",
		KeepAnswer: 180 * day, KeepRecords: 4 * year, KeepStatistics: 25 * month,
	}
	if choice != Undecided {
		p.Day, p.Expires = testDay, testDay.AddDate(0, 0, 180)
	}
	if choice == Accepted {
		p.Receipt, p.Counting = true, []Fact{TextFact("pages", "3")}
	}
	return p
}

// testWrite returns a page and its elements.
func testWrite(t *testing.T, f func(io.Writer) error) (string, []*html.Node) {
	t.Helper()
	var w bytes.Buffer
	if err := f(&w); err != nil {
		t.Fatal(err)
	}
	return w.String(), parse(t, w.Bytes())
}

func byName(nodes []*html.Node, name, key, value string) *html.Node {
	for _, n := range find(nodes, name) {
		if attr(n, key) == value {
			return n
		}
	}
	return nil
}

func TestConsentPage(t *testing.T) {
	b := testBanner(t, Config{})
	for _, c := range []struct {
		choice             Choice
		decision, purposes string
		withdraw           bool
	}{
		{Undecided, "none", "", false},
		{Declined, "decline", "", false},
		{Accepted, "accept", "statistics", true},
	} {
		for _, s := range b.tongues.speeches {
			p := testConsentPage(c.choice)
			p.Lang = s.Tag
			body, nodes := testWrite(t, func(w io.Writer) error { return b.WriteConsent(w, p) })
			main := find(nodes, "main")[0]
			if attr(main, "data-decision") != c.decision || attr(main, "data-purposes") != c.purposes {
				t.Errorf("%s: main is %v", s.Tag, main.Attr)
			}
			if got := byName(nodes, "button", "value", "withdraw") != nil; got != c.withdraw {
				t.Errorf("%s %s: withdraw button: %v", s.Tag, c.decision, got)
			}
			equalAnswers(t, nodes)
			for _, id := range []string{"statistics", "media"} {
				yes := c.choice == Accepted && id == "statistics"
				checkedRadio(t, nodes, "purpose-"+id, yes)
			}
			for _, form := range find(nodes, "form") {
				if attr(form, "action") != "/_lychgate/consent" || attr(form, "method") != "post" {
					t.Errorf("form %v", form.Attr)
				}
				fields := map[string]string{}
				for n := range form.Descendants() {
					if attr(n, "type") == "hidden" {
						fields[attr(n, "name")] = attr(n, "value")
					}
				}
				if fields["return_to"] != "/_lychgate/consent" || fields["policy"] != "p1" || fields["lang"] != s.Tag {
					t.Errorf("fields %v", fields)
				}
			}
			for _, want := range []string{"YouTube", "youtube.com, ytimg.com", "VISITOR_INFO1_LIVE", s.life("6 months"), "hello@oaks.example", "ico.org.uk", "/privacy"} {
				if !strings.Contains(body, want) {
					t.Errorf("%s: %q is not on the page", s.Tag, want)
				}
			}
			if strings.Contains(body, "{") && strings.Contains(text(main), "{") {
				t.Errorf("%s: a placeholder is left: %s", s.Tag, text(main))
			}
		}
	}
}

// equalAnswers checks the two answers for everything, and that no other button
// of a form says yes.
func equalAnswers(t *testing.T, nodes []*html.Node) {
	t.Helper()
	accept, decline := byName(nodes, "button", "value", "accept"), byName(nodes, "button", "value", "decline")
	if accept == nil || decline == nil || accept.Parent != decline.Parent || len(accept.Attr) != len(decline.Attr) {
		t.Error("the two answers are not alike")
	}
}

// checkedRadio checks which of two radios is chosen.
func checkedRadio(t *testing.T, nodes []*html.Node, name string, yes bool) {
	t.Helper()
	chosen := map[string]bool{}
	for _, n := range find(nodes, "input") {
		if attr(n, "name") == name {
			_, chosen[attr(n, "value")] = checked(n)
		}
	}
	if len(chosen) != 2 || chosen["yes"] != yes || chosen["no"] == yes {
		t.Errorf("%s: %v, want yes: %v", name, chosen, yes)
	}
}

func checked(n *html.Node) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == "checked" {
			return a.Val, true
		}
	}
	return "", false
}

func TestConsentPageSaysWhy(t *testing.T) {
	b := testBanner(t, Config{})
	saved := testConsentPage(Accepted)
	saved.Saved = true
	gpc := testConsentPage(Declined)
	gpc.GPC = true
	changed := testConsentPage(Undecided)
	changed.News = News{Services: []Service{{Name: "YouTube"}, {Name: "Vimeo"}}}
	for _, c := range []struct {
		page *ConsentPage
		want string
	}{
		{saved, "<title>Choice saved – Your cookie choices – Little Oaks</title>"},
		{saved, "You said yes to some of it on 21 November 2026."},
		{saved, "We keep this answer until 20 May 2027."},
		{saved, "180 days"},
		{saved, "4 years"},
		{saved, "25 months"},
		{testConsentPage(Declined), "You said no on 21 November 2026."},
		{testConsentPage(Undecided), "You have not chosen yet."},
		{gpc, "Global Privacy Control"},
		{changed, "New since you last answered: YouTube, Vimeo"},
	} {
		body, _ := testWrite(t, func(w io.Writer) error { return b.WriteConsent(w, c.page) })
		if !strings.Contains(body, c.want) {
			t.Errorf("%q is missing", c.want)
		}
	}
}

// TestPagesHoldWhatTheirPolicyAllows: one style with the hash of the policy, no
// script, no attribute that a policy would stop, nothing loaded.
func TestPagesHoldWhatTheirPolicyAllows(t *testing.T) {
	b := testBanner(t, Config{})
	v := Visitor{Lang: "cy"}
	providers := testPurposes()[1].Services
	for name, f := range map[string]func(io.Writer) error{
		"consent":   func(w io.Writer) error { return b.WriteConsent(w, testConsentPage(Accepted)) },
		"withdrawn": func(w io.Writer) error { return b.WriteWithdrawn(w, &WithdrawnPage{v, providers, "{}", "/a"}) },
		"receipt": func(w io.Writer) error {
			return b.WriteReceipt(w, &ReceiptPage{Visitor: v, Facts: []Fact{TextFact("pages", "b")}, Asked: "May we?", AskedLang: "en", Receipt: "{}"})
		},
		"none": func(w io.Writer) error { return b.WriteReceipt(w, &ReceiptPage{Visitor: v}) },
		"verify": func(w io.Writer) error {
			return b.WriteVerify(w, &VerifyPage{Visitor: v, Result: Proven, Receipt: "{}", Facts: []Fact{TextFact("pages", "b")}})
		},
		"error": func(w io.Writer) error { return b.WriteError(w, &ErrorPage{Visitor: v, Status: 502}) },
	} {
		t.Run(name, func(t *testing.T) {
			_, nodes := testWrite(t, f)
			styles := find(nodes, "style")
			if len(styles) != 1 || !strings.Contains(PagePolicy(), cspHash(text(styles[0]))) {
				t.Errorf("%d styles, policy %s", len(styles), PagePolicy())
			}
			if len(find(nodes, "main")) != 1 || len(find(nodes, "h1")) != 1 || len(find(nodes, "title")) != 1 {
				t.Error("a page has one main, one h1, one title")
			}
			for _, n := range nodes {
				switch n.Data {
				case "script", "img", "link", "iframe", "object", "base":
					t.Errorf("<%s> on a page of ours", n.Data)
				}
				for _, a := range n.Attr {
					if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" {
						t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
					}
				}
			}
		})
	}
}

func TestErrorPage(t *testing.T) {
	b := testBanner(t, Config{})
	for _, c := range []struct {
		page       ErrorPage
		want, href string
	}{
		{ErrorPage{Status: 400, ReturnTo: "/a"}, "not right", "/a"},
		{ErrorPage{Status: 403}, "only opens when", "/"},
		{ErrorPage{Status: 404}, "cannot find", "/"},
		{ErrorPage{Status: 405}, "not right", "/"},
		{ErrorPage{Status: 413}, "too much", "/"},
		{ErrorPage{Status: 421}, "no website", ""},
		{ErrorPage{Status: 502, ReturnTo: "/a?b=c"}, "not answering", "/a?b=c"},
		{ErrorPage{Status: 503}, "not answering", "/"},
		{ErrorPage{Status: 504}, "not answering", "/"},
		{ErrorPage{Status: 503, Unsaved: Accepted, ReturnTo: "/a"}, "nothing was switched on", "/a"},
		{ErrorPage{Status: 200, Unsaved: Declined, ReturnTo: "/a"}, "Your no counts", "/a"},
	} {
		body, nodes := testWrite(t, func(w io.Writer) error { return b.WriteError(w, &c.page) })
		href := ""
		for n := range find(nodes, "main")[0].Descendants() {
			if n.Data == "a" {
				href = attr(n, "href")
			}
		}
		if !strings.Contains(body, c.want) || href != c.href {
			t.Errorf("%+v: way on %q, want %q; %q in %s", c.page, href, c.href, c.want, text(find(nodes, "main")[0]))
		}
	}
}

func TestServicesFragment(t *testing.T) {
	b := testBanner(t, Config{})
	body, nodes := testWrite(t, func(w io.Writer) error {
		return b.WriteServices(w, Visitor{Lang: "ar"}, testPurposes(), []Service{{Name: "Donorbox", Hosts: []string{"donorbox.org"}}})
	})
	if strings.Contains(body, "<!doctype") || len(find(nodes, "style")) > 0 {
		t.Error("the fragment is no document and brings no style")
	}
	root := find(nodes, "div")[0]
	if attr(root, "lang") != "ar" || attr(root, "dir") != "rtl" {
		t.Errorf("fragment is %v", root.Attr)
	}
	for _, want := range []string{"YouTube", "youtube.com", "VISITOR_INFO1_LIVE", "6 أشهر"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing", want)
		}
	}
}

// TestForeignText puts markup into every text a page is given.
func TestForeignText(t *testing.T) {
	b := testBanner(t, Config{SiteName: `<script>alert("site")</script>`})
	evil := `"><script>alert(1)</script>{ico}`
	services := []Service{{Name: evil, Hosts: []string{evil}, Text: evil, Privacy: "javascript:alert(1)", Cookies: []Cookie{{Name: evil, Text: evil, Life: evil}}}}
	p := testConsentPage(Accepted)
	p.Visitor = Visitor{Lang: evil, AcceptLanguage: evil}
	p.Policy, p.ReturnTo, p.Contact, p.PrivacyURL = evil, "javascript:alert(1)", evil, "javascript:alert(1)"
	p.News, p.Counting = News{[]string{evil}, []Service{{Name: evil}}}, []Fact{TextFact(evil, evil), TermFact(evil, evil), LanguageFact(evil, evil), AnswerFact(evil, []string{evil}, false)}
	p.Purposes = append(p.Purposes, PurposeChoice{ID: evil, Services: services})
	for _, f := range []func(io.Writer) error{
		func(w io.Writer) error { return b.WriteConsent(w, p) },
		func(w io.Writer) error { return b.WriteServices(w, p.Visitor, p.Purposes, p.Always) },
		func(w io.Writer) error { return b.WriteWithdrawn(w, &WithdrawnPage{p.Visitor, services, evil, evil}) },
		func(w io.Writer) error {
			return b.WriteReceipt(w, &ReceiptPage{p.Visitor, p.Counting, evil, evil, evil})
		},
		func(w io.Writer) error {
			return b.WriteVerify(w, &VerifyPage{p.Visitor, Proven, evil, p.Counting, evil, evil})
		},
		func(w io.Writer) error {
			return b.WriteError(w, &ErrorPage{p.Visitor, 502, Undecided, "javascript:alert(1)"})
		},
	} {
		body, nodes := testWrite(t, f)
		if len(find(nodes, "script")) > 0 {
			t.Errorf("markup got in: %s", body)
		}
		for _, n := range find(nodes, "a") {
			if strings.HasPrefix(attr(n, "href"), "javascript:") {
				t.Errorf("a script as link: %v", n.Attr)
			}
		}
	}
}

package dashboard

import (
	"bytes"
	"encoding/csv"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// payloads are texts that a visitor could bring along as a path, referrer,
// campaign, search word, event or user agent.
var payloads = []string{
	`<script>alert(1)</script>`, `"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`,
	`<img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`, `</title><script>alert(1)</script>`,
	`</textarea><script>alert(1)</script>`, `</style><script>alert(1)</script>`, `--><script>alert(1)</script>`,
	`javascript:alert(1)`, `data:text/html,<script>alert(1)</script>`, `vbscript:msgbox(1)`,
	`" onmouseover="alert(1)`, `' autofocus onfocus='alert(1)`, "`onload=alert(1)`", `{{.}}{{printf "x"}}`,
	"<scr\x00ipt>alert(1)</script>", `&lt;script&gt;alert(1)&lt;/script&gt;`, `//evil.example/%0d%0aSet-Cookie:a=b`,
	"\u202e\u2066<iframe srcdoc='<script>alert(1)</script>'>",
}

// Whatever visitors bring along stays text: no page gets an element, an
// attribute or an address of theirs.
func TestNothingFromVisitorsLives(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	for i, p := range payloads {
		d.testSums(t, "willow.example", today(), every(p, int64(100+i))...)
		d.testSums(t, "willow.example", lastMonth(), every(p, int64(100+i))...)
	}
	secret, err := d.accounts.addKey(t.Context(), linkKey, "willow.example", "trustee", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	const base = "/_lychgate/admin/sites/willow.example/"
	paths := []string{base, base + "report", sharedURL(secret), sharedURL(secret) + "report"}
	for _, tab := range everyTab() {
		panel, open, _ := strings.Cut(tab, ".")
		paths = append(paths, base+"?"+panel+"="+open, base+"list/"+tab)
	}
	asked := payloads
	if testing.Short() {
		asked = payloads[:4]
	}
	for _, p := range asked {
		q := url.QueryEscape(p)
		paths = append(paths, base+"?page="+q, base+"?by=source&is="+q, base+"?period="+q, base+"?compare="+q+"&from="+q+"&to="+q, "/_lychgate/admin/sign-in?next="+q)
	}
	shown := map[string]bool{}
	for _, path := range paths {
		res := b.get(path)
		if res.StatusCode != 200 && res.StatusCode != 303 {
			t.Fatalf("%s: status %d", path, res.StatusCode)
		}
		if res.StatusCode == 303 {
			continue
		}
		n := page(t, res)
		checkNothingLives(t, path, n)
		all := text(n)
		for _, p := range payloads {
			shown[p] = shown[p] || strings.Contains(all, strings.Join(strings.Fields(strings.ReplaceAll(p, "\x00", "\ufffd")), " "))
		}
	}
	month := monthOf(lastMonth())
	site, _ := d.site("willow.example")
	r, err := newReport(t.Context(), d.answers.each, 5, d.names, site, spanMonth, reportPeriod(spanMonth, month, today()), reportPeriod(spanMonth, month.AddDate(0, -1, 0), today()))
	if err != nil {
		t.Fatal(err)
	}
	var letter bytes.Buffer
	if err := d.pages["letter"].ExecuteTemplate(&letter, "letter", r); err != nil {
		t.Fatal(err)
	}
	n, err := html.Parse(strings.NewReader(strings.ReplaceAll(letter.String(), ` style="`, ` data-own="`))) // letters have no style sheet
	if err != nil {
		t.Fatal(err)
	}
	checkNothingLives(t, "the letter", n)
	for _, p := range payloads {
		if !shown[p] {
			t.Errorf("control: %q was shown nowhere, so nothing was tested", p)
		}
	}
}

// allowed are the elements that the templates use.
var allowed = strings.Fields(`html head meta title link body a header footer main nav section article div p span strong bdi code pre
	h1 h2 h3 ul li table thead tbody tr th td details summary form input label br em select option button
	svg g path rect line circle text`)

func checkNothingLives(t *testing.T, path string, n *html.Node) {
	t.Helper()
	for _, e := range find(n, func(*html.Node) bool { return true }) {
		if !slices.Contains(allowed, e.Data) {
			t.Errorf("%s: holds <%s>", path, e.Data)
		}
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || a.Key == "autofocus" {
				t.Errorf("%s: <%s %s=%q>", path, e.Data, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "action" || a.Key == "src") && a.Val != "" &&
				!strings.HasPrefix(a.Val, "/_lychgate/") && !strings.HasPrefix(a.Val, "#") && a.Val != "https://db-ip.com" { // the licence asks for it
				t.Errorf("%s: leads to %q", path, a.Val)
			}
		}
	}
}

func TestFormulas(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t)
	formulas := []string{
		`=HYPERLINK("http://evil.example","x")`, `+1+1`, `-2+3`, `@SUM(A1)`, "\t=1+1", "\r=1+1", "\n=1+1", ` =1+1`,
		`"=1+1`, `=cmd|' /C calc'!A0`, `％=1`, `＝1+1`, `|calc`, `'=1+1`, "\u00a0=1+1", "\ufeff=1+1",
	}
	for i, f := range formulas {
		d.testSums(t, "willow.example", today(), every(f, int64(100+i))...)
		d.testSums(t, "willow.example", lastMonth(), every(f, int64(100+i))...)
	}
	const base = "/_lychgate/admin/sites/willow.example/"
	paths := []string{base + "report.csv"}
	for _, tab := range everyTab() {
		paths = append(paths, base+"list/"+tab+".csv")
	}
	cells := 0
	for _, path := range paths {
		res := b.get(path)
		want(t, res, 200)
		if got := res.Header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="willow.example-`) {
			t.Errorf("%s: got Content-Disposition %q", path, got)
		}
		records, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(body(t, res), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		for _, r := range records {
			for _, cell := range r {
				if cell == "" {
					continue
				}
				cells++
				if c := []rune(strings.Trim(cell, " \u00a0\ufeff\""))[0]; strings.ContainsRune("=+-@\t\r\n|＝", c) {
					t.Errorf("%s: cell %q is a formula", path, cell)
				}
			}
		}
	}
	if cells < len(formulas)*len(paths) {
		t.Errorf("control: only %d cells", cells)
	}
}

package dashboard

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/html"
)

// shownOnce is the link or token that an answer shows.
func shownOnce(t *testing.T, res *http.Response) string {
	t.Helper()
	codes := find(page(t, res), func(n *html.Node) bool { return n.Data == "code" && attr(n, "class") == "secret" })
	if len(codes) != 1 {
		t.Fatalf("shows %d secrets, want 1", len(codes))
	}
	return text(codes[0])
}

const sharingPath = "/_lychgate/admin/sites/willow.example/sharing"

func TestSharedLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := testDashboard(t)
		b := d.owner(t).choosePassword()
		d.testSums(t, "willow.example", today(), sum{dim: "total", views: 1234, visits: 1003, visitors: 3},
			sum{dim: "country", value: "GB", visits: 997}, sum{dim: "country", value: "FR", visits: 3, views: 3})
		link := shownOnce(t, b.post(sharingPath, "act", "link", "name", "Trustees", "days", "30", "password", goodPassword))
		path, ok := strings.CutPrefix(link, "https://willow.example")
		if !ok {
			t.Fatalf("got link %s", link)
		}
		trustee := d.testBrowser(t)

		all := text(page(t, trustee.get(path+"?places=countries")))
		for _, want := range []string{"1,005", "1,235"} {
			if !strings.Contains(all, want) {
				t.Errorf("the shared page lacks %q: %s", want, all)
			}
		}
		for _, secret := range []string{"1,003", "1,234", "France", "last 30 minutes"} {
			if strings.Contains(all, secret) {
				t.Errorf("the shared page shows %q", secret)
			}
		}
		want(t, trustee.get(path+"report"), http.StatusOK)
		want(t, trustee.get(path+"report.csv"), http.StatusOK)
		if len(trustee.cookies) != 0 {
			t.Errorf("a shared page set cookies %v", trustee.cookies)
		}
		for _, more := range []string{"people", "sharing", "gate", "list/pages.all", "../", "audit"} {
			if got := trustee.get(path + more).StatusCode; got == http.StatusOK {
				t.Errorf("the link opens %s", more)
			}
		}
		if strings.Contains(text(page(t, b.get(sharingPath))), strings.Split(path, "/")[3]) {
			t.Error("the secret is shown a second time")
		}

		time.Sleep(29 * 24 * time.Hour)
		want(t, trustee.get(path), http.StatusOK)
		time.Sleep(24 * time.Hour)
		want(t, trustee.get(path), http.StatusNotFound)
	})
}

// A visitor of a shared page may choose a period. Whatever is chosen, the answer
// is about whole months.
func TestSharedPeriodsAreWholeMonths(t *testing.T) {
	d := testDashboard(t)
	secret, err := d.accounts.addKey(t.Context(), linkKey, "willow.example", "x", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	b := d.testBrowser(t)
	base := text(page(t, b.get(sharedURL(secret)+"?period=last-month")))
	first := monthOf(today()).AddDate(0, -1, 0)
	for from := range 5 {
		for to := range 5 {
			q := "?period=custom&from=" + first.AddDate(0, 0, from).Format(isoDate) + "&to=" + first.AddDate(0, 0, 20+to).Format(isoDate)
			got := text(page(t, b.get(sharedURL(secret)+q)))
			if strings.SplitN(got, " counted", 2)[0] == "" || !strings.Contains(got, first.Format("January 2006")) {
				t.Errorf("%s: %s", q, got)
			}
			if strings.Contains(got, first.AddDate(0, 0, from+1).Format("to 2 January")) {
				t.Errorf("%s is answered by the day", q)
			}
		}
	}
	if strings.Contains(base, "Last 30 days") {
		t.Error("offers a period that moves by the day")
	}
}

func TestRevoke(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t).choosePassword()
	link := shownOnce(t, b.post(sharingPath, "act", "link", "name", "Trustees", "password", goodPassword))
	path := strings.TrimPrefix(link, "https://willow.example")
	token := shownOnce(t, b.post(sharingPath, "act", "token", "name", "Spreadsheet", "password", goodPassword))
	program := d.testProgram(t, token)
	want(t, d.testBrowser(t).get(path), http.StatusOK)
	want(t, program.get("/_lychgate/api/v1/sites/willow.example/summary"), http.StatusOK)

	other := d.member(t, "Wren", "wren.example", Owner).choosePassword()
	for id := range 3 {
		n := string(rune('0' + id))
		want(t, other.post("/_lychgate/admin/sites/wren.example/sharing", "act", "revoke", "id", n, "password", goodPassword), http.StatusNotFound)
	}
	want(t, d.testBrowser(t).get(path), http.StatusOK)

	for _, id := range []string{"1", "2"} {
		want(t, b.post(sharingPath, "act", "revoke", "id", id, "password", goodPassword), http.StatusSeeOther)
	}
	want(t, d.testBrowser(t).get(path), http.StatusNotFound)
	want(t, program.get("/_lychgate/api/v1/sites/willow.example/summary"), http.StatusUnauthorized)
}

func TestNotes(t *testing.T) {
	d := testDashboard(t)
	b := d.owner(t).choosePassword()
	d.testSums(t, "willow.example", today(), sum{dim: "total", views: 9, visits: 9})
	note := `Appeal <b>sent</b>`
	for _, bad := range []string{"", strings.Repeat("x", 121)} {
		want(t, b.post(sharingPath, "act", "note", "day", today().Format(isoDate), "note", bad, "password", goodPassword), http.StatusBadRequest)
	}
	want(t, b.post(sharingPath, "act", "note", "day", today().Format(isoDate), "note", note, "password", goodPassword), http.StatusSeeOther)
	n := page(t, b.get("/_lychgate/admin/sites/willow.example/"))
	checkNothingLives(t, "overview", n)
	if got := find(n, func(n *html.Node) bool { return n.Data == "g" && attr(n, "class") == "flag" }); len(got) != 1 || !strings.Contains(text(got[0]), note) {
		t.Errorf("the chart has %d flags", len(got))
	}
	want(t, b.post(sharingPath, "act", "remove-note", "id", "1", "password", goodPassword), http.StatusSeeOther)
	if strings.Contains(text(page(t, b.get(sharingPath))), "Appeal") {
		t.Error("the note is still there")
	}
}

// A program asks the API the way programs do: a token, and no headers of a browser.
func (d *Dashboard) testProgram(t *testing.T, token string) *browser {
	b := d.testBrowser(t)
	b.alter = func(r *http.Request) {
		r.Header = http.Header{"Authorization": {"Bearer " + token}}
	}
	return b
}

func TestAPI(t *testing.T) {
	d := testDashboard(t)
	owner := d.owner(t)
	d.testSums(t, "willow.example", lastMonth(), sum{dim: "total", views: 1234, visits: 503, visitors: 3},
		sum{dim: "country", value: "GB", visits: 497, views: 1231}, sum{dim: "country", value: "FR", visits: 3, views: 3})
	token, err := d.accounts.addKey(t.Context(), tokenKey, "willow.example", "Sheet", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	link, err := d.accounts.addKey(t.Context(), linkKey, "willow.example", "Trustee", maxKeyLife)
	if err != nil {
		t.Fatal(err)
	}
	const base = "/_lychgate/api/v1/sites/willow.example/"
	tests := []struct {
		name string
		who  *browser
		path string
		want int
	}{
		{"totals", d.testProgram(t, token), base + "summary?period=last-month", 200},
		{"by the month", d.testProgram(t, token), base + "series?period=last-month", 200},
		{"by the day", d.testProgram(t, token), base + "series?period=last-month&step=day", 200},
		{"a list", d.testProgram(t, token), base + "lists/places.countries?period=last-month", 200},
		{"a list that is none", d.testProgram(t, token), base + "lists/people", 404},
		{"a period that is none", d.testProgram(t, token), base + "summary?period=always", 400},
		{"a period by the day", d.testProgram(t, token), base + "summary?from=2026-10-01&to=2026-10-02", 400},
		{"another site", d.testProgram(t, token), "/_lychgate/api/v1/sites/wren.example/summary", 404},
		{"no token", d.testProgram(t, ""), base + "summary", 401},
		{"a wrong token", d.testProgram(t, "x"), base + "summary", 401},
		{"a shared link is no token", d.testProgram(t, link), base + "summary", 401},
		{"the session cookie opens nothing", owner, base + "summary", 401},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res := tt.who.get(tt.path)
			want(t, res, tt.want)
			var v map[string]any
			if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
				t.Errorf("not JSON: %v", err)
			}
		})
	}
	t.Run("small numbers are hidden, others rounded", func(t *testing.T) {
		all := body(t, tests[0].who.get(tests[0].path)) + body(t, tests[0].who.get(tests[3].path)) +
			body(t, tests[0].who.get(tests[3].path+"&format=csv"))
		for _, want := range []string{"1235", "505", "GB", "rounded"} {
			if !strings.Contains(all, want) {
				t.Errorf("lacks %q: %s", want, all)
			}
		}
		for _, secret := range []string{"1234", "503", "497", "FR"} {
			if strings.Contains(all, secret) {
				t.Errorf("holds %q: %s", secret, all)
			}
		}
	})
}

// What the description promises must be there, and nothing else.
func TestOpenAPI(t *testing.T) {
	d := testDashboard(t)
	res := d.testBrowser(t).get("/_lychgate/api/openapi.json")
	want(t, res, http.StatusOK)
	var v struct {
		Paths map[string]struct {
			Get struct {
				Parameters []struct {
					Name   string
					Schema struct{ Enum []string }
				}
			}
		}
		Components struct {
			Parameters map[string]struct{ Schema struct{ Enum []string } }
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&v); err != nil {
		t.Fatal(err)
	}
	var lists []string
	for path, p := range v.Paths {
		if !strings.HasPrefix(path, "/_lychgate/api/v1/sites/{site}/") {
			t.Errorf("describes %s", path)
		}
		for _, q := range p.Get.Parameters {
			if q.Name == "list" {
				lists = q.Schema.Enum
			}
		}
	}
	if got, want := strings.Join(lists, " "), strings.Join(everyTab(), " "); got != want {
		t.Errorf("describes the lists\n%s, there are\n%s", got, want)
	}
	var keys []string
	for _, p := range presets {
		keys = append(keys, p.key)
	}
	if got, want := len(v.Components.Parameters["period"].Schema.Enum), len(keys); got != want {
		t.Errorf("describes %d periods, there are %d", got, want)
	}
}

func TestWhatWasTypedIsThereAfterAWrongPassword(t *testing.T) {
	d := testDashboard(t)
	owner := d.owner(t).choosePassword()
	const wrong = "not the password"
	for _, tt := range []struct {
		page string
		form []string
		want []string
	}{
		{"sharing", []string{"act", "note", "day", "2026-05-04", "note", `Appeal "sent"`}, []string{`value="2026-05-04"`, `value="Appeal &#34;sent&#34;"`}},
		{"sharing", []string{"act", "link", "name", "Lottery fund"}, []string{`value="Lottery fund"`}},
		{"sharing", []string{"act", "token", "name", "Our sheet"}, []string{`value="Our sheet"`}},
		{"sharing", []string{"act", "letter", "address", "chair@willow.example"}, []string{`value="chair@willow.example"`}},
		{"people", []string{"act", "invite", "name", "Bronwen", "role", "editor"}, []string{`value="Bronwen"`, `value="editor" selected`}},
	} {
		res := owner.post(siteURL("willow.example")+tt.page, append(tt.form, "password", wrong)...)
		got := body(t, res)
		if res.StatusCode != 400 || strings.Contains(got, wrong) {
			t.Errorf("%v: %d, or the password is shown", tt.form, res.StatusCode)
		}
		for _, want := range tt.want {
			if strings.Count(got, want) != 1 {
				t.Errorf("%v: %s stands there %d times", tt.form, want, strings.Count(got, want))
			}
		}
	}
}

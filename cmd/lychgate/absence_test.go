package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// Canaries: values of a visitor that must not be found anywhere afterwards. The
// address comes through a trusted proxy, since a test cannot come from afar.
const (
	canaryIPv4     = "203.0.113.77"
	canaryIPv6     = "2001:db8:1234:5678:9abc:def0:1111:2222"
	canaryAgent    = "CanaryBrowser-7f3a91"
	canaryQuery    = "canary-query-51c2"
	canaryMail     = "canary.parent@mail.example"
	canaryCookie   = "canary-cookie-9d01"
	canaryReleased = "canary-released-77ac"
	canaryReferrer = "canary-referrer-path-77aa"
	canaryClickID  = "canary-click-1b2c"
)

// A recorder is an upstream that remembers every byte it was sent, and apart from
// them the marks by which a gateway knows its own requests (RFC 8586).
type recorder struct {
	mu    sync.Mutex
	seen  strings.Builder
	marks map[string]bool
}

var loopMark = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func (u *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	u.mu.Lock()
	if mark := r.Header.Get("Cdn-Loop"); loopMark.MatchString(mark) {
		u.marks[mark] = true
		r.Header.Del("Cdn-Loop")
	}
	fmt.Fprintf(&u.seen, "%s %s\nHost: %s\n", r.Method, r.RequestURI, r.Host)
	r.Header.Write(&u.seen)
	u.seen.Write(body)
	u.mu.Unlock()
	if strings.HasPrefix(r.URL.Path, "/broken") {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html")
	w.Header().Add("Set-Cookie", "_ga="+canaryCookie+"; Path=/")
	io.WriteString(w, "<!doctype html><html lang=en><title>Up</title><body><p>upstream</body></html>")
}

// What a visitor brings along is found in no log, no file and, beyond the plan,
// in no request to the site behind: whatever they answer, and in errors too.
func TestNothingOfAVisitorStays(t *testing.T) {
	formats := []string{logText, logJSON}
	if testing.Short() {
		formats = formats[:1]
	}
	for _, format := range formats {
		t.Run("log as "+format, func(t *testing.T) { nothingStays(t, format) })
	}
}

func nothingStays(t *testing.T, format string) {
	up := &recorder{marks: map[string]bool{}}
	upstream := httptest.NewServer(up)
	defer upstream.Close()
	data, folder := t.TempDir(), testSite(t)
	config := filepath.Join(t.TempDir(), "gate.toml")
	text := fmt.Sprintf("data = %q\n[listen]\nhttp = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = %q\n"+
		"[[site]]\nhosts = [\"up.example\"]\nupstream = %q\n[[site]]\nhosts = [\"dir.example\"]\ndir = %q\n", data, format, upstream.URL, folder)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "serve", "-config", config)
	base, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}

	// What a tracker set may reach the site after a yes to it, and nothing else ever.
	tracked := canaryCookie
	ask := func(host, method, path, address string, form url.Values, cookies []*http.Cookie) []*http.Cookie {
		r := navigate(t, method, "http://127.0.0.1:"+base.Port()+path, strings.NewReader(form.Encode()))
		r.Host = host + ":" + base.Port()
		r.Header.Set("X-Forwarded-For", address)
		for _, name := range []string{"X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP"} {
			r.Header.Set(name, address)
		}
		r.Header.Set("Forwarded", fmt.Sprintf("for=%q", address))
		r.Header.Set("User-Agent", canaryAgent+" Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0")
		r.Header.Set("Referer", "https://search.example/"+canaryReferrer+"?q="+canaryQuery)
		r.Header.Set("Sec-Fetch-Site", map[bool]string{true: "same-origin", false: "cross-site"}[method == http.MethodPost])
		r.Header.Set("Origin", "http://"+r.Host)
		r.AddCookie(&http.Cookie{Name: "_ga", Value: tracked})
		for _, c := range cookies {
			if c.MaxAge >= 0 {
				r.AddCookie(c)
			}
		}
		res, _ := do(t, r)
		return res.Cookies()
	}
	query := "?q=" + canaryQuery + "&email=" + url.QueryEscape(canaryMail) + "&gclid=" + canaryClickID
	var given []string // cookie values of ours, which no log may hold either
	for _, address := range []string{canaryIPv4, canaryIPv6} {
		for _, host := range []string{"up.example", "dir.example"} {
			for _, decision := range []string{"", "decline", "accept", "withdraw"} {
				var cookies []*http.Cookie
				if tracked = canaryCookie; decision == "accept" {
					tracked = canaryReleased
				}
				if decision != "" {
					form := url.Values{"decision": {decision}, "return_to": {"/" + query}}
					cookies = ask(host, http.MethodPost, "/_lychgate/consent", address, form, nil)
				}
				for _, path := range []string{"/", "/about.html", "/nowhere", "/broken", "/a%2fb", "/%00", "/_lychgate/consent", "/_lychgate/nothing"} {
					for _, c := range ask(host, http.MethodGet, path+query, address, nil, cookies) {
						given = append(given, c.Value)
					}
				}
				for _, c := range cookies {
					given = append(given, c.Value)
				}
			}
		}
	}
	places := map[string]string{}
	for _, path := range []string{"/metrics", "/healthz", "/debug/pprof/goroutine?debug=2", "/debug/pprof/heap?debug=1"} {
		_, places[path] = do(t, navigate(t, http.MethodGet, p.door(t, "metrics")+path, nil))
	}
	if figures := places["/metrics"]; !strings.Contains(figures, "lychgate_requests_total") || strings.Contains(figures, ".example") {
		t.Errorf("the figures are missing or name a site: %s", figures)
	}
	if err := p.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &p.stderr)
	}

	maps.Copy(places, everyFile(t, data))
	places["standard output"] = p.stdout.String()
	places["standard error"] = p.stderr.String()
	for line := range strings.Lines(places["standard error"]) {
		if format == logJSON && !json.Valid([]byte(line)) {
			t.Errorf("not a line of JSON: %s", line)
		}
	}
	full := []string{canaryIPv4, canaryIPv6, "2001:db8:1234:5678", canaryMail, url.QueryEscape(canaryMail), canaryAgent, canaryQuery, canaryCookie, canaryReleased, canaryReferrer, canaryClickID}
	for _, v := range given {
		if len(v) > 20 { // signed values, not "decline.2026-11"
			full = append(full, v)
		}
	}
	for place, bytes := range places {
		for _, secret := range full {
			if strings.Contains(bytes, secret) {
				t.Errorf("%s holds %q", place, secret)
			}
		}
	}
	// The site behind gets the request itself, with path, query and user agent,
	// but no address, no tracking cookie, no click id, nothing of lychgate's own.
	up.mu.Lock()
	defer up.mu.Unlock()
	seen := up.seen.String()
	if !strings.Contains(seen, "GET /about.html") || !strings.Contains(seen, "203.0.113.0") {
		t.Fatalf("the recorder saw no page request from the network: %.2000s", seen)
	}
	if len(up.marks) != 1 {
		t.Errorf("visitors are told apart by %d marks of the gateway, want one for all", len(up.marks))
	}
	for _, secret := range []string{canaryIPv4, canaryIPv6, canaryCookie, canaryClickID, "lychgate", "/_lychgate"} {
		if strings.Contains(seen, secret) {
			t.Errorf("the site behind was sent %q", secret)
		}
	}
}

package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// monitored starts a gateway with a monitoring door and returns it with the
// address of that door.
func monitored(t *testing.T, rest string) (*program, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gate.toml")
	text := fmt.Sprintf("data = %q\n[listen]\nhttp = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n%s", t.TempDir(), rest)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "serve", "-config", file)
	return p, p.door(t, "metrics")
}

// door is the address printed beside name, without its path.
func (p *program) door(t *testing.T, name string) string {
	t.Helper()
	_, row, ok := strings.Cut(p.stdout.String(), "  "+name+" ")
	if !ok {
		t.Fatalf("no %s in what the start printed: %s", name, &p.stdout)
	}
	scheme, rest, _ := strings.Cut(strings.Fields(row)[0], "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// readFigure returns one figure of a scrape.
func readFigure(t *testing.T, text, name string, labels ...string) float64 {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	family := families[name]
	for _, m := range family.GetMetric() {
		found := 0
		for _, l := range m.GetLabel() {
			for i := 0; i+1 < len(labels); i += 2 {
				if l.GetName() == labels[i] && l.GetValue() == labels[i+1] {
					found++
				}
			}
		}
		if found == len(labels)/2 {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	t.Errorf("no %s %v in %s", name, labels, text)
	return 0
}

// What an operator reads adds up to what happened, and is found on its own
// address alone.
func TestMetricsAddUp(t *testing.T) {
	p, door := monitored(t, fmt.Sprintf("[[site]]\ndir = %q\n", testSite(t)))
	for range 3 {
		p.view(t, "/")
	}
	do(t, navigate(t, http.MethodGet, p.url+"/nowhere", nil))
	if status, _ := p.answerTo(t, "accept"); status != http.StatusSeeOther {
		t.Fatalf("accept: %d", status)
	}
	res, text := do(t, navigate(t, http.MethodGet, door+"/metrics", nil))
	if res.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s", res.Status)
	}
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"lychgate_requests_total", []string{"route", "page", "code", "200"}, 3},
		{"lychgate_requests_total", []string{"route", "page", "code", "404"}, 1},
		{"lychgate_requests_total", []string{"route", "consent", "code", "303"}, 1},
		{"lychgate_request_seconds", []string{"route", "page"}, 4},
		{"lychgate_ledger_up", nil, 1},
		{"lychgate_ledger_commits_total", nil, 1},
		{"lychgate_counting_up", nil, 1},
		{"lychgate_build_info", nil, 1},
		{"lychgate_upstreams", nil, 0},
	} {
		if got := readFigure(t, text, test.name, test.labels...); got != test.want {
			t.Errorf("%s %v is %v, want %v", test.name, test.labels, got, test.want)
		}
	}
	if res, text := do(t, navigate(t, http.MethodGet, door+"/healthz", nil)); res.StatusCode != http.StatusOK || text != "ok\n" {
		t.Errorf("/healthz: %s %q", res.Status, text)
	}
	if res, _ := do(t, navigate(t, http.MethodGet, door+"/debug/pprof/goroutine?debug=1", nil)); res.StatusCode != http.StatusOK {
		t.Errorf("pprof: %s", res.Status)
	}
	for _, path := range []string{"/metrics", "/debug/pprof/", "/_lychgate/metrics"} {
		if res, _ := do(t, navigate(t, http.MethodGet, p.url+path, nil)); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s on the visitors' door: %s", path, res.Status)
		}
	}
	if err := p.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &p.stderr)
	}
}

package proxy

import (
	"io"
	"net/http"
	"testing"
)

// Monitoring is told of each answer by its pattern and status, and of nothing else.
func TestAnswersAreObserved(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/early":
			w.Header().Set("Link", "</a.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Set("Content-Type", "text/css")
			_, _ = io.WriteString(w, "p{}")
		case "/odd":
			w.WriteHeader(299)
		case "/cut":
			w.Header().Set("Content-Length", "100000")
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(make([]byte, 50_000)) // enough for the head to be on its way
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><p>page")
		}
	})
	seen := make(chan Observation, 100)
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}, Observe: func(o Observation) { seen <- o }})
	for _, test := range []struct {
		path, route string
		status      int
	}{
		{"/", "page", 200},
		{"/early", "file", 200},
		{"/odd", "file", 299},
		{"/cut", "file", 200},
		{"/_lychgate/healthz", "healthz", 200},
		{"/_lychgate/consent", "consent", 200},
		{"/_lychgate/shared/x", "admin", 404},
		{"/_lychgate/nothing", "other", 404},
		{"/%00", "page", 400},
	} {
		r, err := http.NewRequest(http.MethodGet, g.URL+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		res, err := g.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body) // one of them breaks off
		_ = res.Body.Close()
		got := <-seen
		if test.path == "/%00" {
			test.route = got.Route // a refusal has no pattern
		}
		if got.Route != test.route || got.Status != test.status || got.Wait <= 0 {
			t.Errorf("%s: observed %+v, want %s %d", test.path, got, test.route, test.status)
		}
	}
}

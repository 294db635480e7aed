package proxy

import (
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestSlowClients: many clients that idle, send slowly or read slowly hold
// nobody up beside them. LYCHGATE_TEST_CLIENTS=9000 is the long form, for which
// the machine must allow twice as many files.
func TestSlowClients(t *testing.T) {
	clients := 200
	if raced {
		clients = 50
	}
	if text := os.Getenv("LYCHGATE_TEST_CLIENTS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		clients = n
	}
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/image.png" {
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.Copy(w, io.LimitReader(zeros{}, 8<<20))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>whole</p>")
	})
	// The grace is the long form's; here a second must do.
	limits := Limits{HeaderTimeout: time.Second, BodyGrace: time.Second, AnswerGrace: time.Second, MinRate: 64 << 10}
	if clients > 1000 {
		limits = Limits{}
	}
	for _, kind := range []struct {
		name, say string
		cut       bool
	}{
		{"idle", "", false},
		{"slow head", "GET / HTTP/1.1\r\nHost: a\r\nX: ", true},
		{"slow body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", true},
		{"slow reader", "GET /image.png HTTP/1.1\r\nHost: a\r\n\r\n", true},
	} {
		t.Run(kind.name, func(t *testing.T) {
			g := testGateway(t, Config{Limits: limits, Sites: []Site{{Upstream: up}}})
			n := clients
			if kind.name == "slow reader" {
				n = min(n, 500)
			}
			memory := watchMemory()
			conns := make([]net.Conn, n)
			for i := range conns {
				c, err := net.Dial("tcp", g.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				conns[i] = c
				if _, err := io.WriteString(c, kind.say); err != nil {
					t.Fatal(err)
				}
			}
			began := time.Now()
			cut := 0
			var last time.Duration
			var mu sync.Mutex
			var waiting sync.WaitGroup
			if kind.cut && kind.name != "slow reader" {
				for _, c := range conns {
					waiting.Go(func() {
						_ = c.SetReadDeadline(began.Add(30 * time.Second))
						_, err := io.Copy(io.Discard, c)
						if ne, ok := err.(net.Error); ok && ne.Timeout() {
							return
						}
						mu.Lock()
						cut++
						last = max(last, time.Since(began))
						mu.Unlock()
					})
				}
			}
			var took []time.Duration
			for range 200 {
				asked := time.Now()
				if err := askFor(http.DefaultClient, g.URL+"/page"); err != nil {
					t.Fatalf("a visitor beside them: %v", err)
				}
				took = append(took, time.Since(asked))
			}
			waiting.Wait()
			slices.Sort(took)
			grown := memory()
			t.Logf("%d clients, %d cut within %v; a visitor's page p50 %v, p99 %v; %d kB each", n, cut, last.Round(time.Millisecond), took[100], took[197], grown>>10/int64(n))
			if kind.cut && kind.name != "slow reader" && (cut != n || last > 20*time.Second) {
				t.Errorf("%d of %d were cut within %v", cut, n, last)
			}
			if grown > int64(n)*(128<<10)+64<<20 {
				t.Errorf("memory grew by %d MB", grown>>20)
			}
		})
	}
}

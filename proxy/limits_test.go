package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	limits := DefaultLimits()
	networkRequests, networkPosts := limits.Requests*requestBurst, limits.Posts*postBurst
	l := newLimiter(limits, func() time.Time { return now })
	one, two := netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("198.51.100.0")
	ask := func(n netip.Addr, times int, post bool) (passed int) {
		for range times {
			if l.request(n, post) {
				passed++
			}
		}
		return passed
	}
	if got := ask(one, networkRequests+100, false); got != networkRequests {
		t.Errorf("at once: %d passed", got)
	}
	if got := ask(two, 10, false); got != 10 {
		t.Errorf("a neighbour: %d passed", got)
	}
	now = now.Add(2 * time.Second)
	if got := ask(one, 5000, false); got != 2*limits.Requests {
		t.Errorf("two seconds later: %d passed", got)
	}
	if got := ask(two, 1000, true); got != networkPosts {
		t.Errorf("posts: %d passed", got)
	}
	for _, private := range []string{"127.0.0.0", "10.0.0.0", "192.168.1.0", "::", "fd00::", "fe80::"} {
		if got := ask(netip.MustParseAddr(private), networkRequests+1, true); got != networkRequests+1 {
			t.Errorf("%s: %d passed", private, got)
		}
	}
	for i := range limits.Connections + 1 {
		if got := l.connect(one); got != (i < limits.Connections) {
			t.Errorf("connection %d: %v", i, got)
		}
	}
	l.disconnect(one)
	if !l.connect(one) {
		t.Error("a closed connection still counts")
	}
	now = now.Add(time.Hour)
	for range limits.Connections {
		l.disconnect(one)
	}
	now = now.Add(time.Hour)
	for i := range 1000 { // any request to a shard sweeps it; so many come to every shard
		l.request(netip.AddrFrom4([4]byte{203, byte(i >> 8), byte(i), 0}), false)
	}
	left := 0
	for i := range l.shards {
		left += len(l.shards[i].networks)
	}
	if left != 1000 {
		t.Errorf("%d networks are remembered", left)
	}
	if l.refusedConns.Load() != 1 || l.refusedRequests.Load() == 0 {
		t.Errorf("refused %d %d", l.refusedConns.Load(), l.refusedRequests.Load())
	}
}

func TestTooManyRequests(t *testing.T) {
	g := testGateway(t, Config{Sites: []Site{{Dir: testFolder(t, map[string]string{"x.txt": "x"})}}}).g
	now := time.Now()
	g.limiter = newLimiter(g.limits, func() time.Time { return now })
	networkRequests := g.limits.Requests * requestBurst
	codes := map[int]int{}
	for range networkRequests + 50 {
		r := httptest.NewRequest("GET", "http://a.example/x.txt", nil)
		r.RemoteAddr = "203.0.113.9:1234"
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		codes[w.Code]++
	}
	if codes[429] != 50 || codes[200] != networkRequests {
		t.Errorf("got %v", codes)
	}
}

func TestWhoMisusesConnectionsGetsNoNewOnes(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	l := newLimiter(DefaultLimits(), func() time.Time { return now })
	bad, good, house := netip.MustParseAddr("192.0.2.0"), netip.MustParseAddr("198.51.100.0"), netip.MustParseAddr("10.0.0.0")
	for range maxMisuse + 1 {
		if !l.connect(bad) {
			t.Fatal("refused before it misused too many")
		}
		l.misuse(bad)
		l.misuse(house)
	}
	if l.connect(bad) || !l.connect(good) || !l.connect(house) {
		t.Error("want the one who misuses refused, its neighbour and the house let in")
	}
	now = now.Add(time.Duration(float64(time.Second) / misuseRate))
	if !l.connect(bad) {
		t.Error("nothing is forgiven")
	}
	if got := l.cutConns.Load(); got != 2*(maxMisuse+1) {
		t.Errorf("%d connections count as cut", got)
	}
}

func TestTooManyHeaderFields(t *testing.T) {
	g := testGateway(t, Config{Sites: []Site{{Dir: testFolder(t, map[string]string{"x.txt": "x"})}}}).g
	most := g.limits.HeaderCount
	for name, field := range map[string]func(i int) string{
		"of many names": func(i int) string { return fmt.Sprintf("X-%d", i) },
		"of one name":   func(int) string { return "X-Same" },
	} {
		for n, want := range map[int]int{most: http.StatusOK, most + 1: http.StatusRequestHeaderFieldsTooLarge} {
			r := httptest.NewRequest("GET", "http://a.example/x.txt", nil)
			for i := range n {
				r.Header.Add(field(i), "y")
			}
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%d fields %s: got %d, want %d", n, name, w.Code, want)
			}
		}
	}
}

func TestSlowSendersAreCut(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		cut        time.Duration
	}{
		{"headers", "GET / HTTP/1.1\r\nHost: a\r\nX: ", DefaultLimits().HeaderTimeout},
		{"a body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", DefaultLimits().BodyGrace},
		{"chunks", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n", DefaultLimits().BodyGrace},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testPipe(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
			}, func(dial func() net.Conn) {
				c := dial()
				defer c.Close()
				started := time.Now()
				var sender sync.WaitGroup
				sender.Go(func() {
					_, err := io.WriteString(c, tt.head)
					for err == nil {
						time.Sleep(time.Second)
						_, err = io.WriteString(c, "x")
					}
				})
				_, _ = io.Copy(io.Discard, c) // until it is cut
				took := time.Since(started)
				sender.Wait()
				if took < tt.cut || took > 20*time.Second {
					t.Errorf("cut after %v", took)
				}
			})
		})
	}
}

func TestAnHonestUploadMayTakeLong(t *testing.T) {
	const size = 200 << 10
	testPipe(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		time.Sleep(20 * time.Second) // the site thinks about it: no deadline is left over
		_, _ = fmt.Fprintf(w, "%d %v", n, err)
	}, func(dial func() net.Conn) {
		c := dial()
		defer c.Close()
		started := time.Now()
		go func() {
			_, _ = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", size)
			for range size >> 10 {
				time.Sleep(time.Second / 2) // 2 KB a second
				_, _ = io.WriteString(c, strings.Repeat("x", 1<<10))
			}
		}()
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("cut after %v: %v", time.Since(started), err)
		}
		defer res.Body.Close()
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != fmt.Sprint(size, " <nil>") {
			t.Errorf("got %q %v", b, err)
		}
	})
}

func TestSlowReadersAreCut(t *testing.T) {
	testPipe(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 10<<20))
	}, func(dial func() net.Conn) {
		c := dial()
		defer c.Close()
		_, _ = io.WriteString(c, "GET /x.png HTTP/1.1\r\nHost: a\r\n\r\n")
		started := time.Now()
		one := make([]byte, 1)
		for {
			if _, err := c.Read(one); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(started); took < DefaultLimits().AnswerGrace || took > 2*time.Minute {
			t.Errorf("cut after %v", took)
		}
	})
}

func TestASilentSiteIsGivenUp(t *testing.T) {
	for name, contentType := range map[string]string{"page": "text/html", "image": "image/png"} {
		t.Run(name, func(t *testing.T) {
			testPipe(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = io.WriteString(w, "half")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}, func(dial func() net.Conn) {
				c := dial()
				defer c.Close()
				started := time.Now()
				_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
				res, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil {
					t.Fatal(err)
				}
				_, err = io.ReadAll(res.Body)
				if name == "page" && (res.StatusCode != 502 && res.StatusCode != 504) || name == "image" && !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %d %v", res.StatusCode, err)
				}
				if took := time.Since(started); took > upstreamIdle+time.Second {
					t.Errorf("given up after %v", took)
				}
			})
		})
	}
}

func TestEventsMayPause(t *testing.T) {
	testPipe(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			time.Sleep(10 * time.Minute)
		}
	}, func(dial func() net.Conn) {
		c := dial()
		defer c.Close()
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(res.Body); err != nil || strings.Count(string(b), "data:") != 3 {
			t.Errorf("got %q %v", b, err)
		}
	})
}

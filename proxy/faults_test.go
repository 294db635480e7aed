package proxy

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// faultyServer answers every connection with the bytes that the path of the
// request names.
func faultyServer(t *testing.T, faults map[string]func(w io.Writer)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				if answer := faults[strings.TrimPrefix(r.URL.Path, "/")]; answer != nil {
					answer(c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// bomb is a gzip of n bytes, made as it is read.
func bomb(w io.Writer, n int64) {
	z, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return
	}
	_, _ = io.CopyN(z, zeros{}, n) // until the gateway has had enough
	_ = z.Close()
}

// TestUpstreamFaults: whatever the site's server does, a page that is not whole
// is never shown as one, memory stays bounded, and the neighbours' pages come.
func TestUpstreamFaults(t *testing.T) {
	say := func(s string) func(io.Writer) { return func(w io.Writer) { _, _ = io.WriteString(w, s) } }
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	endless := func(head, piece string) func(io.Writer) {
		return func(w io.Writer) {
			_, err := io.WriteString(w, head)
			for err == nil {
				_, err = io.WriteString(w, piece)
			}
		}
	}
	piece := strings.Repeat("<p>words</p>\n", 1000)
	faults := map[string]func(io.Writer){
		"closes at once":        say(""),
		"garbage":               say("\x00\x01\x02 this is not HTTP\r\n\r\n"),
		"garbage status":        say("HTTP/1.1 XYZ\r\n\r\n"),
		"status 99":             say("HTTP/1.1 99 What\r\nContent-Length: 5\r\n\r\n<p>x"),
		"no header end":         say(ok),
		"head cut in a line":    say(ok + "Content-Len"),
		"bad header":            say(ok + "no colon here\r\n\r\n<p>x"),
		"two lengths":           say(ok + "Content-Length: 3\r\nContent-Length: 4\r\n\r\n<p>x"),
		"negative length":       say(ok + "Content-Length: -3\r\n\r\n<p>x"),
		"huge header":           say(ok + "X: " + strings.Repeat("x", 1<<20) + "\r\n\r\n<p>x"),
		"many headers":          say(ok + strings.Repeat("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 20000) + "\r\n<p>x"),
		"endless header":        endless(ok, "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"),
		"endless informational": endless("", "HTTP/1.1 103 Early Hints\r\n\r\n"),
		"truncated length":      say(ok + "Content-Length: 1000\r\n\r\n<p>half"),
		"truncated chunks":      say(ok + "Transfer-Encoding: chunked\r\n\r\n5\r\n<p>ha"),
		"chunks without end":    say(ok + "Transfer-Encoding: chunked\r\n\r\n7\r\n<p>half\r\n"),
		"bad chunk":             say(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n<p>half"),
		"truncated gzip":        say(ok + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + string(gzipOf("<p>half" + piece)[:40])),
		"no gzip at all":        say(ok + "Content-Encoding: gzip\r\nContent-Length: 7\r\n\r\n<p>half"),
		"gzip damaged":          say(ok + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + damaged(gzipOf("<p>half"+piece))),
		"switches protocols":    say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n<p>x"),
		"gzip bomb": func(w io.Writer) {
			_, _ = io.WriteString(w, ok+"Content-Encoding: gzip\r\nConnection: close\r\n\r\n")
			bomb(w, bombBytes())
		},
		"dies in the middle of long page": func(w io.Writer) { say(ok + "Content-Length: 9000000\r\n\r\n" + strings.Repeat(piece, 250))(w) },
		"long chunks cut": func(w io.Writer) {
			say(ok + "Transfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n", 9000000) + strings.Repeat(piece, 250))(w)
		},
	}
	// These are cut by us: they have no end.
	unending := map[string]func(io.Writer){
		"endless page":   endless(ok+"Connection: close\r\n\r\n", piece),
		"endless chunks": endless(ok+"Transfer-Encoding: chunked\r\n\r\n", fmt.Sprintf("%x\r\n%s\r\n", len(piece), piece)),
	}
	all := map[string]func(io.Writer){}
	for _, m := range []map[string]func(io.Writer){faults, unending} {
		for name, f := range m {
			all[strings.ReplaceAll(name, " ", "-")] = f
		}
	}
	neighbour := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>whole</p>")
	})
	g := testGateway(t, Config{Sites: []Site{
		{Name: "faulty", Hosts: []string{"faulty.example"}, Upstream: mustURL(faultyServer(t, all))},
		{Name: "well", Hosts: []string{"well.example"}, Upstream: neighbour},
		{Name: "down", Hosts: []string{"down.example"}, Upstream: closedURL(t)},
	}})
	memory := watchMemory()
	slowest := visitMeanwhile(t, g)
	ask := func(host, path string, most int64) (int, int64, error) {
		r, err := http.NewRequest("GET", g.URL+"/"+strings.ReplaceAll(path, " ", "-"), nil)
		if err != nil {
			return 0, 0, err
		}
		r.Host = host
		r.Header.Set("Accept", "text/html")
		res, err := g.Client().Do(r)
		if err != nil {
			return 0, 0, err
		}
		defer res.Body.Close()
		n, err := io.Copy(io.Discard, io.LimitReader(res.Body, most))
		return res.StatusCode, n, err
	}
	right := 0
	judge := func(name string, ok bool, status int, n int64, err error) {
		if ok {
			right++
		} else {
			t.Errorf("%s: %d, %d bytes, %v", name, status, n, err)
		}
	}
	for name := range faults {
		status, n, err := ask("faulty.example", name, 1<<30)
		// Refused in a page of ours, or broken off so that a browser sees it.
		judge(name, err != nil || status == 502 || status == 504, status, n, err)
	}
	const enough = 4 * maxPage // for a visitor, and too much to be held in memory
	for name := range unending {
		status, n, err := ask("faulty.example", name, enough)
		judge(name, err == nil && status == 200 && n == enough, status, n, err)
	}
	status, n, err := ask("down.example", "", 1<<20)
	judge("down", status == 502, status, n, err)
	if after := slowest(); after > 500*time.Millisecond {
		t.Logf("a neighbour's page took %v", after) // the machine may be busy
	} else {
		t.Logf("slowest page of a neighbour: %v", after)
	}
	grown := memory()
	t.Logf("%d of %d faults; memory grew by %d MB", right, len(all)+1, grown>>20)
	if grown > 64<<20 {
		t.Errorf("memory grew by %d MB", grown>>20)
	}
}

// bombBytes is what the gzip bomb inflates to.
func bombBytes() int64 {
	if testing.Short() {
		return maxInflated + maxInflated/16
	}
	return 1 << 30
}

func gzipOf(s string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s) // to memory
	_ = z.Close()
	return b.Bytes()
}

// damaged is a gzip whose last words, length and checksum, are wrong.
func damaged(b []byte) string {
	b[len(b)-5] ^= 0xff
	return string(b)
}

// watchMemory returns a function that tells by how much the memory in use has
// grown at most until it is called.
func watchMemory() func() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	base, most := m.HeapAlloc, m.HeapAlloc
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	return func() int64 {
		close(stop)
		<-done
		return int64(most - base)
	}
}

// visitMeanwhile asks for a neighbour's page a hundred times a second. The function
// it returns ends that and tells how long the slowest took.
func visitMeanwhile(t *testing.T, g *testGate) func() time.Duration {
	t.Helper()
	well := &http.Client{Transport: asHost("well.example")}
	stop := make(chan struct{})
	var slowest time.Duration
	var visits sync.WaitGroup
	visits.Go(func() {
		next := time.NewTicker(10 * time.Millisecond)
		defer next.Stop()
		for {
			select {
			case <-stop:
				return
			case <-next.C:
			}
			began := time.Now()
			if err := askFor(well, g.URL+"/"); err != nil {
				t.Errorf("the neighbour's page: %v", err)
				return
			}
			slowest = max(slowest, time.Since(began))
		}
	})
	return func() time.Duration {
		close(stop)
		visits.Wait()
		return slowest
	}
}

// asHost asks for everything under another name.
type asHost string

func (h asHost) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Host = string(h)
	return http.DefaultTransport.RoundTrip(r)
}

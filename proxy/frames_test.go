package proxy

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// testCertificate is a key pair that testTLSClient trusts.
func testCertificate(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	roots := s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}},
		&tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// An attacker is one HTTP/2 connection at frame level. What it writes goes out when
// it is much, or flushed.
type attacker struct {
	*http2.Framer
	conn   net.Conn
	out    *bufio.Writer
	block  bytes.Buffer
	enc    *hpack.Encoder
	stream uint32
	goAway atomic.Int64 // its error code, or -1
	ended  chan struct{}
}

// newAttacker says hello and reads whatever comes, as those do whom no buffer limit stops.
func newAttacker(c net.Conn, settings ...http2.Setting) (*attacker, error) {
	out := bufio.NewWriter(c)
	a := &attacker{Framer: http2.NewFramer(out, c), conn: c, out: out, stream: 1, ended: make(chan struct{})}
	a.goAway.Store(-1)
	a.enc = hpack.NewEncoder(&a.block)
	if _, err := out.WriteString(clientPreface); err != nil {
		return nil, err
	}
	if err := errors.Join(a.WriteSettings(settings...), out.Flush()); err != nil {
		return nil, err
	}
	go func() {
		defer close(a.ended)
		for {
			f, err := a.ReadFrame()
			if err != nil && !errors.As(err, new(http2.StreamError)) {
				return
			}
			switch f := f.(type) {
			case *http2.GoAwayFrame:
				a.goAway.Store(int64(f.ErrCode))
			case *http2.SettingsFrame:
				if !f.IsAck() {
					_ = a.conn.SetWriteDeadline(time.Time{})
				}
			}
		}
	}()
	return a, nil
}

// head is the header block of a request.
func (a *attacker) head(method, path string, more ...hpack.HeaderField) []byte {
	a.block.Reset()
	for _, f := range append([]hpack.HeaderField{
		{Name: ":method", Value: method},
		{Name: ":scheme", Value: "https"},
		{Name: ":authority", Value: "example.com"},
		{Name: ":path", Value: path},
	}, more...) {
		_ = a.enc.WriteField(f) // to memory
	}
	return a.block.Bytes()
}

// ask opens the next stream.
func (a *attacker) ask(end bool, block []byte) (stream uint32, err error) {
	stream = a.stream
	a.stream += 2
	return stream, a.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block, EndStream: end, EndHeaders: true})
}

// floods are the ways to keep an HTTP/2 server busy for nothing. Each returns
// when the connection is gone.
var floods = []struct {
	name     string
	settings []http2.Setting
	attack   func(a *attacker) error
}{
	{"rapid reset", nil, func(a *attacker) error { // CVE-2023-44487
		for {
			id, err := a.ask(true, a.head("GET", "/page"))
			if err == nil {
				err = a.WriteRSTStream(id, http2.ErrCodeCancel)
			}
			if err != nil {
				return err
			}
		}
	}},
	{"made you reset", nil, func(a *attacker) error { // CVE-2025-8671
		for {
			id, err := a.ask(true, a.head("GET", "/page"))
			if err == nil {
				err = a.WriteRawFrame(http2.FrameWindowUpdate, 0, id, []byte{0, 0, 0, 0})
			}
			if err != nil {
				return err
			}
		}
	}},
	{"settings", nil, func(a *attacker) error { // CVE-2019-9515
		for {
			if err := a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535}); err != nil {
				return err
			}
		}
	}},
	{"ping", nil, func(a *attacker) error { // CVE-2019-9512
		for {
			if err := a.WritePing(false, [8]byte{}); err != nil {
				return err
			}
		}
	}},
	{"continuation", nil, func(a *attacker) error { // CVE-2023-45288
		block := a.head("GET", "/page")
		if err := a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndStream: true}); err != nil {
			return err
		}
		for {
			a.block.Reset()
			_ = a.enc.WriteField(hpack.HeaderField{Name: "x", Value: "y", Sensitive: true})
			if err := a.WriteContinuation(1, false, a.block.Bytes()); err != nil {
				return err
			}
		}
	}},
	{"empty data", nil, func(a *attacker) error { // CVE-2019-9518
		id, err := a.ask(false, a.head("POST", "/page"))
		for err == nil {
			err = a.WriteData(id, false, nil)
		}
		return err
	}},
	{"priority", nil, func(a *attacker) error { // CVE-2019-9513
		for {
			if err := a.WritePriority(1, http2.PriorityParam{StreamDep: 3, Weight: 7}); err != nil {
				return err
			}
		}
	}},
	{"window update", nil, func(a *attacker) error {
		id, err := a.ask(false, a.head("POST", "/page"))
		for err == nil {
			err = a.WriteWindowUpdate(id, 1)
		}
		return err
	}},
	{"header list", nil, func(a *attacker) error { // the HPACK bomb: one field, named again and again
		big := hpack.HeaderField{Name: "x-big", Value: strings.Repeat("x", 3<<10)}
		bomb := make([]hpack.HeaderField, 200)
		for i := range bomb {
			bomb[i] = big
		}
		for {
			if _, err := a.ask(true, a.head("GET", "/page", bomb...)); err != nil {
				return err
			}
		}
	}},
	{"zero window", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}}, func(a *attacker) error { // CVE-2019-9517
		for range 100 {
			if _, err := a.ask(true, a.head("GET", "/image.png")); err != nil {
				return err
			}
		}
		if err := a.out.Flush(); err != nil {
			return err
		}
		<-a.ended
		return net.ErrClosed
	}},
	{"window of one", []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1}}, func(a *attacker) error { // CVE-2019-9511
		for range 100 {
			if _, err := a.ask(true, a.head("GET", "/image.png")); err != nil {
				return err
			}
		}
		if err := a.out.Flush(); err != nil {
			return err
		}
		for {
			time.Sleep(time.Second)
			if err := errors.Join(a.WriteWindowUpdate(1, 1), a.out.Flush()); err != nil {
				return err
			}
		}
	}},
}

// floodedSite answers a page at once and a picture of a megabyte.
func floodedSite(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/image.png" {
		w.Header().Set("Content-Type", "image/png")
		_, _ = io.Copy(w, io.LimitReader(zeros{}, 1<<20))
		return
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "<p>whole</p>")
}

// TestFloods: who floods an HTTP/2 connection is told to calm down and cut off
// within 20 seconds, and a visitor beside it gets every page.
func TestFloods(t *testing.T) {
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			testSecurePipe(t, floodedSite, func(t *testing.T, dial func(...string) *tls.Conn) {
				visitor := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
					c := dial("h2")
					return c, c.HandshakeContext(ctx)
				}}}
				defer visitor.CloseIdleConnections()
				started := time.Now()
				a, err := newAttacker(dial("h2"), flood.settings...)
				if err != nil {
					t.Fatal(err)
				}
				attack := make(chan error, 1)
				go func() { attack <- flood.attack(a) }()
				for range 20 {
					if err := askFor(visitor, "https://example.com/page"); err != nil {
						t.Errorf("the visitor beside it: %v", err)
					}
				}
				<-a.ended
				took := time.Since(started)
				_ = a.conn.Close()
				<-attack
				if took > 20*time.Second {
					t.Errorf("cut off after %v", took)
				}
				if a.goAway.Load() < 0 {
					t.Error("no GOAWAY")
				}
			})
		})
	}
}

// askFor asks for the page of floodedSite.
func askFor(c *http.Client, url string) error {
	res, err := c.Get(url)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != 200 || !bytes.Contains(b, []byte("whole"))) {
		err = fmt.Errorf("got %d %q", res.StatusCode, b)
	}
	return err
}

// TestABusyVisitorIsNoFlood: a browser that loads a heavy page, leaves it, loads
// the next, and acknowledges every piece is never cut off.
func TestABusyVisitorIsNoFlood(t *testing.T) {
	testSecurePipe(t, floodedSite, func(t *testing.T, dial func(...string) *tls.Conn) {
		conns := 0
		visitor := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conns++
			c := dial("h2")
			return c, c.HandshakeContext(ctx)
		}}}
		defer visitor.CloseIdleConnections()
		pages := 10
		if raced {
			pages = 3
		}
		for range pages {
			if err := askFor(visitor, "https://example.com/page"); err != nil {
				t.Fatal(err)
			}
			var loads sync.WaitGroup
			for i := range 40 {
				loads.Go(func() {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					r, err := http.NewRequestWithContext(ctx, "GET", "https://example.com/image.png", nil)
					if err != nil {
						t.Error(err)
						return
					}
					res, err := visitor.Do(r)
					if err != nil {
						t.Error(err)
						return
					}
					defer res.Body.Close()
					n := int64(1 << 30)
					if i%4 == 0 {
						n = 1000 // left before it was there
					}
					if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, n)); err != nil {
						t.Error(err)
					}
				})
			}
			loads.Wait()
			time.Sleep(3 * time.Second)
		}
		if conns != 1 {
			t.Errorf("%d connections were needed", conns)
		}
	})
}

// FuzzFrames: the frames found do not depend on the pieces they come in, and
// nothing that a peer sends makes the guard fail.
func FuzzFrames(f *testing.F) {
	var seed bytes.Buffer
	seed.WriteString(clientPreface)
	fr := http2.NewFramer(&seed, nil)
	_ = fr.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	_ = fr.WriteRSTStream(1, http2.ErrCodeInternal)
	_ = fr.WriteData(3, true, []byte("x"))
	f.Add(seed.Bytes(), uint8(1))
	f.Add([]byte(clientPreface+"\xff\xff\xff\x00\x01\xff\xff\xff\xff"), uint8(7))
	f.Add([]byte(clientPreface+"\x00\x00\x00\x03\x00\x80\x00\x00\x01\x00\x00\x02\x03\x00\x00\x00\x00\x01\x00"), uint8(3))
	f.Fuzz(func(t *testing.T, data []byte, piece uint8) {
		find := func(size int) (found []frameHeader) {
			r := frameReader{skip: len(clientPreface)}
			r.frame = func(h frameHeader, _ [4]byte) { found = append(found, h) }
			for rest := data; len(rest) > 0; {
				n := min(size, len(rest))
				r.read(rest[:n])
				rest = rest[n:]
			}
			return found
		}
		whole, pieces := find(len(data)+1), find(int(piece)+1)
		if fmt.Sprint(whole) != fmt.Sprint(pieces) {
			t.Fatalf("whole %v, in pieces %v", whole, pieces)
		}
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		g := newFrameGuard(theirs, time.Now, func() {})
		defer g.close()
		defer theirs.Close()
		g.mu.Lock()
		for _, h := range whole {
			g.received(h, [4]byte{})
			g.answered(h, [4]byte{3: errInternal})
		}
		g.mu.Unlock()
	})
}

// BenchmarkFrameGuard is what watching costs a connection that sends a large answer.
func BenchmarkFrameGuard(b *testing.B) {
	var frames bytes.Buffer
	fr := http2.NewFramer(&frames, nil)
	for range 64 {
		_ = fr.WriteData(1, false, make([]byte, 16<<10))
	}
	g := newFrameGuard(nil, time.Now, func() {})
	b.SetBytes(int64(frames.Len()))
	for b.Loop() {
		for p := frames.Bytes(); len(p) > 0; {
			n := min(len(p), 4<<10)
			g.out.read(p[:n])
			p = p[n:]
		}
	}
}

package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"
)

func TestProxyProtocol(t *testing.T) {
	var told http.Header
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { told = r.Header })
	for _, tt := range []struct {
		name, trusted, header string
		status                int // 0: closed without an answer
		want                  string
	}{
		{"version 1", "127.0.0.0/8", "PROXY TCP4 203.0.113.77 192.0.2.1 1234 80\r\n", 200, "203.0.113.0"},
		{"IPv6", "127.0.0.0/8", "PROXY TCP6 2001:db8:aa:bb::1 ::1 1234 80\r\n", 200, "2001:db8:aa::"},
		{"unknown", "127.0.0.0/8", "PROXY UNKNOWN\r\n", 200, "127.0.0.0"},
		{"no header", "127.0.0.0/8", "", 0, ""},
		{"nonsense", "127.0.0.0/8", "PROXY TCP9 x\r\n", 0, ""},
		{"from a stranger", "10.0.0.0/8", "PROXY TCP4 203.0.113.77 192.0.2.1 1234 80\r\n", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			told = nil
			g, err := New(Config{Sites: []Site{testSite(t, Site{Upstream: up})}, TrustedProxies: []netip.Prefix{netip.MustParsePrefix(tt.trusted)}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			s, err := g.Listen(ctx, ListenConfig{HTTP: "127.0.0.1:0", ProxyProtocol: true})
			if err != nil {
				t.Fatal(err)
			}
			served := make(chan error)
			go func() { served <- s.Serve(ctx) }()
			c, err := net.Dial("tcp", s.HTTP().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(20 * time.Second))
			_, _ = fmt.Fprintf(c, "%sGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Forwarded-For: 198.51.100.9\r\n\r\n", tt.header)
			res, err := http.ReadResponse(bufio.NewReader(c), nil)
			status := 0
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body)
				status = res.StatusCode
			}
			if status != tt.status && !(tt.status == 0 && status == 400) || told.Get("X-Forwarded-For") != tt.want {
				t.Errorf("got %d %v, the site was told %q", status, err, told.Get("X-Forwarded-For"))
			}
			_ = c.Close()
			stop()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	g, err := New(Config{Sites: []Site{testSite(t, Site{Upstream: up})}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Listen(context.Background(), ListenConfig{HTTP: "127.0.0.1:0", ProxyProtocol: true}); err == nil {
		t.Error("no trusted proxy could speak it, and that was no error")
	}
}

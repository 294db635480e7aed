package proxy

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// A gateway that has no certificate yet shows the site over plain http; when it
// has one, visitors are sent to https and browsers told to stay there.
func TestFirstStart(t *testing.T) {
	p := newTestIssuer(t)
	const host = "first.charity.example"
	log := new(sharedLog)
	certs, err := NewCertificates(CertificateConfig{
		Hosts: []string{host}, CA: "https://" + p.addr + "/dir", CARoot: p.root, Dir: t.TempDir(), Profile: p.profile,
		HTTPPort: p.httpPort, TLSPort: p.tlsPort, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Config{Sites: []Site{testSite(t, Site{
		Name: host, Hosts: []string{host}, Dir: testFolder(t, map[string]string{"index.html": "<!doctype html><title>First</title><p>whole"}),
	})}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	doors, err := g.Listen(ctx, ListenConfig{
		HTTP: fmt.Sprintf("127.0.0.1:%d", p.httpPort), HTTPS: p.secure(), Certificates: certs, HSTS: 24 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- doors.Serve(ctx) }()
	visitor := p.visitor(t)
	ask := func(scheme string) (*http.Response, string) {
		t.Helper()
		res, err := visitor.Get(scheme + "://" + host + "/?a=b")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(body)
	}

	waitFor(t, "the first failure to reach the issuer", func() bool { return strings.Contains(log.String(), "could not be had") })
	if res, body := ask("http"); res.StatusCode != http.StatusOK || !strings.Contains(body, "whole") || res.Header[hstsHeader] != nil {
		t.Errorf("before the certificate: %s %v %s", res.Status, res.Header, body)
	}
	p.start(t)
	waitFor(t, "the certificate", func() bool { return certs.Ready(host) })
	res, _ := ask("http")
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil || res.StatusCode != http.StatusPermanentRedirect || to.Scheme != "https" || to.Hostname() != host || to.RequestURI() != "/?a=b" || res.Header[hstsHeader] != nil {
		t.Errorf("after it: %s %v", res.Status, res.Header)
	}
	if res, body := ask("https"); res.StatusCode != http.StatusOK || res.ProtoMajor != 2 || !strings.Contains(body, "whole") || res.Header.Get(hstsHeader) != "max-age=86400" {
		t.Errorf("by https: %s %s %v %s", res.Proto, res.Status, res.Header, body)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// visitor is a browser for which every name is this machine, and which is not led on.
func (p *testIssuer) visitor(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // pebble's root is new at every start
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			port := p.httpPort
			if strings.HasSuffix(address, ":443") {
				port = p.tlsPort
			}
			return new(net.Dialer).DialContext(ctx, network, fmt.Sprintf("127.0.0.1:%d", port))
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

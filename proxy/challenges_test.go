package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Each way to prove that a name is ours gets a certificate by itself: with only
// the plain door reachable, with only the https door, and with neither.
func TestEveryChallengeIsAnswered(t *testing.T) {
	p := newTestIssuer(t)
	p.start(t)
	for _, way := range []string{"http-01", "tls-alpn-01", "dns-01"} {
		t.Run(way, func(t *testing.T) {
			dir := t.TempDir()
			c := CertificateConfig{
				Hosts: []string{way + ".charity.example"}, CA: "https://" + p.addr + "/dir", CARoot: p.root, Dir: dir,
				HTTPPort: p.httpPort, TLSPort: p.tlsPort, Profile: p.profile, Log: slog.New(slog.DiscardHandler),
			}
			if way == "dns-01" {
				c.DNSHook = filepath.Join(dir, "hook")
				script := fmt.Sprintf("#!/bin/sh\ncase $1 in set) printf %%s \"$3\" > %[1]s/$2. ;; clear) rm %[1]s/$2. ;; esac\n", p.dir)
				if err := os.WriteFile(c.DNSHook, []byte(script), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			certs, err := NewCertificates(c)
			if err != nil {
				t.Fatal(err)
			}
			switch way {
			case "http-01":
				certs.issuer.DisableTLSALPNChallenge = true
				l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.httpPort))
				if err != nil {
					t.Fatal(err)
				}
				plain := &http.Server{Handler: certs.Challenge(http.NotFoundHandler())}
				defer plain.Close()
				go plain.Serve(l)
			case "tls-alpn-01":
				certs.issuer.DisableHTTPChallenge = true
				l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.tlsPort))
				if err != nil {
					t.Fatal(err)
				}
				config := certs.TLS()
				secure := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
				defer secure.Close()
				go secure.Serve(&secureListener{&coarseListener{Listener: l, limiter: newLimiter(DefaultLimits(), time.Now)}, config})
			}
			ctx, cancel := context.WithCancel(t.Context())
			var orders sync.WaitGroup
			orders.Go(func() { certs.Run(ctx) })
			waitFor(t, "a certificate", func() bool { return certs.Ready(c.Hosts[0]) })
			cancel()
			orders.Wait()
			left, err := filepath.Glob(filepath.Join(p.dir, "_acme-challenge*"))
			if err != nil || len(left) > 0 {
				t.Errorf("the hook was not told to clear %v %v", left, err)
			}
		})
	}
}

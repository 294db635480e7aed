package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
)

// A certificate is renewed when a third of its life is left, of whatever length
// that life is; nobody has to set anything for the short ones.
func TestRenewalIsDueInTheLastThird(t *testing.T) {
	certs, err := NewCertificates(CertificateConfig{Dir: t.TempDir(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer certs.cache.Stop()
	const day = 24 * time.Hour
	for _, life := range []time.Duration{90 * day, 45 * day, 6 * day} {
		for _, test := range []struct {
			left time.Duration
			want bool
		}{{life * 40 / 100, false}, {life * 34 / 100, false}, {life * 33 / 100, true}, {time.Minute, true}, {-time.Minute, true}} {
			end := time.Now().Add(test.left)
			c := certmagic.Certificate{Certificate: tls.Certificate{Leaf: &x509.Certificate{NotBefore: end.Add(-life), NotAfter: end}}}
			if got := c.NeedsRenewal(certs.magic); got != test.want {
				t.Errorf("of %v are left %v: due %v, want %v", life, test.left, got, test.want)
			}
		}
	}
}

// What happens to certificates over the years, against the real issuer.
func TestCertificatesLast(t *testing.T) {
	p := newTestIssuer(t)
	p.start(t)
	const host = "years.charity.example"
	dir := t.TempDir()

	t.Run("a lock left by a crash holds nothing up", func(t *testing.T) {
		locks := filepath.Join(dir, "locks")
		if err := os.MkdirAll(locks, 0o700); err != nil {
			t.Fatal(err)
		}
		lock := fmt.Sprintf(`{"created":%q,"updated":%[1]q}`, time.Now().Add(-time.Minute).Format(time.RFC3339))
		if err := os.WriteFile(filepath.Join(locks, "issue_cert_"+host+".lock"), []byte(lock), 0o600); err != nil {
			t.Fatal(err)
		}
		certs, log, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "a certificate in spite of the lock", func() bool { return certs.Ready(host) })
		if strings.Contains(log.String(), "PRIVATE KEY") {
			t.Error("the log holds a key")
		}
		for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			c, err := tls.Dial("tcp", p.secure(), &tls.Config{ServerName: host, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
			if err == nil {
				_ = c.Close()
			}
			if (err == nil) != want {
				t.Errorf("%s: %v, want it spoken: %v", tls.VersionName(version), err, want)
			}
		}
	})

	t.Run("a hundred starts order nothing", func(t *testing.T) {
		before := p.orders()
		for range 100 {
			certs, _, closeDoors := p.doors(t, dir, host)
			waitFor(t, "the stored certificate", func() bool { return certs.Ready(host) })
			closeDoors()
		}
		if n := p.orders() - before; n != 0 {
			t.Errorf("%d orders", n)
		}
	})

	t.Run("an issuer that wants it early is obeyed (RFC 9773)", func(t *testing.T) {
		first := p.wantRenewed(t, dir, host)
		certs, _, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "the stored certificate", func() bool { return certs.Ready(host) })
		p.untilRenewed(t, certs, host, first)
	})

	t.Run("a short life is had by its profile", func(t *testing.T) {
		p.profile = "shortlived"
		const host = "short.charity.example"
		certs, _, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "a certificate", func() bool { return certs.Ready(host) })
		if end := certs.Status()[0].Expires; time.Until(end) > 6*24*time.Hour {
			t.Errorf("it ends on %v", end)
		}
	})

	t.Run("one that is about to end is renewed and never missed", func(t *testing.T) {
		p.profile = "ending"
		const host = "ending.charity.example"
		certs, _, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "a certificate", func() bool { return certs.Ready(host) })
		p.untilRenewed(t, certs, host, p.serial(host))
	})

	p.profile = "default"
	p.stop()
	p.start(t)
	t.Run("an issuer that has forgotten the account gets a new one", func(t *testing.T) {
		const host = "again.charity.example"
		certs, _, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "a certificate", func() bool { return certs.Ready(host) })
	})
	t.Run("a damaged account is replaced", func(t *testing.T) {
		const host = "account.charity.example"
		keys, err := filepath.Glob(filepath.Join(dir, "acme", "*", "users", "*", "*.key"))
		if err != nil || len(keys) == 0 {
			t.Fatalf("account keys %v, %v", keys, err)
		}
		for _, key := range keys {
			if err := os.Truncate(key, 50); err != nil {
				t.Fatal(err)
			}
		}
		certs, log, closeDoors := p.doors(t, dir, host)
		defer closeDoors()
		waitFor(t, "a certificate", func() bool { return certs.Ready(host) })
		if !strings.Contains(log.String(), "set aside") {
			t.Errorf("the damage is not in the log: %s", log)
		}
	})
}

// secure is the address of the https door.
func (p *testIssuer) secure() string { return fmt.Sprintf("127.0.0.1:%d", p.tlsPort) }

// untilRenewed goes the gateway's regular round, which takes place every ten
// minutes, until host shows another certificate than first. There is one at any
// time.
func (p *testIssuer) untilRenewed(t *testing.T, certs *Certificates, host, first string) {
	t.Helper()
	if err := certs.cache.RenewManagedCertificates(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "another certificate", func() bool {
		now := p.serial(host)
		if now == "" {
			t.Fatal("no handshake while it was renewed")
		}
		return now != first
	})
}

// wantRenewed has the issuer say of a stored certificate that it should have been
// renewed by now, and makes it time to ask the issuer about it. It returns the
// certificate's serial number.
func (p *testIssuer) wantRenewed(t *testing.T, dir, host string) (serial string) {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(dir, "certificates", "*", host))
	if err != nil || len(folders) != 1 {
		t.Fatalf("folders %v, %v", folders, err)
	}
	chain, err := os.ReadFile(filepath.Join(folders[0], host+".crt"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, _ := pem.Decode(chain)
	parsed, err := x509.ParseCertificate(leaf.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	past := time.Now().Add(-time.Hour).UTC()
	info := fmt.Sprintf(`{"suggestedWindow":{"start":%q,"end":%q}}`, past.Format(time.RFC3339), past.Add(time.Minute).Format(time.RFC3339))
	body, err := json.Marshal(map[string]string{"Certificate": string(pem.EncodeToMemory(leaf)), "ARIResponse": info})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	res, err := client.Post("https://"+p.management+"/set-renewal-info/", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s %v", res.Status, text, err)
	}
	// Pebble wants to be asked again after six hours.
	file := filepath.Join(folders[0], host+".json")
	stored, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	next := regexp.MustCompile(`("_retryAfter":\s*)"[^"]+"`)
	if !next.Match(stored) {
		t.Fatalf("the issuer was never asked when to renew: %s", stored)
	}
	stored = next.ReplaceAll(stored, fmt.Appendf(nil, "${1}%q", past.Format(time.RFC3339)))
	if err := os.WriteFile(file, stored, 0o600); err != nil {
		t.Fatal(err)
	}
	return parsed.SerialNumber.String()
}

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/quic-go/quic-go/http3"
)

// testKeyPair writes a certificate for example.com and its key, and returns the
// files and who trusts it.
func testKeyPair(t *testing.T) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	pair := s.TLS.Certificates[0]
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]},
		key:  {Type: "PRIVATE KEY", Bytes: der},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return cert, key, roots
}

// A visitor who comes by HTTP/3 is asked, says yes, and is shown what was
// recorded; nothing the program writes knows who it was.
func TestHTTP3Visitor(t *testing.T) {
	cert, key, roots := testKeyPair(t)
	data := t.TempDir()
	file := filepath.Join(t.TempDir(), "lychgate.toml")
	config := fmt.Sprintf("data = %q\n[listen]\nhttps = \"127.0.0.1:0\"\nhttp3 = true\n[tls]\ncert_file = %q\nkey_file = %q\n[[site]]\nhosts = [\"example.com\"]\ndir = %q\n",
		data, cert, key, testSite(t))
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "serve", "-config", file)
	u, err := url.Parse(p.url)
	if err != nil {
		t.Fatal(err)
	}
	address := net.JoinHostPort("127.0.0.1", u.Port())
	h3 := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
	defer h3.Close()
	ask := func(method, path, form string, cookies ...*http.Cookie) (*http.Response, string) {
		t.Helper()
		var in io.Reader
		if form != "" {
			in = strings.NewReader(form)
		}
		r := navigate(t, method, "https://"+address+path, in)
		r.Host = u.Host
		r.Header.Set("Origin", "https://"+u.Host)
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := h3.RoundTrip(r)
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
	res, page := ask("GET", "/", "")
	if res.ProtoMajor != 3 || !strings.Contains(page, "<h1>Willow</h1>") || !strings.Contains(page, "decision") || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s %v\n%s", res.Proto, res.Header, page)
	}
	res, _ = ask("POST", "/_lychgate/consent", "decision=accept&return_to=%2F")
	var granted []*http.Cookie
	for _, c := range res.Cookies() {
		if c.Name == "__Host-lychgate" {
			granted = append(granted, c)
		}
	}
	if res.StatusCode != http.StatusSeeOther || len(granted) != 1 {
		t.Fatalf("accept: %s %v", res.Status, res.Header)
	}
	if _, page = ask("GET", "/_lychgate/consent", "", granted...); !strings.Contains(page, `data-decision="accept"`) {
		t.Errorf("the page of choices: %s", page)
	}
	if err := p.stop(t); err != nil {
		t.Errorf("stop: %v\n%s", err, &p.stderr)
	}
	files := everyFile(t, data)
	files["stderr"] = p.stderr.String()
	for name, text := range files {
		if strings.Contains(text, "127.0.0.1:") {
			t.Errorf("%s names an address", name)
		}
	}
}

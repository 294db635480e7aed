package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A testIssuer is pebble, the ACME test server of Let's Encrypt, with a name
// server for which every name is this machine.
type testIssuer struct {
	bin, dir          string
	addr, management  string
	root              string // PEM of what pebble's own https is signed by
	httpPort, tlsPort int
	nameserver        string
	profile           string // asked for by the doors; without one, pebble takes any
	cmd               *exec.Cmd
	log               sharedLog
}

// A sharedLog is written by one goroutine or process and read by another.
type sharedLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *sharedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *sharedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newTestIssuer(t *testing.T) *testIssuer {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED: builds an issuer and waits for it; the full run does")
	}
	t.Parallel() // these tests mostly wait for their issuers
	const mod = "github.com/letsencrypt/pebble/v2"
	p := &testIssuer{dir: t.TempDir(), bin: testTool(t, "pebble"), profile: "default"}
	src, err := exec.Command("go", "list", "-modfile=../internal/tools/go.mod", "-m", "-f", "{{.Dir}}", mod).Output()
	if err != nil {
		t.Fatal(err)
	}
	certs := filepath.Join(strings.TrimSpace(string(src)), "test", "certs")
	p.root = filepath.Join(certs, "pebble.minica.pem")
	p.nameserver = serveNames(t, p.dir)
	p.addr, p.management = freeAddr(t), freeAddr(t)
	p.httpPort, p.tlsPort = port(t, freeAddr(t)), port(t, freeAddr(t))
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": p.addr, "managementListenAddress": p.management,
		"certificate": filepath.Join(certs, "localhost", "cert.pem"),
		"privateKey":  filepath.Join(certs, "localhost", "key.pem"),
		"httpPort":    p.httpPort, "tlsPort": p.tlsPort,
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{
			"default":    map[string]any{"description": "90 days", "validityPeriod": 7776000},
			"shortlived": map[string]any{"description": "6 days", "validityPeriod": 518400},
			"ending":     map[string]any{"description": "20 minutes", "validityPeriod": 1200},
		},
	}}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "pebble.json"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// testTool builds a tool of internal/tools, once, and returns where it lies.
func testTool(t *testing.T, name string) string {
	t.Helper()
	bin, err := exec.Command("go", "tool", "-modfile=../internal/tools/go.mod", "-n", name).Output()
	if err != nil {
		missing(t, "%s does not build (make test fetches it): %v", name, err)
	}
	return strings.TrimSpace(string(bin))
}

// start runs pebble, which refuses half of all nonces and, like every start of
// it, has forgotten all accounts.
func (p *testIssuer) start(t *testing.T) {
	t.Helper()
	p.cmd = exec.Command(p.bin, "-config", filepath.Join(p.dir, "pebble.json"), "-dnsserver", p.nameserver)
	p.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=50")
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.stop)
	waitFor(t, "pebble to answer", func() bool {
		c, err := net.Dial("tcp", p.addr)
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

func (p *testIssuer) stop() {
	if p.cmd != nil && p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
}

// orders is how many orders pebble has seen since it was started first.
func (p *testIssuer) orders() int { return strings.Count(p.log.String(), "Added order") }

// serveNames runs a name server that knows every name.
func serveNames(t *testing.T, records string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // pebble asks over TCP
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		for _, question := range q.Question {
			if txt, err := os.ReadFile(filepath.Join(records, question.Name)); question.Qtype == dns.TypeTXT && err == nil {
				m.Answer = append(m.Answer, &dns.TXT{
					Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
					Txt: []string{string(txt)},
				})
			}
			if question.Qtype == dns.TypeA {
				m.Answer = append(m.Answer, &dns.A{
					Hdr: dns.RR_Header{Name: question.Name, Rrtype: dns.TypeA, Class: dns.ClassINET},
					A:   net.IPv4(127, 0, 0, 1),
				})
			}
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return l.Addr().String()
}

// missing skips a test that needs what is not there, and fails it where nothing
// may be skipped.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("LYCHGATE_TEST_ALL") != "" || os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf("SKIPPED: "+format, args...)
}

// freeAddr is an address at which nobody listens but whom the test tells of it. Its
// port is below those that the kernel gives to whoever asks for any, so that no other
// test gets it meanwhile, and reserved by its neighbour on 127.0.0.2.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		port := 10_000 + rand.IntN(20_000)
		reserved, err := net.Listen("tcp", fmt.Sprintf("127.0.0.2:%d", port))
		if err != nil {
			continue
		}
		t.Cleanup(func() { reserved.Close() })
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("a thousand ports are taken")
	return ""
}

func port(t *testing.T, addr string) int {
	t.Helper()
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return a.Port
}

// waitFor polls something outside this program, which gives no event.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(60 * time.Second)
	defer limit.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// doors opens both doors with certificates of p, as a gateway would.
func (p *testIssuer) doors(t *testing.T, dir string, hosts ...string) (*Certificates, *sharedLog, func()) {
	t.Helper()
	log := new(sharedLog)
	certs, err := NewCertificates(CertificateConfig{
		Hosts: hosts, CA: "https://" + p.addr + "/dir", CARoot: p.root, Dir: dir,
		HTTPPort: p.httpPort, TLSPort: p.tlsPort, Profile: p.profile,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	site := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "the site") })
	plain, secure := listenAgain(t, p.httpPort), tls.NewListener(listenAgain(t, p.tlsPort), certs.TLS())
	servers := []*http.Server{
		{Handler: certs.Challenge(site), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
		{Handler: site, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)},
	}
	go servers[0].Serve(plain)
	go servers[1].Serve(secure)
	ctx, cancel := context.WithCancel(t.Context())
	var orders sync.WaitGroup
	orders.Go(func() { certs.Run(ctx) })
	return certs, log, func() {
		cancel()
		orders.Wait()
		for _, s := range servers {
			s.Close()
		}
	}
}

// listenAgain listens on a port that somebody else may hold for a moment.
func listenAgain(t *testing.T, port int) (l net.Listener) {
	t.Helper()
	waitFor(t, "the port", func() bool {
		var err error
		l, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err == nil
	})
	return l
}

// serial is the serial number of the certificate shown for host, or "" when the
// handshake is refused.
func (p *testIssuer) serial(host string) string {
	c, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.tlsPort), &tls.Config{ServerName: host, InsecureSkipVerify: true})
	if err != nil {
		return ""
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestCertificatesComeByThemselves(t *testing.T) {
	p := newTestIssuer(t)
	p.start(t)
	dir := t.TempDir()
	const host = "www.charity.example"
	certs, log, closeDoors := p.doors(t, dir, host)
	if certs.Ready(host) {
		t.Error("ready before anything was ordered")
	}
	// The doors are open meanwhile.
	if _, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", p.httpPort)); err != nil {
		t.Errorf("plain http while ordering: %v", err)
	}
	waitFor(t, "a certificate", func() bool { return certs.Ready(host) })
	first := p.serial(host)
	if first == "" {
		t.Fatal("no handshake with the certificate that is there")
	}
	if s := certs.Status(); len(s) != 1 || s[0].Expires.Before(time.Now().Add(80*24*time.Hour)) {
		t.Errorf("status: %+v", s)
	}

	t.Run("a name that is not served never causes an order", func(t *testing.T) {
		before := p.orders()
		for i := range 20 {
			if got := p.serial(fmt.Sprintf("stranger%d.example", i)); got != "" {
				t.Errorf("a stranger's name is shown certificate %s", got)
			}
		}
		if got := p.orders(); got != before {
			t.Errorf("%d orders for strangers' names", got-before)
		}
	})
	t.Run("the log holds no address", func(t *testing.T) {
		if strings.Contains(log.String(), "127.0.0.1") {
			t.Errorf("log: %s", log)
		}
	})
	// What lies on the disk while it runs is what a kill leaves.
	killed := filepath.Join(t.TempDir(), "killed")
	if out, err := exec.Command("cp", "-a", dir, killed).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	closeDoors()
	p.stop()

	for end, dir := range map[string]string{"stop": dir, "kill": killed} {
		t.Run("a start without the issuer after a "+end+" keeps the certificate", func(t *testing.T) {
			certs, _, closeDoors := p.doors(t, dir, host)
			defer closeDoors()
			waitFor(t, "the stored certificate", func() bool { return certs.Ready(host) })
			if got := p.serial(host); got != first {
				t.Errorf("serial %s, want the old %s", got, first)
			}
		})
	}

	p.start(t) // it has forgotten the account
	damage := map[string]func(file string) error{
		"certificate cut short": func(folder string) error {
			return os.Truncate(filepath.Join(folder, host+".crt"), 100)
		},
		"key overwritten": func(folder string) error {
			return os.WriteFile(filepath.Join(folder, host+".key"), []byte("not a key"), 0o600)
		},
		"metadata emptied": func(folder string) error {
			return os.Truncate(filepath.Join(folder, host+".json"), 0)
		},
	}
	for name, hurt := range damage {
		t.Run(name+" is healed by a new order", func(t *testing.T) {
			folders, err := filepath.Glob(filepath.Join(dir, "certificates", "*", host))
			if err != nil || len(folders) != 1 {
				t.Fatalf("folders %v, %v", folders, err)
			}
			before := p.orders()
			if err := hurt(folders[0]); err != nil {
				t.Fatal(err)
			}
			certs, log, closeDoors := p.doors(t, dir, host)
			defer closeDoors()
			waitFor(t, "a healed certificate", func() bool { return certs.Ready(host) })
			if p.orders() == before || p.serial(host) == "" {
				t.Error("no new certificate")
			}
			if !strings.Contains(log.String(), "set aside") {
				t.Errorf("the damage is not in the log: %s", log)
			}
		})
	}
	t.Run("keys are readable by their owner only", func(t *testing.T) {
		err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && strings.HasSuffix(path, ".key") && info.Mode().Perm() != 0o600 {
				t.Errorf("%s is %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestIssuerThatIsDownAtFirstIsAskedAgain(t *testing.T) {
	p := newTestIssuer(t)
	const host = "late.charity.example"
	certs, log, closeDoors := p.doors(t, t.TempDir(), host)
	defer closeDoors()
	waitFor(t, "the first failure", func() bool { return strings.Contains(log.String(), "could not be had") })
	if p := certs.Status()[0].Problem; p == nil || !strings.Contains(p.Err, "refused") || time.Since(p.At) > time.Hour {
		t.Errorf("the failure is told as %+v", p)
	}
	p.start(t)
	waitFor(t, "the certificate", func() bool { return certs.Ready(host) })
	waitFor(t, "no word of it any more", func() bool { return certs.Status()[0].Problem == nil })
}

func TestAddressesAreTakenOutOfIssuersErrors(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"dial tcp 203.0.113.9:443: connection refused", "dial tcp (address): connection refused"},
		{"fetching http://www.a.example/.well-known: [2001:db8::1]:80: timeout", "fetching http://www.a.example/.well-known: [(address)]:80: timeout"},
		{"2001:db8::7 did not answer", "(address) did not answer"},
		{"HTTP 400 urn:ietf:params:acme:error:badNonce", "HTTP 400 urn:ietf:params:acme:error:badNonce"},
	} {
		if got := withoutAddresses(fmt.Errorf("%s", test.in)).Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

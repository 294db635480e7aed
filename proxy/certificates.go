package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3/acme"
	"go.uber.org/zap"
)

// A CertificateConfig says for which names certificates are ordered, and where.
type CertificateConfig struct {
	// Hosts are the names of every site. No other name ever causes an order.
	Hosts []string
	// Email is given to the issuer for notices about expiry. May be empty.
	Email string
	// CA is the issuer's ACME directory URL. Default: Let's Encrypt.
	CA string
	// CARoot is a PEM file with the certificates that the CA's own https is
	// trusted by, beside the system's. For private issuers.
	CARoot string
	// Profile is the issuer's certificate profile ("shortlived"). Default: the issuer's own.
	Profile string
	// HTTPPort and TLSPort are where the issuer's challenges arrive, when a
	// forwarding rule stands between 80 and 443 and the gateway. Default 80 and 443.
	HTTPPort, TLSPort int
	// DNSHook is a program that puts TXT records into the hosts' DNS, for DNS-01
	// challenges; they then take the place of the others. Empty: none.
	DNSHook string
	// Dir keeps account and certificates; several gateways may share it.
	Dir string
	Log *slog.Logger
}

// Certificates orders, keeps and renews the certificates of every site by ACME
// (RFC 8555), answering HTTP-01 on the plain door and TLS-ALPN-01 (RFC 8737) on
// the https door.
//
// Ordering needs no visitor to wait and no start to fail: the doors open at
// once, plain http serves until the first certificate is there, and an issuer
// that is down is asked again.
type Certificates struct {
	magic  *certmagic.Config
	cache  *certmagic.Cache
	issuer *certmagic.ACMEIssuer
	failed sync.Map // host -> the cancel function of its order under way
	// problems are the CertificateProblem of each host whose last order failed.
	problems sync.Map
	log      *slog.Logger

	mu      sync.Mutex
	hosts   []string
	managed map[string]context.CancelFunc // by host; nil while Run does not
	tend    func(host string)             // has a host managed
}

// NewCertificates prepares the ordering; [Certificates.Run] does it. Stored
// files that are damaged are set aside first, so that their names are ordered anew.
func NewCertificates(c CertificateConfig) (*Certificates, error) {
	if err := setDamagedAside(c.Dir, c.Log); err != nil {
		return nil, fmt.Errorf("check stored certificates: %w", err)
	}
	roots, err := issuerRoots(c.CARoot)
	if err != nil {
		return nil, err
	}
	s := &Certificates{hosts: c.Hosts, log: c.Log}
	// certmagic's own log names the addresses of visitors; its events do not.
	quiet := zap.NewNop()
	s.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return s.magic, nil },
		Logger:           quiet,
	})
	s.magic = certmagic.New(s.cache, certmagic.Config{
		Storage: &certmagic.FileStorage{Path: c.Dir},
		OnEvent: s.event,
		ShouldEmitFunc: func(event string) bool {
			return event != "tls_get_certificate" // once per handshake, with the visitor's hello
		},
		Logger: quiet,
	})
	if len(c.Hosts) > 0 {
		s.magic.DefaultServerName = c.Hosts[0]
	}
	ca := c.CA
	if ca == "" {
		ca = certmagic.LetsEncryptProductionCA
	}
	template := certmagic.ACMEIssuer{
		CA: ca, TestCA: ca, Email: c.Email, Agreed: true, Profile: c.Profile,
		AltHTTPPort: c.HTTPPort, AltTLSALPNPort: c.TLSPort,
		TrustedRoots: roots, Logger: quiet,
	}
	if c.DNSHook != "" {
		template.DNS01Solver = dnsHook(c.DNSHook)
	}
	s.issuer = certmagic.NewACMEIssuer(s.magic, template)
	s.magic.Issuers = []certmagic.Issuer{s.issuer}
	return s, nil
}

// issuerRoots is the system's roots and those of the file; nil for the system's alone.
func issuerRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read tls.ca_root: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read tls.ca_root: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// TLS is the configuration of the https door. A handshake for a name that has no
// certificate is refused; it never causes an order.
func (s *Certificates) TLS() *tls.Config {
	c := s.magic.TLSConfig()
	c.MinVersion = tls.VersionTLS12
	c.NextProtos = append([]string{"h2", "http/1.1"}, c.NextProtos...)
	return c
}

// Challenge answers HTTP-01 challenges and passes everything else to next.
func (s *Certificates) Challenge(next http.Handler) http.Handler {
	return s.issuer.HTTPChallengeHandler(next)
}

// Ready reports whether https can be served for host now, so that nobody is
// redirected to a door that does not open.
func (s *Certificates) Ready(host string) bool {
	now := time.Now()
	for _, c := range s.cache.AllMatchingCertificates(host) {
		if c.Leaf != nil && now.Before(c.Leaf.NotAfter) {
			return true
		}
	}
	return false
}

// A CertificateStatus is what an admin is shown of one name.
type CertificateStatus struct {
	Host    string
	Expires time.Time // zero: there is none yet
	// Problem is why the last order or renewal failed; nil when it did not.
	Problem *CertificateProblem
}

// A CertificateProblem is an order that failed.
type CertificateProblem struct {
	At  time.Time
	Err string // without addresses
}

// Status lists every name and the end of its certificate.
func (s *Certificates) Status() []CertificateStatus {
	s.mu.Lock()
	hosts := s.hosts
	s.mu.Unlock()
	list := make([]CertificateStatus, len(hosts))
	for i, host := range hosts {
		list[i].Host = host
		if p, ok := s.problems.Load(host); ok {
			list[i].Problem = p.(*CertificateProblem)
		}
		for _, c := range s.cache.AllMatchingCertificates(host) {
			if c.Leaf != nil && c.Leaf.NotAfter.After(list[i].Expires) {
				list[i].Expires = c.Leaf.NotAfter
			}
		}
	}
	return list
}

// Run orders what is missing and renews what ends, until ctx is done. The doors
// must be open: the issuer knocks on them.
func (s *Certificates) Run(ctx context.Context) {
	defer s.cache.Stop()
	var orders sync.WaitGroup
	s.mu.Lock()
	s.managed = map[string]context.CancelFunc{}
	s.tend = func(host string) {
		ctx, cancel := context.WithCancel(ctx)
		s.managed[host] = cancel
		orders.Go(func() { s.manage(ctx, host) })
	}
	s.arrange()
	s.mu.Unlock()
	<-ctx.Done()
	s.mu.Lock()
	s.managed = nil
	s.mu.Unlock()
	orders.Wait()
}

// SetHosts orders and renews certificates for other names from now on. What was
// had for names that are gone stays in the folder.
func (s *Certificates) SetHosts(hosts []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hosts = slices.Clone(hosts)
	if s.managed != nil {
		s.arrange()
	}
}

// arrange has exactly s.hosts managed. s.mu is held.
func (s *Certificates) arrange() {
	for host, cancel := range s.managed {
		if slices.Contains(s.hosts, host) {
			continue
		}
		cancel()
		delete(s.managed, host)
		s.cache.RemoveManaged([]certmagic.SubjectIssuer{{Subject: host}})
	}
	for _, host := range s.hosts {
		if s.managed[host] == nil {
			s.tend(host)
		}
	}
}

// manage has a certificate for host and leaves its renewal to certmagic. It
// returns when there is one or ctx is done.
func (s *Certificates) manage(ctx context.Context, host string) {
	for tries := 0; ctx.Err() == nil; tries++ {
		if _, err := s.magic.CacheManagedCertificate(ctx, host); err == nil {
			// Loads nothing new, but renews at once what ends soon.
			if err := s.magic.ManageAsync(ctx, []string{host}); err != nil {
				s.log.Error("manage certificate", "host", host, "err", withoutAddresses(err))
			}
			return
		}
		if err := s.order(ctx, host); err != nil {
			pause(ctx, waitAfter(err, tries))
		}
	}
}

// order makes a single attempt. certmagic's own first pause after a failure is a
// minute and grows; ending its loop after one attempt lets an issuer that was
// only out of reach be asked again much sooner.
func (s *Certificates) order(ctx context.Context, host string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.failed.Store(host, cancel)
	defer s.failed.Delete(host)
	if err := s.magic.ObtainCertAsync(ctx, host); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return err
	}
	return nil
}

// waitAfter is how long to wait after the given failure, one of several in a row
// counted from 0. An issuer that could not be reached is asked again soon. One
// that answered with a problem has counted the attempt: Let's Encrypt allows
// five failed validations of a name per hour.
func waitAfter(err error, tries int) time.Duration {
	var problem acme.Problem
	if !errors.As(err, &problem) {
		return min(time.Duration(1+tries)*5*time.Second, 30*time.Second)
	}
	pauses := []time.Duration{20 * time.Second, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}
	return pauses[min(tries, len(pauses)-1)]
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// event writes down what an operator wants to know of an order.
func (s *Certificates) event(_ context.Context, event string, data map[string]any) error {
	host, _ := data["identifier"].(string)
	switch event {
	case "cert_obtaining":
		s.log.Info("order certificate", "host", host)
	case "cert_obtained":
		s.problems.Delete(host)
		s.log.Info("certificate is there", "host", host)
	case "cert_failed":
		err, _ := data["error"].(error)
		if err == nil {
			err = errors.New("the issuer gave none")
		}
		s.problems.Store(host, &CertificateProblem{time.Now(), withoutAddresses(err).Error()})
		s.log.Warn("certificate could not be had, will be tried again", "host", host, "err", withoutAddresses(err))
		if cancel, ok := s.failed.Load(host); ok {
			cancel.(context.CancelCauseFunc)(err)
		}
	}
	return nil
}

// addressLike finds what may be an IP address in an issuer's message.
var addressLike = regexp.MustCompile(`[0-9a-fA-F]*[.:][0-9a-fA-F.:]*[0-9a-fA-F]`)

// withoutAddresses is err's text with every address taken out: issuers name the
// address they were refused at, and no log of ours holds any.
func withoutAddresses(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(addressLike.ReplaceAllStringFunc(err.Error(), func(s string) string {
		host := s
		if ap, err := netip.ParseAddrPort(s); err == nil {
			host = ap.Addr().String()
		}
		if _, err := netip.ParseAddr(host); err == nil {
			return "(address)"
		}
		return s
	}))
}

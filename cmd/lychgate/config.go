package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
	_ "time/tzdata" // Days begin in the site's zone, also in a container that ships no zones.

	"golang.org/x/net/idna"
)

// A config is the configuration file as its owner writes it. Every key is
// explained in deploy/lychgate.toml, which a test holds against this struct.
// The zero value of every field means its default.
type config struct {
	Data   string `toml:"data"`
	Shared string `toml:"shared"`

	Listen struct {
		HTTP           string   `toml:"http"`
		HTTPS          string   `toml:"https"`
		TrustedProxies []string `toml:"trusted_proxies"`
		ProxyProtocol  bool     `toml:"proxy_protocol"`
		HTTP3          bool     `toml:"http3"`
		Drain          period   `toml:"drain"`
	} `toml:"listen"`

	Limits limitsConfig `toml:"limits"`

	TLS struct {
		Email    string `toml:"email"`
		CA       string `toml:"ca"`
		CARoot   string `toml:"ca_root"`
		Profile  string `toml:"profile"`
		CertFile string `toml:"cert_file"`
		KeyFile  string `toml:"key_file"`
		DNSHook  string `toml:"dns_hook"`
		HSTS     period `toml:"hsts"`
	} `toml:"tls"`

	Consent struct {
		AskAgain    period `toml:"ask_again"`
		KeepRecords period `toml:"keep_records"`
		KeyFile     string `toml:"key_file"`
		Policy      string `toml:"policy"`
	} `toml:"consent"`

	Purposes []purposeConfig `toml:"purpose"`

	Analytics struct {
		Off         bool   `toml:"off"`
		Retention   period `toml:"retention"`
		Timezone    string `toml:"timezone"`
		GeoIP       string `toml:"geoip"`
		CountStates *bool  `toml:"count_states"`
		SmallNumber int    `toml:"small_number"`
		Store       string `toml:"store"`

		ClickHouse clickhouseConfig `toml:"clickhouse"`
	} `toml:"analytics"`

	Admin struct {
		Host      string `toml:"host"`
		Session   period `toml:"session"`
		Idle      period `toml:"idle"`
		KeepAudit period `toml:"keep_audit"`
		Listen    string `toml:"listen"`
	} `toml:"admin"`

	Log struct {
		Format string `toml:"format"`
	} `toml:"log"`

	Mail struct {
		Server       string `toml:"server"`
		From         string `toml:"from"`
		Username     string `toml:"username"`
		PasswordFile string `toml:"password_file"`
	} `toml:"mail"`

	Sites []siteConfig `toml:"site"`
}

type purposeConfig struct {
	ID   string            `toml:"id"`
	Name map[string]string `toml:"name"`
	Text map[string]string `toml:"text"`
}

type siteConfig struct {
	Hosts            []string `toml:"hosts"`
	Redirect         *bool    `toml:"redirect"`
	Name             string   `toml:"name"`
	Upstream         string   `toml:"upstream"`
	UpstreamHost     string   `toml:"upstream_host"`
	Fallbacks        []string `toml:"fallbacks"`
	HealthPath       string   `toml:"health_path"`
	SecurityHeaders  bool     `toml:"security_headers"`
	Dir              string   `toml:"dir"`
	Languages        []string `toml:"languages"`
	Contact          string   `toml:"contact"`
	PrivacyURL       string   `toml:"privacy_url"`
	Banner           string   `toml:"banner"`
	EssentialCookies []string `toml:"essential_cookies"`
	ThirdParties     string   `toml:"third_parties"`
	StrictConnect    bool     `toml:"strict_connections"`
	Allow            []string `toml:"allow"`
	Hold             []string `toml:"hold"`
	Relay            []string `toml:"relay"`
	AnalyticsPaths   []string `toml:"analytics_paths"`
	SearchParams     []string `toml:"search_params"`
	Beacon           bool     `toml:"beacon"`
	Events           []string `toml:"events"`

	Words map[string]wordsConfig `toml:"words"`
	Theme themeConfig            `toml:"theme"`
	Dark  themeConfig            `toml:"theme_dark"`

	Goals   []goalConfig   `toml:"goal"`
	Funnels []funnelConfig `toml:"funnel"`
}

type wordsConfig struct {
	Question string `toml:"question"`
	Text     string `toml:"text"`
	Accept   string `toml:"accept"`
	Decline  string `toml:"decline"`
}

type themeConfig struct {
	Background string `toml:"background"`
	Text       string `toml:"text"`
	Link       string `toml:"link"`
	Button     string `toml:"button"`
	ButtonText string `toml:"button_text"`
	Font       string `toml:"font"`
}

type goalConfig struct {
	Name string `toml:"name"`
	Path string `toml:"path"`
}

type funnelConfig struct {
	Name  string   `toml:"name"`
	Steps []string `toml:"steps"`
}

// Defaults that the program decides rather than a room.
const (
	defaultHTTP     = "127.0.0.1:8080"
	defaultData     = "lychgate-data"
	defaultTimezone = "Europe/London"
	// everySite is the id of the one site that answers to every host.
	everySite = "default"
)

// readConfig reads the file at path. It returns every problem at once.
func readConfig(path string) (*config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	c, p := parseConfig(path, data)
	if err := p.err(); err != nil {
		return nil, err
	}
	return c, nil
}

// parseConfig reads the bytes of a file called name and checks them. Relative
// paths in it are taken from the folder the file lies in, so that the gateway
// finds its data wherever it is started from.
func parseConfig(name string, data []byte) (*config, *problems) {
	c, p := new(config), &problems{file: name, lines: map[string]int{}}
	decodeTOML(data, c, p)
	base := filepath.Dir(name)
	c.fill(base)
	c.check(p)
	return c, p
}

// fill puts in the defaults and makes paths absolute to base.
func (c *config) fill(base string) {
	if c.Data == "" {
		c.Data = defaultData
	}
	if c.Listen.HTTP == "" && c.Listen.HTTPS == "" {
		c.Listen.HTTP = defaultHTTP
	}
	if c.Analytics.Timezone == "" {
		c.Analytics.Timezone = defaultTimezone
	}
	c.Listen.Drain.orElse(25 * time.Second)
	c.TLS.HSTS.orElse(30 * day)
	c.Limits.fill()
	c.fillStore(base)
	c.Consent.AskAgain.orElse(180 * day)
	c.Consent.KeepRecords.orElse(4 * year)
	c.Analytics.Retention.orElse(25 * month)
	c.Admin.Session.orElse(12 * time.Hour)
	c.Admin.Idle.orElse(2 * time.Hour)
	c.Admin.KeepAudit.orElse(400 * day)
	if c.Log.Format == "" {
		c.Log.Format = logText
	}
	if c.Analytics.SmallNumber == 0 {
		c.Analytics.SmallNumber = 5
	}
	if c.Shared == "" {
		c.Shared = c.Data
	}
	for _, path := range []*string{&c.Data, &c.Shared, &c.TLS.CertFile, &c.TLS.KeyFile, &c.TLS.DNSHook, &c.TLS.CARoot, &c.Mail.PasswordFile, &c.Consent.KeyFile, &c.Analytics.GeoIP} {
		*path = within(base, *path)
	}
	for i := range c.Sites {
		s := &c.Sites[i]
		s.Dir = within(base, s.Dir)
		for j, h := range s.Hosts {
			if ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(h, ".")); err == nil {
				s.Hosts[j] = ascii
			}
		}
	}
}

func within(base, path string) string {
	if path == "" || filepath.IsAbs(path) || base == "" {
		return path
	}
	return filepath.Join(base, path)
}

// id is the name a site goes by in the ledger, the sums and the cookies. It
// must not change while its numbers are to be found again, so it is the
// canonical host, not the title.
func (s *siteConfig) id() string {
	if len(s.Hosts) == 0 {
		return everySite
	}
	return s.Hosts[0]
}

// title is the name visitors read in the banner.
func (s *siteConfig) title() string {
	if s.Name != "" {
		return s.Name
	}
	if len(s.Hosts) > 0 {
		return s.Hosts[0]
	}
	return ""
}

// check adds every problem that reading alone cannot find. It opens nothing but
// looks whether folders and files are there.
func (c *config) check(p *problems) {
	c.checkListen(p)
	c.Limits.check(p)
	for key, q := range map[string]period{
		"consent.ask_again":    c.Consent.AskAgain,
		"consent.keep_records": c.Consent.KeepRecords,
		"analytics.retention":  c.Analytics.Retention,
	} {
		if q.err != nil {
			p.add(key, "%v", q.err)
		} else if q.Duration < day {
			p.add(key, "%s is too short: at least a day", q.Duration)
		}
	}
	if c.Consent.AskAgain.Duration > 400*day {
		p.add("consent.ask_again", "%s is longer than browsers keep a cookie: at most 400d", c.Consent.AskAgain.Duration)
	}
	if c.Consent.KeepRecords.Duration < c.Consent.AskAgain.Duration {
		p.add("consent.keep_records", "is shorter than ask_again: an answer must not outlive its evidence")
	}
	if _, err := time.LoadLocation(c.Analytics.Timezone); err != nil {
		p.add("analytics.timezone", `%q is not a time zone: write one such as "Europe/London"`, c.Analytics.Timezone)
	}
	if c.Analytics.GeoIP != "" {
		checkFile(p, "analytics.geoip", c.Analytics.GeoIP)
	}
	if c.Analytics.SmallNumber < 2 {
		p.add("analytics.small_number", "%d hides nobody: at least 2, better 5 or more", c.Analytics.SmallNumber)
	}
	c.checkStore(p)
	c.checkAdmin(p)
	if c.Admin.Listen != "" {
		c.checkAddress(p, "admin.listen", c.Admin.Listen)
	}
	if f := c.Log.Format; f != logText && f != logJSON {
		p.add("log.format", `%q: write "text" or "json"`, f)
	}
	seen := map[string]string{"statistics": "built in", "other": "built in"}
	if len(c.Purposes) > 6 {
		p.add("purpose[6]", "at most 6 purposes can be told apart by a visitor; this file has %d", len(c.Purposes))
	}
	for i, u := range c.Purposes {
		key := fmt.Sprintf("purpose[%d]", i)
		switch {
		case u.ID == "":
			p.add(key, `has no id: add id = "newsletter" or the like`)
		case strings.Trim(u.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "":
			p.add(key+".id", "%q: use small letters, digits and hyphens only", u.ID)
		case seen[u.ID] != "":
			p.add(key+".id", "%q is there already (%s)", u.ID, seen[u.ID])
		}
		seen[u.ID] = key
		if u.Name["en"] == "" {
			p.add(key+".name", `has no English name: add name = { en = "..." }`)
		}
		if u.Text["en"] == "" {
			p.add(key+".text", `has no English text: add text = { en = "One plain sentence." }`)
		}
	}
	if c.Mail.PasswordFile != "" {
		checkFile(p, "mail.password_file", c.Mail.PasswordFile)
	}
	if err := c.mail().Validate(); err != nil {
		p.add("mail", "%v", err)
	}
	c.checkSites(p)
}

func (c *config) checkListen(p *problems) {
	for _, l := range []struct{ key, addr string }{{"listen.http", c.Listen.HTTP}, {"listen.https", c.Listen.HTTPS}} {
		if l.addr == "" {
			continue
		}
		c.checkAddress(p, l.key, l.addr)
	}
	for i, n := range c.Listen.TrustedProxies {
		if _, err := parseNetwork(n); err != nil {
			p.add(fmt.Sprintf("listen.trusted_proxies[%d]", i), `%q is not a network: write an address or a range, such as "10.0.0.0/8"`, n)
		}
	}
	if c.Listen.ProxyProtocol && len(c.Listen.TrustedProxies) == 0 {
		p.add("listen.proxy_protocol", "is believed from trusted proxies only: name their networks in trusted_proxies")
	}
	if q := c.TLS.HSTS; q.err != nil {
		p.add("tls.hsts", "%v", q.err)
	}
	if c.TLS.DNSHook != "" {
		if !c.ordersCertificates() {
			p.add("tls.dns_hook", "is never used: no certificates are ordered")
		}
		checkFile(p, "tls.dns_hook", c.TLS.DNSHook)
	}
	if c.Listen.HTTP3 && (c.Listen.HTTPS == "" || c.Listen.ProxyProtocol) {
		p.add("listen.http3", `needs https, and visitors who come to it themselves: set https = ":443", without proxy_protocol`)
	}
	if q := c.Listen.Drain; q.err != nil {
		p.add("listen.drain", "%v", q.err)
	} else if q.Duration < 0 || q.Duration > 10*time.Minute {
		p.add("listen.drain", "%s: requests in flight end within seconds, and a stop should too: at most 10m", q.Duration)
	}
	switch cert, key := c.TLS.CertFile, c.TLS.KeyFile; {
	case c.ordersCertificates():
		c.checkOrders(p)
	case cert != "" && key == "":
		p.add("tls.cert_file", "is set without key_file: both are needed")
	case key != "" && cert == "":
		p.add("tls.key_file", "is set without cert_file: both are needed")
	case cert != "" && c.Listen.HTTPS == "":
		p.add("tls.cert_file", `is never used: set https = ":443" in [listen]`)
	case cert != "":
		checkFile(p, "tls.cert_file", cert)
		checkFile(p, "tls.key_file", key)
	}
}

// ordersCertificates reports whether https is served with certificates that
// come by themselves.
func (c *config) ordersCertificates() bool {
	return c.Listen.HTTPS != "" && c.TLS.CertFile == "" && c.TLS.KeyFile == ""
}

func (c *config) checkOrders(p *problems) {
	for i, s := range c.Sites {
		if len(s.Hosts) == 0 {
			p.add(fmt.Sprintf("site[%d]", i), "has no hosts: certificates are ordered for names, so say which (or set cert_file and key_file in [tls])")
		}
	}
	if c.Listen.HTTP == "" {
		p.add("listen.https", `needs http beside it to order certificates and to send visitors on: set http = ":80"`)
	}
	if c.TLS.CA != "" {
		if u, err := url.Parse(c.TLS.CA); err != nil || u.Scheme != "https" || u.Host == "" {
			p.add("tls.ca", "%q is not an issuer's directory: write its https URL", c.TLS.CA)
		}
	}
	if c.TLS.CARoot != "" {
		checkFile(p, "tls.ca_root", c.TLS.CARoot)
	}
}

func (c *config) checkAddress(p *problems, key, addr string) {
	if _, port, err := net.SplitHostPort(addr); err != nil || port == "" {
		p.add(key, `%q is not an address to listen on: write host and port, such as "127.0.0.1:8080" or ":443"`, addr)
	}
}

func (c *config) checkSites(p *problems) {
	if len(c.Sites) == 0 {
		p.add("", "there is no site: add a [[site]] with dir or upstream, or start with -dir FOLDER or -upstream URL")
	}
	owner := map[string]string{}
	for i := range c.Sites {
		s, key := &c.Sites[i], fmt.Sprintf("site[%d]", i)
		if len(s.Hosts) == 0 && len(c.Sites) > 1 {
			p.add(key, "has no hosts: with several sites each must say which names it answers to")
		}
		for j, h := range s.Hosts {
			at := fmt.Sprintf("%s.hosts", key)
			ascii, err := idna.Lookup.ToASCII(h)
			switch {
			case err != nil, ascii == "", strings.ContainsAny(h, "/:* "):
				p.add(at, `%q (number %d) is not a host name: write the bare name, such as "www.charity.example"`, h, j+1)
			case owner[ascii] != "":
				p.add(at, "%q belongs to %s already", h, owner[ascii])
			default:
				owner[ascii] = key
			}
		}
		s.check(p, key)
		b := c.banner(s)
		if err := b.Validate(); err != nil {
			for problem := range strings.Lines(err.Error()) {
				field, text, ok := strings.Cut(strings.TrimSpace(problem), ": ")
				if !ok || strings.Contains(field, " ") {
					field, text = "banner", strings.TrimSpace(problem)
				}
				p.add(key+"."+field, "%s", text)
			}
		}
	}
}

func (s *siteConfig) check(p *problems, key string) {
	switch {
	case s.Dir == "" && s.Upstream == "":
		p.add(key, "says neither dir (a folder to serve) nor upstream (the server behind): set one")
	case s.Dir != "" && s.Upstream != "":
		p.add(key+".upstream", "is set beside dir: a site is either a folder or a server, not both")
	case s.Upstream != "":
		checkServer(p, key+".upstream", s.Upstream)
		for _, f := range s.Fallbacks {
			checkServer(p, key+".fallbacks", f)
		}
	default:
		if info, err := os.Stat(s.Dir); err != nil {
			p.add(key+".dir", "the folder cannot be read: %v", err)
		} else if !info.IsDir() {
			p.add(key+".dir", "%s is a file, not a folder", s.Dir)
		}
	}
	if s.ThirdParties != "" && s.ThirdParties != "hold" && s.ThirdParties != "observe" {
		p.add(key+".third_parties", `%q: "hold" keeps them back, "observe" only lists them`, s.ThirdParties)
	}
	for _, path := range s.AnalyticsPaths {
		if !strings.HasPrefix(path, "/") {
			p.add(key+".analytics_paths", "%q is not a path of the site: it begins with a slash", path)
		}
	}
	s.checkEvents(p, key)
	for i, g := range s.Goals {
		if g.Name == "" || !strings.HasPrefix(g.Path, "/") {
			p.add(fmt.Sprintf("%s.goal[%d]", key, i), `needs a name and a path, such as name = "Donated", path = "/thank-you"`)
		}
	}
	for i, f := range s.Funnels {
		if f.Name == "" || len(f.Steps) < 2 {
			p.add(fmt.Sprintf("%s.funnel[%d]", key, i), `needs a name and at least two steps, such as steps = ["/donate", "/thank-you"]`)
		}
	}
	if len(s.Goals) > 16 {
		p.add(key+".goal", "at most 16 goals fit into the note on a visitor's device; there are %d", len(s.Goals))
	}
	if len(s.Funnels) > 4 {
		p.add(key+".funnel", "at most 4 funnels of 4 steps; there are %d", len(s.Funnels))
	}
	if s.Dir != "" {
		for k, set := range map[string]bool{"upstream_host": s.UpstreamHost != "", "fallbacks": s.Fallbacks != nil, "health_path": s.HealthPath != ""} {
			if set {
				p.add(key+"."+k, "means nothing beside dir")
			}
		}
	}
	if s.HealthPath != "" && !strings.HasPrefix(s.HealthPath, "/") {
		p.add(key+".health_path", "%q is not a path of the site: it begins with a slash", s.HealthPath)
	}
	if s.PrivacyURL != "" {
		if u, err := url.Parse(s.PrivacyURL); err != nil || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https") || (u.Scheme == "" && !strings.HasPrefix(s.PrivacyURL, "/")) {
			p.add(key+".privacy_url", `%q is not a page: write a path such as "/privacy" or a whole URL`, s.PrivacyURL)
		}
	}
}

// maxEvents bounds the names that the optional script may count.
const maxEvents = 50

func (s *siteConfig) checkEvents(p *problems, key string) {
	if len(s.Events) > 0 && !s.Beacon {
		p.add(key+".events", "are never counted: set beacon = true beside them")
	}
	if len(s.Events) > maxEvents {
		p.add(key+".events", "at most %d names are counted; there are %d", maxEvents, len(s.Events))
	}
	for _, e := range s.Events {
		if e == "" || len(e) > 60 {
			p.add(key+".events", "%q is no name: write a short one, such as \"signed up\"", e)
		}
	}
}

func checkServer(p *problems, key, server string) {
	if u, err := url.Parse(server); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		p.add(key, `%q is not an address of a web server: write a URL such as "http://127.0.0.1:3000"`, server)
	} else if u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		p.add(key, "%q: write scheme, host and port only; paths are passed on as they come", server)
	}
}

func checkFile(p *problems, key, path string) {
	f, err := os.Open(path)
	if err != nil {
		p.add(key, "the file cannot be read: %v", err)
		return
	}
	if err := f.Close(); err != nil {
		p.add(key, "the file cannot be read: %v", err)
	}
}

// parseNetwork reads an address or a range.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}

package main

import (
	"fmt"
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

	// file is where all this was read; empty when flags said it.
	file string
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
	c, p := &config{file: name}, &problems{file: name, lines: map[string]int{}}
	decodeTOML(data, c, p)
	if p.unreadable {
		return c, p
	}
	base := filepath.Dir(name)
	c.checkZeros(p)
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
	if s := c.Admin.Session.Duration; s > 0 {
		c.Admin.Idle.orElse(min(2*time.Hour, s))
	}
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
	for _, path := range []*string{
		&c.Data, &c.Shared, &c.TLS.CertFile, &c.TLS.KeyFile, &c.TLS.DNSHook, &c.TLS.CARoot,
		&c.Mail.PasswordFile, &c.Consent.KeyFile, &c.Analytics.GeoIP,
	} {
		*path = within(base, *path)
	}
	c.Admin.Host = asciiName(c.Admin.Host)
	for i := range c.Sites {
		s := &c.Sites[i]
		s.Dir = within(base, s.Dir)
		for j, h := range s.Hosts {
			s.Hosts[j] = asciiName(h)
		}
	}
}

// asciiName is a host's name as it travels, or what was written where that is none.
func asciiName(host string) string {
	if ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(host, ".")); err == nil {
		return ascii
	}
	return host
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

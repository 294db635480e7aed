package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/lychgate/lychgate/analytics"
)

// A clickhouseConfig is the table [analytics.clickhouse].
type clickhouseConfig struct {
	Addr         []string    `toml:"addr"`
	Protocol     string      `toml:"protocol"`
	Database     string      `toml:"database"`
	TLS          bool        `toml:"tls"`
	CA           string      `toml:"ca"`
	Compression  string      `toml:"compression"`
	Cluster      string      `toml:"cluster"`
	Housekeeping bool        `toml:"housekeeping"`
	Writer       loginConfig `toml:"writer"`
	Reader       loginConfig `toml:"reader"`
	Housekeeper  loginConfig `toml:"housekeeper"`
	Migrator     loginConfig `toml:"migrator"`
}

type loginConfig struct {
	User         string `toml:"user"`
	PasswordFile string `toml:"password_file"`
}

// The two engines that keep the sums.
const (
	storeSQLite     = "sqlite"
	storeClickHouse = "clickhouse"
)

// fillStore puts in the defaults of where the sums are kept.
func (c *config) fillStore(base string) {
	ch := &c.Analytics.ClickHouse
	for value, def := range map[*string]string{
		&c.Analytics.Store: storeSQLite, &ch.Protocol: "native", &ch.Database: "lychgate", &ch.Compression: "lz4",
	} {
		if *value == "" {
			*value = def
		}
	}
	ch.CA = within(base, ch.CA)
	for _, l := range ch.logins() {
		l.PasswordFile = within(base, l.PasswordFile)
	}
}

func (ch *clickhouseConfig) logins() []*loginConfig {
	return []*loginConfig{&ch.Writer, &ch.Reader, &ch.Housekeeper, &ch.Migrator}
}

// checkStore checks where the sums are kept. No server is asked.
func (c *config) checkStore(p *problems) {
	ch, key := &c.Analytics.ClickHouse, "analytics.clickhouse"
	switch c.Analytics.Store {
	case storeSQLite:
		if len(ch.Addr) == 0 { // else it is being made ready for lychgate move
			return
		}
	case storeClickHouse:
	default:
		p.add("analytics.store", `%q: "sqlite" keeps the sums in the data folder, "clickhouse" on a server`, c.Analytics.Store)
		return
	}
	if len(ch.Addr) == 0 {
		p.add("analytics.store", `is "clickhouse" without a server: set addr = ["host:9000"] in [analytics.clickhouse]`)
	}
	for i, a := range ch.Addr {
		if host, port, err := net.SplitHostPort(a); err != nil || host == "" || port == "" {
			p.add(key+".addr", `%q (number %d) is not an address: write host and port, such as "clickhouse.example:9440"`, a, i+1)
		}
	}
	if ch.Protocol != "native" && ch.Protocol != "http" {
		p.add(key+".protocol", `%q: write "native" or "http"`, ch.Protocol)
	}
	if ch.Compression != "lz4" && ch.Compression != "zstd" && ch.Compression != "none" {
		p.add(key+".compression", `%q: write "lz4", "zstd" or "none"`, ch.Compression)
	}
	if ch.CA != "" && !ch.TLS {
		p.add(key+".ca", "is never used: set tls = true beside it")
	}
	if err := c.server().Validate(); err != nil {
		p.add(key, "%v", err)
	}
	for name, file := range map[string]string{
		".ca": ch.CA, ".writer.password_file": ch.Writer.PasswordFile, ".reader.password_file": ch.Reader.PasswordFile,
		".housekeeper.password_file": ch.Housekeeper.PasswordFile, ".migrator.password_file": ch.Migrator.PasswordFile,
	} {
		if file != "" {
			checkFile(p, key+name, file)
		}
	}
}

// clickhouse is the server that the sums are on, nil without one.
func (c *config) clickhouse() *analytics.ClickHouseConfig {
	if c.Analytics.Store != storeClickHouse {
		return nil
	}
	return c.server()
}

// server is the ClickHouse server that the file names, whether the sums are there
// or not yet; nil without one.
func (c *config) server() *analytics.ClickHouseConfig {
	ch := &c.Analytics.ClickHouse
	if len(ch.Addr) == 0 {
		return nil
	}
	return &analytics.ClickHouseConfig{
		Addr: ch.Addr, Protocol: ch.Protocol, Database: ch.Database, TLS: ch.TLS, CA: ch.CA, Compression: ch.Compression, Cluster: ch.Cluster,
		Writer: analytics.Login(ch.Writer), Reader: analytics.Login(ch.Reader),
		Housekeeper: analytics.Login(ch.Housekeeper), Migrator: analytics.Login(ch.Migrator),
		Housekeeping: ch.Housekeeping,
	}
}

// runMigrate makes the tables of a ClickHouse server, or brings them up to date.
func runMigrate(args []string, stdout, stderr io.Writer) error {
	var file string
	f := flagSet("migrate")
	f.StringVar(&file, "config", "", "the configuration `FILE`")
	if err := parse(f, args); err != nil {
		return err
	}
	if file == "" {
		return fmt.Errorf("%w: say which gateway: -config FILE", errUsage)
	}
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	if c.server() == nil {
		_, err := fmt.Fprintln(stdout, "The statistics are in the data folder, which lychgate serve brings up to date itself.")
		return err
	}
	err = analytics.Migrate(context.Background(), analytics.Config{ClickHouse: c.server(), Retention: c.Analytics.Retention.Duration})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The tables in the database %s are up to date.\n", c.Analytics.ClickHouse.Database)
	return err
}

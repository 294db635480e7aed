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
	Housekeeping bool        `toml:"housekeeping"`
	Writer       loginConfig `toml:"writer"`
	Reader       loginConfig `toml:"reader"`
	Housekeeper  loginConfig `toml:"housekeeper"`
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
	for _, path := range []*string{&ch.CA, &ch.Writer.PasswordFile, &ch.Reader.PasswordFile, &ch.Housekeeper.PasswordFile} {
		*path = within(base, *path)
	}
}

// checkStore checks where the sums are kept. No server is asked.
func (c *config) checkStore(p *problems) {
	ch, key := &c.Analytics.ClickHouse, "analytics.clickhouse"
	switch c.Analytics.Store {
	case storeSQLite:
		if len(ch.Addr) > 0 {
			p.add(key+".addr", `is never used: set store = "clickhouse" in [analytics]`)
		}
		return
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
	for name, file := range map[string]string{
		".ca": ch.CA, ".writer.password_file": ch.Writer.PasswordFile,
		".reader.password_file": ch.Reader.PasswordFile, ".housekeeper.password_file": ch.Housekeeper.PasswordFile,
	} {
		if file != "" {
			checkFile(p, key+name, file)
		}
	}
}

// clickhouse is what the sums' room is told of the server, nil without one.
func (c *config) clickhouse() *analytics.ClickHouseConfig {
	if c.Analytics.Store != storeClickHouse {
		return nil
	}
	ch := &c.Analytics.ClickHouse
	return &analytics.ClickHouseConfig{
		Addr: ch.Addr, Protocol: ch.Protocol, Database: ch.Database, TLS: ch.TLS, CA: ch.CA, Compression: ch.Compression,
		Writer: analytics.Login(ch.Writer), Reader: analytics.Login(ch.Reader), Housekeeper: analytics.Login(ch.Housekeeper),
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
	if c.clickhouse() == nil {
		_, err := fmt.Fprintln(stdout, "The statistics are in the data folder, which lychgate serve brings up to date itself.")
		return err
	}
	err = analytics.Migrate(context.Background(), analytics.Config{ClickHouse: c.clickhouse(), Retention: c.Analytics.Retention.Duration})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The tables in the database %s are up to date.\n", c.Analytics.ClickHouse.Database)
	return err
}

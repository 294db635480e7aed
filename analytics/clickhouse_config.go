package analytics

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// A ClickHouseConfig says where the sums are when they are not in the data
// folder: for several gateways, or millions of views a year.
type ClickHouseConfig struct {
	// Addr are the servers' hosts and ports, tried in order, like
	// "clickhouse.example:9440".
	Addr []string
	// Protocol is "native" or "http". Default native.
	Protocol string
	// Database holds the tables. Default "lychgate".
	Database string
	// TLS turns encryption on.
	TLS bool
	// CA is a PEM file of the authorities that may vouch for the servers.
	// Default: those of the system.
	CA string
	// Compression is "lz4", "zstd" or "none". Default lz4.
	Compression string
	// Cluster is the name of the servers' cluster, or a macro like "{cluster}":
	// the tables are then replicated, and spread over its shards by site. Default:
	// one server.
	Cluster string
	// Writer may INSERT into sums.
	Writer Login
	// Reader may SELECT. Default Writer.
	Reader Login
	// Housekeeper may SELECT, INSERT, ALTER TTL and ALTER DELETE on sums. Only the
	// gateway with Housekeeping needs it. Default Writer.
	Housekeeper Login
	// Migrator may create the database and its tables. Only [Migrate] needs it.
	// Default Housekeeper.
	Migrator Login
	// Housekeeping makes this the gateway that closes months and enforces
	// retention. Exactly one of all that share the tables must have it.
	Housekeeping bool

	// patience is how long an answer is waited for. Default queryTimeout.
	patience time.Duration
	// dial is how long a connection is waited for. Default dialTimeout.
	dial time.Duration
}

// dialTimeout bounds dialling, signing in, and the wait for a free connection.
const dialTimeout = 5 * time.Second

// A Login is an account of the server.
type Login struct {
	// User is the account's name. Default "default".
	User string
	// PasswordFile holds nothing but the password. Default: no password.
	PasswordFile string
}

const defaultDatabase = "lychgate"

func (c *ClickHouseConfig) reader() Login { return cmp.Or(c.Reader, c.Writer) }

func (c *ClickHouseConfig) housekeeper() Login { return cmp.Or(c.Housekeeper, c.Writer) }

func (c *ClickHouseConfig) migrator() Login { return cmp.Or(c.Migrator, c.housekeeper()) }

// Validate fails for names that cannot be. Nil is well.
func (c *ClickHouseConfig) Validate() error {
	if c == nil {
		return nil
	}
	return c.withDefaults().tables().check()
}

func (c *ClickHouseConfig) tables() tables { return tables{c.Database, c.Cluster} }

// withDefaults is c with its defaults put in.
func (c ClickHouseConfig) withDefaults() *ClickHouseConfig {
	if c.Database == "" {
		c.Database = defaultDatabase
	}
	return &c
}

var clickhouseProtocols = map[string]clickhouse.Protocol{
	"": clickhouse.Native, "native": clickhouse.Native, "http": clickhouse.HTTP,
}

var clickhouseCompressions = map[string]clickhouse.CompressionMethod{
	"": clickhouse.CompressionLZ4, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD, "none": clickhouse.CompressionNone,
}

// connect makes a pool of connections as l, for calls that take no longer than
// longest. It does not dial yet.
func (c *ClickHouseConfig) connect(l Login, database string, longest time.Duration) (driver.Conn, error) {
	o := &clickhouse.Options{
		Addr:        c.Addr,
		Auth:        clickhouse.Auth{Database: database, Username: l.User},
		DialTimeout: cmp.Or(c.dial, dialTimeout),
		ReadTimeout: longest,
		// Servers and what is between close idle connections.
		ConnMaxLifetime: 5 * time.Minute,
	}
	var ok bool
	if o.Protocol, ok = clickhouseProtocols[c.Protocol]; !ok {
		return nil, fmt.Errorf("clickhouse: unknown protocol %q", c.Protocol)
	}
	method, ok := clickhouseCompressions[c.Compression]
	if !ok {
		return nil, fmt.Errorf("clickhouse: unknown compression %q", c.Compression)
	}
	o.Compression = &clickhouse.Compression{Method: method}
	if l.PasswordFile != "" {
		password, err := os.ReadFile(l.PasswordFile)
		if err != nil {
			return nil, fmt.Errorf("clickhouse: password of %q: %w", l.User, err)
		}
		o.Auth.Password = strings.TrimSpace(string(password))
	}
	if c.TLS {
		var err error
		if o.TLS, err = c.tls(); err != nil {
			return nil, err
		}
	}
	conn, err := clickhouse.Open(o)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	return conn, nil
}

func (c *ClickHouseConfig) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return t, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: authorities: %w", err)
	}
	t.RootCAs = x509.NewCertPool()
	if !t.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("clickhouse: authorities: no certificate in %s", c.CA)
	}
	return t, nil
}

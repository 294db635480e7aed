package analytics

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// TestClickHouseOverTLS signs in over TLS with an authority of its own, by a
// password in a file, and is told plainly when any of it is wrong.
func TestClickHouseOverTLS(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	ca, cert, key := testCertificates(t)
	other, _, _ := testCertificates(t)
	server := clickhousetest.New(t, clickhousetest.Options{
		Users:    map[string]string{"writer": "right"},
		CertFile: file("cert.pem", cert), KeyFile: file("key.pem", key),
	})
	caFile, password := file("ca.pem", ca), file("password", "right\n")
	for _, protocol := range []string{"native", "http"} {
		for _, test := range []struct {
			name   string
			change func(*ClickHouseConfig)
			want   string // in the error; empty: it opens
		}{
			{"all is right", func(*ClickHouseConfig) {}, ""},
			{"the authority is not known", func(c *ClickHouseConfig) { c.CA = "" }, "certificate"},
			{"it is another authority", func(c *ClickHouseConfig) { c.CA = file("other.pem", other) }, "certificate"},
			{"the authority's file is none", func(c *ClickHouseConfig) { c.CA = password }, "no certificate in"},
			{"the password is wrong", func(c *ClickHouseConfig) { c.Writer.PasswordFile = file("wrong", "wrong") }, "Authentication failed"},
			{"the password is missing", func(c *ClickHouseConfig) { c.Writer.PasswordFile = "" }, "Authentication failed"},
			{"the password's file is missing", func(c *ClickHouseConfig) { c.Writer.PasswordFile = filepath.Join(dir, "nowhere") }, "no such file"},
			{"the user is not known", func(c *ClickHouseConfig) { c.Writer.User = "nobody" }, "Authentication failed"},
			{"TLS is off", func(c *ClickHouseConfig) { c.TLS = false }, "clickhouse"},
		} {
			t.Run(protocol+" "+test.name, func(t *testing.T) {
				c := &ClickHouseConfig{
					Addr: []string{map[string]string{"native": server.Native, "http": server.HTTP}[protocol]}, Protocol: protocol,
					Database: "over_tls", TLS: true, CA: caFile, Writer: Login{User: "writer", PasswordFile: password},
				}
				if err := migrateClickHouse(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				test.change(c)
				s, err := openClickHouse(t.Context(), c, nil)
				if test.want == "" {
					if err != nil {
						t.Fatal(err)
					}
					defer s.Close()
					if err := s.Add(t.Context(), Batch{Source: protocol, Number: 1, Rows: testManyRows(10)}); err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				if err != nil && strings.Contains(err.Error(), "right") {
					t.Errorf("the error tells a password: %v", err)
				}
			})
		}
	}
}

// testCertificates makes an authority and a certificate for 127.0.0.1, in PEM.
func testCertificates(t *testing.T) (ca, cert, key string) {
	t.Helper()
	write := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	root, leaf := testKey(t), testKey(t)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Willow's own"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{SerialNumber: big.NewInt(2), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	caDER, err1 := x509.CreateCertificate(rand.Reader, authority, authority, &root.PublicKey, root)
	certDER, err2 := x509.CreateCertificate(rand.Reader, server, authority, &leaf.PublicKey, root)
	keyDER, err3 := x509.MarshalPKCS8PrivateKey(leaf)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return write("CERTIFICATE", caDER), write("CERTIFICATE", certDER), write("PRIVATE KEY", keyDER)
}

func testKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

var grantLine = regexp.MustCompile(`(?m)^GRANT (.+?) TO (lychgate_\w+)(?:, (lychgate_\w+))?;`)

// testGrants reads from the operator's file what a role may do, as a server
// configuration that lets everybody do just that.
func testGrants(t *testing.T, role string) string {
	t.Helper()
	text, err := os.ReadFile("../deploy/clickhouse/users.sql")
	if err != nil {
		t.Fatal(err)
	}
	grants := ""
	for _, m := range grantLine.FindAllStringSubmatch(string(text), -1) {
		if m[2] == role || m[3] == role {
			grants += "<query>GRANT " + m[1] + "</query>"
		}
	}
	if grants == "" {
		t.Fatalf("users.sql grants nothing to %s", role)
	}
	dir := t.TempDir()
	users, path := filepath.Join(dir, "users.xml"), filepath.Join(dir, "config.xml")
	for file, text := range map[string]string{
		path: "<clickhouse><user_directories><users_xml><path>" + users + "</path></users_xml></user_directories></clickhouse>",
		users: "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>" +
			"<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota><grants>" + grants +
			"</grants></default></users></clickhouse>",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestClickHouseLogins starts the engine with the grants of each role of
// deploy/clickhouse/users.sql in turn: each part of the work needs its login and
// no more, and each login can do its own part only.
func TestClickHouseLogins(t *testing.T) {
	server := clickhousetest.New(t, clickhousetest.Options{Config: testGrants(t, "lychgate_migrators")})
	c := (&ClickHouseConfig{Addr: []string{server.Native}, Housekeeping: true}).withDefaults()
	number := uint64(0)
	parts := []struct {
		name string
		do   func(s *clickhouseStore) error
		may  string // the roles
	}{
		{"make tables", func(*clickhouseStore) error { return Migrate(t.Context(), Config{ClickHouse: c}) }, "migrators"},
		{"make other tables", func(s *clickhouseStore) error {
			return s.house.Exec(t.Context(), "CREATE TABLE other (a Int8) ENGINE = MergeTree ORDER BY a")
		}, "migrators"},
		{"add", func(s *clickhouseStore) error {
			number++
			return s.Add(t.Context(), Batch{Source: "g", Number: number, Rows: testManyRows(4), First: true})
		}, "writers housekeepers"},
		{"read", func(s *clickhouseStore) error {
			_, err := s.Query(t.Context(), Select{Grain: Day, Dim: DimTotal, To: 1 << 40})
			return err
		}, "migrators readers housekeepers"},
		{"forget", func(s *clickhouseStore) error {
			return s.house.Exec(t.Context(), "ALTER TABLE sums DELETE WHERE page = '/nowhere' SETTINGS mutations_sync = 2")
		}, "housekeepers"},
		{"set the retention", func(s *clickhouseStore) error {
			s.windows = windows(time.Duration(100+number) * 24 * time.Hour)
			number++ // another one for everybody
			return s.keepTTL(t.Context())
		}, "migrators housekeepers"},
		{"empty", func(s *clickhouseStore) error { return s.house.Exec(t.Context(), "TRUNCATE TABLE sums") }, ""},
		{"drop", func(s *clickhouseStore) error { return s.house.Exec(t.Context(), "DROP TABLE sums") }, ""},
		{"change columns", func(s *clickhouseStore) error {
			return s.house.Exec(t.Context(), "ALTER TABLE sums ADD COLUMN visitor String")
		}, ""},
		{"make accounts", func(s *clickhouseStore) error { return s.house.Exec(t.Context(), "CREATE ROLE me") }, ""},
	}
	for i, role := range []string{"migrators", "writers", "readers", "housekeepers"} {
		if i > 0 {
			server.Kill()
			if err := server.StartAs(clickhousetest.Options{Config: testGrants(t, "lychgate_"+role)}); err != nil {
				t.Fatal(err)
			}
		}
		s := &clickhouseStore{tables: c.tables(), added: map[string]uint64{}}
		conn, err := c.connect(Login{}, "", storeTimeout)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if i > 0 {
			conn.Close()
			if conn, err = c.connect(Login{}, c.Database, storeTimeout); err != nil {
				t.Fatal(err)
			}
		}
		s.write, s.read, s.house = conn, conn, conn
		for n, part := range parts {
			if i == 0 && n == 1 { // the database is there now
				if s.house, err = c.connect(Login{}, c.Database, storeTimeout); err != nil {
					t.Fatal(err)
				}
				s.write, s.read = s.house, s.house
			}
			err := part.do(s)
			may := strings.Contains(part.may, role)
			var x *clickhouse.Exception
			switch {
			case may && err != nil:
				t.Errorf("%s cannot %s: %v", role, part.name, err)
			case !may && err == nil:
				t.Errorf("%s can %s", role, part.name)
			case !may && (!errors.As(err, &x) || x.Code != 497):
				t.Errorf("%s: %s: got %v, want code 497 (access denied)", role, part.name, err)
			}
		}
	}
}

// TestClickHouseCluster makes the tables of a cluster, as a cluster of one server.
// The library has no port for copies between replicas, so that replicated tables
// are made but take nothing; a table of one server takes their place for the rest.
func TestClickHouseCluster(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.xml")
	text := `<clickhouse><zookeeper><implementation>testkeeper</implementation></zookeeper><tcp_port>9000</tcp_port>
		<macros><shard>01</shard><replica>one</replica></macros>
		<remote_servers><willow-1><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></willow-1></remote_servers></clickhouse>`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	server := clickhousetest.New(t, clickhousetest.Options{Config: config})
	c := (&ClickHouseConfig{Addr: []string{server.Native}, Cluster: "willow-1", Housekeeping: true}).withDefaults()
	conn, err := c.connect(Login{}, "", storeTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	exec := func(statement string) {
		t.Helper()
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	// The server carries out ON CLUSTER itself; whether it is written right, the
	// engine's own parser says.
	all := []string{c.tables().notes(), "CREATE DATABASE lychgate" + c.tables().OnCluster()}
	files, err := clickhouseFiles.ReadDir(clickhouseFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		statement, err := c.tables().statement(f.Name())
		if err != nil || !strings.Contains(statement, "ON CLUSTER 'willow-1'") {
			t.Errorf("%s: %v: %s", f.Name(), err, statement)
		}
		all = append(all, statement)
	}
	for _, statement := range all {
		exec("EXPLAIN AST " + statement)
	}
	exec("CREATE DATABASE lychgate")
	for _, statement := range all[2:] {
		exec(statement)
	}
	var engines string
	if err := conn.QueryRow(t.Context(), "SELECT arrayStringConcat(arraySort(groupArray(engine)), ' ') FROM system.tables WHERE database = 'lychgate'").Scan(&engines); err != nil {
		t.Fatal(err)
	}
	if want := "Distributed ReplicatedSummingMergeTree"; engines != want {
		t.Errorf("the tables are %s, want %s", engines, want)
	}

	c.Database = "rest"
	single, spread := tables{Database: "rest"}, c.tables()
	first, err1 := single.statement("0001_sums.sql")
	second, err2 := spread.statement("0002_cluster.sql")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE DATABASE rest", strings.Replace(first, "rest.sums", "rest.sums_local", 1), second, single.notes(),
		fmt.Sprintf("INSERT INTO rest.schema_migrations (version, name) SELECT %d, 'all'", len(files)),
	} {
		exec(statement)
	}
	s, err := openClickHouse(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		s.added = map[string]uint64{} // as another process would
		if err := s.Add(t.Context(), Batch{Source: "g", Number: 1, Rows: testManyRows(50)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := testViewsOf(t, s, "a.example"); got != 50 {
		t.Errorf("%d views, want 50: the batch is known by its token on every shard", got)
	}
	if found, err := s.Forget(t.Context(), []Expiry{{Grain: Day, Before: 86400 * 20001}}); err != nil || found != 25 {
		t.Errorf("forgot %d, %v, want 25", found, err)
	}
	if got := testViewsOf(t, s, "a.example"); got != 25 {
		t.Errorf("%d views are left, want 25", got)
	}
	s.windows = windows(DefaultRetention)
	if err := s.keepTTL(t.Context()); err != nil {
		t.Error(err)
	}
	var ttl string
	if err := conn.QueryRow(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = 'rest' AND name = 'sums_local'").Scan(&ttl); err != nil || !strings.Contains(ttl, "TTL") {
		t.Errorf("the retention is not set: %v %s", err, ttl)
	}
	c.Cluster = ""
	if _, err := openClickHouse(t.Context(), c, nil); !errors.Is(err, ErrOtherTables) {
		t.Errorf("without the key cluster: %v, want %v", err, ErrOtherTables)
	}
}

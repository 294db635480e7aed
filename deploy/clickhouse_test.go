package deploy_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// Every statement for an operator to run is one that the engine understands.
func TestClickHouseStatements(t *testing.T) {
	conn := testEngine(t, clickhousetest.Options{})
	files, err := filepath.Glob("clickhouse/*.sql")
	if err != nil || len(files) < 2 {
		t.Fatalf("found %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		list := statements(string(text))
		if len(list) < 4 {
			t.Errorf("%s has %d statements", file, len(list))
		}
		for _, statement := range list {
			if err := conn.Exec(t.Context(), "EXPLAIN AST "+statement); err != nil {
				t.Errorf("%s: %s: %v", file, statement, err)
			}
		}
	}
	if err := conn.Exec(t.Context(), "EXPLAIN AST GRANT EVERYTHING TO"); err == nil {
		t.Error("the engine takes anything: this test proves nothing")
	}
}

var sqlComment = regexp.MustCompile(`(?m)--.*$`)

func statements(text string) (list []string) {
	for s := range strings.SplitSeq(sqlComment.ReplaceAllString(text, ""), ";") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// The example of a cluster is one to the engine: it loads the file, and knows the
// three servers and its own name.
func TestClickHouseClusterExample(t *testing.T) {
	for _, file := range []string{"clickhouse/cluster/cluster.xml", "clickhouse/cluster/keeper.xml"} {
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for d := xml.NewDecoder(f); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
	}
	path, err := filepath.Abs("clickhouse/cluster/cluster.xml")
	if err != nil {
		t.Fatal(err)
	}
	conn := testEngine(t, clickhousetest.Options{
		Config: path, Env: []string{"NODE=2", "HOST=clickhouse-2", "SHARD=01", "SECRET=not-a-secret"},
	})
	var hosts, replica string
	err = conn.QueryRow(t.Context(), `
		SELECT arrayStringConcat(arraySort(groupArray(host_name)), ' '), any(getMacro('replica'))
		FROM system.clusters WHERE cluster = 'lychgate'`).Scan(&hosts, &replica)
	if want := "clickhouse-1 clickhouse-2 clickhouse-3"; err != nil || hosts != want || replica != "clickhouse-2" {
		t.Errorf("the cluster is %q with this one called %q, %v, want %q with clickhouse-2", hosts, replica, err, want)
	}
}

func testEngine(t *testing.T, o clickhousetest.Options) clickhouse.Conn {
	t.Helper()
	server := clickhousetest.New(t, o)
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{server.Native}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() }) //nolint:errcheck // the test is over
	return conn
}

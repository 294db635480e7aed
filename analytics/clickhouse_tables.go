package analytics

import (
	"bytes"
	"embed"
	"fmt"
	"regexp"
	"text/template"
)

// Each file is the template of one statement that may be run again, since the
// server has no transactions over tables. What is written differs between one
// server and a cluster; a file that writes nothing is only noted. A shipped one is
// never edited.
//
//go:embed schema/clickhouse/*.sql
var clickhouseFiles embed.FS

const clickhouseFolder = "schema/clickhouse"

// Names that may stand in SQL as they are.
var (
	databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)
	clusterName  = regexp.MustCompile(`^([A-Za-z0-9_.-]{1,64}|\{[a-z_]+\})$`)
)

// tables are the names in one database, which the templates are filled with.
type tables struct{ Database, Cluster string }

// check fails for names that cannot be.
func (t tables) check() error {
	if !databaseName.MatchString(t.Database) {
		return fmt.Errorf("%q cannot be the name of a database: use letters, digits and _", t.Database)
	}
	if t.Cluster != "" && !clusterName.MatchString(t.Cluster) {
		return fmt.Errorf("%q cannot be the name of a cluster: use letters, digits, _, . and -", t.Cluster)
	}
	return nil
}

// Local is the table that holds rows on each server.
func (t tables) Local() string {
	if t.Cluster == "" {
		return t.Database + ".sums"
	}
	return t.Database + ".sums_local"
}

// OnCluster makes a statement run on all servers.
func (t tables) OnCluster() string {
	if t.Cluster == "" {
		return ""
	}
	return " ON CLUSTER '" + t.Cluster + "'"
}

// Engine is that of the table sums.
func (t tables) Engine() string {
	if t.Cluster == "" {
		return "SummingMergeTree"
	}
	return "Distributed"
}

// notes is the statement that makes the table in which is noted which files were
// run. A file may be noted twice. On a cluster all servers share it.
func (t tables) notes() string {
	engine := "MergeTree"
	if t.Cluster != "" {
		engine = "ReplicatedMergeTree('/clickhouse/tables/{database}/schema_migrations', '{shard}-{replica}')"
	}
	return "CREATE TABLE IF NOT EXISTS " + t.Database + ".schema_migrations" + t.OnCluster() + ` (
	version UInt32, name String, applied DateTime('UTC') DEFAULT now()
) ENGINE = ` + engine + " ORDER BY version"
}

// statement writes the file called name; empty: there is nothing to run.
func (t tables) statement(name string) (string, error) {
	text, err := template.ParseFS(clickhouseFiles, clickhouseFolder+"/"+name)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = text.Execute(&b, t)
	return string(bytes.TrimSpace(b.Bytes())), err
}

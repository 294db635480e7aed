package analytics

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Each file is one statement that may be run again, since the server has no
// transactions over tables. A shipped one is never edited.
//
//go:embed schema/clickhouse/*.sql
var clickhouseFiles embed.FS

const clickhouseFolder = "schema/clickhouse"

// versionTable notes which files were run. A file may be noted twice.
const versionTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version UInt32, name String, applied DateTime('UTC') DEFAULT now()
) ENGINE = MergeTree ORDER BY version`

// ErrNoTables says that the ClickHouse server lacks lychgate's tables, or has
// those of an older version.
var ErrNoTables = errors.New("the tables are not there or not up to date: run lychgate migrate")

// ErrNewerTables says that a newer version of lychgate made the tables.
var ErrNewerTables = errors.New("the tables are of a newer version of lychgate: update this one")

// database names may stand in SQL as they are.
var databaseName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

// Migrate makes the database and tables of c.ClickHouse, or brings them up to
// date, and sets the retention of c. It may be run any number of times, also
// after one that was interrupted, and beside running gateways.
func Migrate(ctx context.Context, c Config) error {
	if c.ClickHouse == nil {
		return errors.New("migrate: the statistics are not in ClickHouse")
	}
	if c.Retention == 0 {
		c.Retention = DefaultRetention
	}
	if err := migrateClickHouse(ctx, c.ClickHouse.withDefaults()); err != nil {
		return fmt.Errorf("make the tables: %w", err)
	}
	s, err := openClickHouse(ctx, c.ClickHouse.withDefaults(), windows(c.Retention))
	if err != nil {
		return err
	}
	return errors.Join(s.keepTTL(ctx), s.Close())
}

func migrateClickHouse(ctx context.Context, c *ClickHouseConfig) (err error) {
	if !databaseName.MatchString(c.Database) {
		return fmt.Errorf("%q cannot be the name of a database: use letters, digits and _", c.Database)
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	if err := createDatabase(ctx, c); err != nil {
		return err
	}
	conn, err := c.connect(c.housekeeper(), c.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := conn.Exec(ctx, versionTable); err != nil {
		return err
	}
	has, err := tablesVersion(ctx, conn)
	if err != nil {
		return err
	}
	files, err := clickhouseFiles.ReadDir(clickhouseFolder)
	if err != nil {
		return err
	}
	if has > len(files) {
		return ErrNewerTables
	}
	for _, f := range files[has:] {
		if err := applyFile(ctx, conn, f.Name()); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return nil
}

// createDatabase makes the database, for which no database may be named at sign-in.
func createDatabase(ctx context.Context, c *ClickHouseConfig) (err error) {
	conn, err := c.connect(c.housekeeper(), "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+c.Database)
}

// applyFile runs one file, named like "0001_sums.sql", and then notes it.
func applyFile(ctx context.Context, conn driver.Conn, name string) error {
	digits, _, _ := strings.Cut(name, "_")
	version, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return err
	}
	text, err := clickhouseFiles.ReadFile(clickhouseFolder + "/" + name)
	if err != nil {
		return err
	}
	if err := conn.Exec(ctx, string(text)); err != nil {
		return err
	}
	return conn.Exec(ctx, "INSERT INTO schema_migrations (version, name) SELECT "+strconv.FormatUint(version, 10)+", '"+name+"'")
}

// tablesVersion is the number of the newest file that was run, 0 for none.
func tablesVersion(ctx context.Context, conn driver.Conn) (int, error) {
	var version uint32
	err := conn.QueryRow(ctx, "SELECT max(version) FROM schema_migrations").Scan(&version)
	return int(version), err
}

// checkTables fails when the tables are not those of this version.
func checkTables(ctx context.Context, conn driver.Conn) error {
	files, err := clickhouseFiles.ReadDir(clickhouseFolder)
	if err != nil {
		return err
	}
	has, err := tablesVersion(ctx, conn)
	var x *clickhouse.Exception
	switch {
	case errors.As(err, &x) && (x.Code == 60 || x.Code == 81): // unknown table, unknown database
		return fmt.Errorf("clickhouse: %w: %w", ErrNoTables, err)
	case err != nil:
		return fmt.Errorf("clickhouse: %w", err)
	case has < len(files):
		return fmt.Errorf("clickhouse: %w", ErrNoTables)
	case has > len(files):
		return fmt.Errorf("clickhouse: %w", ErrNewerTables)
	}
	return nil
}

package analytics

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// ErrNoTables says that the ClickHouse server lacks lychgate's tables, or has
// those of an older version.
var ErrNoTables = errors.New("the tables are not there or not up to date: run lychgate migrate")

// ErrNewerTables says that a newer version of lychgate made the tables.
var ErrNewerTables = errors.New("the tables are of a newer version of lychgate: update this one")

// ErrOtherTables says that the tables are those of a single server and a cluster
// is configured, or the other way round.
var ErrOtherTables = errors.New(`the tables do not fit the key "cluster": name another database, run lychgate migrate, and move the sums there`)

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
	ch := c.ClickHouse.withDefaults()
	ch.Housekeeper, ch.Housekeeping = ch.migrator(), true
	s, err := openClickHouse(ctx, ch, windows(c.Retention))
	if err != nil {
		return err
	}
	return errors.Join(s.keepTTL(ctx), s.Close())
}

func migrateClickHouse(ctx context.Context, c *ClickHouseConfig) (err error) {
	t := c.tables()
	if err := t.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, forgetTimeout)
	defer cancel()
	// No database may be named at sign-in before it is there.
	conn, err := c.connect(c.migrator(), "", forgetTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, statement := range []string{"CREATE DATABASE IF NOT EXISTS " + t.Database + t.OnCluster(), t.notes()} {
		if err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	has, err := tablesVersion(ctx, conn, t)
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
	if engine, err := t.engineOf(ctx, conn); err != nil {
		return err
	} else if engine == "" { // noted, but not there any more
		has = 0
	}
	for _, f := range files[has:] {
		if err := t.apply(ctx, conn, f.Name()); err != nil {
			return fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return nil
}

// apply runs one file, named like "0001_sums.sql", and then notes it.
func (t tables) apply(ctx context.Context, conn driver.Conn, name string) error {
	digits, _, _ := strings.Cut(name, "_")
	version, err := strconv.ParseUint(digits, 10, 32)
	if err != nil {
		return err
	}
	statement, err := t.statement(name)
	if err != nil {
		return err
	}
	if statement != "" {
		if err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return conn.Exec(ctx, fmt.Sprintf("INSERT INTO %s.schema_migrations (version, name) SELECT %d, '%s'", t.Database, version, name))
}

// tablesVersion is the number of the newest file that was run, 0 for none.
func tablesVersion(ctx context.Context, conn driver.Conn, t tables) (int, error) {
	var version uint32
	err := conn.QueryRow(ctx, "SELECT max(version) FROM "+t.Database+".schema_migrations").Scan(&version)
	return int(version), err
}

// checkTables fails when the tables are not those of this version.
func checkTables(ctx context.Context, conn driver.Conn, t tables) error {
	files, err := clickhouseFiles.ReadDir(clickhouseFolder)
	if err != nil {
		return err
	}
	has, err := tablesVersion(ctx, conn, t)
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
	switch engine, err := t.engineOf(ctx, conn); {
	case err != nil:
		return fmt.Errorf("clickhouse: %w", err)
	case engine == "":
		return fmt.Errorf("clickhouse: %w", ErrNoTables)
	case engine != t.Engine():
		return fmt.Errorf("clickhouse: %w (sums is a %s table)", ErrOtherTables, engine)
	}
	return nil
}

// engineOf is the engine of the table sums as it is; empty: there is none.
func (t tables) engineOf(ctx context.Context, conn driver.Conn) (engine string, err error) {
	err = conn.QueryRow(ctx, "SELECT max(engine) FROM system.tables WHERE database = ? AND name = 'sums'", t.Database).Scan(&engine)
	return engine, err
}

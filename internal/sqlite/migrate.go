package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// ErrNewer says that the file was written by a newer version of the program.
var ErrNewer = errors.New("written by a newer version of lychgate")

// ErrOlder says that a file opened read-only still awaits migrations.
var ErrOlder = errors.New("written by an older version of lychgate; start lychgate serve once to bring it up to date")

// ErrEdited says that a migration differs from the one the file has seen.
var ErrEdited = errors.New("migration differs from the one applied")

const schemaMigrations = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version INTEGER PRIMARY KEY, -- number of the file, from 1
	name    TEXT NOT NULL,       -- its name
	sha256  TEXT NOT NULL        -- of its text, hex: a shipped migration is never edited
) STRICT`

// A migration is one numbered file: "0001_create.sql" is number 1.
type migration struct {
	version   int
	name, sql string
}

func (m migration) sum() string {
	h := sha256.Sum256([]byte(m.sql))
	return hex.EncodeToString(h[:])
}

// migrate applies the migrations that the file has not seen, in order, each in
// a transaction of its own together with the note that it was applied. Several
// processes may do so at once. A nil FS has none.
func migrate(ctx context.Context, db *DB, migrations fs.FS, compareOnly bool) error {
	all, err := readMigrations(migrations)
	if err != nil {
		return err
	}
	if !compareOnly {
		if _, err := db.Write.ExecContext(ctx, schemaMigrations); err != nil {
			return err
		}
	}
	for _, m := range all {
		if err := m.apply(ctx, db.Write, compareOnly); err != nil {
			return fmt.Errorf("migration %s: %w", m.name, err)
		}
	}
	var newest int
	if err := db.Read.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM schema_migrations").Scan(&newest); err != nil {
		return err
	}
	if newest > len(all) {
		return fmt.Errorf("%w: it has migration %d, this one knows %d", ErrNewer, newest, len(all))
	}
	return nil
}

// apply runs m unless the file has it already.
func (m migration) apply(ctx context.Context, db *sql.DB, compareOnly bool) error {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: compareOnly})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to undo
	var seen string
	err = tx.QueryRowContext(ctx, "SELECT sha256 FROM schema_migrations WHERE version = ?", m.version).Scan(&seen)
	switch {
	case err == nil && seen == m.sum():
		return nil
	case err == nil:
		return ErrEdited
	case compareOnly && (errors.Is(err, sql.ErrNoRows) || strings.Contains(err.Error(), "no such table")):
		return ErrOlder
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	if _, err := tx.ExecContext(ctx, m.sql); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO schema_migrations (version, name, sha256) VALUES (?, ?, ?)",
		m.version, m.name, m.sum()); err != nil {
		return err
	}
	return tx.Commit()
}

// readMigrations reads the numbered files of an FS, which must count up from 1
// without a gap. Sub-folders and files of other kinds are passed over.
func readMigrations(migrations fs.FS) ([]migration, error) {
	if migrations == nil {
		return nil, nil
	}
	var all []migration
	// WalkDir goes by name, hence by number while numbers have leading zeros;
	// the check below catches any that have not.
	err := fs.WalkDir(migrations, ".", func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path.Ext(p) != ".sql" {
			return err
		}
		text, err := fs.ReadFile(migrations, p)
		if err != nil {
			return err
		}
		number, _, _ := strings.Cut(path.Base(p), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != len(all)+1 {
			return fmt.Errorf("migration %s: want number %d", p, len(all)+1)
		}
		all = append(all, migration{version, path.Base(p), string(text)})
		return nil
	})
	return all, err
}

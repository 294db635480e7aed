package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Backup copies the file at from to the new file to, beside programs that use it,
// and checks the copy. A missing file is no error: then there is nothing to copy.
func Backup(ctx context.Context, from, to string, migrations fs.FS) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	db, err := Open(ctx, from, migrations, Options{ReadOnly: true})
	if err != nil {
		return err
	}
	if err := errors.Join(db.Copy(ctx, to), db.Close()); err != nil {
		return err
	}
	return Check(ctx, to)
}

// Check reads the whole file at path, which nobody has open, and returns an
// error when anything in it does not fit together.
func Check(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", dsn(path, Options{ReadOnly: true}, true))
	if err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check %s: %w", path, err)
	}
	if verdict != "ok" {
		return fmt.Errorf("check %s: %s", path, verdict)
	}
	return nil
}

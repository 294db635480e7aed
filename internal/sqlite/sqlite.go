// Package sqlite opens a SQLite file durably and brings its numbered
// migrations up to date.
//
// Every file of lychgate's own is opened here, so that the few settings on
// which durability and forgetting depend stand in one place: a write-ahead log,
// one connection that writes and several that read, deleted bytes overwritten
// (secure_delete), free pages given back (incremental vacuum), and the file
// readable by its owner alone.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"time"

	"modernc.org/sqlite" // the engine, in Go alone, so that the binary needs no C library
	sqlite3 "modernc.org/sqlite/lib"
)

// Options say how a file is opened. The zero value is a file that survives any
// crash whole but may lose its last transactions when the power goes.
type Options struct {
	// Durable makes a commit return only when it is on the disk
	// (synchronous=FULL). Without it a commit survives a crash of the program,
	// but the last ones before a power cut may be lost (NORMAL).
	Durable bool
	// ReadOnly opens an existing file without ever writing to it, beside a
	// program that does. Migrations are compared, not applied.
	ReadOnly bool
	// BusyTimeout is how long a statement waits for another process's lock.
	// Default 5 seconds.
	BusyTimeout time.Duration
	// Readers is the greatest number of connections that read. Default 4.
	Readers int
}

func (o Options) busyTimeout() time.Duration { return cmp.Or(o.BusyTimeout, 5*time.Second) }

// A DB is one SQLite file. Write holds exactly one connection, so writers
// queue in the program instead of failing in the engine; its transactions take
// the write lock when they begin. Read sees the last committed state and never
// waits for the writer. With Options.ReadOnly both are the reading pool.
type DB struct {
	Read, Write *sql.DB
}

// Open opens the file at path, makes it when it is missing (mode 0600), and
// applies those of migrations that it has not seen; see [migrate].
func Open(ctx context.Context, path string, migrations fs.FS, o Options) (*DB, error) {
	db, err := open(ctx, path, migrations, o)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string, migrations fs.FS, o Options) (*DB, error) {
	if !o.ReadOnly {
		// The engine would make the file with the umask's mode. The log and
		// index files beside it take the mode of the file itself.
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
	read, err := sql.Open("sqlite", dsn(path, o, true))
	if err != nil {
		return nil, err
	}
	read.SetMaxOpenConns(cmp.Or(o.Readers, 4))
	db := &DB{Read: read, Write: read}
	if !o.ReadOnly {
		if db.Write, err = sql.Open("sqlite", dsn(path, o, false)); err != nil {
			return nil, errors.Join(err, read.Close())
		}
		db.Write.SetMaxOpenConns(1)
	}
	// While a new file gets its write-ahead log, the engine refuses a second
	// process at once, whatever the busy timeout says.
	began := time.Now()
	for {
		err := migrate(ctx, db, migrations, o.ReadOnly)
		if err == nil {
			return db, nil
		}
		var refused *sqlite.Error
		if !errors.As(err, &refused) || refused.Code()&0xff != sqlite3.SQLITE_BUSY || time.Since(began) > o.busyTimeout() || ctx.Err() != nil {
			return nil, errors.Join(err, db.Close())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// readerCache is how much of the file each reading connection keeps, in KB, negative as
// the engine wants it. The system keeps the whole file; with the engine's 2 MB each,
// readers of sums would take twice the memory of all else and not be faster.
const readerCache = "-500"

// dsn is the engine's name for the file with its settings. The path is escaped,
// so that "?" or "%" in a folder's name stay part of the name.
func dsn(path string, o Options, reading bool) string {
	q := url.Values{}
	q.Set("_busy_timeout", strconv.FormatInt(o.busyTimeout().Milliseconds(), 10))
	q.Set("_defensive", "1")
	q.Set("_dqs", "0")
	switch {
	case o.ReadOnly:
		q.Set("mode", "ro")
		if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
			// Nobody has the file open. Read as it is, it needs no log and no
			// index beside it, which a reader could not take away again.
			q.Set("immutable", "1")
		}
	case reading:
		q.Set("_query_only", "1")
		q.Add("_pragma", "cache_size("+readerCache+")")
	default:
		q.Set("_auto_vacuum", "INCREMENTAL") // works only on an empty file, hence first
		q.Set("_journal_mode", "WAL")
		q.Set("_synchronous", "NORMAL")
		if o.Durable {
			q.Set("_synchronous", "FULL")
		}
		q.Set("_txlock", "immediate")
		q.Add("_pragma", "secure_delete(1)")
	}
	q.Set("_foreign_keys", "1")
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// Shrink gives free pages back to the file system and empties the log, so that
// nothing deleted is left in either. It waits for readers of older states.
func (db *DB) Shrink(ctx context.Context) error {
	// The pragma frees one page per row stepped through, so its rows are read.
	rows, err := db.Write.QueryContext(ctx, "PRAGMA incremental_vacuum")
	if err != nil {
		return fmt.Errorf("incremental vacuum: %w", err)
	}
	for rows.Next() {
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return fmt.Errorf("incremental vacuum: %w", err)
	}
	var busy, logPages, moved int
	err = db.Write.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &logPages, &moved)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if busy != 0 {
		return errors.New("checkpoint: a reader still needs the log")
	}
	return nil
}

// Copy writes a consistent copy of the whole file to path, which must not
// exist, while others read and write.
func (db *DB) Copy(ctx context.Context, path string) error {
	// A copy holds what the file holds, so it gets the file's mode, not the umask's.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := db.Write.ExecContext(ctx, "VACUUM INTO ?", path); err != nil {
		return errors.Join(fmt.Errorf("copy to %s: %w", path, err), os.Remove(path))
	}
	return nil
}

// Close closes the file. The last connection to close empties the log into it.
func (db *DB) Close() error {
	err := db.Read.Close()
	if db.Write != db.Read {
		err = errors.Join(err, db.Write.Close())
	}
	return err
}

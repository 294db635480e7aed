package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
)

var create = fstest.MapFS{
	"sql/0001_notes.sql": {Data: []byte("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT NOT NULL) STRICT;\nCREATE INDEX notes_note ON notes (note);")},
}

// with returns create and one file more.
func with(name, text string) fstest.MapFS {
	return fstest.MapFS{"sql/0001_notes.sql": create["sql/0001_notes.sql"], name: {Data: []byte(text)}}
}

func testOpen(t *testing.T, path string, m fs.FS, o Options) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, m, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func pragma(t *testing.T, db *DB, name string) string {
	t.Helper()
	var v string
	if err := db.Write.QueryRowContext(t.Context(), "PRAGMA "+name).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestOpenSetsWhatDurabilityAndForgettingDependOn(t *testing.T) {
	for _, c := range []struct {
		durable bool
		sync    string
	}{{true, "2"}, {false, "1"}} {
		path := filepath.Join(t.TempDir(), "odd ?name%41#.db")
		db := testOpen(t, path, create, Options{Durable: c.durable})
		for name, want := range map[string]string{
			"journal_mode": "wal", "synchronous": c.sync, "secure_delete": "1",
			"auto_vacuum": "2", "busy_timeout": "5000", "foreign_keys": "1",
		} {
			if got := pragma(t, db, name); got != want {
				t.Errorf("durable %v: %s = %s, want %s", c.durable, name, got, want)
			}
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			info, err := os.Stat(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if got := info.Mode().Perm(); got != 0o600 {
				t.Errorf("mode of %s = %o, want 600", path+suffix, got)
			}
		}
		if _, err := db.Read.ExecContext(t.Context(), "INSERT INTO notes (note) VALUES ('x')"); err == nil {
			t.Error("the reading pool writes")
		}
	}
}

func TestMigrations(t *testing.T) {
	for _, c := range []struct {
		name   string
		second fstest.MapFS
		want   error
		text   string
	}{
		{name: "nothing new", second: create},
		{name: "a second one is applied", second: with("sql/0002_more.sql", "ALTER TABLE notes ADD COLUMN day TEXT;")},
		{name: "an edited one is refused", second: fstest.MapFS{"sql/0001_notes.sql": {Data: []byte("SELECT 1;")}}, want: ErrEdited},
		{name: "a file from the future is refused", second: fstest.MapFS{}, want: ErrNewer},
		{name: "a gap is refused", second: with("sql/0003_more.sql", "SELECT 1;"), text: "want number 2"},
		{name: "a broken one is undone whole", second: with("sql/0002_bad.sql", "CREATE TABLE half (x); CREATE TABLE notes (x);"), text: "already exists"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			first, err := Open(t.Context(), path, create, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := first.Close(); err != nil {
				t.Fatal(err)
			}
			second, err := Open(t.Context(), path, c.second, Options{})
			if err == nil {
				defer second.Close()
			}
			switch {
			case c.want == nil && c.text == "" && err != nil:
				t.Fatal(err)
			case c.want != nil && !errors.Is(err, c.want):
				t.Fatalf("got %v, want %v", err, c.want)
			case c.text != "" && (err == nil || !strings.Contains(err.Error(), c.text)):
				t.Fatalf("got %v, want %q in it", err, c.text)
			}
			again := testOpen(t, path, pick(err == nil, c.second, create), Options{})
			var half int
			if err := again.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM sqlite_schema WHERE name = 'half'").Scan(&half); err != nil || half != 0 {
				t.Errorf("half a migration stayed: %d, %v", half, err)
			}
		})
	}
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}

func TestSeveralProcessesMayOpenANewFileAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			db, err := Open(context.Background(), path, create, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	if _, err := Open(t.Context(), path, create, Options{ReadOnly: true}); err == nil {
		t.Fatal("a missing file was opened read-only")
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal("a missing file was made")
	}
	closed, err := Open(t.Context(), path, create, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	if err := testOpen(t, path, create, Options{ReadOnly: true}).Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + "-*"); left != nil {
		t.Errorf("a reader left %v", left)
	}
	db := testOpen(t, path, create, Options{Durable: true})
	if _, err := db.Write.ExecContext(t.Context(), "INSERT INTO notes (note) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
	ro := testOpen(t, path, create, Options{ReadOnly: true})
	var n int
	if err := ro.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil || n != 1 {
		t.Errorf("beside the writer: %d rows, %v", n, err)
	}
	if _, err := ro.Write.ExecContext(t.Context(), "DELETE FROM notes"); err == nil {
		t.Error("a read-only file was written")
	}
	if _, err := Open(t.Context(), path, with("sql/0002_more.sql", "SELECT 1;"), Options{ReadOnly: true}); !errors.Is(err, ErrOlder) {
		t.Errorf("awaiting migrations: got %v, want %v", err, ErrOlder)
	}
}

// What is deleted is gone from the file, its log and its free pages.
func TestShrinkLeavesNoDeletedBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := testOpen(t, path, create, Options{})
	for i := range 2000 {
		if _, err := db.Write.ExecContext(t.Context(), "INSERT INTO notes (note) VALUES (?)", fmt.Sprintf("canary-%d-%s", i, strings.Repeat("x", 100))); err != nil {
			t.Fatal(err)
		}
	}
	if !grep(t, path, "canary") {
		t.Fatal("the canary was never written, so its absence proves nothing")
	}
	before := size(t, path)
	if _, err := db.Write.ExecContext(t.Context(), "DELETE FROM notes"); err != nil {
		t.Fatal(err)
	}
	if err := db.Shrink(t.Context()); err != nil {
		t.Fatal(err)
	}
	if grep(t, path, "canary") {
		t.Error("deleted bytes are still there")
	}
	if after := size(t, path); after > before/4 {
		t.Errorf("file kept %d of %d bytes", after, before)
	}
}

func TestCopyIsWholeAndPrivate(t *testing.T) {
	dir := t.TempDir()
	db := testOpen(t, filepath.Join(dir, "x.db"), create, Options{})
	if _, err := db.Write.ExecContext(t.Context(), "INSERT INTO notes (note) VALUES ('x')"); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "copy.db")
	if err := db.Copy(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("copy: %v, %v", info.Mode(), err)
	}
	if err := db.Copy(t.Context(), to); err == nil {
		t.Error("an existing file was overwritten")
	}
	c := testOpen(t, to, create, Options{})
	var n int
	if err := c.Read.QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(&n); err != nil || n != 1 {
		t.Errorf("copy has %d rows, %v", n, err)
	}
}

// grep looks for s in the file and in its log.
func grep(t *testing.T, path, s string) bool {
	t.Helper()
	for _, p := range []string{path, path + "-wal"} {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(s)) {
			return true
		}
	}
	return false
}

// size is that of the file once its log is empty.
func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size() + wal.Size()
}

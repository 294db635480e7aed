package analytics

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// storeFile is the name of the embedded store in the data folder.
const storeFile = "stats.db"

//go:embed schema/sqlite/*.sql
var sqliteSchema embed.FS

// A sqliteStore keeps the sums in one file. Texts are kept once and named by
// numbers, which halves the file and makes keys quick to compare.
type sqliteStore struct {
	db *sqlite.DB
	// statements are the compiled queries: their text to *sql.Stmt. There are as
	// many as kinds of questions.
	statements sync.Map

	// mayAdd, if it is set, is asked in the transaction of every batch.
	mayAdd func() error

	mu sync.Mutex // held by the one who writes
	// ids are the numbers of texts met lately.
	ids map[string]int64
	// swept is true while no row has gone since unused texts were last deleted.
	swept bool
}

// maxCachedTexts bounds ids; beyond it the cache starts anew.
const maxCachedTexts = 1 << 15

// openSQLite opens the store in dir, or reads it beside a running gateway.
func openSQLite(ctx context.Context, dir string, readOnly bool) (*sqliteStore, error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, storeFile), sqliteSchema, sqlite.Options{Durable: true, ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	return &sqliteStore{db: db, ids: map[string]int64{"": 0}}, nil
}

// Close closes the file.
func (s *sqliteStore) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, statement := range s.statements.Range {
		errs = append(errs, statement.(*sql.Stmt).Close())
	}
	return errors.Join(append(errs, s.db.Close())...)
}

// Add adds b in one transaction together with its number.
func (s *sqliteStore) Add(ctx context.Context, b Batch) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if err != nil {
			s.ids = map[string]int64{"": 0} // some may have been rolled back
			err = fmt.Errorf("add batch %s %d: %w", b.Source, b.Number, err)
		}
	}()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // no-op after the commit
	if s.mayAdd != nil {
		if err := s.mayAdd(); err != nil {
			return err
		}
	}
	fresh, err := claim(ctx, tx, b)
	if err != nil || !fresh {
		return err
	}
	if err := s.upsert(ctx, tx, b.Rows); err != nil {
		return err
	}
	return tx.Commit()
}

// claim writes down b's number and reports whether it is a new one.
func claim(ctx context.Context, tx *sql.Tx, b Batch) (bool, error) {
	r, err := tx.ExecContext(ctx, `
		INSERT INTO batch (source, number) VALUES (?, ?)
		ON CONFLICT (source) DO UPDATE SET number = excluded.number WHERE excluded.number > number`,
		b.Source, int64(b.Number))
	if err != nil {
		return false, err
	}
	n, err := r.RowsAffected()
	return n == 1, err
}

const upsertSum = `
INSERT INTO sum (site, grain, dim, page, start, value, views, visits, visitors, engaged, continues, seconds, timed, goals)
VALUES (?,?,?,?,?,?, ?,?,?,?,?,?,?,?)
ON CONFLICT DO UPDATE SET
	views = views + excluded.views, visits = visits + excluded.visits, visitors = visitors + excluded.visitors,
	engaged = engaged + excluded.engaged, continues = continues + excluded.continues,
	seconds = seconds + excluded.seconds, timed = timed + excluded.timed, goals = goals + excluded.goals`

const deleteZero = `
DELETE FROM sum WHERE site=? AND grain=? AND dim=? AND page=? AND start=? AND value=?
	AND views=0 AND visits=0 AND visitors=0 AND engaged=0 AND continues=0 AND seconds=0 AND timed=0 AND goals=0`

func (s *sqliteStore) upsert(ctx context.Context, tx *sql.Tx, rows []Row) error {
	add, err := tx.PrepareContext(ctx, upsertSum)
	if err != nil {
		return err
	}
	defer add.Close()
	for i := range rows {
		r := &rows[i]
		key, err := s.keyArgs(ctx, tx, r.Key)
		if err != nil {
			return err
		}
		args, takes := key, false
		for _, m := range r.all() {
			args = append(args, *m)
			takes = takes || *m < 0
		}
		if _, err := add.ExecContext(ctx, args...); err != nil {
			return err
		}
		if takes {
			if _, err := tx.ExecContext(ctx, deleteZero, key...); err != nil {
				return err
			}
			s.swept = false
		}
	}
	return nil
}

func (s *sqliteStore) keyArgs(ctx context.Context, tx *sql.Tx, k Key) ([]any, error) {
	args := make([]any, 0, 14)
	site, err1 := s.textID(ctx, tx, k.Site)
	dim, err2 := s.textID(ctx, tx, string(k.Dim))
	page, err3 := s.textID(ctx, tx, k.Page)
	value, err4 := s.textID(ctx, tx, k.Value)
	return append(args, site, int64(k.Grain), dim, page, k.Start, value), errors.Join(err1, err2, err3, err4)
}

// textID returns the number of a text, giving it one if need be.
func (s *sqliteStore) textID(ctx context.Context, tx *sql.Tx, text string) (int64, error) {
	if id, ok := s.ids[text]; ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRowContext(ctx, `
		INSERT INTO text (s) VALUES (?) ON CONFLICT (s) DO UPDATE SET s = s RETURNING id`, text).Scan(&id)
	if err != nil {
		return 0, err
	}
	if len(s.ids) >= maxCachedTexts {
		s.ids = map[string]int64{"": 0}
	}
	s.ids[strings.Clone(text)] = id
	return id, nil
}

// Forget deletes expired rows, the texts that no row names any more, and the
// file's free pages.
func (s *sqliteStore) Forget(ctx context.Context, expired []Expiry) (found int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range expired {
		r, err := s.db.Write.ExecContext(ctx, `
			DELETE FROM sum WHERE grain = ? AND start < ?
				AND (? = '' OR dim = (SELECT id FROM text WHERE s = ?))`,
			int64(e.Grain), e.Before, string(e.Dim), string(e.Dim))
		if err != nil {
			return found, fmt.Errorf("forget %v rows: %w", e.Grain, err)
		}
		n, err := r.RowsAffected()
		if err != nil || n > 0 {
			s.swept = false
		}
		found += n
	}
	if !s.swept {
		if err := s.sweep(ctx); err != nil {
			return found, fmt.Errorf("forget texts: %w", err)
		}
		s.swept = true
	}
	return found, s.db.Shrink(ctx)
}

// sweep deletes the texts that no row names any more.
func (s *sqliteStore) sweep(ctx context.Context) error {
	s.ids = map[string]int64{"": 0}
	_, err := s.db.Write.ExecContext(ctx, `
		DELETE FROM text WHERE id <> 0 AND id NOT IN (
			SELECT site FROM sum UNION SELECT dim FROM sum UNION SELECT page FROM sum UNION SELECT value FROM sum)`)
	return err
}

package consent

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// A store is the open file of a ledger. Only the ledger's writer changes it.
type store struct {
	db             *sqlite.DB
	keys           *Keys
	checkpointPath string
	published      string // what is in that file

	tree   int64  // number of the tree in use
	origin string // its name
	size   int64  // how many leaves it has
	erased int64  // records before this sequence are erased
	// edge holds the hashes that the next leaf is joined with.
	edge map[int64]tlog.Hash
}

// load finds the tree in use, or begins the first one.
func (s *store) load(ctx context.Context) error {
	var checkpoint string
	err := s.db.Read.QueryRowContext(ctx, "SELECT tree, origin, erased, checkpoint FROM trees ORDER BY tree DESC LIMIT 1").
		Scan(&s.tree, &s.origin, &s.erased, &checkpoint)
	if errors.Is(err, sql.ErrNoRows) {
		return s.begin(ctx, "")
	}
	if err != nil {
		return err
	}
	c, err := s.keys.openCheckpoint(s.origin, []byte(checkpoint))
	if err != nil {
		return fmt.Errorf("%w: the ledger's checkpoint is not signed by this key file; run lychgate ledger verify", err)
	}
	s.size = c.tree.N
	s.edge = map[int64]tlog.Hash{}
	if s.size == 0 {
		return nil
	}
	// The head that the file holds must be the one that was signed: a ledger
	// that does not fit its checkpoint is not written on.
	root, err := tlog.TreeHash(s.size, s.reader(ctx, s.tree))
	if err != nil {
		return err
	}
	if root != c.tree.Hash {
		return errors.New("the ledger does not fit its signed checkpoint; run lychgate ledger verify")
	}
	return s.loadEdge(ctx)
}

// originPrefix begins the name of every tree.
const originPrefix = "lychgate/"

// begin starts a new tree, which follows another one after a restore.
func (s *store) begin(ctx context.Context, follows string) error {
	id := make([]byte, 8)
	rand.Read(id)
	s.tree++
	s.origin, s.size, s.erased, s.edge = fmt.Sprintf("%s%x", originPrefix, id), 0, 0, map[int64]tlog.Hash{}
	text, err := s.checkpoint(ctx)
	if err != nil {
		return err
	}
	_, err = s.db.Write.ExecContext(ctx, "INSERT INTO trees (tree, origin, verifier, follows, erased, checkpoint) VALUES (?, ?, ?, ?, 0, ?)",
		s.tree, s.origin, s.keys.verifier(s.origin), follows, string(text))
	return err
}

// append writes a group of records, their documents, hashes and the new signed
// head in one transaction, which is on the disk when it returns.
func (s *store) append(group []*appending) (err error) {
	ctx := context.Background()
	before := *s
	s.edge = maps.Clone(s.edge)
	defer func() {
		if err != nil {
			*s = before
		}
	}()
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to undo
	w, err := newWriter(ctx, tx, s)
	if err != nil {
		return err
	}
	defer w.close()
	for _, a := range group {
		if err := w.add(ctx, a); err != nil {
			return err
		}
	}
	if err := s.sign(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

// sign writes the signed head of the tree as it now is.
func (s *store) sign(ctx context.Context, tx *sql.Tx) error {
	s.pruneEdge()
	text, err := s.checkpoint(ctx)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "UPDATE trees SET checkpoint = ?, erased = ? WHERE tree = ?", string(text), s.erased, s.tree)
	return err
}

// A writer holds the statements of one transaction.
type writer struct {
	store                  *store
	record, hash, document *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx, s *store) (w *writer, err error) {
	w = &writer{store: s}
	if w.record, err = tx.PrepareContext(ctx, `INSERT INTO records
		(tree, seq, site, hour, decision, purposes, policy, words, language, way, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`); err != nil {
		return nil, err
	}
	if w.hash, err = tx.PrepareContext(ctx, "INSERT INTO hashes (tree, idx, hash) VALUES (?, ?, ?)"); err != nil {
		return nil, errors.Join(err, w.record.Close())
	}
	if w.document, err = tx.PrepareContext(ctx, "INSERT INTO documents (hash, kind, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"); err != nil {
		return nil, errors.Join(err, w.record.Close(), w.hash.Close())
	}
	return w, nil
}

func (w *writer) close() {
	// The transaction's end frees the statements; this only says so early.
	_ = errors.Join(w.record.Close(), w.hash.Close(), w.document.Close())
}

// add writes one record as the tree's next leaf.
func (w *writer) add(ctx context.Context, a *appending) error {
	s, r := w.store, &a.record
	for _, d := range a.documents {
		body := append([]byte{}, d.Body...) // nil would be NULL
		if _, err := w.document.ExecContext(ctx, documentHash(body), d.Kind, body); err != nil {
			return err
		}
	}
	a.origin, a.seq = s.origin, s.size
	if _, err := w.record.ExecContext(ctx, s.tree, a.seq, r.Site, r.Hour.Unix()/3600, r.Decision, strings.Join(r.Purposes, ","),
		r.Policy, r.Words, r.Language, r.Way, r.Salt); err != nil {
		return err
	}
	hashes, err := tlog.StoredHashes(a.seq, r.leaf(a.seq), s.reader(ctx, s.tree))
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, a.seq)
	for i, h := range hashes {
		if _, err := w.hash.ExecContext(ctx, s.tree, first+int64(i), h[:]); err != nil {
			return err
		}
		s.edge[first+int64(i)] = h
	}
	s.size++
	return nil
}

// erase takes away the records before cutoff. They are a prefix of the tree,
// because time goes forward; a record from the future, made when the clock was
// wrong, goes with its neighbours.
func (s *store) erase(ctx context.Context, cutoff time.Time) error {
	var first int64
	err := s.db.Read.QueryRowContext(ctx, "SELECT COALESCE(MIN(seq), ?) FROM records WHERE tree = ? AND hour BETWEEN ? AND ?",
		s.size, s.tree, cutoff.Unix()/3600, time.Now().Unix()/3600+48).Scan(&first)
	if err != nil || first <= s.erased {
		return err
	}
	before := *s
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to undo
	s.erased = first
	if _, err = tx.ExecContext(ctx, "DELETE FROM records WHERE tree = ? AND seq < ?", s.tree, first); err == nil {
		if err = s.sign(ctx, tx); err == nil {
			err = tx.Commit()
		}
	}
	if err != nil {
		*s = before
		return err
	}
	return s.db.Shrink(ctx)
}

// publish copies the newest checkpoint to its file, if it is not there yet.
func (s *store) publish() error {
	var text string
	err := s.db.Read.QueryRowContext(context.Background(), "SELECT checkpoint FROM trees WHERE tree = ?", s.tree).Scan(&text)
	if err != nil || text == s.published {
		return err
	}
	if err := writeFile(s.checkpointPath, []byte(text), os.Rename); err != nil {
		return err
	}
	s.published = text
	return nil
}

func (s *store) close() error { return s.db.Close() }

// hourOf is the time that a row's hour stands for.
func hourOf(hours int64) time.Time { return time.Unix(hours*3600, 0).UTC() }

// recordColumns are those that scanRecord reads.
const recordColumns = "site, hour, decision, purposes, policy, words, language, way, salt"

// scanRecord reads a row of records. Columns in front of recordColumns go to before.
func scanRecord(scan func(...any) error, before ...any) (r Record, err error) {
	var hours int64
	var purposes string
	err = scan(append(before, &r.Site, &hours, &r.Decision, &purposes, &r.Policy, &r.Words, &r.Language, &r.Way, &r.Salt)...)
	r.Hour = hourOf(hours)
	if purposes != "" {
		r.Purposes = strings.Split(purposes, ",")
	}
	return r, err
}

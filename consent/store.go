package consent

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// A store is the open file of a ledger. Only the ledger's writer changes it.
type store struct {
	db   *sqlite.DB
	keys *Keys
	head tree // the tree in use

	checkpointPath string
	published      string // the checkpoint that was last copied there
}

// openStore opens the file and reads the head of its tree, or begins the first
// one. A ledger that does not fit its signed checkpoint is not written on.
func openStore(ctx context.Context, path string, k *Keys) (*store, error) {
	if err := unseal(path); err != nil {
		return nil, err
	}
	db, err := sqlite.Open(ctx, path, migrations, sqlite.Options{Durable: true})
	if err != nil {
		return nil, err
	}
	s := &store{db: db, keys: k, checkpointPath: filepath.Join(filepath.Dir(path), CheckpointFile)}
	if err := s.load(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%w; run lychgate ledger verify", err), db.Close())
	}
	return s, nil
}

func (s *store) load(ctx context.Context) error {
	trees, err := readTrees(ctx, s.db.Read)
	if err != nil {
		return err
	}
	if len(trees) == 0 {
		return s.begin(ctx, "")
	}
	s.head = *trees[len(trees)-1]
	return s.head.open(ctx, s.db.Read, s.keys)
}

// originPrefix begins the name of every tree.
const originPrefix = "lychgate/"

// begin starts a new tree. After a restore, follows names the one before.
func (s *store) begin(ctx context.Context, follows string) error {
	id := make([]byte, 8)
	rand.Read(id)
	t := tree{number: s.head.number + 1, origin: fmt.Sprintf("%s%x", originPrefix, id), follows: follows, edge: map[int64]tlog.Hash{}}
	t.verifier = s.keys.verifier(t.origin)
	if err := t.sign(ctx, s.db.Read, s.keys); err != nil {
		return err
	}
	s.head = t
	_, err := s.db.Write.ExecContext(ctx, "INSERT INTO trees ("+treeColumns+") VALUES (?, ?, ?, ?, ?, ?)",
		t.number, t.origin, t.verifier, t.follows, t.erased, t.checkpoint)
	return err
}

// append writes a group of records, their documents, hashes and the new signed
// head in one transaction, which is on the disk when it returns.
func (s *store) append(group []*appending) error {
	ctx := context.Background()
	grown := s.head
	grown.edge = maps.Clone(s.head.edge)
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to undo
	w, err := newInserter(ctx, tx, &grown)
	if err != nil {
		return err
	}
	for _, a := range group {
		if err := w.add(ctx, a); err != nil {
			return err
		}
	}
	grown.prune()
	if err := s.sign(ctx, tx, &grown); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	s.head = grown
	return nil
}

// sign signs the head of t and writes it.
func (s *store) sign(ctx context.Context, tx *sql.Tx, t *tree) error {
	if err := t.sign(ctx, tx, s.keys); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE trees SET checkpoint = ?, erased = ? WHERE tree = ?", t.checkpoint, t.erased, t.number)
	return err
}

// An inserter holds the statements of one transaction, which closes them.
type inserter struct {
	tx                     *sql.Tx
	tree                   *tree
	record, hash, document *sql.Stmt
}

func newInserter(ctx context.Context, tx *sql.Tx, t *tree) (*inserter, error) {
	record, err1 := tx.PrepareContext(ctx, "INSERT INTO records (tree, seq, "+recordColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	hash, err2 := tx.PrepareContext(ctx, "INSERT INTO hashes (tree, idx, hash) VALUES (?, ?, ?)")
	document, err3 := tx.PrepareContext(ctx, "INSERT INTO documents (hash, kind, body) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
	return &inserter{tx, t, record, hash, document}, errors.Join(err1, err2, err3)
}

// add writes one record as the tree's next leaf.
func (w *inserter) add(ctx context.Context, a *appending) error {
	t, r := w.tree, &a.record
	for _, d := range a.documents {
		body := append([]byte{}, d.Body...) // nil would be NULL
		if _, err := w.document.ExecContext(ctx, documentHash(body), d.Kind, body); err != nil {
			return err
		}
	}
	a.origin, a.seq = t.origin, t.size
	if _, err := w.record.ExecContext(ctx, t.number, a.seq, r.Site, hoursOf(r.Hour), r.Decision, strings.Join(r.Purposes, ","),
		r.Policy, r.Words, r.Language, r.Way, r.Salt); err != nil {
		return err
	}
	hashes, err := tlog.StoredHashes(a.seq, r.leaf(a.seq), t.reader(ctx, w.tx))
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, a.seq)
	for i, h := range hashes {
		if _, err := w.hash.ExecContext(ctx, t.number, first+int64(i), h[:]); err != nil {
			return err
		}
		t.edge[first+int64(i)] = h
	}
	t.size++
	return nil
}

// erase takes away the records before cutoff, in every tree.
func (s *store) erase(ctx context.Context, cutoff time.Time) error {
	trees, err := readTrees(ctx, s.db.Read)
	if err != nil {
		return err
	}
	shrunk := false
	for _, t := range trees {
		if err := t.open(ctx, s.db.Read, s.keys); err != nil {
			return err
		}
		erased, err := s.eraseFrom(ctx, t, cutoff)
		if err != nil {
			return err
		}
		shrunk = shrunk || erased
		if t.number == s.head.number {
			s.head = *t
		}
	}
	if !shrunk {
		return nil
	}
	return s.db.Shrink(ctx)
}

// eraseFrom takes away t's records before cutoff. They come first in the tree,
// because time goes forward; a record from the future, made when the clock was
// wrong, goes with its neighbours.
func (s *store) eraseFrom(ctx context.Context, t *tree, cutoff time.Time) (bool, error) {
	first := int64(0)
	err := s.db.Read.QueryRowContext(ctx, "SELECT COALESCE(MIN(seq), ?) FROM records WHERE tree = ? AND hour BETWEEN ? AND ?",
		t.size, t.number, hoursOf(cutoff), hoursOf(time.Now())+48).Scan(&first)
	if err != nil || first <= t.erased {
		return false, err
	}
	tx, err := s.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing left to undo
	if _, err := tx.ExecContext(ctx, "DELETE FROM records WHERE tree = ? AND seq < ?", t.number, first); err != nil {
		return false, err
	}
	t.erased = first
	if err := s.sign(ctx, tx, t); err != nil {
		return false, err
	}
	return true, tx.Commit()
}

// publish copies the newest checkpoint to its file, where somebody else can take
// it from, and where it tells of commits that the ledger has lost. It waits for
// no disk: the ledger itself is what must not be lost.
func (s *store) publish() error {
	if s.head.checkpoint == s.published {
		return nil
	}
	fresh := s.checkpointPath + ".new"
	if err := os.WriteFile(fresh, []byte(s.head.checkpoint), 0o600); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.checkpointPath); err != nil {
		return err
	}
	s.published = s.head.checkpoint
	return nil
}

func (s *store) close() error { return s.db.Close() }

// hoursOf is how a row writes an hour, hourOf how it is read.
func hoursOf(t time.Time) int64    { return t.Unix() / 3600 }
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

package consent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// An Audit is what VerifyLedger found.
type Audit struct {
	// Leaves is how many decisions were ever recorded, Records how many are
	// still there and Erased how many retention has taken away.
	Leaves, Records, Erased int64
	// Checkpoint is the signed head of the newest tree.
	Checkpoint string
	// Problems are what does not fit, in plain words. None: nothing was
	// rewritten, left out or damaged.
	Problems []string
}

func (a *Audit) problem(format string, args ...any) {
	if len(a.Problems) < 100 {
		a.Problems = append(a.Problems, fmt.Sprintf(format, args...))
	}
}

// VerifyLedger reads the whole ledger in the data folder dir and compares every
// record with its leaf, every leaf with the tree, every tree with its signed
// head, every document with its name, and a closed file with its seal. It
// changes nothing and may run beside a gateway. The error is for a ledger that
// could not be read at all; what was found is in the Audit.
func VerifyLedger(ctx context.Context, dir string, k *Keys) (*Audit, error) {
	path := filepath.Join(dir, LedgerFile)
	a := &Audit{}
	if err := checkSeal(path); errors.Is(err, ErrSeal) {
		a.problem("%v", err)
	} else if err != nil {
		return nil, err
	}
	err := readOnly(ctx, path, func(tx *sql.Tx) error { return a.audit(ctx, tx, k, dir) })
	if err != nil && len(a.Problems) == 0 {
		return nil, err
	}
	if err != nil { // found already, and here is how far it goes
		a.problem("%v", err)
	}
	return a, a.policies(filepath.Join(dir, policyDir))
}

// readOnly runs do on one unchanging state of the ledger at path.
func readOnly(ctx context.Context, path string, do func(*sql.Tx) error) (err error) {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	db, err := sqlite.Open(ctx, path, migrations, sqlite.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it only reads
	return do(tx)
}

func (a *Audit) audit(ctx context.Context, tx *sql.Tx, k *Keys, dir string) error {
	if err := a.integrity(ctx, tx); err != nil {
		return err
	}
	documents, err := a.documents(ctx, tx)
	if err != nil {
		return err
	}
	trees, err := readTrees(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range trees {
		if err := a.tree(ctx, tx, t, k, documents); err != nil {
			return err
		}
	}
	if len(trees) == 0 {
		a.problem("there is no tree")
		return nil
	}
	a.Checkpoint = trees[len(trees)-1].checkpoint
	if err := a.strays(ctx, tx, len(trees)); err != nil {
		return err
	}
	return a.copied(ctx, tx, trees, k, filepath.Join(dir, CheckpointFile))
}

// integrity asks the engine about its own structures.
func (a *Audit) integrity(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, "PRAGMA integrity_check")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		if line != "ok" {
			a.problem("the file is damaged: %s", line)
		}
	}
	return rows.Err()
}

// documents checks that each has the hash it is named by.
func (a *Audit) documents(ctx context.Context, tx *sql.Tx) (map[string]string, error) {
	rows, err := tx.QueryContext(ctx, "SELECT hash, kind, body FROM documents")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	kinds := map[string]string{}
	for rows.Next() {
		var hash, kind string
		var body []byte
		if err := rows.Scan(&hash, &kind, &body); err != nil {
			return nil, err
		}
		if documentHash(body) != hash {
			a.problem("document %s was changed", hash)
		}
		kinds[hash] = kind
	}
	return kinds, rows.Err()
}

// tree checks one tree from its leaves to its signed head.
func (a *Audit) tree(ctx context.Context, tx *sql.Tx, t *tree, k *Keys, documents map[string]string) error {
	c, err := k.openCheckpoint(t.origin, []byte(t.checkpoint))
	if err != nil {
		a.problem("tree %s: its checkpoint is not signed by this key file", t.origin)
		return nil
	}
	if t.verifier != k.verifier(t.origin) || t.follows != c.follows || t.erased != c.erased {
		a.problem("tree %s: what it says of itself is not what was signed", t.origin)
	}
	a.Leaves += c.tree.N
	a.Erased += c.erased
	leaves, err := a.hashes(ctx, tx, t, c.tree)
	if err != nil {
		return err
	}
	return a.records(ctx, tx, t, c, leaves, documents)
}

// strays looks for rows that belong to no tree.
func (a *Audit) strays(ctx context.Context, tx *sql.Tx, trees int) error {
	for _, table := range []string{"records", "hashes"} {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM "+table+" WHERE tree NOT IN (SELECT tree FROM trees)").Scan(&n)
		if err != nil {
			return err
		}
		if n > 0 {
			a.problem("%d rows of %s belong to no tree", n, table)
		}
	}
	var last int
	if err := tx.QueryRowContext(ctx, "SELECT MAX(tree) FROM trees WHERE tree > 0").Scan(&last); err != nil {
		return err
	}
	if last != trees {
		a.problem("a tree is missing")
	}
	return nil
}

// copied checks the copy of the checkpoint beside the ledger. It may be older,
// never newer: then the ledger has lost what was signed.
func (a *Audit) copied(ctx context.Context, tx *sql.Tx, trees []*tree, k *Keys, path string) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	for _, t := range trees {
		if t.origin != origin {
			continue
		}
		c, err := k.openCheckpoint(origin, text)
		if err != nil {
			break
		}
		if root, err := tlog.TreeHash(c.tree.N, t.reader(ctx, tx)); err != nil || root != c.tree.Hash {
			a.problem("%s was signed over %d decisions that the ledger does not hold", CheckpointFile, c.tree.N)
		}
		return nil
	}
	a.problem("%s is damaged or of another ledger", CheckpointFile)
	return nil
}

// policies checks that each kept list has the hash it is named by.
func (a *Audit) policies(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return err
	}
	for _, path := range files {
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if versionOf(body)+".json" != filepath.Base(path) {
			a.problem("the list of purposes %s was changed", path)
		}
	}
	return nil
}

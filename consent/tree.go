package consent

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A tree is one append-only log (RFC 6962): what a row of trees says, and the
// hashes at hand. It is a value for reading; only the ledger's writer adds to one.
type tree struct {
	number     int64
	origin     string // its name in checkpoints
	verifier   string // public key of its checkpoints, as the file says
	follows    string // the line by which it names the tree before it, or ""
	size       int64  // how many leaves it has
	erased     int64  // records before this sequence are erased
	checkpoint string // signed, of the newest commit

	// edge holds the hashes that the next leaf is joined with.
	edge map[int64]tlog.Hash
}

// A querier is a file, or one unchanging state of it.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

const treeColumns = "tree, origin, verifier, follows, erased, checkpoint"

func scanTree(scan func(...any) error) (*tree, error) {
	t := &tree{edge: map[int64]tlog.Hash{}}
	return t, scan(&t.number, &t.origin, &t.verifier, &t.follows, &t.erased, &t.checkpoint)
}

// readTrees reads what the file says of its trees, oldest first. Nothing is
// checked, and their sizes are left to who checks the checkpoints.
func readTrees(ctx context.Context, q querier) ([]*tree, error) {
	rows, err := q.QueryContext(ctx, "SELECT "+treeColumns+" FROM trees ORDER BY tree")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []*tree
	for rows.Next() {
		t, err := scanTree(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// open checks t's signed checkpoint by k and that the file's hashes fit it, and
// reads what is needed to go on.
func (t *tree) open(ctx context.Context, q querier, k *Keys) error {
	c, err := k.openCheckpoint(t.origin, []byte(t.checkpoint))
	if err != nil {
		return fmt.Errorf("%w: the ledger's checkpoint is not signed by this key file", err)
	}
	t.size = c.tree.N
	root, err := tlog.TreeHash(t.size, t.reader(ctx, q))
	if err != nil {
		return err
	}
	if root != c.tree.Hash || t.erased != c.erased || t.follows != c.follows {
		return errors.New("the ledger does not fit its signed checkpoint")
	}
	for _, idx := range edgeIndexes(t.size) {
		if t.edge[idx], err = t.readHash(ctx, q, idx); err != nil {
			return err
		}
	}
	return nil
}

// reader returns the tree's stored hashes: those at hand, else from the file.
func (t *tree) reader(ctx context.Context, q querier) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			h, ok := t.edge[idx]
			if !ok {
				var err error
				if h, err = t.readHash(ctx, q, idx); err != nil {
					return nil, err
				}
			}
			out[i] = h
		}
		return out, nil
	})
}

func (t *tree) readHash(ctx context.Context, q querier, idx int64) (h tlog.Hash, err error) {
	var b []byte
	err = q.QueryRowContext(ctx, "SELECT hash FROM hashes WHERE tree = ? AND idx = ?", t.number, idx).Scan(&b)
	if err != nil {
		return h, fmt.Errorf("hash %d of tree %d: %w", idx, t.number, err)
	}
	if len(b) != len(h) {
		return h, fmt.Errorf("hash %d of tree %d has %d bytes", idx, t.number, len(b))
	}
	copy(h[:], b)
	return h, nil
}

// edgeIndexes are the roots of the complete subtrees of a tree of size leaves:
// all that is needed to add a leaf and to compute the root.
func edgeIndexes(size int64) []int64 {
	var indexes []int64
	for level := 0; size>>level > 0; level++ {
		if n := size >> level; n&1 == 1 {
			indexes = append(indexes, tlog.StoredHashIndex(level, n-1))
		}
	}
	return indexes
}

// prune forgets the hashes that later leaves do not need.
func (t *tree) prune() {
	kept := make(map[int64]tlog.Hash, 64)
	for _, idx := range edgeIndexes(t.size) {
		kept[idx] = t.edge[idx]
	}
	t.edge = kept
}

// sign makes t.checkpoint the signed head of the tree as it now is.
func (t *tree) sign(ctx context.Context, q querier, k *Keys) error {
	root, err := tlog.TreeHash(t.size, t.reader(ctx, q))
	if err != nil {
		return err
	}
	text, err := k.signCheckpoint(checkpoint{t.origin, tlog.Tree{N: t.size, Hash: root}, t.erased, t.follows})
	t.checkpoint = string(text)
	return err
}

package consent

import (
	"context"
	"database/sql"

	"golang.org/x/mod/sumdb/tlog"
)

// hashes rebuilds the tree from its leaves, compares each hash with the stored
// one and the root with the signed one, and returns the leaves.
func (a *Audit) hashes(ctx context.Context, tx *sql.Tx, t *tree, head tlog.Tree) ([]tlog.Hash, error) {
	rows, err := tx.QueryContext(ctx, "SELECT idx, hash FROM hashes WHERE tree = ? ORDER BY idx", t.number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var stored, leaves []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			out[i] = stored[idx]
		}
		return out, nil
	})
	var want []tlog.Hash // of the leaf at hand and of the subtrees it completes
	for rows.Next() {
		var idx int64
		var b []byte
		if err := rows.Scan(&idx, &b); err != nil {
			return nil, err
		}
		if idx != int64(len(stored)) || len(b) != tlog.HashSize {
			a.problem("tree %s: hash %d is missing or damaged", t.origin, len(stored))
			return leaves, nil
		}
		h := tlog.Hash(b)
		if level, n := tlog.SplitStoredHashIndex(idx); level == 0 {
			leaves = append(leaves, h)
			if want, err = tlog.StoredHashesForRecordHash(n, h, reader); err != nil {
				return nil, err
			}
		}
		if len(want) == 0 || want[0] != h {
			a.problem("tree %s: hash %d does not follow from its leaves", t.origin, idx)
			return leaves, nil
		}
		stored, want = append(stored, h), want[1:]
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if int64(len(leaves)) != head.N || len(want) > 0 {
		a.problem("tree %s: %d leaves, but %d were signed", t.origin, len(leaves), head.N)
		return leaves, nil
	}
	if root, err := tlog.TreeHash(head.N, reader); err != nil || root != head.Hash {
		a.problem("tree %s: its root is not the one that was signed", t.origin)
	}
	return leaves, nil
}

// records checks that every record that retention has not erased is there and
// is what its leaf is the hash of.
func (a *Audit) records(ctx context.Context, tx *sql.Tx, t *tree, c checkpoint, leaves []tlog.Hash, documents map[string]string) error {
	rows, err := tx.QueryContext(ctx, "SELECT seq, "+recordColumns+" FROM records WHERE tree = ? ORDER BY seq", t.number)
	if err != nil {
		return err
	}
	defer rows.Close()
	next := c.erased
	for rows.Next() {
		var seq int64
		r, err := scanRecord(rows.Scan, &seq)
		if err != nil {
			return err
		}
		for ; next < seq; next++ {
			a.problem("tree %s: record %d is missing", t.origin, next)
		}
		next = seq + 1
		a.Records++
		if seq < 0 || seq >= int64(len(leaves)) || tlog.RecordHash(r.leaf(seq)) != leaves[seq] || r.check() != nil {
			a.problem("tree %s: record %d was changed", t.origin, seq)
		}
		if documents[r.Policy] != kindPolicy || documents[r.Words] != kindWords {
			a.problem("tree %s: what record %d was about is missing", t.origin, seq)
		}
	}
	for ; next < c.tree.N && len(a.Problems) < 100; next++ {
		a.problem("tree %s: record %d is missing", t.origin, next)
	}
	return rows.Err()
}

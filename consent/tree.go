package consent

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// reader returns the stored hashes of a tree: those at hand, else from the file.
func (s *store) reader(ctx context.Context, tree int64) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, idx := range indexes {
			if h, ok := s.edge[idx]; ok && tree == s.tree {
				out[i] = h
				continue
			}
			h, err := readHash(ctx, s, tree, idx)
			if err != nil {
				return nil, err
			}
			out[i] = h
		}
		return out, nil
	})
}

func readHash(ctx context.Context, s *store, tree, idx int64) (h tlog.Hash, err error) {
	var b []byte
	err = s.db.Read.QueryRowContext(ctx, "SELECT hash FROM hashes WHERE tree = ? AND idx = ?", tree, idx).Scan(&b)
	if err != nil {
		return h, fmt.Errorf("hash %d of tree %d: %w", idx, tree, err)
	}
	if len(b) != len(h) {
		return h, fmt.Errorf("hash %d of tree %d has %d bytes", idx, tree, len(b))
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

func (s *store) loadEdge(ctx context.Context) error {
	for _, idx := range edgeIndexes(s.size) {
		h, err := readHash(ctx, s, s.tree, idx)
		if err != nil {
			return err
		}
		s.edge[idx] = h
	}
	return nil
}

// pruneEdge forgets the hashes that later leaves do not need.
func (s *store) pruneEdge() {
	kept := make(map[int64]tlog.Hash, 64)
	for _, idx := range edgeIndexes(s.size) {
		kept[idx] = s.edge[idx]
	}
	s.edge = kept
}

package consent

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

var (
	errUnreadable = errors.New("receipt cannot be read")
	errNotProven  = errors.New("receipt is not proven")
)

// maxReceiptBytes bounds a pasted receipt. Real ones have about 3 kB.
const maxReceiptBytes = 64 << 10

// parseReceipt reads a receipt in either of its forms. What it returns is all
// that was pasted: only the spaces may be others, as mail programs change them.
// The proof is left to check.
func parseReceipt(pasted string) (r *receipt, rec *Record, seq int64, err error) {
	start := strings.IndexByte(pasted, '{')
	if start < 0 || len(pasted) > maxReceiptBytes {
		return nil, nil, 0, errUnreadable
	}
	r = &receipt{}
	oneLine := strings.NewReplacer("\r", " ", "\n", " ").Replace(pasted[start:])
	if err := json.NewDecoder(strings.NewReader(oneLine)).Decode(r); err != nil {
		return nil, nil, 0, errUnreadable
	}
	rec, seq, err = parseLeaf(r.Proof.Record)
	if err != nil || !sameText(pasted, r.json()) && !sameText(pasted, r.text()) {
		return nil, nil, 0, errNotProven
	}
	return r, rec, seq, nil
}

// sameText compares all but the spaces.
func sameText(a string, b []byte) bool {
	return strings.Join(strings.Fields(a), "") == string(bytes.Join(bytes.Fields(b), nil))
}

// parseLeaf reads the text that [Record.leaf] writes, and no other.
func parseLeaf(text string) (*Record, int64, error) {
	f := recordFacts(text)
	if len(f) != 10 {
		return nil, 0, errRecord
	}
	seq, err := parseSize(f[0][1])
	if err != nil {
		return nil, 0, err
	}
	hour, err := time.Parse(hourForm, f[2][1])
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errRecord, err)
	}
	salt, err := hex.DecodeString(f[9][1])
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errRecord, err)
	}
	r := &Record{
		Site: f[1][1], Hour: hour, Decision: f[3][1], Policy: f[5][1], Words: f[6][1],
		Language: f[7][1], Way: f[8][1], Salt: salt,
	}
	if f[4][1] != "" {
		r.Purposes = strings.Split(f[4][1], ",")
	}
	if err := r.check(); err != nil {
		return nil, 0, err
	}
	if string(r.leaf(seq)) != text {
		return nil, 0, errRecord
	}
	return r, seq, nil
}

// prove checks a pasted receipt against the ledger: signature, proof, and that
// the ledger of today still holds the same tree. The record itself may have been
// erased since; its hash stays.
func (l *Ledger) prove(ctx context.Context, pasted string) (*receipt, error) {
	s := l.store.Load()
	if s == nil {
		return nil, ErrLedger
	}
	tx, err := s.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	return prove(ctx, tx, s.keys, pasted)
}

func prove(ctx context.Context, q querier, k *Keys, pasted string) (*receipt, error) {
	r, rec, seq, err := parseReceipt(pasted)
	if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(r.Proof.Checkpoint, "\n")
	t, err := scanTree(q.QueryRowContext(ctx, "SELECT "+treeColumns+" FROM trees WHERE origin = ?", origin).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errNotProven
	} else if err != nil {
		return nil, err
	}
	c, err := k.openCheckpoint(origin, []byte(r.Proof.Checkpoint))
	if err != nil || r.Proof.Verifier != k.verifier(origin) {
		return nil, errNotProven
	}
	leaf := tlog.RecordHash([]byte(r.Proof.Record))
	if seq >= c.tree.N || tlog.CheckRecord(r.Proof.Inclusion, c.tree.N, c.tree.Hash, seq, leaf) != nil {
		return nil, errNotProven
	}
	root, err := tlog.TreeHash(c.tree.N, t.reader(ctx, q))
	if err != nil {
		return nil, fmt.Errorf("read the tree: %w", err)
	}
	if root != c.tree.Hash {
		return nil, errNotProven
	}
	return r, sameReceipt(r, rec, seq, origin)
}

// sameReceipt checks that all else in r follows from the record that was proven.
func sameReceipt(r *receipt, rec *Record, seq int64, origin string) error {
	if documentHash([]byte(r.Proof.Question)) != rec.Words || documentHash([]byte(r.Proof.List)) != rec.Policy {
		return errNotProven
	}
	want, err := newReceipt(seq, rec, r.Proof, origin)
	if err != nil || !bytes.Equal(want.json(), r.json()) {
		return errNotProven
	}
	return nil
}

// parseRecordID reads "lychgate/<tree>/<sequence>", as receipts and exports
// write it.
func parseRecordID(s string) (origin string, seq int64, err error) {
	tree, number, ok := strings.Cut(strings.TrimPrefix(s, originPrefix), "/")
	if seq, err = strconv.ParseInt(number, 10, 64); !ok || err != nil || !isVersion(tree) {
		return "", 0, fmt.Errorf("record id %q: want lychgate/0123456789abcdef/12", s)
	}
	return originPrefix + tree, seq, nil
}

package consent

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// Totals is how many decisions of each kind the ledger holds. A choice of some
// purposes is an accept.
type Totals struct {
	Accept   int64 `json:"accept"`
	Decline  int64 `json:"decline"`
	Withdraw int64 `json:"withdraw"`
}

// ReadTotals counts the records in the ledger of the data folder dir, beside a
// gateway that writes. A folder without a ledger has none.
func ReadTotals(ctx context.Context, dir string) (t Totals, err error) {
	err = readOnly(ctx, filepath.Join(dir, LedgerFile), func(tx *sql.Tx) error {
		t, err = countRecords(ctx, tx, "", time.Time{}, time.Now().AddDate(100, 0, 0))
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return Totals{}, nil
	}
	return t, err
}

// Totals counts a site's records of the hours from (included) to (not included).
func (l *Ledger) Totals(ctx context.Context, site string, from, to time.Time) (Totals, error) {
	s := l.store.Load()
	if s == nil {
		return Totals{}, ErrLedger
	}
	return countRecords(ctx, s.db.Read, site, from, to)
}

// countRecords counts by decision; an empty site is all of them.
func countRecords(ctx context.Context, q querier, site string, from, to time.Time) (t Totals, err error) {
	err = q.QueryRowContext(ctx, `SELECT
		count(*) FILTER (WHERE decision = 'accept'), count(*) FILTER (WHERE decision = 'decline'), count(*) FILTER (WHERE decision = 'withdraw')
		FROM records WHERE (?1 = '' OR site = ?1) AND hour >= ?2 AND hour < ?3`, site, hoursOf(from), hoursOf(to)).
		Scan(&t.Accept, &t.Decline, &t.Withdraw)
	return t, err
}

// exported is one line of an export.
type exported struct {
	Kind string `json:"kind"` // tree, policy, words, record

	// A tree.
	Origin     string `json:"origin,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"`
	Verifier   string `json:"verifier,omitempty"`

	// A policy or words.
	Hash string `json:"hash,omitempty"`
	Body string `json:"body,omitempty"`

	// A record.
	ID       string   `json:"id,omitempty"`
	Site     string   `json:"site,omitempty"`
	Hour     string   `json:"hour,omitempty"`
	Decision string   `json:"decision,omitempty"`
	Purposes []string `json:"purposes,omitempty"`
	Policy   string   `json:"policy,omitempty"`
	Words    string   `json:"words,omitempty"`
	Language string   `json:"language,omitempty"`
	Way      string   `json:"way,omitempty"`
	Salt     []byte   `json:"salt,omitempty"`
}

// ExportLedger writes the ledger of the data folder dir to w as JSON lines: the
// trees with their checkpoints, the documents, then every record, oldest first.
func ExportLedger(ctx context.Context, dir string, w io.Writer) error {
	out := json.NewEncoder(w)
	return readOnly(ctx, filepath.Join(dir, LedgerFile), func(tx *sql.Tx) error {
		trees, err := readTrees(ctx, tx)
		if err != nil {
			return err
		}
		for _, t := range trees {
			if err := out.Encode(exported{Kind: "tree", Origin: t.origin, Checkpoint: t.checkpoint, Verifier: t.verifier}); err != nil {
				return err
			}
		}
		if err := exportDocuments(ctx, tx, out); err != nil {
			return err
		}
		for _, t := range trees {
			if err := exportRecords(ctx, tx, t, out); err != nil {
				return err
			}
		}
		return nil
	})
}

func exportDocuments(ctx context.Context, tx *sql.Tx, out *json.Encoder) error {
	rows, err := tx.QueryContext(ctx, "SELECT kind, hash, body FROM documents ORDER BY kind, hash")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var e exported
		var body []byte
		if err := rows.Scan(&e.Kind, &e.Hash, &body); err != nil {
			return err
		}
		e.Body = string(body)
		if err := out.Encode(e); err != nil {
			return err
		}
	}
	return rows.Err()
}

func exportRecords(ctx context.Context, tx *sql.Tx, t *tree, out *json.Encoder) error {
	rows, err := tx.QueryContext(ctx, "SELECT seq, "+recordColumns+" FROM records WHERE tree = ? ORDER BY seq", t.number)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		r, err := scanRecord(rows.Scan, &seq)
		if err != nil {
			return err
		}
		err = out.Encode(exported{
			Kind: "record", ID: recordID(t.origin, seq), Site: r.Site, Hour: r.Hour.Format(hourForm), Decision: r.Decision,
			Purposes: r.Purposes, Policy: r.Policy, Words: r.Words, Language: r.Language, Way: r.Way, Salt: r.Salt,
		})
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// LedgerReceipt returns the receipt of the record with this id (as an export
// writes it), as JSON, for somebody who asks the site's owner for it.
func LedgerReceipt(ctx context.Context, dir, id string) ([]byte, error) {
	origin, seq, err := parseRecordID(id)
	if err != nil {
		return nil, err
	}
	var out []byte
	err = readOnly(ctx, filepath.Join(dir, LedgerFile), func(tx *sql.Tx) error {
		r, _, err := receiptFor(ctx, tx, origin, seq)
		if err != nil {
			return fmt.Errorf("receipt of %s: %w", id, err)
		}
		out = r.json()
		return nil
	})
	return out, err
}

// recordID names a record in exports and receipts.
func recordID(origin string, seq int64) string { return fmt.Sprintf("%s/%d", origin, seq) }

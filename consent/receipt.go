package consent

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/lychgate/lychgate/banner"
)

// ErrNoRecord says that there is no such record: it never was, retention has
// erased it, or who asks does not hold its salt.
var ErrNoRecord = errors.New("no such record")

// A receipt is a visitor's own record with the proof that it is in the ledger.
// Its JSON takes its names from ISO/IEC TS 27560 (consent record), and holds
// nothing that does not follow from its last part.
type receipt struct {
	SchemaVersion string            `json:"schema_version"`
	RecordID      string            `json:"record_id"`
	PrincipalID   string            `json:"pii_principal_id"`
	Processing    receiptProcessing `json:"pii_processing"`
	Parties       []receiptParty    `json:"party_identification"`
	Events        []receiptEvent    `json:"event"`
	Proof         receiptProof      `json:"lychgate"`
}

type receiptProcessing struct {
	PrivacyNotice string           `json:"privacy_notice"`
	Language      string           `json:"language"`
	Purposes      []receiptPurpose `json:"purposes"`
}

type receiptPurpose struct {
	Purpose          string   `json:"purpose"`
	Type             string   `json:"purpose_type"`
	LawfulBasis      string   `json:"lawful_basis"`
	Controllers      []string `json:"pii_controllers"`
	ThirdParties     []string `json:"recipient_third_parties"`
	WithdrawalMethod string   `json:"withdrawal_method"`
}

type receiptParty struct {
	ID      string `json:"party_id"`
	Role    string `json:"party_role"`
	Contact string `json:"party_contact"`
}

type receiptEvent struct {
	Time  string `json:"event_time"` // the UTC hour, no finer
	Type  string `json:"event_type"`
	State string `json:"event_state"`
}

// A receiptProof is all that is needed to check the record by RFC 6962: the text
// whose hash is the leaf, the hashes beside its way to the root, and the signed
// root; and what the record names by its hash: the question as it was put, and
// the list it was about.
type receiptProof struct {
	Record     string           `json:"record"`
	Question   string           `json:"question"`
	List       string           `json:"list"`
	Inclusion  tlog.RecordProof `json:"inclusion_proof"`
	Checkpoint string           `json:"checkpoint"`
	Verifier   string           `json:"verifier"`
}

// receiptFor reads the record at seq of the tree called origin and proves it.
func receiptFor(ctx context.Context, q querier, origin string, seq int64) (*receipt, *Record, error) {
	t, err := scanTree(q.QueryRowContext(ctx, "SELECT "+treeColumns+" FROM trees WHERE origin = ?", origin).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, ErrNoRecord
	} else if err != nil {
		return nil, nil, err
	}
	rec, err := scanRecord(q.QueryRowContext(ctx, "SELECT "+recordColumns+" FROM records WHERE tree = ? AND seq = ?", t.number, seq).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, ErrNoRecord
	} else if err != nil {
		return nil, nil, err
	}
	c, err := openCheckpoint(origin, t.verifier, []byte(t.checkpoint))
	if err != nil {
		return nil, nil, err
	}
	proof, err := tlog.ProveRecord(c.tree.N, seq, t.reader(ctx, q))
	if err != nil {
		return nil, nil, err
	}
	question, err1 := readDocument(ctx, q, rec.Words)
	list, err2 := readDocument(ctx, q, rec.Policy)
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	r, err := newReceipt(seq, &rec, receiptProof{
		Record: string(rec.leaf(seq)), Question: question, List: list,
		Inclusion: proof, Checkpoint: t.checkpoint, Verifier: t.verifier,
	}, origin)
	return r, &rec, err
}

// readDocument reads what records refer to by its hash.
func readDocument(ctx context.Context, q querier, hash string) (string, error) {
	var body []byte
	if err := q.QueryRowContext(ctx, "SELECT body FROM documents WHERE hash = ?", hash).Scan(&body); err != nil {
		return "", fmt.Errorf("document %s: %w", hash, err)
	}
	return string(body), nil
}

// newReceipt puts a record into the words of the standard.
func newReceipt(seq int64, rec *Record, proof receiptProof, origin string) (*receipt, error) {
	p, err := parsePolicy([]byte(proof.List))
	if err != nil {
		return nil, err
	}
	page := pagePath
	if strings.Contains(rec.Site, ".") { // else it is no host: one site for every name
		page = rec.Site + pagePath
	}
	r := &receipt{
		SchemaVersion: "ISO/IEC TS 27560:2023",
		RecordID:      recordID(origin, seq),
		PrincipalID:   "none: the record names nobody",
		Processing:    receiptProcessing{PrivacyNotice: page, Language: rec.Language},
		Parties:       []receiptParty{{rec.Site, "PII controller", page}},
		Events:        []receiptEvent{{rec.Hour.UTC().Format(hourForm), "explicit", eventState(rec.Decision)}},
		Proof:         proof,
	}
	for _, id := range rec.Purposes {
		r.Processing.Purposes = append(r.Processing.Purposes, receiptPurpose{
			Purpose: id, Type: "optional", LawfulBasis: "consent", Controllers: []string{rec.Site},
			ThirdParties: append([]string{}, p.services[id]...), WithdrawalMethod: page,
		})
	}
	return r, nil
}

// eventState is a decision in the standard's words.
func eventState(decision string) string {
	switch decision {
	case Accept:
		return "given"
	case Withdraw:
		return "withdrawn"
	default:
		return "refused"
	}
}

func (r *receipt) json() []byte {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // strings and slices of them
	}
	return append(b, '\n')
}

// text is the receipt for people, in the language in which it was asked, with the
// JSON behind it so that it proves as much.
func (r *receipt) text() []byte {
	return append([]byte(banner.RecordText(r.Processing.Language, r.facts(), r.Proof.Question)), r.json()...)
}

// facts are the record's lines as people are told of it.
func (r *receipt) facts() []banner.Fact {
	rec, seq, err := parseLeaf(r.Proof.Record)
	if err != nil {
		return nil // who reads receipts has checked it
	}
	list := []banner.Fact{
		banner.AnswerFact("answer", rec.Purposes, rec.Decision == Withdraw),
		banner.HourFact("when", rec.Hour),
		banner.TermFact("where", "way_"+map[string]string{WayBanner: "banner", WayPage: "page", WayEmbed: "embed", WayGPC: "gpc"}[rec.Way]),
		banner.LanguageFact("language", rec.Language),
	}
	if strings.Contains(rec.Site, ".") { // else it is no host: one site for every name
		list = append(list, banner.TextFact("site", rec.Site))
	}
	return append(list, banner.TextFact("number", strconv.FormatInt(seq, 10)))
}

// recordFacts are the lines of a leaf's text, as name and value.
func recordFacts(leaf string) [][2]string {
	var facts [][2]string
	for i, line := range strings.Split(strings.TrimSuffix(leaf, "\n"), "\n") {
		if name, value, _ := strings.Cut(line, " "); i > 0 {
			facts = append(facts, [2]string{name, value})
		}
	}
	return facts
}

// receipt is the record that id points to, for whoever holds id's salt.
func (l *Ledger) receipt(ctx context.Context, id receiptID) (*receipt, error) {
	s := l.store.Load()
	if s == nil {
		return nil, ErrLedger
	}
	tx, err := s.db.Read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // it only read
	r, rec, err := receiptFor(ctx, tx, id.origin, id.seq)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(rec.Salt, id.salt) != 1 {
		return nil, ErrNoRecord
	}
	return r, nil
}

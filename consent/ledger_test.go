package consent

import (
	"testing"
)

// testRecords reads what l has recorded.
func testRecords(t testing.TB, l *Ledger) []Record {
	t.Helper()
	s := l.store.Load()
	if s == nil {
		t.Fatal("ledger is not open")
	}
	rows, err := s.db.Read.QueryContext(t.Context(), "SELECT "+recordColumns+" FROM records ORDER BY tree, seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		r, err := scanRecord(rows.Scan)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

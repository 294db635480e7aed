package consent

import (
	"os"
	"time"
)

// LedgerHealth is the state of the ledger for an operator's monitoring.
type LedgerHealth struct {
	// Err is why nothing can be recorded, nil while it can, as far as is known.
	Err error
	// Waiting is how many decisions are on their way to the disk.
	Waiting int
	// Commits is how often decisions reached the disk since the start, LastCommit
	// when they last did; zero when they have not yet.
	Commits    int64
	LastCommit time.Time
	// Bytes is the size of the file and what SQLite keeps beside it.
	Bytes int64
}

// Health looks at the ledger without waiting for its writer.
func (l *Ledger) Health() LedgerHealth {
	h := LedgerHealth{Err: l.Err(), Waiting: len(l.queue), Commits: l.commits.Load()}
	if at := l.committed.Load(); at != 0 {
		h.LastCommit = time.Unix(at, 0).UTC()
	}
	for _, file := range []string{l.Path(), l.Path() + "-wal"} {
		if info, err := os.Stat(file); err == nil { // a missing one has no size
			h.Bytes += info.Size()
		}
	}
	return h
}

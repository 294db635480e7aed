package analytics

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A refusingStore finds expired rows and may not delete them.
type refusingStore struct{ Store }

func (refusingStore) Query(context.Context, Select) ([]Row, error) { return nil, nil }

func (refusingStore) Forget(context.Context, []Expiry) (int64, error) {
	return 7, errors.New("not enough privileges")
}

func TestWhatMayNotBeDeletedIsTold(t *testing.T) {
	a, err := prepare(Config{Dir: t.TempDir()}, func(context.Context) (Store, error) { return refusingStore{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if err := a.keepHouse(t.Context(), time.Now()); err == nil {
		t.Error("a pass that deleted nothing is no error")
	}
	if k := a.Kept(); k.Late != 7 || k.Err != "not enough privileges" || !k.LastPass.IsZero() {
		t.Errorf("got %+v", k)
	}
}

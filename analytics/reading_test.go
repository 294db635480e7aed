package analytics

import (
	"context"
	"reflect"
	"testing"
	"time"
)

// A watchedStore counts how often it is asked.
type watchedStore struct {
	Store
	reads int
}

func (s *watchedStore) QueryEach(ctx context.Context, all []Select) ([][]Row, error) {
	s.reads++
	return s.Store.QueryEach(ctx, all)
}

// A page's questions need two requests to the store, however many they are, and one
// when the site was asked about before. The answers are the same each time.
func TestQuestionsAreReadTogether(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	now := time.Now().UTC()
	b := &testBrowser{a: a, referrer: "https://other.example/"}
	for d := 100; d >= 0; d-- {
		b.see(t, "/", now.AddDate(0, 0, -d))
	}
	testPersist(t, a)
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	watched := &watchedStore{Store: store}
	a.mu.Lock()
	a.store = watched
	a.mu.Unlock()
	var questions []Question
	for _, days := range []int{0, 6, 29, 364} {
		questions = append(questions, Question{
			Site: testSite, From: day(now).AddDate(0, 0, -days), To: day(now), Series: SeriesDay, Mode: Exact,
			Lists: []ListQuestion{{Dim: DimPage}, {Dim: DimSource}, {Dim: DimCountry}},
		})
	}
	ask := func(requests int) []Answer {
		t.Helper()
		watched.reads = 0
		answers, err := a.QueryEach(t.Context(), questions)
		if err != nil {
			t.Fatal(err)
		}
		if watched.reads != requests {
			t.Errorf("asked the store %d times, want %d", watched.reads, requests)
		}
		return answers
	}
	first := ask(2)
	if second := ask(1); !reflect.DeepEqual(second, first) {
		t.Errorf("got\n%+v, want\n%+v", second, first)
	}
	if err := a.keepHouse(t.Context(), now.AddDate(0, 0, 3)); err != nil {
		t.Fatal(err)
	}
	closed := ask(2) // whole months are read from their own rows now
	if got, want := closed[3].Headline, first[3].Headline; got != want {
		t.Errorf("with months closed: got %+v, want %+v", got, want)
	}
}

package banner

import (
	"bytes"
	"testing"
	"time"
)

func TestPages(t *testing.T) {
	b, err := New(Config{SiteName: "Little Oaks"})
	if err != nil {
		t.Fatal(err)
	}
	services := []Service{{Name: "YouTube", Hosts: []string{"youtube.com"}, Privacy: "https://policies.google.com/privacy", Text: "Shows videos.", Cookies: []Cookie{{Name: "VISITOR_INFO1_LIVE", Text: "x", Life: "6 months"}}}}
	purposes := []PurposeChoice{{ID: "statistics", Granted: true}, {ID: "media", Services: services}}
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	var w bytes.Buffer
	for _, choice := range []Choice{Undecided, Accepted, Declined} {
		if err := b.WriteConsent(&w, &ConsentPage{Choice: choice, Day: day, Expires: day.AddDate(0, 0, 180), Purposes: purposes, Contact: "hello@oaks.example", KeepAnswer: 180 * 24 * time.Hour, Receipt: true, Counting: []Fact{{"a", "b"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.WriteServices(&w, Visitor{}, purposes); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteWithdrawn(&w, &WithdrawnPage{Providers: services, Receipt: "{}"}); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteReceipt(&w, &ReceiptPage{Facts: []Fact{{"a", "b"}}, Receipt: "{}"}); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteVerify(&w, &VerifyPage{Result: Proven}); err != nil {
		t.Fatal(err)
	}
	if err := b.WriteError(&w, &ErrorPage{Status: 502}); err != nil {
		t.Fatal(err)
	}
	t.Log(w.String())
}

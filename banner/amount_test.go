package banner

import (
	"testing"
	"time"
)

func TestAmount(t *testing.T) {
	locales, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	en := locales[0]
	for _, c := range []struct {
		d    time.Duration
		want string
	}{
		{day, "1 day"},
		{92 * day, "92 days"},
		{180 * day, "180 days"},
		{30 * day, "30 days"},
		{365 * day, "1 year"},
		{366 * day, "1 year"},
		{4 * 365 * day, "4 years"},
		{4*365*day + day, "4 years"},
		{4 * year, "4 years"},
		{25 * 30 * day, "25 months"},
		{25 * month, "25 months"},
		{13 * month, "13 months"},
		{13 * 30 * day, "13 months"},
		{2 * year, "2 years"},
		{36 * time.Hour, "2 days"},
	} {
		if got := en.amount(c.d); got != c.want {
			t.Errorf("%v: %q, want %q", c.d, got, c.want)
		}
	}
}

func TestDate(t *testing.T) {
	locales, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	d := time.Date(2026, time.November, 3, 23, 0, 0, 0, time.FixedZone("", 3600))
	if got := locales[0].date(d); got != "3 November 2026" {
		t.Errorf("got %q", got)
	}
}

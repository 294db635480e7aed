package dashboard

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestBruteForce(t *testing.T) {
	const door = "/_lychgate/admin/sign-in"
	tries := func(b *browser, n int) (refused int) {
		for i := range n {
			if res := b.post(door, "name", FirstName, "password", "wrong "+strconv.Itoa(i)); res.StatusCode == http.StatusTooManyRequests {
				refused++
				if res.Header.Get("Retry-After") == "" {
					b.t.Error("no Retry-After")
				}
			}
		}
		return refused
	}
	setUp := func(t *testing.T) (*Dashboard, *browser) {
		d := testDashboard(t)
		b := d.owner(t)
		want(t, b.post("/_lychgate/admin/account/password", "new", goodPassword, "repeat", goodPassword), http.StatusSeeOther)
		return d, d.testBrowser(t)
	}
	t.Run("ten tries are answered, then it gets slow, and the right password waits too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, b := setUp(t)
			if got := tries(b, 20); got != 20-freeTries {
				t.Errorf("got %d of 20 refused, want 10", got)
			}
			want(t, b.post(door, "name", FirstName, "password", goodPassword), http.StatusTooManyRequests)
			time.Sleep(3 * time.Second)
			want(t, b.post(door, "name", FirstName, "password", goodPassword), http.StatusSeeOther)
		})
	})
	t.Run("one account from many networks", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, b := setUp(t)
			answered := 0
			for i := range 20 {
				b.network = fmt.Sprintf("198.51.%d.0:0", i)
				answered += 1 - tries(b, 1)
			}
			if answered > 11 {
				t.Errorf("%d guesses in no time", answered)
			}
		})
	})
	t.Run("many accounts from one network", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, b := setUp(t)
			answered := 0
			for i := range 20 {
				res := b.post(door, "name", "name "+strconv.Itoa(i), "password", "spring-2026-pass")
				if res.StatusCode != http.StatusTooManyRequests {
					answered++
				}
			}
			if answered > 11 {
				t.Errorf("%d guesses in no time", answered)
			}
		})
	})
	t.Run("a day of guessing gets nowhere near", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var th throttle
			answered := 0
			for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); {
				wait := th.try(accountKey("owner"), networkKey("192.0.2.0"))
				if wait == 0 {
					answered++
				}
				time.Sleep(max(wait, time.Millisecond))
			}
			if answered > 130 {
				t.Errorf("%d guesses in a day from one network", answered)
			}
		})
	})
	t.Run("its memory is bounded", func(t *testing.T) {
		var th throttle
		for i := range 3 * maxThrottled {
			th.try(accountKey(strconv.Itoa(i)))
		}
		if got := len(th.tries); got > maxThrottled+1 {
			t.Errorf("remembers %d names", got)
		}
	})
	t.Run("a hundred at once count as a hundred", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var th throttle
			answers := make(chan time.Duration)
			for range 100 {
				go func() { answers <- th.try(accountKey("owner")) }()
			}
			answered := 0
			for range 100 {
				if <-answers == 0 {
					answered++
				}
			}
			if answered != freeTries {
				t.Errorf("%d answered, want %d", answered, freeTries)
			}
		})
	})
}

// The answer must not tell whether there is such an account.
func TestUnknownNameLooksLikeWrongPassword(t *testing.T) {
	d := testDashboard(t)
	d.hasher = newHasher(usualCost)
	d.owner(t).choosePassword()
	b := d.testBrowser(t)
	known := body(t, b.post("/_lychgate/admin/sign-in", "name", FirstName, "password", "no such password"))
	unknown := body(t, b.post("/_lychgate/admin/sign-in", "name", "nobody", "password", "no such password"))
	fresh := regexp.MustCompile(`data-options="[^"]*"|name="state" value="[^"]*"`) // each page has its own passkey ceremony
	known, unknown = fresh.ReplaceAllString(known, ""), fresh.ReplaceAllString(unknown, "")
	if strings.Replace(known, `value="`+FirstName, `value="nobody`, 1) != unknown {
		t.Error("the two pages differ in more than the name typed")
	}
	// Both must pay for argon2id, which is to fill its memory.
	for _, name := range []string{FirstName, "nobody"} {
		filled := mebibytesFilled(func() {
			if _, err := d.hasher.checkPassword(t.Context(), d.accounts, name, "no such password"); err != ErrNoAccount {
				t.Errorf("got %v", err)
			}
		})
		if filled < uint64(usualCost.memory>>10) {
			t.Errorf("%s: answered after filling %d MiB", name, filled)
		}
	}
}

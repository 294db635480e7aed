package dashboard

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestCheckPassword(t *testing.T) {
	for _, p := range []string{
		"", "short", "elevenchars", "password1234", "Passw0rd1234!", "P@ssword2026!", "qwertyuiop123", "123456789012", "abcdefghijklm",
		"aaaaaaaaaaaa", "abababababab", "letmein-letmein", "margaret2026", "1margaret123", strings.Repeat("longer ", 60),
	} {
		var e ErrPassword
		if err := CheckPassword("margaret", p); !errors.As(err, &e) {
			t.Errorf("takes %q: %v", p, err)
		}
	}
	for _, p := range []string{goodPassword, "Tr0ub4dor&3-and-more", "حصان بطارية صحيح دباسة", "margaret lives by the sea", strings.Repeat("älter ", 20)} {
		if err := CheckPassword("margaret", p); err != nil {
			t.Errorf("refuses %q: %v", p, err)
		}
	}
}

func TestVerifyPassword(t *testing.T) {
	encoded := usualCost.hash(goodPassword)
	if !strings.HasPrefix(encoded, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %s", encoded)
	}
	if !verifyPassword(encoded, goodPassword) {
		t.Error("refuses the right one")
	}
	if verifyPassword(encoded, goodPassword+" ") || verifyPassword(encoded, "") {
		t.Error("takes a wrong one")
	}
	if usualCost.hash(goodPassword) == encoded {
		t.Error("two hashes of one password are the same: no salt")
	}
}

// The time of an answer must not tell whether there is such an account. Argon2's
// time is that of filling its memory, which can be counted.
func TestNoAccountTakesTheWorkOfOne(t *testing.T) {
	filled := func(encoded string) uint64 {
		return mebibytesFilled(func() {
			if verifyPassword(encoded, "wrong "+goodPassword) {
				t.Errorf("takes a wrong password for %s", encoded)
			}
		})
	}
	account, none := usualCost.hash(goodPassword), newHasher(usualCost).dummy
	if a, n := filled(account), filled(none); a != n || n < uint64(usualCost.memory>>10) {
		t.Errorf("filled %d MiB for an account, %d for none", a, n)
	}
	if len(account) != len(none) {
		t.Errorf("%s and %s are not alike", account, none)
	}
}

// mebibytesFilled is how much memory f allocates.
func mebibytesFilled(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return (after.TotalAlloc - before.TotalAlloc) >> 20
}

func FuzzVerifyPassword(f *testing.F) {
	for _, s := range []string{
		cost{1, 8, 1}.hash("x"), "", "$", "$$$$$", "$argon2id$v=19$m=4294967295,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=0,p=0$$",
		"$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$" + strings.Repeat("A", 24), "$argon2i$v=19$m=8,t=1,p=1$YQ$YQ",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		if len(encoded) > 200 || strings.Contains(encoded, "m=2") { // not the fuzzer's time
			return
		}
		if verifyPassword(encoded, "a password that nobody has chosen") {
			t.Errorf("%q is taken for a hash of it", encoded)
		}
	})
}

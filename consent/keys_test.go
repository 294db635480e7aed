package consent

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func testKeyFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := OpenKeys(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenKeysMakesAFileOnceAndKeepsIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	var wg sync.WaitGroup
	got := make([]*Keys, 8)
	for i := range got {
		wg.Go(func() {
			k, err := OpenKeys(path)
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = k
		})
	}
	wg.Wait()
	for _, k := range got {
		if k == nil || !bytes.Equal(k.Derive("x"), got[0].Derive("x")) || !k.ledger.Equal(got[0].ledger) {
			t.Fatal("two gateways that start at once hold different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o, want 600", info.Mode().Perm())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".keys-*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestOpenKeysRefuses(t *testing.T) {
	t.Run("a file others may read", func(t *testing.T) {
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
			path := testKeyFile(t)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenKeys(path); !errors.Is(err, ErrKeys) {
				t.Errorf("mode %o: got %v, want %v", mode, err, ErrKeys)
			}
		}
	})
	t.Run("a missing file beside a ledger", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), LedgerFile), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(path); !errors.Is(err, ErrKeys) {
			t.Errorf("got %v, want %v", err, ErrKeys)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("the file was made anew")
		}
	})
	t.Run("a missing file, and a ledger in the data folder", func(t *testing.T) {
		path, data := filepath.Join(t.TempDir(), "keys"), t.TempDir()
		if err := os.WriteFile(filepath.Join(data, LedgerFile), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenKeys(path, data); !errors.Is(err, ErrKeys) {
			t.Errorf("got %v, want %v", err, ErrKeys)
		}
	})
	t.Run("a damaged file, whatever byte is wrong", func(t *testing.T) {
		path := testKeyFile(t)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		damaged := [][]byte{{}, whole[:1], append(bytes.Clone(whole), whole...), bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n"))}
		for i := range whole {
			flipped := bytes.Clone(whole)
			flipped[i] ^= 1
			damaged = append(damaged, flipped)
			if i < len(whole)-1 { // without its last line feed the file is whole
				damaged = append(damaged, whole[:i])
			}
		}
		for i, text := range damaged {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenKeys(path); !errors.Is(err, ErrKeys) {
				t.Fatalf("damage %d: got %v, want %v", i, err, ErrKeys)
			}
			if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, text) {
				t.Fatalf("damage %d: the file was changed (%v)", i, err)
			}
		}
	})
}

func TestRotationKeepsCookiesUntilTheyExpire(t *testing.T) {
	path := testKeyFile(t)
	synctest.Test(t, func(t *testing.T) {
		const life = 180 * 24 * time.Hour
		open := func() *Keys {
			t.Helper()
			k, err := OpenKeys(path)
			if err != nil {
				t.Fatal(err)
			}
			return k
		}
		time.Sleep(time.Until(open().pairs[0].made) + time.Hour)
		first := open()
		cookie, err := first.Signed("test", life).Encode("name", []byte("yes"))
		if err != nil {
			t.Fatal(err)
		}
		mac := first.Derive("relay")
		if _, err := RotateKeys(path, life); err != nil {
			t.Fatal(err)
		}
		second := open()
		if v, err := second.Signed("test", life).Decode("name", cookie); err != nil || string(v) != "yes" {
			t.Errorf("after rotation: %q, %v", v, err)
		}
		if bytes.Equal(second.Derive("relay"), mac) || !bytes.Equal(second.DeriveAll("relay")[1], mac) {
			t.Error("rotation: want a new key in force and the old one accepted")
		}
		if !first.ledger.Equal(second.ledger) {
			t.Error("rotation changed the key of the ledger's checkpoints")
		}
		// Half a life later nothing may be dropped: cookies of the first pair
		// were made until the second was.
		time.Sleep(life / 2)
		if _, err := RotateKeys(path, life); err != nil {
			t.Fatal(err)
		}
		if n := len(open().pairs); n != 3 {
			t.Errorf("%d pairs, want 3", n)
		}
		time.Sleep(life/2 + time.Hour)
		if _, err := RotateKeys(path, life); err != nil {
			t.Fatal(err)
		}
		if n := len(open().pairs); n != 3 {
			t.Errorf("%d pairs, want 3: the first one's cookies have expired", n)
		}
	})
}

func TestNoRoomReadsWhatAnotherSigned(t *testing.T) {
	k := NewKeys()
	codecs := map[string]*Codec{
		"signed a": k.Signed("a", time.Hour), "signed b": k.Signed("b", time.Hour),
		"sealed a": k.Sealed("a", time.Hour), "sealed b": k.Sealed("b", time.Hour),
		"other keys": NewKeys().Signed("a", time.Hour),
	}
	for from, enc := range codecs {
		cookie, err := enc.Encode("name", []byte("value"))
		if err != nil {
			t.Fatal(err)
		}
		for to, dec := range codecs {
			if _, err := dec.Decode("name", cookie); (err == nil) != (from == to) {
				t.Errorf("%s read what %s wrote: %v", to, from, err)
			}
		}
		if _, err := enc.Decode("other", cookie); !errors.Is(err, ErrCookie) {
			t.Errorf("%s: a cookie under another name passed", from)
		}
	}
	if bytes.Equal(k.Derive("a"), k.Derive("b")) {
		t.Error("two labels have one key")
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(NewKeys().marshal())
	f.Add([]byte("\nsha256 "))
	f.Add([]byte("pair a b c d\nsha256 x"))
	f.Fuzz(func(t *testing.T, text []byte) {
		k, err := parseKeys(text)
		if err == nil && (len(k.pairs) == 0 || k.ledger == nil) {
			t.Error("no error and no keys")
		}
	})
}

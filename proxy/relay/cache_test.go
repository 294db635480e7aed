package relay

import (
	"bytes"
	"log/slog"
	"os"
	"testing"
	"time"
)

func TestCacheKeepsWithinItsLimit(t *testing.T) {
	dir := t.TempDir()
	c := openCache(dir, slog.New(slog.DiscardHandler))
	body := bytes.Repeat([]byte("x"), 1000)
	for _, key := range []string{"ia", "ib", "ic", "id"} {
		if err := c.put(&metadata{Key: key, Type: "image/png"}, body); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(c.name("ia"), old, old); err != nil {
		t.Fatal(err)
	}
	c.shrink(3500)
	if _, _, err := c.open("ia"); err == nil {
		t.Error("the oldest file is still there")
	}
	if _, b, err := c.open("ib"); err != nil {
		t.Error(err)
	} else {
		b.Close()
	}
	if c.bytes > 3500 {
		t.Errorf("%d bytes", c.bytes)
	}
}

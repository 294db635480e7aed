package relay

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// TestWhatNoPageShowsGoesAfterFortyDays: also where the gateway is started anew
// each night, and at the latest a day late where it is not.
func TestWhatNoPageShowsGoesAfterFortyDays(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		written := func(key string, ago time.Duration) {
			t.Helper()
			c := openCache(dir, slog.New(slog.DiscardHandler))
			if err := c.put(&metadata{Key: key, Type: "image/png"}, []byte("x")); err != nil {
				t.Fatal(err)
			}
			if then := time.Now().Add(-ago); os.Chtimes(c.name(key), then, then) != nil {
				t.Fatal("the file's time cannot be set")
			}
		}
		kept := func(r *Relay, key string) bool { return r.cache.holds(key) }
		written("iold", 41*24*time.Hour)
		written("iyoung", 39*24*time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		r := New(ctx, Config{Dir: dir, Paths: testPaths, Log: slog.New(slog.DiscardHandler)})
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		time.Sleep(time.Second)
		if kept(r, "iold") || !kept(r, "iyoung") {
			t.Errorf("after the start: old %v, young %v", kept(r, "iold"), kept(r, "iyoung"))
		}
		time.Sleep(48 * time.Hour)
		if kept(r, "iyoung") {
			t.Error("two days later it is still there")
		}
		cancel()
		<-done
	})
}

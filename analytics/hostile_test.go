package analytics

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestFloodOfMadeUpAddresses sends views that all differ in all that they can:
// memory and disk must not grow with them. LYCHGATE_TEST_FLOOD sets how many.
func TestFloodOfMadeUpAddresses(t *testing.T) {
	skipRaced(t)
	views := fewer(60_000, 300)
	if n := os.Getenv("LYCHGATE_TEST_FLOOD"); n != "" {
		fmt.Sscan(n, &views) //nolint:errcheck // the test says how many it sent
	}
	dir := t.TempDir()
	a := testOpen(t, dir, func(c *Config) { c.Sites[0].SearchParams = []string{"q"} })
	defer testClose(t, a)
	now := today(t)
	b := &testBrowser{a: a}
	before, most := heap(), uint64(0)
	for i := range views {
		id := fmt.Sprintf("%x", i*7919)
		b.cookie, b.referrer, b.site = "", "https://x"+id+".example/", "cross-site"
		b.agent = "Mozilla/5.0 (X" + id + ") " + id
		status := http.StatusOK
		if i%4 == 0 {
			status = http.StatusNotFound
		}
		b.answer(t, "/made-up/"+id+"?utm_campaign=c-"+id+"&utm_source=s-"+id+"&utm_term=t-"+id+"&q=word-"+id, now, status)
		if i%10_000 == 9_999 {
			testPersist(t, a)
			most = max(most, heap())
		}
	}
	testPersist(t, a)
	grown := (int64(max(most, heap())) - int64(before)) >> 20
	size := folderSize(t, dir) >> 20
	t.Logf("%d views, all different: memory grew by %d MB, the data folder has %d MB", views, grown, size)
	if grown > 64 {
		t.Errorf("memory grew by %d MB, want at most 64", grown)
	}
	if size > 20 {
		t.Errorf("the data folder has %d MB, want at most 20", size)
	}
	testSameSums(t, testTable(t, a))
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func folderSize(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// TestNothingKeptTellsOfAPerson sends personal things in every place that a
// request has and looks for them in every file, row and log line.
func TestNothingKeptTellsOfAPerson(t *testing.T) {
	dir := t.TempDir()
	// Else the spool is named at random, and may hold six digits in a row by chance.
	if err := errors.Join(os.Mkdir(filepath.Join(dir, spoolFolder), 0o700), os.WriteFile(filepath.Join(dir, spoolFolder, gatewayFile), []byte("gateway-of-a-test\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	a := testOpen(t, dir, func(c *Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Sites[0].SearchParams = []string{"q"}
	})
	now := time.Now()
	const canary = "Zq9canaryA7b6c5d4e3f2g1h0"
	for _, target := range []string{
		"/", "/members/josephine.doe@example.org/", "/order/12345678/", "/reset/" + canary + "/",
		"/?q=josephine.doe@example.org", "/?q=my+number+is+07700900123", "/?q=" + canary,
		"/?utm_campaign=josephine.doe@example.org&utm_source=" + canary + "&utm_term=07700900123&utm_content=a@b.example&utm_medium=" + canary,
		"/?gclid=" + canary + "&fbclid=" + canary + "&unknown=" + canary, "/files/" + canary + ".pdf", "/thanks?token=" + canary,
	} {
		for _, status := range []int{200, 404} {
			b := &testBrowser{
				a: a, site: "cross-site", network: "203.0.113.0",
				agent:    "Mozilla/5.0 (X11; " + canary + ") Firefox/140.0.7 josephine.doe@example.org",
				referrer: "https://josephine.doe@mail." + canary + ".example:8443/inbox/" + canary + "?to=josephine.doe@example.org",
			}
			b.answer(t, target, now, status)
			b.referrer, b.site = "https://"+testSite+"/from/"+canary+"/josephine.doe@example.org?x="+canary, "same-origin"
			b.answer(t, target, now, status)
			for _, kind := range []string{"view", "load", "time", "event", "outbound", "missing"} {
				b.send(t, now, kind, target, canary)
				b.send(t, now, kind, "/from/"+canary, "josephine.doe@example.org:443")
				b.send(t, now, kind, "/", target)
			}
		}
	}
	testPersist(t, a)
	personalThings := []string{strings.ToLower(canary), "josephine", "07700900123", "12345678", "203.0.113", "140.0", "gclid", "inbox", "mozilla"}
	for _, thing := range personalThings {
		for _, text := range []string{thing, strings.ToUpper(thing), canary} {
			if anyFileHolds(t, dir, text) {
				t.Errorf("a file holds %q", text)
			}
		}
		if strings.Contains(strings.ToLower(log.String()), thing) {
			t.Errorf("the log holds %q: %s", thing, log.String())
		}
	}
	identifier := regexp.MustCompile(`[0-9]{6,}|[@]|[0-9a-fA-F-]{20,}`)
	for _, text := range testTexts(t, a) {
		if identifier.MatchString(text) {
			t.Errorf("a table holds what may be an identifier: %q", text)
		}
	}
	rows := testTable(t, a)
	if len(rows) < 50 {
		t.Fatalf("only %d rows: this test would prove nothing", len(rows))
	}
	for _, r := range rows {
		if identifier.MatchString(r.Value) || identifier.MatchString(r.Page) {
			t.Errorf("a row holds what may be an identifier: %+v", r.Key)
		}
		if r.Start%3600 != 0 {
			t.Errorf("a row's time is finer than an hour: %+v", r.Key)
		}
		if r.Page != "" && !isPageDim(r.Dim) {
			t.Errorf("a row joins a page with more than was meant: %+v", r.Key)
		}
	}
	testClose(t, a)
}

// testTexts are the texts of every column of every table there is, but for the
// engine's own.
func testTexts(t *testing.T, a *Analytics) (texts []string) {
	t.Helper()
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	column := func(query string) (values []string) {
		rows, err := store.(*sqliteStore).db.Read.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var v string
			if err := rows.Scan(&v); err != nil {
				t.Fatal(err)
			}
			values = append(values, v)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return values
	}
	tables := column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'schema_migrations'")
	if len(tables) < 3 {
		t.Fatalf("only the tables %v: this test would prove nothing", tables)
	}
	for _, table := range tables {
		for _, name := range column("SELECT name FROM pragma_table_info('" + table + "')") {
			texts = append(texts, column("SELECT "+name+" FROM "+table+" WHERE typeof("+name+") NOT IN ('integer', 'null')")...)
		}
	}
	return texts
}

func TestCleanText(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"words stay", "  food   bank\tcardiff ", "food bank cardiff"},
		{"an address goes", "contact jane@example.org now", "contact (removed) now"},
		{"an encoded one too", "jane%40example.org", "(removed)"},
		{"five digits stay", "room 12345", "room 12345"},
		{"six do not", "ref 123456", "ref (removed)"},
		{"a long word stays", "llanfairpwllgwyngyllgogerychwyrndrobwll", "llanfairpwllgwyngyllgogerychwyrndrobwll"},
		{"a token does not", "a1b2c3d4e5f6a7b8c9d0e1", "(removed)"},
		{"control characters go", "a\x00b\x1b[31m", "a b [31m"},
		{"bad bytes go", "caf\xc3\xa9 \xff\xfe", "café"},
	} {
		if got := cleanText(tt.in); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzCleanText(f *testing.F) {
	for _, s := range []string{"jane@example.org", "1234567", "\xff\xfe@\x00", strings.Repeat("a1", 40), "٠١٢٣٤٥٦", "a%40b"} {
		f.Add(s)
	}
	f.Add("X0\xbb1\xb11\xe670bx\x95X\xf0Z0\xe9)\xdb.\x9802\xc08$2\xc5%12\xec\x12\x8d2\xb08a\x8dx7\xf30\"\xf5y\xf3/@0") // its checksum had seven digits in a row
	f.Fuzz(func(t *testing.T, s string) {
		for _, got := range []string{cleanText(s), pageName("/" + s)} {
			if personal(got) {
				t.Errorf("%q became %q", s, got)
			}
		}
		if again := cleanText(cleanText(s)); again != cleanText(s) {
			t.Errorf("%q: cleaned twice is %q", s, again)
		}
		if n := pageName("/" + s); len(n) > maxPageBytes {
			t.Errorf("a page's name has %d bytes", len(n))
		}
	})
}

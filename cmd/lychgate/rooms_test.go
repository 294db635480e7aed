package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const module = "github.com/lychgate/lychgate"

// rooms is the plan of the house: which of our own packages each may import. A
// room imports only rooms below it, so that any of them can be read, tested and
// trusted without the ones above.
var rooms = map[string][]string{
	"banner":              {},
	"internal/durable":    {},
	"internal/signedpath": {},
	"internal/sqlite":     {},
	"proxy/rewrite":       {},
	"consent":             {"banner", "internal/durable", "internal/sqlite"},
	"analytics":           {"consent", "banner", "internal/durable", "internal/sqlite"},
	"analytics/dashboard": {"analytics", "consent", "banner", "internal/sqlite"},
	"proxy/relay":         {"proxy/rewrite", "internal/signedpath"},
	"proxy":               {"proxy/relay", "proxy/rewrite", "consent", "banner", "analytics", "internal/durable", "internal/signedpath"},
	"cmd/lychgate":        {"proxy", "proxy/rewrite", "consent", "banner", "analytics", "analytics/dashboard", "internal/durable"},
}

// testOnly are the rooms that hold tests and test programs, never linked into
// the product.
var testOnly = []string{"deploy", "analytics/clickhousetest", "proxy/relay/relaytest"}

func TestRooms(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	found := 0
	for line := range strings.Lines(string(out)) {
		path, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		room := strings.TrimPrefix(path, module+"/")
		if slices.Contains(testOnly, room) {
			continue
		}
		allowed, ok := rooms[room]
		if !ok {
			t.Errorf("%s is not in the plan of the house: give it a duty and a line in rooms, or move it", room)
			continue
		}
		found++
		for imported := range strings.FieldsSeq(imports) {
			lower, ours := strings.CutPrefix(imported, module+"/")
			if ours && !slices.Contains(allowed, lower) {
				t.Errorf("%s imports %s, which the plan does not allow", room, lower)
			}
		}
	}
	if found != len(rooms) {
		t.Errorf("go list shows %d rooms, the plan has %d", found, len(rooms))
	}
}

// minima are the oldest versions without a known hole that matters here.
// golang.org/x/net/html before 0.57 parses some markup unlike browsers do
// (CVE-2026-25680 and following), net/http before 1.26.9 lacks HTTP/2 fixes,
// certmagic before 0.25.6 panics on a CA that forgot the account, clickhouse-go
// before 2.50 leaks pool slots.
var minima = map[string]string{
	"golang.org/x/net":                       "v0.57.0",
	"github.com/caddyserver/certmagic":       "v0.25.6",
	"github.com/ClickHouse/clickhouse-go/v2": "v2.50.0",
}

func TestMinimumVersions(t *testing.T) {
	data, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Before 1.27 net/http serves no HTTP/2 on a connection that is watched
	// (proxy/secure.go), and says nothing.
	if got, want := mod.Go.Version, "1.27.0"; semver.Compare("v"+got, "v"+want) < 0 {
		t.Errorf("go %s, want at least %s", got, want)
	}
	if mod.Toolchain == nil || semver.Compare("v"+strings.TrimPrefix(mod.Toolchain.Name, "go"), "v1.27.4") < 0 {
		t.Errorf("toolchain %v, want at least go1.27.4", mod.Toolchain)
	}
	required := map[string]string{}
	for _, r := range mod.Require {
		required[r.Mod.Path] = r.Mod.Version
	}
	for path, want := range minima {
		if got, ok := required[path]; ok && semver.Compare(got, want) < 0 {
			t.Errorf("%s %s, want at least %s", path, got, want)
		}
	}
	if _, ok := required["golang.org/x/net"]; !ok {
		t.Error("golang.org/x/net is not required at all: nothing holds its version")
	}
}

// Nothing that only tests need is in the program: neither the engine's helper nor
// what loads it.
func TestNoTestCodeInTheProgram(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/cmd/lychgate").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if !strings.Contains(string(out), module+"/analytics\n") {
		t.Fatal("the list lacks what is in the program: this test would prove nothing")
	}
	for path := range strings.Lines(string(out)) {
		for _, word := range []string{"clickhousetest", "relaytest", "chserver", "purego", "chdb", "net/http/httptest"} {
			if strings.Contains(path, word) {
				t.Errorf("%s is in the program", strings.TrimSpace(path))
			}
		}
		if strings.TrimSpace(path) == "testing" {
			t.Error("package testing is in the program")
		}
	}
}

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var exposure = regexp.MustCompile(`Overall exposure level for lychgate.service: ([0-9.]+)`)

// systemdAnalyze runs a word of systemd-analyze, without which nothing is proven.
func systemdAnalyze(t *testing.T, args ...string) string {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("LYCHGATE_TEST_ALL") != "" || os.Getenv("CI") != "" {
			t.Fatalf("systemd-analyze is missing (make setup installs it): %v", err)
		}
		t.Skipf("SKIPPED: systemd-analyze is missing (make setup installs it): %v", err)
	}
	out, err := exec.Command(analyze, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("systemd-analyze %v: %v: %s", args, err, out)
	}
	return string(out)
}

// The unit keeps the program away from whatever it does not need.
func TestServiceUnitIsHardened(t *testing.T) {
	out := systemdAnalyze(t, "security", "--offline=true", "--no-pager", "lychgate.service")
	m := exposure.FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level in %s", out)
	}
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level > 2.0 {
		t.Errorf("exposure %s, want at most 2.0", m[1])
	}
}

// systemd understands every line of the units, apart from the program itself,
// which lies where the operator puts it.
func TestUnitsAreUnderstood(t *testing.T) {
	dir := t.TempDir()
	for _, unit := range []string{"lychgate.service", "lychgate.socket"} {
		text, err := os.ReadFile(unit)
		if err != nil {
			t.Fatal(err)
		}
		here := strings.ReplaceAll(string(text), "/usr/local/bin/lychgate", "/bin/true")
		if err := os.WriteFile(filepath.Join(dir, unit), []byte(here), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := systemdAnalyze(t, "verify", "--man=no", "--recursive-errors=no", filepath.Join(dir, "lychgate.service"), filepath.Join(dir, "lychgate.socket"))
	for line := range strings.Lines(out) {
		if strings.Contains(line, "lychgate") {
			t.Errorf("systemd says: %s", line)
		}
	}
}

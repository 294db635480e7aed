package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

var exposure = regexp.MustCompile(`Overall exposure level for lychgate.service: ([0-9.]+)`)

// The unit keeps the program away from whatever it does not need.
func TestServiceUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("LYCHGATE_TEST_ALL") != "" || os.Getenv("CI") != "" {
			t.Fatalf("systemd-analyze is missing (make setup installs it): %v", err)
		}
		t.Skipf("SKIPPED: systemd-analyze is missing (make setup installs it): %v", err)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--no-pager", "lychgate.service").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := exposure.FindSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level in %s", out)
	}
	if level, err := strconv.ParseFloat(string(m[1]), 64); err != nil || level > 2.0 {
		t.Errorf("exposure %s, want at most 2.0", m[1])
	}
}

package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// A composition is as much of compose.yaml as the promises around it need.
type composition struct {
	Services map[string]struct {
		Image, Build any
		ReadOnly     bool     `yaml:"read_only"`
		CapDrop      []string `yaml:"cap_drop"`
		Ports        []string
		Volumes      []string
		Secrets      []string
		Networks     map[string]struct {
			Address string `yaml:"ipv4_address"`
		}
	}
	Networks, Volumes, Secrets map[string]any
}

// The example of containers holds together: what a service names is there, the
// gateway can write nowhere but to its data, and nobody else reaches ClickHouse.
func TestComposeHoldsTogether(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var c composition
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Services {
		if (s.Image == nil) == (s.Build == nil) {
			t.Errorf("%s has not one of image and build", name)
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(from, ".") {
				if _, err := os.Stat(from); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := c.Volumes[from]; !ok {
				t.Errorf("%s: no volume %s", name, from)
			}
		}
		for _, secret := range s.Secrets {
			if _, ok := c.Secrets[secret]; !ok {
				t.Errorf("%s: no secret %s", name, secret)
			}
		}
	}
	gate, sums := c.Services["lychgate"], c.Services["clickhouse"]
	if !gate.ReadOnly || !slices.Equal(gate.CapDrop, []string{"ALL"}) {
		t.Errorf("the gateway may do more than it needs: %+v", gate)
	}
	if len(sums.Ports) > 0 {
		t.Errorf("ClickHouse is open to %v", sums.Ports)
	}
	users, err := os.ReadFile("clickhouse/users.sql")
	if err != nil {
		t.Fatal(err)
	}
	if address := gate.Networks["inside"].Address; !strings.Contains(string(users), "HOST IP '"+address+"'") {
		t.Errorf("the gateway has the address %s, which the housekeeper of users.sql does not", address)
	}
	config, err := os.ReadFile("compose.toml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`/run/secrets/(\w+)`).FindAllStringSubmatch(string(config), -1) {
		if !slices.Contains(gate.Secrets, m[1]) {
			t.Errorf("compose.toml reads a secret %s that the gateway is not given", m[1])
		}
	}
}

// The image has the program and nothing to attack: not root, no shell, one place
// to write, and a way to be asked how it is that needs no shell.
func TestDockerfileIsBare(t *testing.T) {
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	_, final, ok := strings.Cut(string(text), "\nFROM scratch\n")
	if !ok {
		t.Fatal("the image is not made from scratch")
	}
	for _, want := range []string{"\nUSER 65532:65532\n", "\nVOLUME /data\n", "\nENV TMPDIR=/data\n", `CMD ["/usr/local/bin/lychgate", "health", "-data", "/data"]`, `ENTRYPOINT ["/usr/local/bin/lychgate"]`} {
		if !strings.Contains("\n"+final, want) {
			t.Errorf("the image lacks %q", strings.TrimSpace(want))
		}
	}
	if strings.Contains(final, "\nRUN ") {
		t.Error("the image runs something that is not there")
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	flags := regexp.MustCompile(`go build (-trimpath .*?) -o`)
	if a, b := flags.FindSubmatch(text), flags.FindSubmatch(makefile); a == nil || b == nil || string(a[1]) != string(b[1]) {
		t.Errorf("the image is built with %q, make build builds with %q", a, b)
	}
}

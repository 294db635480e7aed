package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var tomlBlock = regexp.MustCompile("(?ms)^```toml\n(.*?)^```$")

// systemctl stands in for systemd's, which no test may have: it does to the
// program what the unit says, without the sandbox around it.
const systemctl = `#!/bin/sh
config=$ROOT/etc/lychgate/lychgate.toml
pid=$ROOT/pid
up() {
	test -f $pid && return
	grep -q "^ExecStart=$ROOT/usr/local/bin/lychgate serve -config $config$" $ROOT/etc/systemd/system/lychgate.service || exit 1
	lychgate serve -config $config >>$ROOT/journal 2>&1 & echo $! >$pid
	until lychgate health -config $config >/dev/null 2>&1; do kill -0 $(cat $pid) || { cat $ROOT/journal; exit 1; }; done
}
down() {
	test -f $pid || return
	kill $(cat $pid)
	while kill -0 $(cat $pid) 2>/dev/null; do :; done
	rm $pid
}
case $1 in
daemon-reload) ;;
enable | start) up ;;
disable | stop) down ;;
restart) down; up ;;
reload) lychgate reload -config $config ;;
*) echo "no such word: $*"; exit 1 ;;
esac
`

// Every command of the operator's guide is run, in its order, below a folder
// that stands for the root of the machine.
func TestGuideCommands(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: goes from install to remove; the full run does")
	}
	text, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	root, err := os.MkdirTemp("", "lychgate-guide")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(root) })
	// The gateway stops and starts meanwhile. No other program on the machine has an
	// address like this one's process.
	pid := os.Getpid()
	monitor := fmt.Sprintf("127.%d.%d.%d:9464", 1+pid>>16&0x3f, pid>>8&0xff, pid&0xff)
	here := strings.NewReplacer("/usr/local/", root+"/usr/local/", "/etc/", root+"/etc/", "/var/", root+"/var/",
		"127.0.0.1:9464", monitor, `http = ":80"`, `http = "127.0.0.1:0"`, `https = ":443"`, "")

	write := func(path, content string, mode os.FileMode) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	// What stands for the tree, the machine and the website.
	write("tree/lychgate", "#!/bin/sh\n"+runAsProgram+"=1 exec "+os.Args[0]+" \"$@\"\n", 0o755)
	for _, unit := range []string{"lychgate.service", "lychgate.socket"} {
		content, err := os.ReadFile("../../deploy/" + unit)
		if err != nil {
			t.Fatal(err)
		}
		write("tree/deploy/"+unit, here.Replace(string(content)), 0o644)
	}
	write("bin/systemctl", systemctl, 0o755)
	write("var/www/charity/index.html", "<!doctype html><title>Charity</title><h1>Charity</h1>", 0o644)
	write("var/backups/.keep", "", 0o644)
	tomls := tomlBlock.FindAllSubmatch(text, -1)
	if len(tomls) != 1 {
		t.Fatalf("the guide shows %d configurations", len(tomls))
	}
	write("etc/lychgate/lychgate.toml", here.Replace(string(tomls[0][1])), 0o644)
	t.Cleanup(func() {
		if pid, err := os.ReadFile(filepath.Join(root, "pid")); err == nil { // a step failed
			exec.Command("kill", strings.TrimSpace(string(pid))).Run()
		}
	})

	steps := 0
	for _, block := range shellBlock.FindAllSubmatch(text, -1) {
		for command := range strings.Lines(string(block[1])) {
			command = strings.TrimSpace(command)
			steps++
			if command == "make build" {
				command = "test -x lychgate" // another test builds
			}
			c := exec.Command("sh", "-ec", here.Replace(command))
			c.Dir = filepath.Join(root, "tree")
			c.Env = append(os.Environ(), "ROOT="+root, "PATH="+root+"/bin:"+root+"/usr/local/bin:"+os.Getenv("PATH"))
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%s: %v\n%s", command, err, out)
			}
			for word, want := range map[string]string{
				"check": "The configuration is right", "health": "ok", "backup": "was read back", "restore": "Now start",
				"ledger": "The ledger is whole",
			} {
				if strings.HasPrefix(command, "lychgate "+word) && !strings.Contains(string(out), want) {
					t.Errorf("%s printed %s", command, out)
				}
			}
			if strings.HasSuffix(command, "/metrics") && !strings.Contains(string(out), "lychgate_ledger_up 1") {
				t.Errorf("%s printed %s", command, out)
			}
		}
	}
	if steps < 20 {
		t.Errorf("only %d commands were found", steps)
	}
	if _, err := os.Stat(filepath.Join(root, "var/lib/lychgate")); err == nil {
		t.Error("the data folder is still there after Remove")
	}
}

package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// A manager is what systemd is to a service: it holds the socket and hears how
// the service is.
type manager struct {
	socket *os.File
	url    string
	notify *net.UnixConn
	env    []string
}

func newManager(t *testing.T) *manager {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	m := &manager{url: "http://" + l.Addr().String()}
	if m.socket, err = l.File(); err != nil {
		t.Fatal(err)
	}
	l.Close() // the file keeps it open
	t.Cleanup(func() { m.socket.Close() })
	dir, err := os.MkdirTemp("", "lychgate") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "notify")
	if m.notify, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.notify.Close() })
	m.env = []string{"NOTIFY_SOCKET=" + path, "LISTEN_FDS=1", "WATCHDOG_USEC=300000"}
	return m
}

// start starts lychgate as systemd does, without waiting for it.
func (m *manager) start(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	// The shell gives its own process id to the program it becomes.
	c := exec.Command("sh", append([]string{"-c", `LISTEN_PID=$$ WATCHDOG_PID=$$ exec "$0" "$@"`, os.Args[0]}, args...)...)
	c.Env = append(append(os.Environ(), runAsProgram+"=1"), m.env...)
	c.ExtraFiles = []*os.File{m.socket}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill() })
	return c
}

// await reads what the service says until it says state.
func (m *manager) await(t *testing.T, state string) {
	t.Helper()
	buf := make([]byte, 4096)
	for {
		n, err := m.notify.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(buf[:n])) {
			if strings.TrimSpace(line) == state {
				return
			}
		}
	}
}

// Under a service manager that holds the socket, the program is replaced while
// visitors come and go, and nobody's request fails. It says when it is ready, gives
// signs of life, and says when it reloads and stops. LYCHGATE_TEST_UPGRADES sets
// how often it is replaced.
func TestUpgradeUnderLoad(t *testing.T) {
	m := newManager(t)
	site, data := testSite(t), t.TempDir()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(m.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"serve", "-dir", site, "-data", data, "-listen", ":" + port}
	running := m.start(t, args...)
	m.await(t, "READY=1")
	m.await(t, "WATCHDOG=1")

	var asked, failed atomic.Int64
	var visitors sync.WaitGroup
	enough := make(chan struct{})
	for visitor := range 8 {
		visitors.Go(func() {
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: visitor%2 == 0}}
			for {
				select {
				case <-enough:
					return
				default:
				}
				res, err := client.Get(m.url + "/about.html")
				asked.Add(1)
				if err != nil || res.StatusCode != http.StatusOK {
					failed.Add(1)
					t.Errorf("a visitor's request failed: %v %v", err, res)
					return
				}
				res.Body.Close()
			}
		})
	}
	for range testRounds(t, "LYCHGATE_TEST_UPGRADES", 2) {
		before := asked.Load()
		for asked.Load() < before+50 && failed.Load() == 0 {
			if res, err := http.Get(m.url + "/_lychgate/healthz"); err == nil {
				res.Body.Close()
			}
		}
		if err := running.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		m.await(t, "STOPPING=1")
		if err := running.Wait(); err != nil {
			t.Fatalf("stop: %v", err)
		}
		running = m.start(t, args...)
		m.await(t, "READY=1")
	}
	close(enough)
	visitors.Wait()
	t.Logf("%d requests, %d failed", asked.Load(), failed.Load())

	if err := running.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	m.await(t, "RELOADING=1")
	m.await(t, "READY=1")
	if err := running.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := running.Wait(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// A socket that the configuration does not answer at stops the start: visitors
// would wait there for ever.
func TestASocketForNobodyStopsTheStart(t *testing.T) {
	m := newManager(t)
	c := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "serve", "-dir", testSite(t), "-data", t.TempDir(), "-listen", "127.0.0.1:0")
	c.Env = append(append(os.Environ(), runAsProgram+"=1"), m.env...)
	c.ExtraFiles = []*os.File{m.socket}
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), strings.TrimPrefix(m.url, "http://")) || !strings.Contains(string(out), "ListenStream") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestHeldSocketsAreFoundByTheirAddress(t *testing.T) {
	for _, test := range []struct {
		held, configured string
		want             bool
	}{
		{"[::]:443", ":443", true},
		{"[::]:443", "192.0.2.1:443", true},
		{"0.0.0.0:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"[::ffff:127.0.0.1]:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "localhost:80", true},
		{"127.0.0.1:80", "192.0.2.1:80", false},
		{"[::]:443", ":80", false},
	} {
		a, err := net.ResolveTCPAddr("tcp", test.held)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameAddress(a, test.configured); got != test.want {
			t.Errorf("%s for %s (port %s): got %v", test.held, test.configured, strconv.Itoa(a.Port), got)
		}
	}
}

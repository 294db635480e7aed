// Package clickhousetest starts the real ClickHouse engine for tests, and stops,
// freezes and kills it. It is test code only: nothing of it is in the product,
// and the program it starts, chserver, has a module of its own.
//
// The engine is the library libchdb, fetched once by setup.sh. With
// LYCHGATE_TEST_CLICKHOUSE=<dsn> tests run against a real server instead; those
// that have to stop it are then skipped.
package clickhousetest

import (
	"bufio"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// engineVersion is the library that setup.sh fetches.
const engineVersion = "26.5.3"

// A Server is a running engine behind the protocols of ClickHouse.
type Server struct {
	// Native and HTTP are the addresses it answers on; a restart keeps them.
	Native, HTTP string
	// User and Password sign in; empty: "default" with none.
	User, Password string
	// Data is its folder, which survives Kill and Start.
	Data string

	o   Options
	bin string
	lib string
	cmd *exec.Cmd
}

// Options say how a Server is started.
type Options struct {
	// Users are who may sign in, with their passwords. Default: "default" with none.
	Users map[string]string
	// Config is a server configuration file. Every session is the engine's user
	// "default", whatever name it signed in by; the file can narrow its grants.
	Config string
	// Env is added to the engine's environment.
	Env []string
	// CertFile and KeyFile turn on TLS for both protocols.
	CertFile, KeyFile string
}

// New starts a Server that ends with the test. Where the engine's library is
// missing the test is skipped, loudly; where nothing may be skipped it fails.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	if dsn := os.Getenv("LYCHGATE_TEST_CLICKHOUSE"); dsn != "" {
		return real(t, dsn, o)
	}
	s := &Server{Native: "127.0.0.1:0", HTTP: "127.0.0.1:0", Data: t.TempDir(), o: o}
	var err error
	if s.lib, err = library(); err != nil {
		if os.Getenv("CI") != "" || os.Getenv("LYCHGATE_TEST_ALL") != "" {
			t.Fatal(err)
		}
		t.Skipf("SKIPPED: %v", err)
	}
	if s.bin, err = build(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// real is the server of a DSN, "clickhouse://user:password@host:9000" or
// "http://...". Its users, configuration and certificate are its own.
func real(t testing.TB, dsn string, o Options) *Server {
	t.Helper()
	if o.Users != nil || o.Config != "" || o.CertFile != "" {
		t.Skip("SKIPPED: a real server is not configured by a test")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{User: u.User.Username()}
	s.Password, _ = u.User.Password()
	if u.Scheme == "http" {
		s.HTTP = u.Host
	} else {
		s.Native = u.Host
	}
	return s
}

// NeedsControl skips a test that has to stop the server, where it is a real one.
func (s *Server) NeedsControl(t testing.TB) {
	t.Helper()
	if s.bin == "" {
		t.Skip("SKIPPED: a real server is not stopped by a test")
	}
}

// library finds libchdb.so.
func library() (string, error) {
	if path := os.Getenv("LYCHGATE_LIBCHDB"); path != "" {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "lychgate", "chdb-"+engineVersion, "libchdb.so")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("the ClickHouse engine is not there: run analytics/clickhousetest/setup.sh (make test does): %w", err)
	}
	return path, nil
}

// build compiles chserver. The go command keeps the linked program in its cache,
// so that only the first of many processes waits for it.
var build = sync.OnceValues(func() (string, error) {
	// The folder by the go command, because a test built with -trimpath does not know it.
	here, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/lychgate/lychgate/analytics/clickhousetest").Output()
	if err != nil {
		return "", fmt.Errorf("find chserver: %w", err)
	}
	c := exec.Command("go", "tool", "-n", "chserver")
	c.Dir = filepath.Join(strings.TrimSpace(string(here)), "chserver")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	var said strings.Builder
	c.Stderr = &said
	bin, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("build chserver: %w\n%s", err, &said)
	}
	return strings.TrimSpace(string(bin)), nil
})

// Start starts the engine, at first and after Kill, on the same folder and addresses.
func (s *Server) Start() error {
	var users []string
	for name, password := range s.o.Users {
		users = append(users, name+":"+password)
	}
	args := []string{"-lib", s.lib, "-data", s.Data, "-native", s.Native, "-http", s.HTTP}
	if len(users) > 0 {
		args = append(args, "-users", strings.Join(users, ","))
	}
	if s.o.Config != "" {
		args = append(args, "-config", s.o.Config)
	}
	if s.o.CertFile != "" {
		args = append(args, "-cert", s.o.CertFile, "-key", s.o.KeyFile)
	}
	s.cmd = exec.Command(s.bin, args...)
	s.cmd.Stderr = os.Stderr
	s.cmd.Env = append(os.Environ(), s.o.Env...)
	// It must not outlive a test that was killed.
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.Kill()
		return fmt.Errorf("chserver ended before it was ready: %w", err)
	}
	if _, err := fmt.Sscanf(line, "ready native=%s http=%s", &s.Native, &s.HTTP); err != nil {
		return fmt.Errorf("chserver said %q: %w", line, err)
	}
	return nil
}

// StartAs starts a killed engine on the same folder and addresses in another way.
func (s *Server) StartAs(o Options) error {
	s.o = o
	return s.Start()
}

// Kill ends the engine as a power cut would, as far as a process can be.
func (s *Server) Kill() {
	if s.cmd == nil || s.cmd.ProcessState != nil {
		return
	}
	s.cmd.Process.Signal(syscall.SIGCONT) // a frozen process dies only when thawed
	s.cmd.Process.Kill()
	s.cmd.Wait()
}

// Freeze stops the engine without ending it: connections hang, nothing is refused.
func (s *Server) Freeze() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen engine go on.
func (s *Server) Thaw() error { return s.cmd.Process.Signal(syscall.SIGCONT) }

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A control is the door by which commands on the same machine speak to a running
// gateway: a socket in the data folder, for the folder's owner only. It also
// keeps a second gateway from using the same folder.
//
// A command sends one word and a line's end. The answer begins with a line "ok"
// or "error" and goes on until the end.
type control struct {
	dir string
	l   *net.UnixListener
	log *slog.Logger
}

const controlName = "control.sock"

// errRunning says that a gateway uses the data folder.
var errRunning = errors.New("another lychgate is using this data folder; stop it first, or choose another folder with data")

// errNotRunning says that none does.
var errNotRunning = errors.New("no lychgate is running with this data folder")

// openControl opens the door. A folder in which it cannot be made is no reason
// to keep the site closed: the log says that commands will not work.
func openControl(dir string, log *slog.Logger) (*control, error) {
	if isRunning(dir) {
		return nil, fmt.Errorf("data %s: %w", dir, errRunning)
	}
	l, err := listenControl(dir)
	if err != nil {
		log.Warn("lychgate reload cannot reach this gateway; SIGHUP can", "err", err)
		return nil, nil
	}
	return &control{dir, l, log}, nil
}

func listenControl(dir string) (*net.UnixListener, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	defer done()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // left by a crash
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // by its real name, in close
	return l, os.Chmod(path, 0o600)
}

// maxSocketPath is what fits into the address of a Unix socket everywhere.
const maxSocketPath = 100

// socketPath is where the door is. The address of a socket is short; that of a
// folder need not be, so a long one is named by its descriptor.
func socketPath(dir string) (path string, done func(), err error) {
	if path = filepath.Join(dir, controlName); len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", f.Fd(), controlName), func() { _ = f.Close() }, nil
}

// isRunning reports whether a gateway is at the door of dir, with however many
// waiting before it.
func isRunning(dir string) bool {
	c, err := dialControl(dir)
	if err != nil {
		return errors.Is(err, syscall.EAGAIN)
	}
	_ = c.Close() // it was only a knock
	return true
}

func dialControl(dir string) (net.Conn, error) {
	path, done, err := socketPath(dir)
	if err != nil {
		return nil, fmt.Errorf("data %s: %w", dir, errNotRunning)
	}
	defer done()
	c, err := net.DialTimeout("unix", path, 5*time.Second)
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, fmt.Errorf("data %s: %w", dir, errNotRunning)
	case err != nil:
		return nil, fmt.Errorf("speak to the running gateway: %w", err)
	}
	return c, nil
}

// serve obeys the commands until close.
func (c *control) serve(commands map[string]func(context.Context) (string, error)) {
	if c == nil {
		return
	}
	for {
		conn, err := c.l.Accept()
		if err != nil {
			return // closed
		}
		if err := obey(conn, commands); err != nil {
			c.log.Warn("a command broke off", "err", err)
		}
	}
}

// obey reads one command and answers it.
func obey(conn net.Conn, commands map[string]func(context.Context) (string, error)) error {
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	word, err := bufio.NewReader(io.LimitReader(conn, 100)).ReadString('\n')
	if err != nil {
		return nil // only a knock
	}
	answer, err := "", errors.New("the running gateway does not know this command")
	if do := commands[strings.TrimSpace(word)]; do != nil {
		answer, err = do(context.Background())
	}
	if err != nil {
		answer = "error\n" + err.Error()
	} else {
		answer = "ok\n" + answer
	}
	_, err = io.WriteString(conn, answer)
	return err
}

// askControl has the gateway of dir obey a command, and returns its answer.
func askControl(dir, word string) (string, error) {
	conn, err := dialControl(dir)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, word+"\n"); err != nil {
		return "", fmt.Errorf("speak to the running gateway: %w", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		return "", fmt.Errorf("hear the running gateway: %w", err)
	}
	verdict, text, _ := strings.Cut(string(answer), "\n")
	switch verdict {
	case "ok":
		return text, nil
	case "error":
		return "", errors.New(text)
	}
	return "", errors.New("the gateway ended before it answered; its log says why")
}

// close shuts the door.
func (c *control) close() error {
	if c == nil {
		return nil
	}
	path, done, err := socketPath(c.dir)
	if err != nil {
		return err
	}
	defer done()
	return errors.Join(os.Remove(path), c.l.Close())
}

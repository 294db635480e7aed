package relay

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A cache keeps relayed files on disk: each is one file, a line of JSON
// and the body, written beside and renamed, so that a crash leaves either the
// old or the new one. When the folder grows beyond its limit, what was written
// longest ago goes first.
//
// A cache that cannot be written keeps files in memory, within a small limit:
// pictures are no reason for a site to fail.
type cache struct {
	dir string // empty: memory only
	log *slog.Logger

	mu     sync.Mutex
	bytes  int64 // on disk, about
	memory map[string][]byte
	inMem  int64
}

// Limits of the cache.
const (
	maxDisk   = 256 << 20
	maxMemory = 32 << 20
)

var errMemoryFull = errors.New("the memory for relayed files is full")

// metadata is what is kept beside a body.
type metadata struct {
	Key      string    `json:"key"`
	Type     string    `json:"type,omitempty"`
	Hash     string    `json:"hash,omitempty"` // of the body as sent, the ETag
	ETag     string    `json:"etag,omitempty"` // the third party's
	Modified string    `json:"modified,omitempty"`
	Expires  time.Time `json:"expires"`
	// Beacon says that it is held, so there is no body.
	Beacon bool `json:"beacon,omitempty"`
	// Children are the keys of what a style sheet loads in turn.
	Children []string `json:"children,omitempty"`
}

func openCache(dir string, log *slog.Logger) *cache {
	c := &cache{log: log, memory: map[string][]byte{}}
	if dir == "" {
		return c
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		log.Warn("relayed files are kept in memory only", "err", err)
		return c
	}
	c.dir = dir
	for _, f := range c.list() {
		c.bytes += f.size
	}
	return c
}

func (c *cache) name(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(c.dir, hex.EncodeToString(sum[:]))
}

// put keeps a file.
func (c *cache) put(m *metadata, body []byte) error {
	line, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("keep relayed file: %w", err)
	}
	data := append(append(line, '\n'), body...)
	if c.dir != "" {
		if err = c.write(c.name(m.Key), data); err == nil {
			return nil
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.memory[m.Key]; ok {
		c.inMem -= int64(len(old))
		delete(c.memory, m.Key)
	}
	if c.inMem+int64(len(data)) > maxMemory {
		if err == nil {
			err = errMemoryFull
		}
		return fmt.Errorf("keep relayed file: %w", err)
	}
	c.memory[m.Key] = data
	c.inMem += int64(len(data))
	return nil
}

// write replaces one file at once.
func (c *cache) write(name string, data []byte) error {
	f, err := os.CreateTemp(c.dir, "new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // what is left behind goes at the next start
		return err
	}
	c.mu.Lock()
	c.bytes += int64(len(data))
	full := c.bytes > maxDisk
	c.mu.Unlock()
	if full {
		c.shrink(maxDisk * 3 / 4)
	}
	return nil
}

// open returns a file and its body, or errNotRelayed.
func (c *cache) open(key string) (*metadata, content, error) {
	m, body, err := c.read(key)
	if err == nil && m.Beacon {
		err = errNotRelayed
		_ = body.Close() // nothing was written to it
	}
	if err != nil {
		return nil, nil, err
	}
	return m, body, nil
}

// holds reports whether anything is kept for key.
func (c *cache) holds(key string) bool {
	_, body, err := c.read(key)
	if err != nil {
		return false
	}
	_ = body.Close() // it was only read
	return true
}

// read returns whatever is kept for key.
func (c *cache) read(key string) (*metadata, content, error) {
	c.mu.Lock()
	data, ok := c.memory[key]
	c.mu.Unlock()
	if ok {
		line, body, _ := bytes.Cut(data, []byte("\n"))
		m := new(metadata)
		if err := json.Unmarshal(line, m); err != nil {
			return nil, nil, errNotRelayed
		}
		return m, memoryBody{bytes.NewReader(body)}, nil
	}
	if c.dir == "" {
		return nil, nil, errNotRelayed
	}
	f, err := os.Open(c.name(key))
	if err != nil {
		return nil, nil, errNotRelayed
	}
	m, body, err := readFile(f, key)
	if err != nil {
		_ = f.Close() // it was only read
		return nil, nil, errNotRelayed
	}
	return m, body, nil
}

// readFile reads the line of JSON and finds the body behind it.
func readFile(f *os.File, key string) (*metadata, content, error) {
	line, err := bufio.NewReaderSize(f, 64<<10).ReadSlice('\n')
	if err != nil {
		return nil, nil, err
	}
	m := new(metadata)
	if err := json.Unmarshal(line, m); err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil || m.Key != key {
		return nil, nil, errNotRelayed
	}
	at := int64(len(line))
	return m, fileBody{io.NewSectionReader(f, at, info.Size()-at), f}, nil
}

type memoryBody struct{ *bytes.Reader }

func (memoryBody) Close() error { return nil }

type fileBody struct {
	*io.SectionReader
	f *os.File
}

func (b fileBody) Close() error { return b.f.Close() }

// A cachedFile is what the folder says of a file.
type cachedFile struct {
	name    string
	size    int64
	written time.Time
}

// list returns the files of the folder and removes what a crash left behind.
func (c *cache) list() []cachedFile {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		c.log.Warn("the relay's cache cannot be read", "err", err)
		return nil
	}
	var files []cachedFile
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		name := filepath.Join(c.dir, e.Name())
		if len(e.Name()) != 2*sha256.Size {
			if time.Since(info.ModTime()) > time.Hour {
				c.remove(name)
			}
			continue
		}
		files = append(files, cachedFile{name, info.Size(), info.ModTime()})
	}
	return files
}

// shrink removes the oldest files until at most limit bytes are left, and
// counts anew.
func (c *cache) shrink(limit int64) {
	files := c.list()
	slices.SortFunc(files, func(a, b cachedFile) int { return b.written.Compare(a.written) })
	var kept int64
	for _, f := range files {
		if kept+f.size > limit {
			c.remove(f.name)
			continue
		}
		kept += f.size
	}
	c.mu.Lock()
	c.bytes = kept
	c.mu.Unlock()
}

// forget removes what was not written since before: nobody's page has had it.
func (c *cache) forget(before time.Time) {
	if c.dir == "" {
		return
	}
	for _, f := range c.list() {
		if f.written.Before(before) {
			c.remove(f.name)
		}
	}
	c.shrink(maxDisk)
}

func (c *cache) remove(name string) {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		c.log.Warn("the relay's cache cannot be cleaned", "err", err)
	}
}

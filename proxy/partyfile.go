package proxy

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/lychgate/lychgate/internal/durable"
)

// A partyFile is the list of third parties in the data folder. Several gateways
// may share it: each takes in what the others have found before it writes what
// it has found itself, under a lock, and writes only what is news. So nothing
// is lost and all of them come to the same list, which visitors are asked about.
type partyFile struct {
	dir string // the data folder; empty keeps nothing

	mu      sync.Mutex
	written []byte // what the file held when it was last read or written
}

const (
	partyFileName = "third-parties.toml"
	partyLockName = ".third-parties.lock"
)

// share brings the file and what this gateway knows together. When that puts
// something in force that was not, the gates ask about it from now on.
func (g *Gateway) share() {
	if err := g.SaveThirdParties(); err != nil {
		g.log.Error("the list of third parties is not kept", "err", err)
	}
}

// SaveThirdParties brings third-parties.toml and what is known together: it
// takes in what other gateways have put there, and writes what is new here.
// Without anything new on either side it reads the file and writes nothing.
func (g *Gateway) SaveThirdParties() error {
	if g.file.dir == "" {
		return nil
	}
	g.file.mu.Lock()
	defer g.file.mu.Unlock()
	changed := false
	for _, s := range g.sites().list {
		changed = s.thirdParties.inventory.dirty.Swap(false) || changed
	}
	err := g.exchange(changed)
	if err != nil {
		for _, s := range g.sites().list {
			s.thirdParties.inventory.dirty.Store(true)
		}
	}
	return err
}

// exchange reads, merges and writes. changed says that there is something to write.
func (g *Gateway) exchange(changed bool) error {
	f := &g.file
	data, err := os.ReadFile(filepath.Join(f.dir, partyFileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the list of third parties: %w", err)
	}
	if !changed && bytes.Equal(data, f.written) {
		return nil
	}
	unlock, err := lockFile(filepath.Join(f.dir, partyLockName))
	if err != nil {
		return fmt.Errorf("lock the list of third parties: %w", err)
	}
	defer unlock()
	kept, data, err := f.read()
	if err != nil {
		return err
	}
	out, err := encodePartyList(g.merge(kept))
	if err != nil {
		return err
	}
	first := f.written == nil && !changed // starting, or only looking, writes nothing
	f.written = data
	if bytes.Equal(out, data) || first {
		return nil
	}
	if err := durable.Replace(filepath.Join(f.dir, partyFileName), out); err != nil {
		return fmt.Errorf("write the list of third parties: %w", err)
	}
	f.written = out
	return nil
}

// merge takes in what is kept and returns what is to be kept now.
func (g *Gateway) merge(kept *partyList) *partyList {
	next := &partyList{}
	for i := range kept.Sites {
		if g.sites().named(kept.Sites[i].Name) == nil {
			next.Sites = append(next.Sites, kept.Sites[i]) // of another configuration
		}
	}
	for _, s := range g.sites().list {
		in := s.thirdParties.inventory
		part := partyListSite{Name: s.Name}
		for i := range kept.Sites {
			if kept.Sites[i].Name != s.Name {
				continue
			}
			strange, renewed := in.merge(&kept.Sites[i])
			part.Parties = strange
			if renewed {
				g.warn(s, s.renewList())
			}
		}
		part.Parties = append(part.Parties, in.list()...)
		part.Cookies = in.cookieList()
		if len(part.Parties) > 0 || len(part.Cookies) > 0 {
			next.Sites = append(next.Sites, part)
		}
	}
	slices.SortFunc(next.Sites, func(a, b partyListSite) int { return cmp.Compare(a.Name, b.Name) })
	return next
}

// read reads the file. One that cannot be understood is put aside, so that it
// is not written over: its list counts as empty, which holds more.
func (f *partyFile) read() (*partyList, []byte, error) {
	path := filepath.Join(f.dir, partyFileName)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &partyList{}, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the list of third parties: %w", err)
	}
	var l partyList
	if err := toml.Unmarshal(data, &l); err != nil {
		err = fmt.Errorf("the list of third parties %s is put aside: %w", path, err)
		return nil, nil, errors.Join(err, os.Rename(path, path+".unreadable"))
	}
	return &l, data, nil
}

// encodePartyList is the text of the file: the same list is always the same text.
func encodePartyList(l *partyList) ([]byte, error) {
	for i := range l.Sites {
		sortParties(l.Sites[i].Parties)
	}
	data, err := toml.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("write the list of third parties: %w", err)
	}
	return append([]byte(partyListHead), data...), nil
}

// lockPatience is how long another gateway may hold the lock. It does so for the
// time of one write.
const lockPatience = 5 * time.Second

// lockFile takes the lock that the file at path stands for.
func lockFile(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for started := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		taken, err := tryLock(f)
		if err != nil || !taken && time.Since(started) > lockPatience {
			return nil, errors.Join(cmp.Or(err, errLocked), f.Close())
		}
		if taken {
			return func() { _ = f.Close() }, nil // closing gives the lock back
		}
	}
}

var errLocked = errors.New("another program holds it")

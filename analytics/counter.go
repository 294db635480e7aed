package analytics

import (
	"math/rand/v2"
	"runtime"
	"sync"
)

// A counter adds rows up in memory until they are drained, about once a second.
//
// It is made of shards that any page may use, so that pages do not wait for one
// another: a page takes the first shard that is free, starting at a random one,
// and adds all its rows under that one lock. There is one shard more than
// processors, so that one is mostly free; more would not fit into their caches.
// Maps and slices are kept, so that a page whose rows the shard has room for
// allocates nothing.
type counter struct {
	shards []shard
}

type shard struct {
	mu    sync.Mutex
	index map[Key]int32 // place in rows
	rows  []Row
	_     [64]byte // keeps two locks off one cache line
}

// keepRows bounds what a shard holds on to after a burst.
const keepRows = 1 << 14

func newCounter() *counter {
	c := &counter{shards: make([]shard, runtime.GOMAXPROCS(0)+1)}
	for i := range c.shards {
		c.shards[i].index = map[Key]int32{}
	}
	return c
}

// add adds rows, which stay the caller's.
func (c *counter) add(rows []Row) {
	s := c.lock()
	defer s.mu.Unlock()
	for i := range rows {
		at, ok := s.index[rows[i].Key]
		if !ok {
			s.index[rows[i].Key] = int32(len(s.rows))
			s.rows = append(s.rows, rows[i])
			continue
		}
		s.rows[at].Add(rows[i].Metrics)
	}
}

func (c *counter) lock() *shard {
	first := int(rand.Uint32N(uint32(len(c.shards))))
	for i := range c.shards {
		if s := &c.shards[(first+i)%len(c.shards)]; s.mu.TryLock() {
			return s
		}
	}
	s := &c.shards[first]
	s.mu.Lock()
	return s
}

// drain takes out everything added so far, one row per key, in the keys' order.
func (c *counter) drain() []Row {
	var all []Row
	for i := range c.shards {
		all = c.shards[i].drain(all)
	}
	return sumRows(all)
}

func (s *shard) drain(all []Row) []Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	all = append(all, s.rows...)
	if len(s.rows) > keepRows {
		s.index, s.rows = map[Key]int32{}, nil
		return all
	}
	clear(s.index)
	clear(s.rows) // lets go of the strings
	s.rows = s.rows[:0]
	return all
}

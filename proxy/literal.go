package proxy

import (
	"bytes"
)

// literals finds, in the text of an inline script, the texts that give away a
// tracker's loader. All of them have a full stop inside, so the search jumps
// from one to the next with the processor's own byte search, and three bytes
// around it decide by a table whether to look closer.
type literals struct {
	table [1 << 10]uint16 // index + 1 of the first literal of a bucket
	all   []literal
}

// A literal is one text, split at its first full stop.
type literal struct {
	text    []byte
	dot     int
	service *service
	next    uint16 // index + 1 of the next in the bucket
}

func newLiterals(services []*service) literals {
	var l literals
	for _, s := range services {
		for _, text := range s.Inline {
			b := []byte(text)
			lit := literal{text: b, dot: bytes.IndexByte(b, '.'), service: s}
			key := bucket(b[lit.dot-1], b[lit.dot+1], b[lit.dot+2])
			lit.next = l.table[key]
			l.all = append(l.all, lit)
			l.table[key] = uint16(len(l.all))
		}
	}
	return l
}

// bucket spreads the bytes around a full stop.
func bucket(before, after, second byte) uint16 {
	v := uint32(before) | uint32(after)<<8 | uint32(second)<<16
	return uint16((v * 0x9E3779B1) >> 22)
}

// find calls found for the service of every literal in text, until it returns
// false.
func (l *literals) find(text []byte, found func(*service) bool) {
	for i := 1; i < len(text); i++ {
		n := bytes.IndexByte(text[i:], '.')
		if n < 0 {
			return
		}
		i += n
		if i+2 >= len(text) {
			return
		}
		for k := l.table[bucket(text[i-1], text[i+1], text[i+2])]; k != 0; {
			lit := &l.all[k-1]
			if start := i - lit.dot; start >= 0 && bytes.HasPrefix(text[start:], lit.text) && !found(lit.service) {
				return
			}
			k = lit.next
		}
	}
}

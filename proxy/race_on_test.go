//go:build race

package proxy

// raced says that sync.Pool forgets at random, to find races.
const raced = true

//go:build !unix

package analytics

// fixedMemory are size bytes that are never given back.
func fixedMemory(size int) []byte { return make([]byte, size) }

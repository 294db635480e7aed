//go:build unix

package analytics

import "syscall"

// fixedMemory are size bytes that are never given back. They are apart from the
// heap, which may grow to twice of what is in it before garbage is collected.
func fixedMemory(size int) []byte {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return make([]byte, size)
	}
	return b
}

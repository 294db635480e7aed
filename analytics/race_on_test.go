//go:build race

package analytics

// raced says that tests run about ten times slower.
const raced = true

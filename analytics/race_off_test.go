//go:build !race

package analytics

const raced = false

// Package sqlite opens a SQLite file durably and brings its numbered
// migrations up to date.
package sqlite

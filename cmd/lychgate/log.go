package main

import (
	"io"
	"log/slog"
)

// The two forms of the log.
const (
	logText = "text"
	logJSON = "json"
)

// logger writes events, never people: which room, what happened, why.
func (c *config) logger(w io.Writer) *slog.Logger {
	if c.Log.Format == logJSON {
		return slog.New(slog.NewJSONHandler(w, nil))
	}
	return slog.New(slog.NewTextHandler(w, nil))
}

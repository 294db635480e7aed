package main

import (
	"os"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv(runAsProgram) != "" {
		main() // exits
	}
	testscript.Main(m, map[string]func(){"lychgate": main})
}

// The stories in testdata/script each run the program as its owner would.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			// Two months that are over, whenever the stories are told: "2026-01".
			first := time.Now().UTC().AddDate(0, 0, 1-time.Now().UTC().Day())
			e.Setenv("ONE", first.AddDate(0, -10, 0).Format("2006-01"))
			e.Setenv("TWO", first.AddDate(0, -9, 0).Format("2006-01"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"expand": expand},
	})
}

// expand puts variables of the story in their places in files.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

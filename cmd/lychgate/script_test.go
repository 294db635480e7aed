package main

import (
	"os"
	"testing"

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
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true, Setup: func(e *testscript.Env) error {
		e.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
		return nil
	}})
}

package main

import (
	"context"
	"fmt"
	"io"
)

// runHealth asks the gateway that runs with the same data folder how it is, for
// container engines and people. It fails when none answers.
func runHealth(args []string, stdout, stderr io.Writer) error {
	c, err := readPlace("health", args)
	if err != nil {
		return err
	}
	text, err := askControl(c.Data, "health")
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(stdout, text)
	return err
}

// health is the running gateway's answer.
func (h *house) health(context.Context) (string, error) {
	h.alive()
	return h.condition(), nil
}

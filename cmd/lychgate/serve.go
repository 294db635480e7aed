package main

import (
	"io"
)

func runServe(args []string, stdout, stderr io.Writer) error  { return nil }
func runCheck(args []string, stdout, stderr io.Writer) error  { return nil }
func runTotals(args []string, stdout, stderr io.Writer) error { return nil }

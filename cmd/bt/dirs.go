package main

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
)

// stateDir is where bt keeps what should not be lost, and cacheDir where it keeps
// what can be deleted at any time; "" where there is no such place. On Linux they
// are those of the XDG base directory specification, elsewhere those that the
// system has for this. The variables of the specification win on every system.
func stateDir() string {
	return userDir("XDG_STATE_HOME", xdg.StateHome, filepath.Join(".local", "state"))
}

func cacheDir() string { return userDir("XDG_CACHE_HOME", xdg.CacheHome, ".cache") }

// userDir is bt's directory in base, which the variable names if it is set. Else it
// may be one below the home directory, which bt 0.1 used on every system.
func userDir(variable, base, old string) string {
	dir := filepath.Join(base, "bt")
	if filepath.IsAbs(os.Getenv(variable)) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // package xdg would take the root
	}
	if before := filepath.Join(home, old, "bt"); !isDir(dir) && isDir(before) {
		return before
	}
	return dir
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

package main

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
)

// userDirs are the directories of bt for one user. "" means that there is none. On Linux
// they follow the XDG base directory specification, on other systems the conventions of
// the system. The environment variables of the specification take precedence on every
// system.
type userDirs struct {
	config string // settings
	state  string // data that should not be lost
	cache  string // data that can be deleted at any time
}

func findUserDirs() userDirs {
	return userDirs{
		config: userDir("XDG_CONFIG_HOME", xdg.ConfigHome, ".config"),
		state:  userDir("XDG_STATE_HOME", xdg.StateHome, filepath.Join(".local", "state")),
		cache:  userDir("XDG_CACHE_HOME", xdg.CacheHome, ".cache"),
	}
}

// userDir returns the directory bt in base. If the environment variable is not
// set, and only the directory below the home directory exists that bt 0.1 used on
// every system, userDir returns that.
func userDir(variable, base, old string) string {
	dir := filepath.Join(base, "bt")
	if filepath.IsAbs(os.Getenv(variable)) {
		return dir
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "" // without a home directory, package xdg would use the root
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

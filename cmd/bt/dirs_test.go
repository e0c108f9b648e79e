package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestUserDir(t *testing.T) {
	home, base := t.TempDir(), t.TempDir()
	before := filepath.Join(home, ".old", "bt")
	dir := filepath.Join(base, "bt")
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("XDG_TEST_HOME", "")
	is := func(want string) {
		t.Helper()
		if got := userDir("XDG_TEST_HOME", base, ".old"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	mkdir := func(dir string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	is(dir)
	mkdir(before)
	is(before) // an earlier version created this directory
	mkdir(dir)
	is(dir)
	os.RemoveAll(dir)
	t.Setenv("XDG_TEST_HOME", base)
	is(dir) // the environment variable takes precedence over existing directories

	// Without a home directory only the environment variable is used.
	t.Setenv("HOME", "")
	t.Setenv("USERPROFILE", "")
	is(dir)
	t.Setenv("XDG_TEST_HOME", "")
	is("")
}

// Package testenv provides test dependencies that a machine may lack: the corpus of
// other projects' torrents, installed programs, and trackers, which it starts. If a
// dependency is missing, the test is skipped with a message, or fails if
// BT_REQUIRE=all, as in CI.
package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Missing skips or fails the test because need is missing.
func Missing(t testing.TB, need string) {
	t.Helper()
	if os.Getenv("BT_REQUIRE") == "all" {
		t.Fatalf("BT_REQUIRE=all, but this test needs %s", need)
	}
	t.Skipf("needs %s", need)
}

// Program returns the path of an installed program.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "the program "+name)
	}
	return path
}

// Root skips the test unless it runs as root.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "to run as root")
	}
}

// Corpus returns the directory in BT_CORPUS. Without it the test is skipped even if
// BT_REQUIRE is set.
func Corpus(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("BT_CORPUS")
	if dir == "" {
		t.Skip("needs BT_CORPUS, the directory of the corpus of other projects' torrents")
	}
	if _, err := os.Stat(filepath.Join(dir, "manifest.tsv")); err != nil {
		t.Fatalf("BT_CORPUS: %v", err)
	}
	return dir
}

// Python returns a python3 that has a module, such as libtorrent.
func Python(t testing.TB, module string) string {
	t.Helper()
	// Debian's modules are for its own python3, which need not be first in PATH.
	for _, py := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(py, "-c", "import "+module).Run() == nil {
			return py
		}
	}
	Missing(t, "python3 with the module "+module)
	return ""
}

// Large skips a test of so much data, or so many cases, that it takes a minute with the race
// detector, or with -short. CI runs the tests that begin with it without the detector too.
func Large(t testing.TB) {
	t.Helper()
	if Race || testing.Short() {
		t.Skip("much data or many cases; not with the race detector or -short")
	}
}

package internal_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestLibrary builds and runs testdata/library in a module of its own: a program
// outside of this module can use every verb.
func TestLibrary(t *testing.T) {
	dir := t.TempDir()
	repository, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	copyFile := func(to, from string) {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, to), b, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	copyFile("main.go", "testdata/library/main.go")
	copyFile("go.sum", "../go.sum")
	mod := fmt.Sprintf("module example.org/user\n\ngo 1.26\n\nrequire bt v0.0.0\n\nreplace bt => %q\n", filepath.ToSlash(repository))
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	got, err := cmd.Output()
	if err != nil {
		stderr := ""
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = string(exit.Stderr)
		}
		t.Fatalf("%v\n%s%s", err, got, stderr)
	}
	want, err := os.ReadFile("testdata/library/output.txt")
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("it prints\n%s\nwant\n%s", got, want)
	}
}

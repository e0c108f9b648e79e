//go:build unix

package mmap

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var sink byte

// cut returns a map of a file that has shrunk since.
func cut(t *testing.T) Map {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := New(int(f.Fd()), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	m.WillNeed()
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	return m
}

// Faults in the given maps end the function, and all other panics pass.
func TestGuard(t *testing.T) {
	ours, also, other := cut(t), cut(t), cut(t)
	maps := slices.Values([]Map{also, nil, ours})
	for _, test := range []struct {
		name string
		f    func()
		want bool
	}{
		{"no fault", func() {}, true},
		{"the first byte", func() { sink = ours[0] }, false},
		{"the last byte", func() { sink = ours[len(ours)-1] }, false},
		{"another map", func() { sink = also[1<<19] }, false},
		{"a copy", func() { copy(make([]byte, 100), ours[5000:]) }, false},
	} {
		if got := Guard(maps, test.f); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	for name, f := range map[string]func(){
		"a panic":                func() { panic("a mistake") },
		"an error":               func() { panic(os.ErrClosed) },
		"a fault in another map": func() { sink = other[1<<19] },
		"a nil pointer":          func() { var p *[1 << 20]byte; sink = p[1<<19] },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			Guard(maps, f)
		}()
	}
}

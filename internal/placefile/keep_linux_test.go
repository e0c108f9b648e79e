package placefile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"bt/internal/testenv"
)

// A copy keeps the holes of its source, and an offset in one.
func TestHoles(t *testing.T) {
	for _, dir := range []string{t.TempDir(), testenv.Tmpfs(t)} {
		source, err := os.Create(filepath.Join(dir, "source"))
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		const size = 8 << 20
		want := make([]byte, size)
		for _, at := range []int64{1 << 20, 3<<20 + 5, 7 << 20} {
			for i := range int64(5000) {
				want[at+i] = byte(i + at>>20)
			}
			if _, err := source.WriteAt(want[at:at+5000], at); err != nil {
				t.Fatal(err)
			}
		}
		if err := source.Truncate(size); err != nil {
			t.Fatal(err)
		}
		r := open(t, dir)
		f, err := r.Create(path("copy"), Regular)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][2]int64{{0, 10}, {10, 1 << 20}, {1<<20 + 10, 3 << 20}, {4<<20 + 10, size - 4<<20 - 10}} {
			if err := f.CopyRange(t.Context(), source, part[0], part[1]); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.CopyRange(t.Context(), source, size-10, 11); err == nil {
			t.Error("a range beyond the end was copied")
		}
		if err := f.Truncate(size); err != nil {
			t.Fatal(err)
		}
		if err := write(f, nil, "", nil); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, "copy")
		if got, err := os.ReadFile(name); err != nil || !bytes.Equal(got, want) {
			t.Error("the copy differs", err)
		}
		if n := testenv.Allocated(t, name); n > 1<<20 {
			t.Errorf("%d bytes are allocated", n)
		}
	}
}

// A file that replaces another keeps its attributes.
func TestAttributes(t *testing.T) {
	dir := t.TempDir()
	name := put(t, filepath.Join(dir, "file"), "old")
	for key, value := range map[string]string{"user.origin": "here", "user.empty": ""} {
		if err := unix.Setxattr(name, key, []byte(value), 0); err != nil {
			testenv.Missing(t, "a file system with extended attributes")
		}
	}
	// user::rw-, user:7:rw-, group::r--, mask::rw-, other::r--
	acl := []byte{2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 6, 0, 7, 0, 0, 0, 4, 0, 4, 0, 255, 255, 255, 255,
		16, 0, 6, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255, 255, 255, 255}
	if err := unix.Setxattr(name, "system.posix_acl_access", acl, 0); err != nil {
		testenv.Missing(t, "a file system with access control lists")
	}
	old := stat(t, name)
	r := open(t, dir)
	f, err := r.Replace(path("file"), old)
	if err := write(f, err, "new", old); err != nil {
		t.Fatal(err)
	}
	if mode := stat(t, name).Mode(); mode != old.Mode() {
		t.Errorf("the mode is %v, want %v", mode, old.Mode())
	}
	for key, want := range map[string]string{"user.origin": "here", "user.empty": "", "system.posix_acl_access": string(acl)} {
		b := make([]byte, 100)
		if n, err := unix.Getxattr(name, key, b); err != nil || string(b[:n]) != want {
			t.Errorf("%s is %q (%v)", key, b[:max(n, 0)], err)
		}
	}
	copied, err := r.Create(path("copy"), Regular)
	if err != nil {
		t.Fatal(err)
	}
	from, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	copied.CopyAttributes(from)
	if err := write(copied, nil, "copy", nil); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if n, err := unix.Getxattr(filepath.Join(dir, "copy"), "user.origin", b); err != nil || string(b[:n]) != "here" {
		t.Errorf("the copy has %q (%v)", b[:max(n, 0)], err)
	}
	if _, err := unix.Getxattr(filepath.Join(dir, "copy"), "system.posix_acl_access", b); err == nil {
		t.Error("the copy has the access control list")
	}
}

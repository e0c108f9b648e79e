package piece

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// What each change of a file does to its identity, and to the digests of its tree.
func TestIdentityOfChangedFile(t *testing.T) {
	const size = 1000
	content := make([]byte, size)
	other := append(make([]byte, size-1), 'x')
	write := func(path string, b []byte) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(b, 0); err != nil {
			f.Close()
			return err
		}
		return f.Close()
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Second)
	setBack := func(path string) error { return os.Chtimes(path, old, old) }
	inodes := runtime.GOOS != "windows"
	for _, test := range []struct {
		name          string
		change        []func(path string) error
		equal, strict bool // whether the identity is Equal, and the strict digest the same
	}{
		{"nothing", nil, true, true},
		{"read", []func(string) error{func(path string) error { _, err := os.ReadFile(path); return err }}, true, true},
		{"written with the same size", []func(string) error{func(path string) error { return write(path, other) }}, false, false},
		{"written with the same bytes", []func(string) error{func(path string) error { return write(path, content) }}, false, false},
		{"touched", []func(string) error{func(path string) error { return os.Chtimes(path, time.Now(), time.Now()) }}, false, false},
		{"longer", []func(string) error{func(path string) error { return os.Truncate(path, size+1) }, setBack}, false, false},
		{"truncated and restored", []func(string) error{
			func(path string) error { return os.Truncate(path, 0) },
			func(path string) error { return write(path, content) },
		}, false, false},
		{"truncated and restored, with its time", []func(string) error{
			func(path string) error { return os.Truncate(path, 0) },
			func(path string) error { return write(path, content) },
			setBack,
		}, true, !inodes},
		{"written with the same size, with its time", []func(string) error{func(path string) error { return write(path, other) }, setBack}, true, !inodes},
		{"replaced by a rename, with its time", []func(string) error{
			func(path string) error { return os.WriteFile(path+".new", content, 0o644) },
			func(path string) error { return setBack(path + ".new") },
			func(path string) error { return os.Rename(path+".new", path) },
		}, !inodes, !inodes},
		{"renamed and back", []func(string) error{
			func(path string) error { return os.Rename(path, path+".away") },
			func(path string) error { return os.Rename(path+".away", path) },
		}, true, !inodes},
		{"its directory renamed and back", []func(string) error{func(path string) error {
			dir := filepath.Dir(path)
			if err := os.Rename(dir, dir+".away"); err != nil {
				return err
			}
			return os.Rename(dir+".away", dir)
		}}, true, true},
		{"a hard link to it made", []func(string) error{func(path string) error { return os.Link(path, path+".link") }}, true, !inodes},
		{"chmod", []func(string) error{func(path string) error { return os.Chmod(path, 0o600) }}, true, !inodes},
		{"removed", []func(string) error{os.Remove}, false, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "content")
			path := filepath.Join(dir, "file")
			for _, err := range []error{os.Mkdir(dir, 0o755), os.WriteFile(path, content, 0o644), setBack(path)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			look := func() *Tree {
				tree := &Tree{Files: make([]Source, 1), Path: func(int) string { return path }}
				if err := tree.Stat(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				return tree
			}
			before := look()
			time.Sleep(20 * time.Millisecond) // longer than a tick of the file system's clock
			for _, change := range test.change {
				if err := change(path); err != nil {
					t.Fatal(err)
				}
			}
			after := look()
			if got := before.ID(0).Equal(after.ID(0)); got != test.equal {
				t.Errorf("Equal returns %v: %+v, %+v", got, before.ID(0), after.ID(0))
			}
			if got := before.Digest() == after.Digest(); got != test.equal {
				t.Errorf("the digests are the same: %v", got)
			}
			if got := before.StrictDigest() == after.StrictDigest(); got != test.strict {
				t.Errorf("the strict digests are the same: %v", got)
			}
			if changed, err := before.HasChanged(t.Context(), 1); changed == test.equal || err != nil {
				t.Errorf("HasChanged returns %v, %v", changed, err)
			}
			if info, err := os.Stat(path); err == nil && Identify(info) != after.ID(0) {
				t.Errorf("Identify returns %+v, Stat %+v", Identify(info), after.ID(0))
			}
		})
	}
}

// A file that was changed shortly before its identity was taken can change again in the
// same tick of the clock, and keep its identity.
func TestIsRacy(t *testing.T) {
	now := time.Unix(1_700_000_000, 500)
	before := func(d time.Duration) int64 { return now.Add(-d).UnixNano() }
	for _, test := range []struct {
		name string
		id   Identity
		want bool
	}{
		{"no times", Identity{}, false},
		{"old", Identity{ModTime: before(time.Hour), ChangeTime: before(time.Hour)}, false},
		{"old, without change time", Identity{ModTime: before(time.Hour)}, false},
		{"before 1970", Identity{ModTime: -1}, false},
		{"one resolution ago", Identity{ModTime: before(Resolution)}, false},
		{"just within the resolution", Identity{ModTime: before(Resolution - 1)}, true},
		{"modified at the same time", Identity{ModTime: before(0)}, true},
		{"modified in the future", Identity{ModTime: before(-time.Hour)}, true},
		{"modification time set back", Identity{ModTime: before(time.Hour), ChangeTime: before(time.Second)}, true},
		{"modification time set ahead", Identity{ModTime: before(-time.Hour), ChangeTime: before(time.Hour)}, true},
	} {
		if got := test.id.IsRacy(now); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		tree := &Tree{Files: []Source{{Pad: true}, {}, {}}}
		tree.SetID(1, test.id)
		if got := tree.IsRacy(now); got != test.want {
			t.Errorf("%s: the tree: %v", test.name, got)
		}
	}
}

// A second change in the same tick of the clock leaves the identity as it is, but that
// was racy.
func TestChangeInSameTick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	tick := time.Now()
	identify := func(content string) (Identity, time.Time) {
		// Chtimes sets the time that a clock with a coarse resolution would give.
		for _, err := range []error{os.WriteFile(path, []byte(content), 0o644), os.Chtimes(path, tick, tick)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		at := time.Now()
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return Identify(info), at
	}
	before, at := identify("one")
	after, _ := identify("two")
	if !before.Equal(after) || !before.IsRacy(at) {
		t.Errorf("%+v and %+v are equal: %v; racy: %v", before, after, before.Equal(after), before.IsRacy(at))
	}
}

// StrictDigest is stored on disk, so its value must stay the same.
func TestStoredDigest(t *testing.T) {
	tree := &Tree{Files: []Source{{}, {Pad: true}, {Cause: CauseMissing}, {Link: true}, {}}}
	tree.SetID(0, Identity{Size: 5, ModTime: 1_700_000_000_123_456_789, ChangeTime: 1_700_000_001_000_000_001, Dev: 66306, Ino: 1234567})
	tree.SetID(4, Identity{Size: 1 << 40, ModTime: -1, Dev: 1, Ino: 1<<64 - 1})
	const want = "ac68b161dae0b477228d03a7001f3bab824ec34ed025b08fa0d1e4ef38a8f67e"
	if got := tree.StrictDigest().String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

package piece

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"bt/internal/testenv"
)

func TestSurvey(t *testing.T) {
	// A directory for files that survive a reboot, where /tmp may be in memory.
	t.Setenv("TMPDIR", "/var/tmp")
	t.Setenv("GOTMPDIR", "")
	tr := newTree(t, v1, 16384, 5<<20, 0, 100)
	tr.stat(t)
	var st unix.Statfs_t
	if err := unix.Statfs(tr.paths[0], &st); err != nil {
		t.Fatal(err)
	}
	if st.Type == unix.TMPFS_MAGIC {
		testenv.Missing(t, "a disk at /var/tmp")
	}
	job := tr.job(Job{})
	if s := newRun(&job, t.Context(), nil).survey(); s.isCold() || s.far != nil {
		t.Errorf("files just written are not in memory: %+v", s)
	}
	f, err := os.Open(tr.paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil { // only clean pages are dropped
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	s := newRun(&job, t.Context(), nil).survey()
	if !s.isCold() || len(s.far) == 0 || len(s.near) == 0 {
		t.Errorf("a file that was dropped is still in memory, or was not timed: %+v", s)
	}
}

// The survey samples what is hashed, and only that.
func TestSurveySkips(t *testing.T) {
	tr := newTree(t, v1, 16384, 40<<20)
	tr.stat(t)
	pieces := tr.layout.Pieces()
	for name, skip := range map[string]func(layout, piece int) bool{
		"nothing":          nil,
		"all but the last": func(_, piece int) bool { return piece < pieces-1 },
		"the first half":   func(_, piece int) bool { return piece < pieces/2 },
		"every other":      func(_, piece int) bool { return piece%2 == 0 },
		"all":              func(int, int) bool { return true },
	} {
		job := tr.job(Job{Skip: skip})
		r := newRun(&job, t.Context(), nil)
		list := r.spread(r.plans[0], 64)
		for _, piece := range list {
			if skip != nil && skip(0, piece) {
				t.Errorf("skipping %s: piece %d is sampled", name, piece)
			}
		}
		if least := min(r.plans[0].unskipped, 33); len(list) < least || len(list) > 64 {
			t.Errorf("skipping %s: %d samples of %d pieces", name, len(list), r.plans[0].unskipped)
		}
	}
}

func TestIsRemote(t *testing.T) {
	for magic, want := range map[uint32]bool{
		0x6969: true, 0xff534d42: true, 0xfe534d42: true, 0x65735546: true, 0x01021997: true, // NFS, CIFS, SMB2, FUSE, 9p
		0xef53: false, 0x58465342: false, 0x9123683e: false, 0x01021994: false, // ext4, XFS, btrfs, tmpfs
	} {
		if isRemoteMagic(magic) != want {
			t.Errorf("file system %#x is remote: %v", magic, !want)
		}
	}
}

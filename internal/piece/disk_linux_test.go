package piece

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A made-up sysfs: a disk that turns with a partition, one that does not, and
// device mappers on both.
func TestIsRotational(t *testing.T) {
	sys := t.TempDir()
	put := func(path, text string) {
		path = filepath.Join(sys, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target, path string) {
		path = filepath.Join(sys, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(sys, target), path); err != nil {
			t.Fatal(err)
		}
	}
	put("devices/sda/queue/rotational", "1\n")
	put("devices/sda/sda1/partition", "1\n")
	put("devices/nvme0n1/queue/rotational", "0\n")
	put("devices/nvme0n1/nvme0n1p1/partition", "1\n")
	put("devices/dm-0/queue/rotational", "1\n") // on the SSD, and set by nobody
	put("devices/dm-1/queue/rotational", "0\n") // on dm-2, which is on the disk
	put("devices/dm-2/queue/rotational", "0\n")
	put("devices/loop/queue/rotational", "0\n")
	link("devices/nvme0n1/nvme0n1p1", "devices/dm-0/slaves/nvme0n1p1")
	link("devices/dm-2", "devices/dm-1/slaves/dm-2")
	link("devices/sda/sda1", "devices/dm-2/slaves/sda1")
	link("devices/loop", "devices/loop/slaves/itself")
	for dev, name := range map[string]string{
		"8:0": "sda", "8:1": "sda/sda1", "259:0": "nvme0n1", "259:1": "nvme0n1/nvme0n1p1",
		"253:0": "dm-0", "253:1": "dm-1", "253:2": "dm-2", "7:0": "loop",
	} {
		link("devices/"+name, "dev/block/"+dev)
	}
	mounts := filepath.Join(sys, "mountinfo")
	put("mountinfo", "30 1 0:28 / /home rw - btrfs /dev/null rw\n31 1 0:29 / /proc rw - proc proc rw\nnonsense\n")

	for _, tt := range []struct {
		major, minor uint32
		want         bool
	}{
		{8, 0, true}, {8, 1, true}, {259, 0, false}, {259, 1, false},
		{253, 0, false}, {253, 1, true}, {253, 2, true}, {7, 0, false},
		{99, 99, false}, // unknown
		{0, 28, false},  // mounted from what is no block device
		{0, 29, false}, {0, 77, false},
	} {
		if got := isRotational(sys, mounts, unix.Mkdev(tt.major, tt.minor)); got != tt.want {
			t.Errorf("%d:%d turns: %v", tt.major, tt.minor, got)
		}
	}
}

func TestIsCached(t *testing.T) {
	tr := newTree(t, v1, 16384, 5<<20, 0, 100)
	tr.stat(t)
	var st unix.Statfs_t
	if err := unix.Statfs(tr.paths[0], &st); err != nil {
		t.Fatal(err)
	}
	if st.Type == unix.TMPFS_MAGIC {
		t.Skip("needs a temporary directory on a disk")
	}
	job := tr.job(Job{})
	if !job.isCached() {
		t.Error("files just written are not in memory")
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
	if job.isCached() {
		t.Error("a file that was dropped is still in memory")
	}
}

func TestChoose(t *testing.T) {
	for _, tt := range []struct {
		cold, slow bool
		want       ReadMode
	}{
		{false, false, Parallel}, {false, true, Parallel}, {true, false, Parallel}, {true, true, Sequential},
	} {
		if got := choose(tt.cold, func() bool { return tt.slow }); got != tt.want {
			t.Errorf("cold %v, slow %v: %v, want %v", tt.cold, tt.slow, got, tt.want)
		}
	}
	for magic, want := range map[uint32]bool{
		0x6969: true, 0xff534d42: true, 0xfe534d42: true, 0x65735546: true, 0x01021997: true, // NFS, CIFS, SMB2, FUSE, 9p
		0xef53: false, 0x58465342: false, 0x9123683e: false, 0x01021994: false, // ext4, XFS, btrfs, tmpfs
	} {
		if isRemoteMagic(magic) != want {
			t.Errorf("file system %#x is remote: %v", magic, !want)
		}
	}
}

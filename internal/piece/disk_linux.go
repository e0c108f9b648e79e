package piece

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// isSlow tells whether files are on what reads ahead for one reader and thrashes
// for several: disks that turn, and file systems behind a network or another
// process.
func (t *Tree) isSlow() bool {
	seen := make(map[uint64]bool)
	for i := range t.Files {
		s := &t.Files[i]
		if s.Pad || s.Link || s.Cause != Fine || seen[s.ID.Dev] {
			continue
		}
		seen[s.ID.Dev] = true
		if isRemote(t.Path(i)) || isRotational("/sys", "/proc/self/mountinfo", s.ID.Dev) {
			return true
		}
	}
	return false
}

// isCached samples whether the content is in the page cache, all but a tenth of
// it, which no disk minds.
func (j *Job) isCached() bool {
	const samples = 64
	var f openFile
	defer func() { f.close() }()
	looks, hits, opened := 0, 0, -1
	pieces := j.Layout.Pieces()
	step := max(pieces/samples, 1)
	for piece := 0; piece < pieces; piece += step {
		c := j.Layout.Cursor(piece)
		span, ok := c.Next()
		if !ok {
			continue
		}
		if s := &j.Tree.Files[span.File]; s.Pad || s.Cause != Fine || span.Offset >= s.ID.Size {
			continue
		}
		if opened != span.File {
			f.close()
			if opened = span.File; f.open(j.Tree.Path(span.File)) != nil {
				opened = -1
				continue
			}
		}
		// Fails with EAGAIN where it would have to wait for a disk (preadv2(2)).
		if _, err := unix.Preadv2(f.fd, [][]byte{make([]byte, 1)}, span.Offset, unix.RWF_NOWAIT); err == nil {
			hits++
		}
		looks++
	}
	return hits*10 >= looks*9
}

// isRemote tells network and FUSE file systems by their magic numbers (statfs(2)).
func isRemote(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	return isRemoteMagic(uint32(st.Type))
}

func isRemoteMagic(magic uint32) bool {
	switch magic {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
		unix.V9FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC:
		return true
	}
	return false
}

// isRotational tells by sysfs whether a device is a disk that turns, or stands
// on one (partitions, device mapper, RAID).
func isRotational(sys, mountinfo string, dev uint64) bool {
	name := fmt.Sprintf("%d:%d", unix.Major(dev), unix.Minor(dev))
	if unix.Major(dev) == 0 {
		// btrfs and the like number their volumes themselves; the mount names the device.
		name = sourceOf(mountinfo, name)
	}
	return turns(filepath.Join(sys, "dev", "block", name), 0)
}

// turns looks at one block device. Devices stand on others only a few deep.
func turns(dir string, depth int) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil || depth > 8 {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir) // the disk
	}
	slaves, _ := filepath.Glob(filepath.Join(dir, "slaves", "*"))
	for _, s := range slaves {
		if turns(s, depth+1) {
			return true
		}
	}
	b, err := os.ReadFile(filepath.Join(dir, "queue", "rotational"))
	// What stands on other devices says 1 where nobody set it.
	return err == nil && len(slaves) == 0 && strings.TrimSpace(string(b)) == "1"
}

// sourceOf returns the major:minor of the device that is mounted as the
// anonymous device (proc_pid_mountinfo(5)); "none" if that is no device.
func sourceOf(mountinfo, dev string) string {
	f, err := os.Open(mountinfo)
	if err != nil {
		return "none"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, source := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 3 || len(source) < 2 || fields[2] != dev {
			continue
		}
		var st unix.Stat_t
		if unix.Stat(source[1], &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFBLK {
			return fmt.Sprintf("%d:%d", unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
		}
	}
	return "none"
}

package piece

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/metainfo"
)

// isRemote reports whether any file is on a network or FUSE file system.
func (t *Tree) isRemote() bool {
	seen := make(map[uint64]bool)
	for i := range t.Files {
		s := &t.Files[i]
		if s.Pad || s.Link || s.Cause != CauseFine || seen[t.ID(i).Dev] {
			continue
		}
		seen[t.ID(i).Dev] = true
		var st unix.Statfs_t
		if unix.Statfs(t.Path(i), &st) == nil && isRemoteMagic(uint32(st.Type)) {
			return true
		}
	}
	return false
}

// survey samples the content that is hashed for the layout with the most of it.
func (r *run) survey() *survey {
	const (
		samples = 64
		timed   = 12 // they take 0.1 s on a spinning disk
	)
	s := new(survey)
	var d directory
	defer d.close()
	var f openFile
	defer f.close()
	opened := -1
	p := slices.MaxFunc(r.plans, func(a, b *plan) int { return cmp.Compare(a.left, b.left) })
	list := r.spread(p, samples)
	for _, i := range rand.Perm(len(list)) { // random, against read-ahead
		c := p.Layout.Cursor(list[i])
		span, ok := c.Next()
		if !ok || span.File == metainfo.Gap {
			continue
		}
		if file := &r.files.Files[span.File]; file.Pad || file.Cause != CauseFine || span.Offset >= r.files.ID(span.File).Size {
			continue
		}
		if opened != span.File {
			f.close()
			if opened = span.File; f.open(&d, r.files.Path(span.File)) != nil {
				opened = -1
				continue
			}
			// Without read-ahead, which may take long, and may be in vain.
			_ = unix.Fadvise(f.fd, 0, 0, unix.FADV_RANDOM)
		}
		s.looks++
		far, cold := f.timeRead(span.Offset, len(s.far) < timed)
		if !cold {
			s.hits++
			continue
		}
		if far > 0 {
			s.far = append(s.far, far)
			if near, cold := f.timeRead(span.Offset+timedBytes, true); cold && near > 0 {
				s.near = append(s.near, near)
			}
		}
	}
	return s
}

// spread returns at most n pieces of a plan that are hashed, at equal distances.
func (r *run) spread(p *plan, n int) (list []int) {
	step := max((p.unskipped+n-1)/n, 1)
	at := 0
	for piece := range p.Layout.Pieces() {
		if r.skips(p, piece) {
			continue
		}
		if at%step == 0 {
			list = append(list, piece)
		}
		at++
	}
	return list
}

// timedBytes is the length of a sample read.
const timedBytes = 4096

// timeRead reports whether the bytes at offset are not in the page cache. If wait is
// set and they are not, it reads them and returns how long that took, 0 if it failed.
func (f *openFile) timeRead(offset int64, wait bool) (took time.Duration, cold bool) {
	buf := make([]byte, timedBytes)
	start := time.Now() // the next call may start to read
	// It fails with EAGAIN if it would have to wait for a disk (preadv2(2)).
	if _, err := unix.Preadv2(f.fd, [][]byte{buf}, offset, unix.RWF_NOWAIT); err == nil {
		return 0, false
	}
	if wait {
		if _, err := f.readAt(buf, offset); err == nil {
			took = time.Since(start)
		}
	}
	return took, true
}

// isRemoteMagic reports whether magic is that of a network or FUSE file system
// (statfs(2)).
func isRemoteMagic(magic uint32) bool {
	switch magic {
	case unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
		unix.V9FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC:
		return true
	}
	return false
}

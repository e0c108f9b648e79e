package piece

import (
	"slices"
	"time"
)

// A survey is what a few reads show of the disk that files are on.
type survey struct {
	looks, hits int // bytes that were looked for in the page cache, and found there

	// What reads took that had to wait for the disk: at places far apart, and
	// right behind those.
	far, near []time.Duration
}

// isCold reports whether files must come from a disk first: all but a tenth of
// them, which no disk minds.
func (s *survey) isCold() bool { return s.hits*10 < s.looks*9 }

// leastSeek is less than what disks need to move the head and wait for the
// sector, which is 5 to 15 ms, and more than what memory needs.
const leastSeek = 2 * time.Millisecond

// seeks reports whether the disk has a head that must move. What disks say of
// themselves is not asked: to a virtual machine most of them say that they turn.
// A disk behind a slow network needs as long for the next bytes as for others.
func (s *survey) seeks() bool {
	far := quick(s.far)
	return far >= leastSeek && far >= 3*quick(s.near)
}

// quick is the lower quartile: whatever else a machine does makes reads slower,
// and none faster.
func quick(reads []time.Duration) time.Duration {
	if len(reads) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(reads))[len(reads)/4]
}

// choose is how to read unasked: in turn what comes from a disk that seeks, or
// from a file system that reads ahead for one reader.
func choose(s *survey, isRemote func() bool) ReadMode {
	if s.isCold() && (s.seeks() || isRemote()) {
		return ReadSequential
	}
	return ReadParallel
}

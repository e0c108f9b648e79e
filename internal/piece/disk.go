package piece

import (
	"slices"
	"time"
)

// A survey is the result of a few sample reads of the content.
type survey struct {
	looks, hits int // samples, and those that were in the page cache

	// Durations of reads from the disk: at random offsets, and just after those.
	far, near []time.Duration
}

// isCold reports whether less than nine tenths of the content are in the page cache.
func (s *survey) isCold() bool { return s.hits*10 < s.looks*9 }

// leastSeek is less than the seek time of spinning disks, which is 5 to 15 ms, and more
// than that of solid-state disks.
const leastSeek = 2 * time.Millisecond

// seeks reports whether the content is on a spinning disk, where reads far apart take
// longer. It measures, because virtual disks often claim to be spinning. A disk behind
// a slow network needs the same time for all reads.
func (s *survey) seeks() bool {
	far := quick(s.far)
	return far >= leastSeek && far >= 3*quick(s.near)
}

// quick returns the lower quartile, because other load makes some reads slower.
func quick(reads []time.Duration) time.Duration {
	if len(reads) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(reads))[len(reads)/4]
}

// choose returns the mode for ReadAuto: sequential for spinning disks, and for network
// and FUSE file systems, which read ahead for one reader.
func choose(s *survey, isRemote func() bool) ReadMode {
	if s.isCold() && (s.seeks() || isRemote()) {
		return ReadSequential
	}
	return ReadParallel
}

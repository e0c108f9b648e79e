package piece

import (
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	ms := func(times ...float64) (reads []time.Duration) {
		for _, d := range times {
			reads = append(reads, time.Duration(d*float64(time.Millisecond)))
		}
		return reads
	}
	for _, tt := range []struct {
		name string
		survey
		remote bool
		want   ReadMode
	}{
		{"nothing was looked at", survey{}, false, ReadParallel},
		{"all in memory", survey{looks: 64, hits: 64}, false, ReadParallel},
		{"all in memory, remote", survey{looks: 64, hits: 64}, true, ReadParallel},
		{"a tenth is not in memory", survey{looks: 60, hits: 54, far: ms(12, 9, 14, 8, 11, 10)}, false, ReadParallel},
		{"more is not in memory", survey{looks: 60, hits: 53, far: ms(12, 9, 14, 8, 11, 10)}, false, ReadSequential},
		{"remote", survey{looks: 64, far: ms(0.5, 0.6), near: ms(0.5, 0.6)}, true, ReadSequential},
		{"remote, and nothing timed", survey{looks: 64}, true, ReadSequential},
		{"nothing timed", survey{looks: 64}, false, ReadParallel},

		{"a disk of 5400 rpm", survey{looks: 64, far: ms(14, 19, 11, 16, 8, 22), near: ms(1.2, 1.1, 0.3)}, false, ReadSequential},
		{"a disk of 7200 rpm, a small content", survey{looks: 64, far: ms(4, 9, 3, 2.5, 7, 8), near: ms(0.2, 0.7, 0.2)}, false, ReadSequential},
		{"a disk of 7200 rpm that others use", survey{looks: 64, far: ms(30, 9, 44, 25, 70, 80), near: ms(0.2, 12, 0.2, 0.3)}, false, ReadSequential},
		{"such a disk that slept", survey{looks: 64, far: ms(8000, 9, 7, 12, 6), near: ms(0.2, 0.2)}, false, ReadSequential},
		{"small files on it", survey{looks: 64, far: ms(12, 9, 14, 8, 11)}, false, ReadSequential},
		{"half of it in the disk's own cache", survey{looks: 64, far: ms(12, 0.1, 14, 0.1, 11, 0.2, 8, 0.1), near: ms(0.1)}, false, ReadParallel},

		{"a SATA SSD", survey{looks: 64, far: ms(0.15, 0.2, 0.12, 0.1), near: ms(0.1, 0.1)}, false, ReadParallel},
		{"NVMe", survey{looks: 64, far: ms(0.08, 0.09), near: ms(0.02)}, false, ReadParallel},
		{"a virtual disk", survey{looks: 64, far: ms(0.06, 0.05, 0.1), near: ms(0.05, 0.06)}, false, ReadParallel},
		{"a virtual disk, a busy machine", survey{looks: 64, far: ms(5, 0.4, 12, 0.3, 30, 4, 0.2, 6), near: ms(3, 0.2)}, false, ReadParallel},
		{"a virtual disk behind a slow network", survey{looks: 64, far: ms(6, 5, 7, 6), near: ms(5, 6, 5)}, false, ReadParallel},
		{"a virtual disk with a limit of reads", survey{looks: 64, far: ms(10, 10, 10), near: ms(10, 10, 10)}, false, ReadParallel},
		{"a virtual disk on one that turns", survey{looks: 64, far: ms(9, 6, 12, 8), near: ms(0.4, 0.6)}, false, ReadSequential},
	} {
		if got := choose(&tt.survey, func() bool { return tt.remote }); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

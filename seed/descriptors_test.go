package seed

import (
	"testing"

	"bt/internal/store"
)

// Whatever the limit is, the parts together do not exceed it, and MaxPeers is not
// lowered where there is room.
func TestNeeds(t *testing.T) {
	for _, asked := range []int{1, 7, 50, 200, 2000, 20_000, 1 << 20} {
		last := 0
		for _, allowed := range []int{128, 256, 300, 512, 1000, 1024, 2048, 4096, 10_000, 20_000, 65_536, 1 << 20} {
			n := needs(asked, allowed)
			all := n.peers + n.handshakes + n.mapped + n.small + min(otherDescriptors, allowed/4)
			if all > allowed {
				t.Errorf("%d peers take %d descriptors of %d: %+v", asked, all, allowed, n)
			}
			if n.peers < 1 || n.peers > asked || n.peers < last {
				t.Errorf("%d peers of %d with %d descriptors, %d with fewer", n.peers, asked, allowed, last)
			}
			if n.turns < 1 || n.turns*store.MaxBatchMappings > n.mapped || n.turns > n.small {
				t.Errorf("%d descriptors: %+v", allowed, n)
			}
			last = n.peers
		}
	}
	for _, test := range []struct{ asked, allowed, want int }{
		{2000, 1 << 20, 2000}, {2000, 20_000, 2000}, {2000, 4096, 2000}, {10, 256, 10},
	} {
		if n := needs(test.asked, test.allowed); n.peers != test.want {
			t.Errorf("%d peers of %d with %d descriptors, want %d", n.peers, test.asked, test.allowed, test.want)
		}
	}
}

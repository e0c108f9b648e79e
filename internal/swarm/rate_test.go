package swarm

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/peer"
)

// Peers that use blocks, of which the last may be more than they were granted, get the
// whole rate together and not more, fairly among torrents. What those were granted that
// leave is used by others.
func TestBudget(t *testing.T) {
	t.Parallel()
	const seconds = 30
	for _, test := range []struct {
		all, own int64   // bytes per second; 0: no limit
		peers    []int   // of each torrent
		want     []int64 // bytes per second of each torrent
	}{
		{1_000_000, 0, []int{1}, []int64{1_000_000}},
		{1_000_000, 0, []int{30}, []int64{1_000_000}},
		{20_000, 0, []int{5}, []int64{20_000}},
		{10_000_000, 0, []int{1, 30}, []int64{5_000_000, 5_000_000}},
		{1_000_000, 0, []int{1, 30}, []int64{500_000, 500_000}},
		{200_000, 0, []int{20, 1, 5}, []int64{66_700, 66_700, 66_700}},
		{50_000_000, 0, []int{3, 3, 1}, []int64{16_700_000, 16_700_000, 16_700_000}},
		{0, 300_000, []int{1, 10}, []int64{300_000, 300_000}},
		{10_000_000, 1_000_000, []int{1, 10}, []int64{1_000_000, 1_000_000}},
	} {
		t.Run(fmt.Sprint(test.all, test.own, test.peers), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				all := NewRate(test.all)
				used := make([]atomic.Int64, len(test.peers))
				end := time.Now().Add(seconds * time.Second)
				var wg sync.WaitGroup
				for i, n := range test.peers {
					rates := &Rates{All: all, Own: NewRate(test.own)}
					for k := range n {
						wg.Go(func() { use(rates, &used[i], 100+k, end) })
					}
				}
				wg.Wait()
				// Once, each gets a turn and what its peers use beyond their grants.
				var total, most, once int64
				for i := range used {
					n, want := used[i].Load(), seconds*test.want[i]
					bonus := max(test.want[i]/20, peer.MaxBlock) + int64(test.peers[i])*peer.BlockLength
					if n < want*8/10 || n > want*12/10+bonus {
						t.Errorf("torrent %d used %d bytes, its share is %d", i, n, want)
					}
					total, most, once = total+n, most+want, once+bonus
				}
				if total < most*97/100 || total > most*101/100+once {
					t.Errorf("%d bytes were used, the limits allow %d", total, most)
				}
			})
		})
	}
}

// use uses budgets of rates in blocks, some at a time, until the end.
func use(rates *Rates, used *atomic.Int64, blocks int, end time.Time) {
	for time.Now().Before(end) {
		b := Budget{Rates: rates}
		b.Want(true)
		for left := blocks; left > 0 && time.Now().Before(end); {
			n, after := b.Allowance(peer.BlockLength)
			if n == 0 {
				time.Sleep(min(time.Until(after), time.Until(end)))
				continue
			}
			b.Spend(peer.BlockLength)
			used.Add(peer.BlockLength)
			left--
		}
		b.End()
	}
}

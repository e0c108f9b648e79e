package swarm

import (
	"testing"
	"testing/synctest"
	"time"
)

// A fakeGroup is a torrent.
type fakeGroup struct {
	seeds   int64
	leeches bool
}

func (g *fakeGroup) PieceLength() int64 { return 64 << 10 }
func (g *fakeGroup) OtherSeeds() int64  { return g.seeds }
func (g *fakeGroup) Leeches() bool      { return g.leeches }

// join adds an interested peer.
func (c *Choker) join(g Group, number int) *Slot {
	s := NewSlot(g, uint64(number), time.Now(), func() {})
	c.Add(s)
	c.SetInterested(s, true)
	return s
}

// turns returns a choker with interested peers.
func turns(limit, peers int) (*Choker, []*Slot) {
	c, g := NewChoker(limit), new(fakeGroup)
	var slots []*Slot
	for i := range peers {
		slots = append(slots, c.join(g, i))
	}
	return c, slots
}

// served counts the unchoked peers.
func served(slots []*Slot) (n int) {
	for _, s := range slots {
		if s.Given() {
			n++
		}
	}
	return n
}

// Every peer gets a slot, never more at once than there are slots, and none twice
// before all others have had one.
func TestRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, peers = 5, 20
		c, slots := turns(limit, peers)
		pieces := slots[0].group.PieceLength()
		turn := make([]time.Duration, peers)
		for range 600 {
			c.decide(time.Now())
			if n := served(slots); n != limit {
				t.Fatalf("%d are served", n)
			}
			for i, s := range slots {
				if s.Given() {
					turn[i] += time.Second
					s.uploaded.Add(pieces) // a piece a second: 20 are sent before the minute is over
					s.asked.Store(time.Now().UnixNano())
				}
			}
			time.Sleep(time.Second)
		}
		for i, d := range turn {
			if d < 75*time.Second || d > 270*time.Second { // 150 s is its share, in turns of 60
				t.Errorf("peer %d was served for %v", i, d)
			}
		}
	})
}

// A peer that requests nothing loses its slot to one that waits.
func TestIdleSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, slots := turns(2, 3)
		asks := func(n int) {
			for range n {
				for _, s := range slots[1:] {
					if s.Given() {
						s.asked.Store(time.Now().UnixNano())
					}
				}
				c.decide(time.Now())
				time.Sleep(time.Second)
			}
		}
		asks(10)
		if !slots[0].Given() || !slots[1].Given() || slots[2].Given() {
			t.Fatal("the first two are not served")
		}
		asks(15)
		if slots[0].Given() || !slots[1].Given() || !slots[2].Given() {
			t.Error("the idle peer has kept its slot")
		}
	})
}

// Newcomers get the optimistic slots before peers that have had a slot.
func TestTrial(t *testing.T) {
	for _, limit := range []int{2, 5} {
		testTrial(t, limit)
	}
}

func testTrial(t *testing.T, limit int) {
	synctest.Test(t, func(t *testing.T) {
		c, slots := turns(limit, 30)
		for range 1000 {
			c.decide(time.Now())
			for _, s := range slots {
				if s.Given() {
					s.asked.Store(time.Now().UnixNano())
				}
			}
			time.Sleep(time.Second)
		}
		s := c.join(slots[0].group, 1000)
		begin := time.Now()
		for !s.Given() {
			time.Sleep(time.Second)
			c.decide(time.Now())
			if time.Since(begin) > 2*trialTime {
				t.Fatal("the newcomer gets no optimistic slot")
			}
		}
		if n := served(append(slots, s)); n != limit {
			t.Errorf("%d are served", n)
		}
		for range trialTime / time.Second {
			s.asked.Store(time.Now().UnixNano())
			time.Sleep(time.Second)
		}
		c.decide(time.Now())
		if s.Given() {
			t.Error("the trial goes on")
		}
	})
}

// When there are few slots, no torrent gets all of them, and one with other seeds
// gets fewer.
func TestSlotsOfTorrents(t *testing.T) {
	t.Parallel()
	alone, popular := new(fakeGroup), &fakeGroup{seeds: 3}
	c := NewChoker(10)
	count := func() map[Group]int {
		n := make(map[Group]int)
		for s := range c.slots {
			if s.Given() {
				n[s.group]++
			}
		}
		return n
	}
	for i := range 60 {
		g := popular
		if i >= 40 {
			g = alone
		}
		c.join(g, i)
	}
	now := time.Now()
	for range 10 {
		c.decide(now)
		// Eight slots are regular, and of two more are any newcomers.
		if n := count(); n[alone] < 6 || n[popular] < 2 || n[alone]+n[popular] != 10 {
			t.Fatalf("%d slots for the torrent without other seeds, %d for the other", n[alone], n[popular])
		}
		now = now.Add(slotMaxTime)
	}
	for s := range c.slots { // no peer is interested in the first torrent
		if s.group == alone {
			c.SetInterested(s, false)
		}
	}
	c.decide(now)
	if n := count(); n[popular] != 10 {
		t.Errorf("%d of the only one", n[popular])
	}
}

// Where we leech, those that give most have the regular slots, the others take turns in
// the optimistic one, and a peer that gives no more loses its slot.
func TestSlotsForGiving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, g := NewChoker(5), &fakeGroup{leeches: true}
		var slots []*Slot
		for i := range 20 {
			slots = append(slots, c.join(g, i))
		}
		rates := make([]int64, len(slots)) // bytes per second
		tried := make([]bool, len(slots))
		run := func(d time.Duration) {
			for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(time.Second) {
				for i, s := range slots {
					s.Received(rates[i])
					s.asked.Store(time.Now().UnixNano())
					s.Tick()
					tried[i] = tried[i] || s.Given()
				}
				c.decide(time.Now())
				if n := served(slots); n != 5 {
					t.Fatalf("%d are served", n)
				}
			}
		}
		given := func(want ...int) {
			t.Helper()
			for _, i := range want {
				if !slots[i].Given() {
					t.Errorf("%d gives %d bytes per second, and has no slot", i, rates[i])
				}
			}
		}
		for i := range rates {
			rates[i] = int64(i) * 10_000
		}
		run(time.Minute)
		given(16, 17, 18, 19)
		rates[17], rates[2] = 0, 500_000
		run(time.Minute)
		given(2, 16, 18, 19)
		run(20 * time.Minute)
		for i := range tried {
			if !tried[i] {
				t.Errorf("%d never had an optimistic slot", i)
			}
		}
	})
}

package upload

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Waiting torrents get turns in rotation, however many of their peers wait, and one
// with a stuck disk leaves turns to the others.
func TestTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newTurns(4)
		var stuck, crowded, small turnQueue
		for range 10 {
			go s.take(&stuck)
		}
		synctest.Wait()
		if stuck.held != s.most || s.most == 4 {
			t.Fatalf("one torrent has %d turns of 4", stuck.held)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var order []string
		turn := func(q *turnQueue, name string) {
			all.Go(func() {
				s.take(q)
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				time.Sleep(time.Second)
				s.give(q)
			})
			synctest.Wait() // they wait in this order
		}
		for range 20 {
			turn(&crowded, "crowded")
		}
		for range 3 {
			turn(&small, "small")
		}
		all.Wait()
		last := 0
		for i, name := range order {
			if name == "small" {
				last = i
			}
		}
		if len(order) != 23 || last > 6 {
			t.Errorf("the last turn of a small torrent is number %d of %d", last+1, len(order))
		}
		for stuck.held > 0 {
			s.give(&stuck)
			synctest.Wait()
		}
		if s.free != 4 || len(s.ring) > 0 || crowded.held+small.held > 0 {
			t.Errorf("left: %+v", s)
		}
	})
}

package events

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Events are delivered in order, up to the last one, from several goroutines at once.
func TestOrder(t *testing.T) {
	t.Parallel()
	q := New(func(int) bool { return false })
	var got []int
	var delivery sync.WaitGroup
	delivery.Go(func() { q.Deliver(func(_ time.Time, e int) { got = append(got, e) }) })
	var senders sync.WaitGroup
	for s := range 4 {
		senders.Go(func() {
			for i := range 1000 {
				q.Put(10*i + s)
			}
		})
	}
	senders.Wait()
	q.End(-1)
	q.Put(-2) // too late
	delivery.Wait()
	if len(got) != 4001 || got[4000] != -1 {
		t.Fatalf("%d events, the last is %d", len(got), got[len(got)-1])
	}
	for s := range 4 {
		of := slices.DeleteFunc(slices.Clone(got[:4000]), func(e int) bool { return e%10 != s })
		if !slices.IsSorted(of) {
			t.Errorf("the events of goroutine %d are not in order", s)
		}
	}
}

// A user that is far behind loses events of progress only.
func TestDrop(t *testing.T) {
	t.Parallel()
	q := New(func(e int) bool { return e > 0 })
	for i := range maxDroppable + 10 {
		q.Put(i)
	}
	q.Put(0)
	if n := q.Len(); n != maxDroppable+1 {
		t.Errorf("%d events are queued", n)
	}
}

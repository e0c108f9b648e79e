package inflight

import (
	"slices"
	"testing"
	"time"
)

var start = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

func after(d time.Duration) time.Time { return start.Add(d) }

// fill makes requests from first on until there is no room, and returns their number.
func fill(p *Peer[int], first, most int, now time.Time) int {
	n := p.Room(most, now)
	for i := range n {
		p.Add(first+i, now)
	}
	return n
}

func TestRoom(t *testing.T) {
	var p Peer[int]
	if n := fill(&p, 0, 3, start); n != 3 || p.Failed() || p.Room(3, start) != 0 || p.Room(2, start) != 0 || p.InFlight() != 3 {
		t.Errorf("%d requests, room for %d, %d in flight", n, p.Room(3, start), p.InFlight())
	}
	if !p.Has(1) || !p.Answer(1, start) || p.Has(1) || p.Answer(1, start) || p.Room(3, start) != 1 {
		t.Errorf("room for %d after an answer", p.Room(3, start))
	}
	if !p.Reject(2) || p.Reject(2) || p.Reject(7) || p.Room(3, start) != 2 {
		t.Errorf("room for %d after a reject", p.Room(3, start))
	}
	if got := slices.Collect(p.All()); !slices.Equal(got, []int{0}) || !p.Owes() {
		t.Errorf("in flight: %v", got)
	}
	if !p.Answer(0, start) || p.Owes() {
		t.Error("it owes an answer to nothing")
	}
}

// Requests lapse when the peer has sent nothing for a time. Answers in between, however
// slow, keep the others alive.
func TestExpire(t *testing.T) {
	var p Peer[int]
	fill(&p, 0, 3, start)
	if got := p.Expire(after(Timeout - 1)); got != nil {
		t.Errorf("%v lapse early", got)
	}
	p.Answer(0, after(Timeout-1))
	if got := p.Expire(after(2*Timeout - 2)); got != nil {
		t.Errorf("%v lapse, although the peer answers", got)
	}
	if got := p.Expire(after(2*Timeout - 1)); !slices.Equal(got, []int{1, 2}) || p.InFlight() != 0 {
		t.Errorf("%v lapse, want the rest", got)
	}
	if got := p.Expire(after(9 * Timeout)); got != nil {
		t.Errorf("%v lapse again", got)
	}
	if !p.Owes() || !p.Answer(2, after(9*Timeout)) {
		t.Error("a late answer is not accepted")
	}
}

// A peer that answers everything but one request does not keep that for long.
func TestExpireOne(t *testing.T) {
	var p Peer[int]
	p.Add(0, start)
	for i := 1; ; i++ {
		now := after(time.Duration(i) * time.Second)
		p.Add(i, now)
		p.Answer(i, now)
		if lapsed := p.Expire(now); lapsed != nil {
			if !slices.Equal(lapsed, []int{0}) || now != after(maxTime) {
				t.Errorf("%v lapse after %v", lapsed, now.Sub(start))
			}
			return
		}
		if i > 1000 {
			t.Fatal("it never lapses")
		}
	}
}

// A silent peer gets one request at a time, at doubling intervals.
func TestBackOff(t *testing.T) {
	var p Peer[int]
	fill(&p, 0, 3, start)
	var pauses []time.Duration
	last := start
	for now := start; now.Before(after(time.Hour)); now = now.Add(time.Second) {
		p.Expire(now)
		if n := fill(&p, 0, 3, now); n > 0 {
			if n != 1 || !p.Failed() {
				t.Fatalf("%d requests after a failure, failed %v", n, p.Failed())
			}
			pauses = append(pauses, now.Sub(last)/Timeout)
			last = now
		}
	}
	want := []time.Duration{2, 3, 5, 9, 17, 33, 33, 33}
	if !slices.Equal(pauses[:len(want)], want) {
		t.Errorf("pauses of %v, want %v timeouts", pauses, want)
	}
	p.Answer(0, last.Add(1))
	if n := p.Room(3, last.Add(1)); n != 3 || p.Failed() {
		t.Errorf("room for %d after an answer, failed %v", n, p.Failed())
	}
}

// Lapsed requests do not collect without limit.
func TestKept(t *testing.T) {
	var p Peer[int]
	for i := range 10 * maxKept {
		p.Add(i, start)
		if i != 5 {
			if got := p.Lapse(); len(got) == 0 {
				t.Fatal("nothing lapses")
			}
		}
	}
	p.Add(-1, start)
	if len(p.kept) != maxKept || !p.Answer(-1, start) || p.Answer(5, start) {
		t.Errorf("%d requests are kept", len(p.kept))
	}
	if n := fill(&p, 0, 1<<20, start); n != maxKept {
		t.Errorf("%d requests at once", n)
	}
}

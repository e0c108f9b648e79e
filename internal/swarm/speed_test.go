package swarm

import "testing"

// The rate follows what is sent while there are peers, and is 0 when there is none.
func TestSpeed(t *testing.T) {
	s := Speed{Last: 1000}
	count := int64(1000)
	for range 30 {
		count += 50_000
		s.Tick(count, 1)
	}
	if s.Rate < 49_000 || s.Rate > 50_000 {
		t.Fatalf("rate %.0f after 30 seconds at 50,000", s.Rate)
	}
	s.Tick(count, 1)
	if s.Rate < 30_000 {
		t.Errorf("rate %.0f a second after, with a peer", s.Rate)
	}
	count += 50_000 // of which the last peer took something before it left
	s.Tick(count, 0)
	if s.Rate != 0 {
		t.Errorf("rate %.0f without a peer", s.Rate)
	}
	count += 10_000
	s.Tick(count, 1)
	if s.Rate != 3000 {
		t.Errorf("rate %.0f of a new peer after a second of 10,000, want 3000", s.Rate)
	}
}

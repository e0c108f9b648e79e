package seed

import "testing"

// The rate follows what is sent while there are peers, and is 0 when there is none.
func TestSpeed(t *testing.T) {
	s := speed{last: 1000}
	count := int64(1000)
	for range 30 {
		count += 50_000
		s.tick(count, 1)
	}
	if s.rate < 49_000 || s.rate > 50_000 {
		t.Fatalf("rate %.0f after 30 seconds at 50,000", s.rate)
	}
	s.tick(count, 1)
	if s.rate < 30_000 {
		t.Errorf("rate %.0f a second after, with a peer", s.rate)
	}
	count += 50_000 // of which the last peer took something before it left
	s.tick(count, 0)
	if s.rate != 0 {
		t.Errorf("rate %.0f without a peer", s.rate)
	}
	count += 10_000
	s.tick(count, 1)
	if s.rate != 3000 {
		t.Errorf("rate %.0f of a new peer after a second of 10,000, want 3000", s.rate)
	}
}

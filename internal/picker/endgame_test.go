package picker

import "testing"

// Peers that send nothing can't keep the last blocks from one that does, whether they are
// snubbed or not.
func TestSilentOwners(t *testing.T) {
	t.Parallel()
	k := New(options(2))
	honest := k.join("honest", 0)
	k.give(t, honest, k.Pick(honest, 1, start, nil), start)
	var silent []*Peer
	for range 5 {
		silent = append(silent, k.join("silent", 0))
	}
	for _, p := range silent {
		k.Pick(p, 2*blocksPerPiece, start, nil)
	}
	now := start.Add(stallTime)
	if n := len(k.Pick(honest, 100, now, nil)); n != 2*blocksPerPiece-1 {
		t.Errorf("%d blocks", n)
	}
	k.Lapse(honest, now)
	for _, p := range silent {
		k.Snub(p, now)
		if n := len(k.Pick(p, 1, now, nil)); n > 1 {
			t.Errorf("%d blocks of a snubbed peer", n)
		}
	}
	late := k.join("late", 0)
	first := k.Pick(late, 100, now, nil)
	if len(first) > 3 {
		t.Errorf("%d blocks of a new peer", len(first))
	}
	k.give(t, late, first, now)
	if n := len(k.Pick(late, 100, now, nil)); n != 2*blocksPerPiece-1-len(first) {
		t.Errorf("%d blocks of a peer that has given one", n)
	}
	snubbed := silent[0]
	k.Lapse(snubbed, now)
	if n := len(k.Pick(snubbed, 100, now, nil)); n > 0 {
		t.Errorf("%d blocks of a snubbed peer that others owe", n)
	}
}

package availability

import (
	"testing"

	"bt/internal/link"
	"bt/internal/peer"
)

func have(i uint32) peer.Message { return peer.Message{ID: peer.IDHave, Index: i} }

func bitfield(b ...byte) peer.Message { return peer.Message{ID: peer.IDBitfield, Payload: b} }

var (
	haveAll  = peer.Message{ID: peer.IDHaveAll}
	haveNone = peer.Message{ID: peer.IDHaveNone}
)

func TestClaim(t *testing.T) {
	const pieces = 11
	for _, test := range []struct {
		name     string
		messages []peer.Message
		refused  bool         // a message is a violation
		wrong    bool         // the number of pieces shows that the claim is wrong
		has      map[int]bool // nil: all
	}{
		{"nothing", nil, false, false, map[int]bool{}},
		{"have all", []peer.Message{haveAll}, false, false, nil},
		{"have all, have", []peer.Message{haveAll, have(3)}, false, false, nil},
		{"have none, have", []peer.Message{haveNone, have(3), have(10)}, false, false, map[int]bool{3: true, 10: true}},
		{"bitfield", []peer.Message{bitfield(0x80, 0x20)}, false, false, map[int]bool{0: true, 10: true}},
		{"bitfield, have", []peer.Message{bitfield(0x80, 0), have(0), have(9)}, false, false, map[int]bool{0: true, 9: true}},
		{"have, bitfield", []peer.Message{have(9), bitfield(0x80, 0)}, false, false, map[int]bool{0: true, 9: true}},
		{"have all, bitfield", []peer.Message{haveAll, bitfield(0x80, 0)}, true, false, nil},
		{"bitfield twice", []peer.Message{bitfield(0x80, 0), bitfield(0x80, 0)}, true, false, nil},
		{"none, all", []peer.Message{haveNone, haveAll}, true, false, nil},
		{"short bitfield", []peer.Message{bitfield(0x80)}, false, true, nil},
		{"short bitfield, have", []peer.Message{bitfield(0x80), have(9)}, false, true, nil},
		{"empty bitfield", []peer.Message{bitfield()}, false, true, nil},
		{"long bitfield", []peer.Message{bitfield(0x80, 0, 0)}, false, true, nil},
		{"very long bitfield", []peer.Message{bitfield(make([]byte, maxUnknown+1)...)}, true, false, nil},
		{"spare bit", []peer.Message{bitfield(0x80, 0x10)}, false, true, nil},
		{"have of no piece, same byte", []peer.Message{have(11)}, false, true, nil},
		{"have of no piece", []peer.Message{have(16)}, false, true, nil},
		{"have of no piece, bitfield", []peer.Message{have(16), bitfield(0x80, 0)}, false, true, nil},
		{"have of far no piece", []peer.Message{have(8*maxUnknown - 1)}, false, true, nil},
		{"have beyond the limit", []peer.Message{have(8 * maxUnknown)}, true, false, nil},
		{"have of the last number", []peer.Message{have(1<<32 - 1)}, true, false, nil},
	} {
		var c claim
		var err error
		for _, m := range test.messages {
			if err == nil {
				err = c.add(m, maxUnknown)
			}
		}
		if link.IsViolation(err) != test.refused || (err != nil) != test.refused {
			t.Errorf("%s: %v", test.name, err)
		}
		if err != nil {
			continue
		}
		has, ok := c.pieces(pieces)
		if ok == test.wrong {
			t.Errorf("%s: the claim is right: %v", test.name, ok)
		}
		if !ok {
			continue
		}
		if c.all != (test.has == nil) {
			t.Errorf("%s: all %v", test.name, c.all)
		}
		for i := range 8 * len(has) {
			if has.Has(i) != test.has[i] {
				t.Errorf("%s: piece %d: %v", test.name, i, has.Has(i))
			}
		}
		if !c.all && has.Count() != len(test.has) {
			t.Errorf("%s: %d pieces", test.name, has.Count())
		}
	}
}

func TestTally(t *testing.T) {
	for _, test := range []struct {
		name   string
		pieces int
		seeds  int
		peers  []string // a digit for each piece
		copies float64
		rarest Rarest
	}{
		{"no peers", 3, 0, nil, 0, Rarest{0, 0, 3}},
		{"one seed", 3, 1, nil, 1, Rarest{0, 1, 3}},
		{"one piece is rarer", 4, 0, []string{"1111", "1101"}, 1.75, Rarest{2, 1, 1}},
		{"one piece is rarer, seeds", 4, 2, []string{"1111", "1101"}, 3.75, Rarest{2, 3, 1}},
		{"one piece is more frequent", 3, 0, []string{"010"}, 0.333, Rarest{0, 0, 2}},
		{"two of three are more frequent", 3, 0, []string{"011"}, 0.666, Rarest{0, 0, 1}},
		{"the last", 9, 1, []string{"111111110"}, 1.888, Rarest{8, 1, 1}},
		{"complementary", 9, 0, []string{"111100000", "000011111"}, 1, Rarest{0, 1, 9}},
		{"a single piece", 1, 0, []string{"1", "1", "0"}, 2, Rarest{0, 2, 1}},
	} {
		tally := newTally(test.pieces)
		tally.seeds = test.seeds
		for _, p := range test.peers {
			has := peer.NewBitfield(test.pieces)
			for i, digit := range p {
				if digit == '1' {
					has.Set(i)
				}
			}
			tally.add(has)
		}
		if copies, rarest := tally.copies(), tally.rarest(); copies != test.copies || rarest != test.rarest {
			t.Errorf("%s: %v %+v, want %v %+v", test.name, copies, rarest, test.copies, test.rarest)
		}
	}
}

// However many pieces more than the rarest has, the fraction is less than 1.
func TestTallyRoundsDown(t *testing.T) {
	tally := newTally(5000)
	has := peer.FullBitfield(5000)
	has.Clear(17)
	tally.add(has)
	if got := tally.copies(); got != 0.999 {
		t.Errorf("%v copies", got)
	}
}

// FuzzClaim compares a claim, for a sequence of messages and a number of pieces that
// becomes known later, with a model.
func FuzzClaim(f *testing.F) {
	f.Add(uint16(11), haveAll.Append(nil))
	f.Add(uint16(11), have(9).Append(bitfield(0x80, 0x20).Append(nil)))
	f.Add(uint16(11), bitfield(0x80, 0x20).Append(have(3).Append(nil)))
	f.Add(uint16(3), have(1<<32-1).Append(haveNone.Append(nil)))
	f.Fuzz(func(t *testing.T, n uint16, b []byte) {
		pieces := int(n) + 1
		var c claim
		model := make(map[uint32]bool)
		size := -1
		for {
			m, length, err := peer.Next(b, peer.UnknownPieces)
			if err != nil || length > len(b) {
				break
			}
			b = b[length:]
			switch m.ID {
			case peer.IDHave:
				model[m.Index] = true
			case peer.IDBitfield:
				size = len(m.Payload)
				for i := range 8 * size {
					if peer.Bitfield(m.Payload).Has(i) {
						model[uint32(i)] = true
					}
				}
			case peer.IDHaveAll, peer.IDHaveNone:
			default:
				continue
			}
			if err := c.add(m, maxUnknown); err != nil {
				if !link.IsViolation(err) {
					t.Fatal(err)
				}
				return
			}
		}
		has, ok := c.pieces(pieces)
		if c.all {
			return
		}
		right := size < 0 || size == (pieces+7)/8
		for i := range model {
			right = right && int64(i) < int64(pieces)
		}
		if ok != right {
			t.Fatalf("%d pieces, %d named, a bitfield of %d bytes: %v", pieces, len(model), size, ok)
		}
		if !ok {
			return
		}
		for i := range pieces {
			if got := i < 8*len(has) && has.Has(i); got != model[uint32(i)] {
				t.Fatalf("piece %d: %v", i, got)
			}
		}
		tally := newTally(pieces)
		tally.add(has)
		if copies := tally.copies(); copies < 0 || copies > 1 {
			t.Fatalf("%v copies by one peer", copies)
		}
	})
}

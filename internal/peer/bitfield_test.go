package peer

import "testing"

func TestBitfield(t *testing.T) {
	f := NewBitfield(12)
	for _, i := range []int{0, 7, 9, 11} {
		f.Set(i)
	}
	if string(f) != "\x81\x50" {
		t.Errorf("%x", []byte(f))
	}
	for i := range 12 {
		if want := i == 0 || i == 7 || i == 9 || i == 11; f.Has(i) != want {
			t.Errorf("Has(%d) is not %v", i, want)
		}
	}
	if f.Count() != 4 || f.All(12) {
		t.Error(f.Count())
	}
}

func TestBitfieldOfEveryLength(t *testing.T) {
	for pieces := range 200 {
		f, full := NewBitfield(pieces), FullBitfield(pieces)
		for i := range pieces {
			if f.Has(i) || f.Count() != i || f.All(pieces) {
				t.Fatalf("%d of %d: %x", i, pieces, []byte(f))
			}
			f.Set(i)
		}
		if !f.All(pieces) || string(f) != string(full) {
			t.Errorf("all of %d: %x, %x", pieces, []byte(f), []byte(full))
		}
		if _, err := ParseBitfield(full, pieces); err != nil {
			t.Errorf("%d pieces: %v", pieces, err)
		}
		for _, other := range []int{pieces - 1, pieces - 8, pieces - 7} {
			if other < 0 {
				continue
			}
			if _, err := ParseBitfield(full, other); err == nil {
				t.Errorf("all of %d pieces are all of %d", pieces, other)
			}
		}
		if _, err := ParseBitfield(full, pieces+8); err == nil {
			t.Errorf("all of %d pieces are some of 8 more", pieces)
		}
		if len(full) > 0 {
			for spare := pieces; spare < 8*len(full); spare++ {
				f := FullBitfield(pieces)
				f.Set(spare)
				if _, err := ParseBitfield(f, pieces); err == nil {
					t.Errorf("piece %d of %d", spare, pieces)
				}
			}
		}
	}
}

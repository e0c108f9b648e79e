package inspect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// v2Sizes are files a to g. Their pieces: a 0-2, b 3, c none, d 4, e 5-7, f 8-9, and g,
// which has the content of e, 10-12.
var v2Sizes = []int64{2*v2Piece + 100, 20, 0, v2Piece, 3 * v2Piece, v2Piece + 1, 3 * v2Piece}

// A damage changes a file of a sample.
type damage struct {
	file int
	do   func(path string) error
}

// verifyDamaged makes a sample, damages it and verifies it.
func verifyDamaged(t *testing.T, p promise, damages ...damage) (*Verdict, error) {
	t.Helper()
	s := newSampleV2(t, p, v2Sizes...)
	for _, d := range damages {
		if err := d.do(s.path(d.file)); err != nil {
			t.Fatal(err)
		}
	}
	return Verify(context.Background(), s.t, s.dir, VerifyOptions{})
}

func TestVerifyV2(t *testing.T) {
	const a, b, c, d, e, f, g = 0, 1, 2, 3, 4, 5, 6
	for _, tt := range []struct {
		name    string
		damages []damage
		status  string // of the files that are not ok
		bad     string // pieces and causes
		ranges  string // of the files that are not ok
	}{
		{"whole", nil, "", "", ""},
		{"the first byte", []damage{{a, flip(0)}}, "a corrupt", "0 corrupt", "a 0+32768 corrupt"},
		{"a byte of the second block of a piece", []damage{{a, flip(v2Piece + 16384)}}, "a corrupt", "1 corrupt", "a 32768+32768 corrupt"},
		{"the last byte of a file", []damage{{a, flip(2*v2Piece + 99)}}, "a corrupt", "2 corrupt", "a 65536+100 corrupt"},
		{"a file of less than a piece", []damage{{b, flip(7)}}, "b corrupt", "3 corrupt", "b 0+20 corrupt"},
		{"a file of one piece", []damage{{d, flip(20000)}}, "d corrupt", "4 corrupt", "d 0+32768 corrupt"},
		{"a last piece of one byte", []damage{{f, flip(v2Piece)}}, "f corrupt", "9 corrupt", "f 32768+1 corrupt"},
		{"one of two that are alike", []damage{{g, flip(v2Piece)}}, "g corrupt", "11 corrupt", "g 32768+32768 corrupt"},
		{"two pieces with a good one between", []damage{{e, flip(0)}, {e, flip(3*v2Piece - 1)}}, "e corrupt", "5 corrupt, 7 corrupt", "e 0+32768 corrupt, e 65536+32768 corrupt"},
		{"two pieces side by side", []damage{{e, flip(v2Piece - 1)}, {e, flip(v2Piece)}}, "e corrupt", "5 corrupt, 6 corrupt", "e 0+65536 corrupt"},
		{"missing", []damage{{a, os.Remove}}, "a missing", "0 missing, 1 missing, 2 missing", "a 0+65636 missing"},
		{"a small one missing", []damage{{b, os.Remove}}, "b missing", "3 missing", "b 0+20 missing"},
		{"an empty one missing", []damage{{c, os.Remove}}, "c missing", "", ""},
		{"an empty one filled", []damage{{c, toSize(1)}}, "c long", "", ""},
		{"truncated in a piece", []damage{{e, toSize(v2Piece + 5)}}, "e short", "6 short, 7 short", "e 32768+65536 short"},
		{"truncated between pieces", []damage{{e, toSize(2 * v2Piece)}}, "e short", "7 short", "e 65536+32768 short"},
		{"truncated to nothing", []damage{{d, toSize(0)}}, "d short", "4 short", "d 0+32768 short"},
		{"truncated and damaged", []damage{{e, flip(3)}, {e, toSize(2 * v2Piece)}}, "e short", "5 corrupt, 7 short", "e 0+32768 corrupt, e 65536+32768 short"},
		{"a byte more", []damage{{f, toSize(v2Piece + 2)}}, "f long", "", ""},
		{"longer and damaged", []damage{{f, toSize(v2Piece + 2)}, {f, flip(0)}}, "f long", "8 corrupt", "f 0+32768 corrupt"},
		{"a directory", []damage{{e, toDirectory}}, "e not-a-file", "5 missing, 6 missing, 7 missing", "e 0+98304 missing"},
		{"all at once", []damage{{a, os.Remove}, {b, flip(0)}, {e, toSize(v2Piece)}, {g, flip(0)}}, "a missing, b corrupt, e short, g corrupt",
			"0 missing, 1 missing, 2 missing, 3 corrupt, 6 short, 7 short, 10 corrupt", "a 0+65636 missing, b 0+20 corrupt, e 32768+65536 short, g 0+32768 corrupt"},
	} {
		for _, hybrid := range []bool{false, true} {
			name := fmt.Sprint(tt.name, ", hybrid ", hybrid)
			v, err := verifyDamaged(t, promise{hybrid: hybrid}, tt.damages...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			compare(t, name, v, tt.status, tt.bad, tt.ranges)
			if v.FileCount != len(v2Sizes) || v.Pieces.Total != 13 || slices.ContainsFunc(badPieces(v), func(p BadPiece) bool { return p.FileCount != 1 }) {
				t.Errorf("%s: %d files, %+v, bad pieces %+v", name, v.FileCount, v.Pieces, badPieces(v))
			}
		}
	}
}

// Without its piece layer a file is good or bad as a whole, except in a hybrid, which
// has v1 hashes of its pieces.
func TestVerifyWithoutLayers(t *testing.T) {
	const a, b, d, e, f, g = 0, 1, 3, 4, 5, 6
	for _, tt := range []struct {
		name           string
		layerless      string
		damages        []damage
		status         string // the same for both
		badV2, ranges2 string // of v2 alone
		bad, ranges    string // of hybrids
	}{
		{"whole", "aef", nil, "", "", "", "", ""},
		{"a byte", "aef", []damage{{a, flip(v2Piece)}}, "a corrupt",
			"0 corrupt, 1 corrupt, 2 corrupt", "a 0+65636 corrupt", "1 corrupt", "a 32768+32768 corrupt"},
		{"the last byte", "aef", []damage{{f, flip(v2Piece)}}, "f corrupt",
			"8 corrupt, 9 corrupt", "f 0+32769 corrupt", "9 corrupt", "f 32768+1 corrupt"},
		{"files of one piece need none", "aef", []damage{{b, flip(0)}, {d, flip(0)}}, "b corrupt, d corrupt",
			"3 corrupt, 4 corrupt", "b 0+20 corrupt, d 0+32768 corrupt", "3 corrupt, 4 corrupt", "b 0+20 corrupt, d 0+32768 corrupt"},
		{"the layer of another", "a", []damage{{a, flip(0)}, {e, flip(v2Piece)}}, "a corrupt, e corrupt",
			"0 corrupt, 1 corrupt, 2 corrupt, 6 corrupt", "a 0+65636 corrupt, e 32768+32768 corrupt", "0 corrupt, 6 corrupt", "a 0+32768 corrupt, e 32768+32768 corrupt"},
		{"two that are alike", "e", []damage{{g, flip(v2Piece)}}, "g corrupt",
			"10 corrupt, 11 corrupt, 12 corrupt", "g 0+98304 corrupt", "11 corrupt", "g 32768+32768 corrupt"},
		{"truncated in a piece", "aef", []damage{{e, toSize(v2Piece + 5)}}, "e short",
			"5 unverifiable, 6 short, 7 short", "e 0+32768 unverifiable, e 32768+65536 short", "6 short, 7 short", "e 32768+65536 short"},
		{"truncated and damaged", "aef", []damage{{e, flip(0)}, {e, toSize(2 * v2Piece)}}, "e short",
			"5 unverifiable, 6 unverifiable, 7 short", "e 0+65536 unverifiable, e 65536+32768 short", "5 corrupt, 7 short", "e 0+32768 corrupt, e 65536+32768 short"},
		{"missing", "aef", []damage{{a, os.Remove}}, "a missing", "0 missing, 1 missing, 2 missing", "a 0+65636 missing", "0 missing, 1 missing, 2 missing", "a 0+65636 missing"},
		{"a directory", "aef", []damage{{a, toDirectory}}, "a not-a-file", "0 missing, 1 missing, 2 missing", "a 0+65636 missing", "0 missing, 1 missing, 2 missing", "a 0+65636 missing"},
		{"longer", "aef", []damage{{a, toSize(3 * v2Piece)}}, "a long", "", "", "", ""},
		{"longer and damaged", "aef", []damage{{a, toSize(3 * v2Piece)}, {a, flip(0)}}, "a long",
			"0 corrupt, 1 corrupt, 2 corrupt", "a 0+65636 corrupt", "0 corrupt", "a 0+32768 corrupt"},
	} {
		for _, hybrid := range []bool{false, true} {
			name, bad, ranges := tt.name+", v2", tt.badV2, tt.ranges2
			if hybrid {
				name, bad, ranges = tt.name+", hybrid", tt.bad, tt.ranges
			}
			v, err := verifyDamaged(t, promise{hybrid: hybrid, layerless: tt.layerless}, tt.damages...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			compare(t, name, v, tt.status, bad, ranges)
		}
	}
}

// Unreadable files between readable ones.
func TestVerifyUnreadable(t *testing.T) {
	for _, tt := range []struct {
		name        string
		p           promise
		bad, ranges string
	}{
		{"v2", promise{}, "1 unreadable", "a 32768+32768 unreadable"},
		{"v2 without a layer", promise{layerless: "a"}, "0 unverifiable, 1 unreadable, 2 unverifiable",
			"a 0+32768 unverifiable, a 32768+32768 unreadable, a 65536+100 unverifiable"},
		{"hybrid", promise{hybrid: true}, "1 unreadable", "a 32768+32768 unreadable"},
		{"hybrid without a layer", promise{hybrid: true, layerless: "a"}, "1 unreadable", "a 32768+32768 unreadable"},
	} {
		s := newSampleV2(t, tt.p, v2Sizes...)
		c, job := newCheck(t, s)
		if _, err := job.Run(context.Background(), func(r piece.Result) error {
			if r.Index == 1 {
				r = piece.Result{Index: 1, Failed: true, Faults: []*piece.Fault{{File: 0, Path: s.path(0), Cause: piece.CauseUnreadable, Err: syscall.EIO}}}
			}
			c.result(r)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if findings := c.disagreements(); len(findings) > 0 {
			t.Errorf("%s: %v", tt.name, findings)
		}
		v := c.verdict()
		compare(t, tt.name, v, "a unreadable", tt.bad, tt.ranges)
		if v.File(0).Err != syscall.EIO {
			t.Errorf("%s: the system said %v", tt.name, v.File(0).Err)
		}
	}
}

// newCheck returns the check at the start of Verify.
func newCheck(t *testing.T, s *sample) (*check, *piece.Job) {
	t.Helper()
	content, err := s.t.Content()
	if err != nil {
		t.Fatal(err)
	}
	tree, err := piece.Find(context.Background(), content, s.dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	c := &check{content: content, files: content.Files, tree: tree, states: make([]Cause, content.Layout.Pieces()), faults: make(map[part]*piece.Fault)}
	return c, &piece.Job{Layout: content.Layout, Tree: tree, V1: content.V1, V2: content.V2}
}

// Data that changed while it was read is not reported as a disagreement.
func TestVerifyV2Changed(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    promise
	}{
		{"v2", promise{}},
		{"v2 without a layer", promise{layerless: "b"}},
		{"hybrid", promise{hybrid: true}},
		{"forged hybrid", promise{hybrid: true, v2: flipped("b", 5)}},
		{"forged hybrid without a layer", promise{hybrid: true, v2: flipped("b", 5), layerless: "b"}},
	} {
		s := newSampleV2(t, tt.p, 20, 2*v2Piece, 8<<20, 50)
		done := false
		v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{Progress: func(int64, int64) {
			if !done {
				done = true
				if err := os.Truncate(s.path(1), 2*v2Piece+1); err != nil {
					t.Error(err)
				}
			}
		}})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		compare(t, tt.name, v, "b corrupt", "1 changed, 2 changed", "b 0+65536 changed")
	}
}

// Piece layers may be absent, so a torrent of a few hundred bytes may claim any size.
func TestVerifyHugeClaims(t *testing.T) {
	for _, tt := range []struct {
		length, pieceLength int64
		pieces              int // 0: too many
	}{
		{1 << 40, 16 << 20, 1 << 16},
		{1 << 39, 16 << 10, 0},
		{1 << 40, 16 << 10, 0},
		{1<<39 + 1, 16 << 10, 0},
		{1 << 44, 256 << 20, 1 << 16},
		{1<<53 + 1, 256 << 20, 0},
		{1<<63 - 1, 256 << 20, 0},
		{1<<63 - 1, 16 << 10, 0},
	} {
		in := fmt.Sprintf("d4:infod9:file treed1:ad0:d6:lengthi%de11:pieces root32:%seee12:meta versioni2e4:name7:content12:piece lengthi%deee",
			tt.length, strings.Repeat("r", 32), tt.pieceLength)
		for _, there := range []bool{false, true} {
			name := fmt.Sprintf("%d bytes by %d, data there %v", tt.length, tt.pieceLength, there)
			s := newSampleV2(t, promise{}, 20)
			if !there {
				if err := os.Remove(s.path(0)); err != nil {
					t.Fatal(err)
				}
			}
			tor, err := metainfo.Parse([]byte(in))
			if err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			v, err := Verify(context.Background(), tor, s.dir, VerifyOptions{})
			runtime.ReadMemStats(&after)
			var unusable *metainfo.UnusableError
			switch {
			case tt.pieces == 0:
				if !errors.As(err, &unusable) || unusable.Findings[0].Code != metainfo.CodeTooLarge {
					t.Errorf("%s: %v, want %s", name, err, metainfo.CodeTooLarge)
				}
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case v.OK || v.Pieces.Missing != tt.pieces || v.Pieces.Total != tt.pieces || len(v.File(0).Bad) != 1:
				t.Errorf("%s: %+v", name, v.Pieces)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
				t.Errorf("%s: %d bytes allocated", name, n)
			}
		}
	}
}

package inspect

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
)

// The v1 and v2 hashes of a hybrid may be made from different data. Data that matches
// one of them must not be reported as damaged.
func TestVerifyForgedHybrid(t *testing.T) {
	const a, e = 0, 4
	v1, v2 := "matches its v1 hashes, so its v2 root is forged", "matches its v2 root, so its v1 hashes are forged"
	for _, tt := range []struct {
		name    string
		p       promise
		damages []damage
		want    []string // files, and the hashes that their data matches; nil: none
	}{
		{"the root of a small file", promise{v2: flipped("b", 3)}, nil, []string{`"b" ` + v1}},
		{"the root of a file of one piece", promise{v2: flipped("d", 20000)}, nil, []string{`"d" ` + v1}},
		{"root and layer", promise{v2: flipped("a", v2Piece)}, nil, []string{`"a" ` + v1}},
		{"root and layer, at the end", promise{v2: flipped("a", 2*v2Piece+99)}, nil, []string{`"a" ` + v1}},
		{"all pieces of root and layer", promise{v2: func(name string, data []byte) {
			for i := range data {
				data[i] ^= 1
			}
		}}, nil, []string{`"a" ` + v1, `"b" ` + v1, `"d" ` + v1, `"e" ` + v1, `"f" ` + v1, `"g" ` + v1}},
		{"a root without its layer", promise{v2: flipped("a", v2Piece), layerless: "a"}, nil, []string{`"a" ` + v1}},
		{"a v1 hash", promise{v1: flipped("a", v2Piece)}, nil, []string{`"a" ` + v2}},
		{"a v1 hash of a small file", promise{v1: flipped("b", 3)}, nil, []string{`"b" ` + v2}},
		{"a v1 hash without a layer", promise{v1: flipped("a", v2Piece), layerless: "a"}, nil, []string{`"a" ` + v2}},
		{"one of files that are alike", promise{v1: flipped("g", 5)}, nil, []string{`"g" ` + v2}},
		{"each half in another file", promise{v1: flipped("a", 5), v2: flipped("e", 5)}, nil, []string{`"a" ` + v2, `"e" ` + v1}},
		{"next to damage", promise{v2: flipped("a", v2Piece)}, []damage{{a, flip(0)}, {e, flip(0)}}, []string{`"a" ` + v1}},
		{"next to what is missing", promise{v1: flipped("a", 0)}, []damage{{e, os.Remove}, {a, toSize(v2Piece)}}, []string{`"a" ` + v2}},

		{"both, in one way", promise{v1: flipped("a", 5), v2: flipped("a", 5)}, nil, nil},
		{"both, each in its own", promise{v1: flipped("a", 5), v2: flipped("a", 6)}, nil, nil},
		{"both, without a layer", promise{v1: flipped("a", 5), v2: flipped("a", v2Piece), layerless: "a"}, nil, nil},
	} {
		tt.p.hybrid = true
		v, err := verifyDamaged(t, tt.p, tt.damages...)
		var unusable *metainfo.UnusableError
		switch {
		case tt.want == nil && err != nil:
			t.Errorf("%s: %v, want damage", tt.name, err)
		case tt.want == nil:
			compare(t, tt.name, v, "a corrupt", "0 corrupt", "a 0+32768 corrupt")
		case !errors.As(err, &unusable):
			t.Errorf("%s: %v, %+v, want a disagreement", tt.name, err, v)
		case !slices.EqualFunc(unusable.Findings, tt.want, func(f metainfo.Finding, want string) bool {
			return f.Code == metainfo.CodeHybridMismatch && f.Severity == metainfo.SeverityError && strings.Contains(f.Message, want)
		}):
			t.Errorf("%s: %+v, want %s", tt.name, unusable.Findings, tt.want)
		}
	}
}

// The last piece of a hybrid of one file has no padding.
func TestVerifyHybridOfOneFile(t *testing.T) {
	for _, tt := range []struct {
		name                string
		p                   promise
		do                  func(path string) error
		status, bad, ranges string // "torrent" if the torrent contradicts itself
	}{
		{"whole", promise{}, toSize(v2Piece + 100), "", "", ""},
		{"the last byte", promise{}, flip(v2Piece + 99), "a corrupt", "1 corrupt", "a 32768+100 corrupt"},
		{"short", promise{}, toSize(v2Piece + 99), "a short", "1 short", "a 32768+100 short"},
		{"longer", promise{}, toSize(v2Piece + 101), "a long", "", ""},
		{"forged", promise{v2: flipped("a", v2Piece+99)}, toSize(v2Piece + 100), "torrent", "", ""},
		{"v1 forged", promise{v1: flipped("a", v2Piece+99)}, toSize(v2Piece + 100), "torrent", "", ""},
		{"whole, without a layer", promise{layerless: "a"}, toSize(v2Piece + 100), "", "", ""},
		{"the last byte, without a layer", promise{layerless: "a"}, flip(v2Piece + 99), "a corrupt", "1 corrupt", "a 32768+100 corrupt"},
	} {
		tt.p.hybrid = true
		s := newSampleV2(t, tt.p, v2Piece+100)
		if err := tt.do(s.path(0)); err != nil {
			t.Fatal(err)
		}
		v, err := Verify(context.Background(), s.t, s.dir, VerifyOptions{})
		var unusable *metainfo.UnusableError
		switch {
		case tt.status == "torrent" && !errors.As(err, &unusable):
			t.Errorf("%s: %v, %+v, want a disagreement", tt.name, err, v)
		case tt.status == "torrent":
		case err != nil:
			t.Errorf("%s: %v", tt.name, err)
		default:
			compare(t, tt.name, v, tt.status, tt.bad, tt.ranges)
		}
	}
}

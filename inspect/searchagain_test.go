package inspect_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/maketorrent"
)

// checkPlan compares the verdict of a search with that of the plan that it makes: where the
// files are that are in order or were found, and what proves them. The same is proven of
// them, wherever the others are searched for, and nothing less of the others.
func (s *scattered) checkPlan(t *testing.T, v *inspect.Verdict) {
	places, unproven := make(map[int]string), make(map[int]int64)
	neighbors := make(map[int][]string)
	for f := range v.Files {
		if f.Proof != "" {
			places[f.Index] = v.Where(f.Index)
		}
	}
	for _, f := range v.Found {
		places[f.Index], unproven[f.Index] = f.At, f.Unproven
	}
	if (v.Neighbors != nil) != (s.content.V1 && !s.content.V2) {
		t.Error("neighbors are for v1 torrents")
	}
	if v.Neighbors == nil {
		v.Neighbors = func(func(inspect.Neighbor) bool) {}
	}
	for n := range v.Neighbors {
		if places[n.Index] != "" {
			t.Errorf("%s is a file of the plan, and a neighbor", n.Path)
		}
		neighbors[n.Index] = append(neighbors[n.Index], n.At)
	}
	own := filepath.Join(s.dirs[0], "release")
	for _, path := range []string{own, t.TempDir()} {
		again, err := inspect.Verify(t.Context(), s.torrent, path, inspect.VerifyOptions{Places: places, Neighbors: neighbors})
		must(t, err)
		for f := range again.Files {
			before, bad := v.File(f.Index), int64(0)
			for _, r := range f.Bad {
				bad += r.Length
			}
			_, planned := places[f.Index]
			switch {
			case planned && bad != unproven[f.Index]:
				t.Errorf("%s: %s, %d bytes are not proven by the plan in %s, and %d by the search", f.Path, f.Status, bad, path, unproven[f.Index])
			case planned && bad == 0 && f.Status != inspect.StatusOK, planned && bad > 0 && f.Status != inspect.StatusUnverifiable && f.Status != inspect.StatusCorrupt:
				t.Errorf("%s: %s by the plan in %s", f.Path, f.Status, path)
			case !planned && path == own && f.Status != before.Status && !(inDoubt(f) && inDoubt(before)):
				t.Errorf("%s: %s by the plan, %s by the search", f.Path, f.Status, before.Status)
			case !planned && path == own && !slices.Equal(f.CertainPieces, before.CertainPieces):
				t.Errorf("%s: pieces %v are not good for certain by the plan, %v by the search", f.Path, f.CertainPieces, before.CertainPieces)
			}
		}
	}
}

// checkOnly verifies some of the files: what is proven of them with all files is proven,
// and nothing that is not so.
func (o *oracle) checkOnly(t *testing.T, v *inspect.Verdict) {
	chosen := make([]bool, len(o.files))
	for i := range chosen {
		chosen[i] = o.rand.IntN(3) == 0
	}
	only := func(i int) bool { return chosen[i] }
	own := filepath.Join(o.dirs[0], "release")
	for _, searches := range []bool{false, true} {
		var with inspect.VerifyOptions
		found := make(map[int]inspect.Found)
		all := v
		var err error
		if searches {
			with.Search, _, err = inspect.NewSearch(t.Context(), o.dirs, 0, nil)
			must(t, err)
			for _, f := range v.Found {
				found[f.Index] = f
			}
		} else {
			all, err = inspect.Verify(t.Context(), o.torrent, own, inspect.VerifyOptions{})
			must(t, err)
		}
		with.Only = only
		some, err := inspect.Verify(t.Context(), o.torrent, own, with)
		must(t, err)
		if some.OK != (some.Statuses[inspect.StatusOK] == some.FileCount) {
			t.Errorf("ok: %v, with %v", some.OK, some.Statuses)
		}
		foundNow := make(map[int]inspect.Found)
		for _, f := range some.Found {
			foundNow[f.Index] = f
			if b := o.disk[f.At]; !chosen[f.Index] || f.Unproven == 0 && !bytes.Equal(b, o.files[f.Index]) {
				t.Errorf("%s is found at %s", f.Path, f.At)
			}
		}
		for f := range some.Files {
			before := all.File(f.Index)
			switch {
			case !searches && f.Status != before.Status, before.Status == inspect.StatusOK && f.Status != inspect.StatusOK:
				t.Errorf("%s, search: %v: %s, and %s with all files", f.Path, searches, f.Status, before.Status)
			case f.Status == inspect.StatusOK && !bytes.Equal(o.places[f.Index], o.files[f.Index]):
				t.Errorf("%s is not ok", f.Path)
			}
			if f.Status == inspect.StatusOK {
				continue
			}
			was, ok := found[f.Index]
			if is, now := foundNow[f.Index]; ok && (!now || is.Unproven > was.Unproven) {
				t.Errorf("%s: found %+v, and %+v with all files", f.Path, is, was)
			}
		}
	}
}

// inDoubt reports whether all that is bad of a file is in doubt. If files of a piece were
// found that can't be right together, it is corrupt, instead of not verifiable.
func inDoubt(f inspect.FileVerdict) bool {
	return f.Status == inspect.StatusUnverifiable || f.Status == inspect.StatusCorrupt && !f.Certain
}

// The file at its place that differs from the right bytes of a shared piece, which were found
// elsewhere, is damaged for certain, though the other files of the piece are missing. It is
// so by the plan of the search too.
func TestSearchProvesDamage(t *testing.T) {
	// Pieces of 16384: Z 0, a 0-2, b 2-3, c 3-5.
	r := rand.New(rand.NewPCG(1, 1))
	g := &scattered{rand: r}
	content := map[string][]byte{"Z": g.bytes(100), "a": g.bytes(40000), "b": g.bytes(12000), "c": g.bytes(40000)}
	first := content["Z"]
	flip := func(name string, offsets ...int) []byte {
		b := bytes.Clone(content[name])
		for _, i := range offsets {
			b[i] ^= 1
		}
		return b
	}
	type disk map[string][]byte
	for _, test := range []struct {
		name   string
		places disk
		others disk
		want   string // statuses, with the pieces that are not good for certain
	}{
		{"no copy", disk{"Z": first, "b": flip("b", 0)}, disk{"a": content["a"]},
			"Z ok []; a missing [0 1 2]; b unverifiable []; c missing [3 4 5]; doubt [2 3]"},
		{"a copy proves a piece, its neighbor is found", disk{"Z": first, "b": flip("b", 0)}, disk{"a": content["a"], "b": content["b"]},
			"Z ok []; a missing [0 1 2]; b corrupt [2]; c missing [3 4 5]; doubt [3]"},
		{"a piece is proven right, the other is in doubt", disk{"Z": first, "b": flip("b", 11999)}, disk{"a": content["a"], "b": content["b"]},
			"Z ok []; a missing [0 1 2]; b unverifiable []; c missing [3 4 5]; doubt [3]"},
		{"both pieces", disk{"Z": first, "b": flip("b", 0, 11999)}, disk{"a": content["a"], "b": content["b"], "c": content["c"]},
			"Z ok []; a missing [0 1 2]; b corrupt [2 3]; c missing [3 4 5]; doubt []"},
		{"the neighbor at its place", disk{"Z": first, "a": content["a"], "b": flip("b", 0)}, disk{"b": content["b"]},
			"Z ok []; a ok []; b corrupt [2]; c missing [3 4 5]; doubt [3]"},
		{"two files of a piece", disk{"Z": first, "a": flip("a", 39999), "b": flip("b", 0)}, disk{"a": content["a"], "b": content["b"]},
			"Z ok []; a corrupt [2]; b corrupt [2]; c missing [3 4 5]; doubt [3]"},
		{"a damaged copy of the neighbor", disk{"Z": first, "b": flip("b", 0)}, disk{"a": flip("a", 20000), "b": content["b"]},
			"Z unverifiable []; a missing [0 1 2]; b unverifiable []; c missing [3 4 5]; doubt [0 2 3]"},
		{"copies of the neighbor that begin otherwise: it is not found", disk{"b": flip("b", 0)}, disk{"a": flip("a", 0), "a2": flip("a", 1), "b": content["b"]},
			"Z missing [0]; a missing [0 1 2]; b corrupt [2]; c missing [3 4 5]; doubt [3]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &scattered{rand: r, format: "v1", dirs: []string{t.TempDir(), t.TempDir()}}
			root := filepath.Join(s.dirs[0], "release")
			for name, b := range content {
				s.write(t, filepath.Join(root, name), b)
			}
			made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, PieceLength: 16384})
			must(t, err)
			s.torrent = made.Torrent
			s.content, err = s.torrent.Content()
			must(t, err)
			for name := range content {
				if must(t, os.Remove(filepath.Join(root, name))); test.places[name] != nil {
					s.write(t, filepath.Join(root, name), test.places[name])
				}
			}
			for name, b := range test.others {
				s.write(t, filepath.Join(s.dirs[1], "other "+name), b)
			}
			search, errs, err := inspect.NewSearch(t.Context(), s.dirs, 0, nil)
			must(t, append(errs, err)...)
			v, err := inspect.Verify(t.Context(), s.torrent, root, inspect.VerifyOptions{Search: search})
			must(t, err)
			var got []string
			for f := range v.Files {
				got = append(got, fmt.Sprint(f.Path, " ", f.Status, " ", f.CertainPieces))
			}
			doubt := []int{}
			for p := range v.BadPieces {
				if p.Doubtful {
					doubt = append(doubt, p.Index)
				}
			}
			if got := strings.Join(append(got, fmt.Sprint("doubt ", doubt)), "; "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			s.checkPlan(t, v)
		})
	}
}

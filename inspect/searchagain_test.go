package inspect_test

import (
	"bytes"
	"path/filepath"
	"testing"

	"bt/inspect"
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

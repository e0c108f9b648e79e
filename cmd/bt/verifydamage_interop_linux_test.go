package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"bt/internal/testenv"
)

// libtorrent finds the same pieces good, of the damages that it can meet: it does not know
// names with suffixes, and waits for a FIFO.
func TestVerifyDamageLikeLibtorrent(t *testing.T) {
	testenv.Python(t, "libtorrent")
	var requests []ltRequest
	var names []string
	var want [][]int
	for _, kind := range damageKinds {
		if kind.nobody || slices.Contains(damageNotForLibtorrent, kind.name) {
			continue
		}
		dir := t.TempDir()
		damageTorrents(t, dir)
		if err := kind.do(damageDir(filepath.Join(dir, "tree"))); err != nil {
			t.Fatalf("%s: %v", kind.name, err)
		}
		for _, format := range []string{"v1", "v2", "hybrid"} {
			// First, because libtorrent may create empty files.
			out, _ := damageVerdict(t, dir, format, nil)
			requests = append(requests, ltRequest{Op: "check", Torrent: filepath.Join(dir, format+".torrent"), Data: dir})
			names, want = append(names, kind.name+", "+format), append(want, damageGood(t, out))
		}
	}
	for i, got := range interopLibtorrent(t, requests) {
		if !slices.Equal(got.Have, want[i]) {
			t.Errorf("%s: libtorrent has the pieces %v, bt %v", names[i], got.Have, want[i])
		}
	}
	t.Logf("%d of %d damages", len(requests)/3, len(damageKinds))
}

var damageNotForLibtorrent = []string{
	"a directory", "a directory for an empty file", "a FIFO", "a socket", "a device", "a file for a directory", "a FIFO for a directory", // errors, or it waits
	"a link to itself", "a link to a directory", "a directory that leads nowhere",
	"another normal form", "another normal form, and corrupt", "an unfinished file", "a finished file with a suffix", "a directory for a file, which has a suffix",
}

// damageGood returns the good pieces of a document.
func damageGood(t *testing.T, out string) (good []int) {
	t.Helper()
	var doc struct {
		Pieces struct{ Total int }
		Bad    []struct{ Index int } `json:"bad_pieces"`
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	bad := make(map[int]bool)
	for _, p := range doc.Bad {
		bad[p.Index] = true
	}
	for i := range doc.Pieces.Total {
		if !bad[i] {
			good = append(good, i)
		}
	}
	return good
}

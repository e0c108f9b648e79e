package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"bt/internal/testenv"
)

// libtorrent finds the same pieces good.
func TestVerifyDamageLikeLibtorrent(t *testing.T) {
	testenv.Large(t)
	testenv.Python(t, "libtorrent")
	other := processOther(t)
	var requests []ltRequest
	var names []string
	var want [][]int
	notes := 0
	for _, kind := range damageKinds {
		dir := testenv.OpenDir(t)
		damageTorrents(t, dir)
		tree := damageDir(filepath.Join(dir, "tree"))
		if err := kind.do(tree); err != nil {
			t.Fatalf("%s: %v", kind.name, err)
		}
		bt := other
		if !kind.nobody {
			bt = nil
		}
		for _, format := range []string{"v1", "v2", "hybrid"} {
			// First, because libtorrent may create empty files.
			out, _ := damageVerdict(t, dir, format, bt)
			requests = append(requests, ltRequest{Op: "check", Torrent: filepath.Join(dir, format+".torrent"), Data: dir, Renamed: libtorrentNames[kind.name]})
			names, want = append(names, kind.name+", "+format), append(want, damageGood(t, out))
		}
		if stop, ok := libtorrentStops[kind.name]; ok {
			if err := gone(stop.file)(tree); err != nil {
				t.Fatal(err)
			}
			notes++
		}
		if _, ok := libtorrentNames[kind.name]; ok {
			notes++
		}
	}
	if want := len(libtorrentStops) + len(libtorrentNames); notes != want {
		t.Errorf("%d kinds have a note, want %d", notes, want)
	}
	for i, got := range interopLibtorrent(t, requests) {
		if !slices.Equal(got.Have, want[i]) {
			t.Errorf("%s: libtorrent has the pieces %v, bt %v", names[i], got.Have, want[i])
		}
	}
}

// libtorrentStops are the kinds at which libtorrent stops, so it does not report the other
// pieces. It then checks a tree without the file: the same pieces must be good.
var libtorrentStops = map[string]struct{ file, reason string }{
	"a directory":                    {"a", "reading fails, and the check does not go on"},
	"a link to a directory":          {"e", "reading fails, and the check does not go on"},
	"a socket":                       {"e", "opening fails, and the check does not go on"},
	"no right to read":               {"a", "opening fails, and the check does not go on"},
	"a FIFO":                         {"e", "opening waits for a writer"},
	"a file for a directory":         {"j", "error: Not a directory"},
	"a FIFO for a directory":         {"j", "error: Not a directory"},
	"a link to itself":               {"e", "error: Too many levels of symbolic links"},
	"no right to search a directory": {"j", "error: Permission denied"},
	"no right to the root":           {".", "error: Permission denied"},
}

// libtorrentNames are the kinds with names that bt finds and libtorrent is given.
var libtorrentNames = map[string]map[string]string{
	"another normal form":                        {"tree/m/\u00e9": "tree/m/e\u0301"},
	"another normal form, and corrupt":           {"tree/m/\u00e9": "tree/m/e\u0301"},
	"an unfinished file":                         {"tree/a": "tree/a.part"},
	"a finished file with a suffix":              {"tree/e": "tree/e.!qB"},
	"a directory for a file, which has a suffix": {"tree/e": "tree/e.part"},
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

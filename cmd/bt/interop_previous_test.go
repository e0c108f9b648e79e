package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// libtorrent has all pieces of v1 releases with pad files anywhere in a piece, and lays
// out the stream as bt does.
func TestInteropPrevious(t *testing.T) {
	t.Parallel()
	testenv.Python(t, "libtorrent")
	dir := t.TempDir()
	pads := 0
	var requests []ltRequest
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		sizes := make(map[string]int)
		for i := range 2 + rnd.IntN(10) {
			sizes[fmt.Sprintf("%s%02d", []string{"", "d/"}[rnd.IntN(2)], i)] = 1 + rnd.IntN(20<<rnd.IntN(14))
		}
		previous := ""
		for release := range 3 {
			root := filepath.Join(dir, fmt.Sprint(seed, "-", release))
			var files []interopFile
			for _, path := range slices.Sorted(maps.Keys(sizes)) {
				files = append(files, interopFile{path, sizes[path]})
			}
			interopWrite(t, filepath.Join(root, "x"), fmt.Sprint(seed), files)
			out := filepath.Join(root, "x.torrent")
			args := []string{"make", filepath.Join(root, "x"), "--json", "-o", out, "--piece-length", "16K"}
			if previous != "" {
				args = append(args, "--previous", previous)
			}
			var made interopHashes
			interopBt(t, exitOK, &made, args...)
			pads += interopPads(t, out)
			requests = append(requests, ltRequest{Op: "read", Torrent: out}, ltRequest{Op: "check", Torrent: out, Data: root})
			previous = out
			for _, f := range files {
				if rnd.IntN(4) == 0 {
					sizes[f.path] += rnd.IntN(1000)
				}
			}
			if first := files[0].path; len(files) > 2 && rnd.IntN(4) == 0 {
				delete(sizes, first)
			}
		}
	}
	answers := interopLibtorrent(t, requests)
	for i := 0; i < len(requests); i += 2 {
		read, check := answers[i], answers[i+1]
		if len(check.Have) != read.Pieces || check.Progress != 1 {
			t.Errorf("%s: libtorrent has %d of %d pieces", requests[i].Torrent, len(check.Have), read.Pieces)
		}
	}
	if pads < 30 {
		t.Errorf("only %d pad files", pads)
	}
}

// interopPads returns the number of pad files of a torrent.
func interopPads(t *testing.T, path string) (n int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tor, err := metainfo.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return len(tor.Files) - tor.FileCount()
}

package main

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"bt/internal/testenv"
)

// interopCase is a tree with the options of one torrent, and the torrent that bt
// made of it.
type interopCase struct {
	tree        *interopTree
	path        string // path of the content
	format      string
	pieceLength int64
	private     bool
	hashes      interopHashes // as computed by bt
	torrent     string        // the torrent that bt wrote
}

// interopFormats lists the formats that both bt and libtorrent can make.
var interopFormats = []string{"v1", "v2", "hybrid"}

// interopHashes holds the info-hashes of one torrent; an absent one is "".
type interopHashes struct {
	V1 string `json:"info_hash_v1"`
	V2 string `json:"info_hash_v2"`
}

func (c *interopCase) String() string {
	privacy := "public"
	if c.private {
		privacy = "private"
	}
	return fmt.Sprintf("%s, %s, pieces of %d KiB, %s", c.tree.name, c.format, c.pieceLength/kib, privacy)
}

// option returns the value of a flag in the tree's flags, or "".
func (c *interopCase) option(flag string) string {
	if len(c.tree.flags) == 2 && c.tree.flags[0] == flag {
		return c.tree.flags[1]
	}
	return ""
}

const interopTracker = "http://tracker.invalid/announce"

// All programs compute the same info-hashes as bt.
func TestInteropInfoHash(t *testing.T) {
	testenv.Large(t)
	t.Parallel()
	makers := []struct {
		name  string
		make  func(*testing.T, []*interopCase) []interopHashes
		able  func(*interopCase) bool
		least int // minimum number of cases that must not be left out
	}{
		{"libtorrent", interopMakeLibtorrent, func(*interopCase) bool { return true }, 550},
		{"mktorrent", interopMakeMktorrent, func(c *interopCase) bool { return c.format == "v1" && c.pieceLength >= 32*kib }, 100},
		// It writes private=0 into public torrents.
		{"transmission-create", interopMakeTransmission, func(c *interopCase) bool { return c.format == "v1" && c.private }, 60},
	}
	// Check first whether any of them is installed, because the cases take time.
	testenv.Python(t, "libtorrent")
	cases := interopCases(t)
	for _, maker := range makers {
		t.Run(maker.name, func(t *testing.T) {
			var able []*interopCase
			left := map[string]bool{}
			for _, c := range cases {
				switch reason, leave := c.tree.leave[maker.name]; {
				case !leave && maker.able(c):
					able = append(able, c)
				case leave && !left[c.tree.name]:
					left[c.tree.name] = true
					t.Logf("left out: %s: %s %s", c.tree.name, maker.name, reason)
				}
			}
			if len(able) < maker.least {
				t.Fatalf("only %d cases are left", len(able))
			}
			for i, hashes := range maker.make(t, able) {
				if hashes != able[i].hashes {
					t.Errorf("%s: bt made %v, %s made %v", able[i], able[i].hashes, maker.name, hashes)
				}
			}
			t.Logf("%d torrents compared", len(able))
		})
	}
}

// interopCases writes the trees and lets bt make the torrents.
func interopCases(t *testing.T) []*interopCase {
	t.Helper()
	dir, torrents := t.TempDir(), t.TempDir()
	trees := interopTrees()
	var cases []*interopCase
	var jobs []func()
	for i := range trees {
		tree := &trees[i]
		root := filepath.Join(dir, strconv.Itoa(i))
		path := filepath.Join(root, tree.content)
		if tree.single {
			interopWrite(t, root, tree.name, tree.files)
		} else {
			interopWrite(t, path, tree.name, tree.files)
		}
		for to, from := range tree.links {
			to, from = filepath.Join(path, to), filepath.Join(path, from)
			if err := errors.Join(os.Remove(to), os.Link(from, to)); err != nil {
				t.Fatal(err)
			}
		}
		pieceLengths := tree.pieceLengths
		if pieceLengths == nil {
			pieceLengths = []int64{16 * kib, 32 * kib, 256 * kib, mib}
		}
		for _, pieceLength := range pieceLengths {
			for _, format := range interopFormats {
				for _, private := range []bool{false, true} {
					c := &interopCase{tree: tree, path: path, format: format, pieceLength: pieceLength, private: private}
					c.torrent = filepath.Join(torrents, fmt.Sprintf("%d.torrent", len(cases)))
					cases = append(cases, c)
					jobs = append(jobs, func() {
						if err := c.makeIt(); err != nil {
							t.Errorf("%s: %v", c, err)
						}
					})
				}
			}
		}
	}
	interopAtOnce(jobs)
	if t.Failed() {
		t.FailNow()
	}
	return cases
}

func (c *interopCase) makeIt() error {
	args := append([]string{"make", c.path, "--json", "--output", c.torrent, "--announce", interopTracker,
		"--format", c.format, "--piece-length", strconv.FormatInt(c.pieceLength, 10)}, c.tree.flags...)
	if c.private {
		args = append(args, "--private")
	}
	var made struct {
		interopHashes
		FileCount int `json:"file_count"`
	}
	if err := interopTryBt(exitOK, &made, args...); err != nil {
		return err
	}
	if made.FileCount != len(c.tree.files) {
		return fmt.Errorf("bt put %d of %d files into it", made.FileCount, len(c.tree.files))
	}
	if (made.V1 != "") != (c.format != "v2") || (made.V2 != "") != (c.format != "v1") {
		return fmt.Errorf("bt made another format: %v", made.interopHashes)
	}
	c.hashes = made.interopHashes
	return nil
}

func interopMakeLibtorrent(t *testing.T, cases []*interopCase) []interopHashes {
	var requests []ltRequest
	for _, c := range cases {
		path := c.path
		if name := c.option("--name"); name != "" {
			// It uses the name of the file as the name of the torrent.
			path = filepath.Join(t.TempDir(), name)
			if err := os.Symlink(c.path, path); err != nil {
				t.Fatal(err)
			}
		}
		// libtorrent compares the piece layers, which no info-hash covers.
		requests = append(requests, ltRequest{Op: "make", Format: c.format, Path: path, PieceLength: c.pieceLength,
			Private: c.private, Source: c.option("--source"), Torrent: c.torrent})
	}
	// The JSON of bt and the fields that libtorrent reads from the file must be
	// the same.
	made := len(requests)
	for _, c := range cases {
		requests = append(requests, ltRequest{Op: "read", Torrent: c.torrent})
	}
	answers := interopLibtorrent(t, requests)
	var hashes []interopHashes
	for i, c := range cases {
		hashes = append(hashes, interopHashes{answers[i].V1, answers[i].V2})
		if got := (interopHashes{answers[made+i].V1, answers[made+i].V2}); got != c.hashes {
			t.Errorf("%s: bt says %v, and wrote %v", c, c.hashes, got)
		}
	}
	return hashes
}

func interopMakeMktorrent(t *testing.T, cases []*interopCase) []interopHashes {
	program := testenv.Program(t, "mktorrent")
	return interopMakeByCommand(t, cases, func(c *interopCase, out string) []string {
		args := []string{program, "-d", "-a", interopTracker, "-l", strconv.Itoa(bits.TrailingZeros64(uint64(c.pieceLength))), "-o", out}
		if c.private {
			args = append(args, "-p")
		}
		if name := c.option("--name"); name != "" {
			args = append(args, "-n", name)
		}
		if source := c.option("--source"); source != "" {
			args = append(args, "-s", source)
		}
		return append(args, c.path)
	})
}

func interopMakeTransmission(t *testing.T, cases []*interopCase) []interopHashes {
	program := testenv.Program(t, "transmission-create")
	return interopMakeByCommand(t, cases, func(c *interopCase, out string) []string {
		return []string{program, "-p", "-t", interopTracker, "-s", strconv.FormatInt(c.pieceLength/kib, 10), "-o", out, c.path}
	})
}

// interopMakeByCommand runs a command for each case, and reads the info-hashes of
// the torrents with libtorrent.
func interopMakeByCommand(t *testing.T, cases []*interopCase, command func(c *interopCase, out string) []string) []interopHashes {
	dir := t.TempDir()
	var requests []ltRequest
	var jobs []func()
	for i, c := range cases {
		out := filepath.Join(dir, fmt.Sprintf("%d.torrent", i))
		requests = append(requests, ltRequest{Op: "read", Torrent: out})
		args := command(c, out)
		jobs = append(jobs, func() { interopRun(t, args[0], args[1:]...) })
	}
	interopAtOnce(jobs)
	if t.Failed() {
		return nil
	}
	var hashes []interopHashes
	for _, a := range interopLibtorrent(t, requests) {
		hashes = append(hashes, interopHashes{a.V1, a.V2})
	}
	return hashes
}

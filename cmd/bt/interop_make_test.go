package main

import (
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"bt/internal/testenv"
)

// interopCase is a tree with the options of one torrent, and what bt made of it.
type interopCase struct {
	tree        *interopTree
	path        string // of the content
	pieceLength int64
	private     bool
	hash        string // by bt
	torrent     string // that bt wrote
}

func (c *interopCase) String() string {
	privacy := "public"
	if c.private {
		privacy = "private"
	}
	return fmt.Sprintf("%s, pieces of %d KiB, %s", c.tree.name, c.pieceLength/kib, privacy)
}

// option is the value of a flag that the tree has, or "".
func (c *interopCase) option(flag string) string {
	if len(c.tree.flags) == 2 && c.tree.flags[0] == flag {
		return c.tree.flags[1]
	}
	return ""
}

const interopTracker = "http://tracker.invalid/announce"

// Every maker must come to the info-hash that bt comes to.
func TestInteropInfoHash(t *testing.T) {
	makers := []struct {
		name string
		make func(*testing.T, []*interopCase) []string // returns the info-hashes
		able func(*interopCase) bool
	}{
		{"libtorrent", interopMakeLibtorrent, func(*interopCase) bool { return true }},
		{"mktorrent", interopMakeMktorrent, func(c *interopCase) bool { return c.pieceLength >= 32*kib }},
		// It writes private=0 into public torrents.
		{"transmission-create", interopMakeTransmission, func(c *interopCase) bool { return c.private }},
	}
	// Before the work: it is for nothing where none of them is installed.
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
			if len(able) < 50 {
				t.Fatalf("only %d cases are left", len(able))
			}
			for i, hash := range maker.make(t, able) {
				if hash != able[i].hash {
					t.Errorf("%s: bt made %s, %s made %s", able[i], able[i].hash, maker.name, hash)
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
		pieceLengths := tree.pieceLengths
		if pieceLengths == nil {
			pieceLengths = []int64{16 * kib, 32 * kib, 256 * kib, mib}
		}
		for _, pieceLength := range pieceLengths {
			for _, private := range []bool{false, true} {
				c := &interopCase{tree: tree, path: path, pieceLength: pieceLength, private: private}
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
	interopAtOnce(jobs)
	if t.Failed() {
		t.FailNow()
	}
	return cases
}

func (c *interopCase) makeIt() error {
	args := append([]string{"make", c.path, "--json", "--output", c.torrent, "--announce", interopTracker,
		"--piece-length", strconv.FormatInt(c.pieceLength, 10)}, c.tree.flags...)
	if c.private {
		args = append(args, "--private")
	}
	var made struct {
		InfoHashV1 string `json:"info_hash_v1"`
		FileCount  int    `json:"file_count"`
	}
	if err := interopTryBt(exitOK, &made, args...); err != nil {
		return err
	}
	if made.FileCount != len(c.tree.files) {
		return fmt.Errorf("bt put %d of %d files into it", made.FileCount, len(c.tree.files))
	}
	c.hash = made.InfoHashV1
	return nil
}

func interopMakeLibtorrent(t *testing.T, cases []*interopCase) []string {
	var requests []ltRequest
	for _, c := range cases {
		path := c.path
		if name := c.option("--name"); name != "" {
			// It calls a torrent what the file is called.
			path = filepath.Join(t.TempDir(), name)
			if err := os.Symlink(c.path, path); err != nil {
				t.Fatal(err)
			}
		}
		requests = append(requests, ltRequest{Op: "make", Format: "v1", Path: path, PieceLength: c.pieceLength,
			Private: c.private, Source: c.option("--source")})
	}
	// What bt says that it made, and what another program finds in the file,
	// must be the same.
	made := len(requests)
	for _, c := range cases {
		requests = append(requests, ltRequest{Op: "read", Torrent: c.torrent})
	}
	answers := interopLibtorrent(t, requests)
	var hashes []string
	for i, c := range cases {
		hashes = append(hashes, answers[i].V1)
		if got := answers[made+i].V1; got != c.hash {
			t.Errorf("%s: bt says %s, and wrote %s", c, c.hash, got)
		}
	}
	return hashes
}

func interopMakeMktorrent(t *testing.T, cases []*interopCase) []string {
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

func interopMakeTransmission(t *testing.T, cases []*interopCase) []string {
	program := testenv.Program(t, "transmission-create")
	return interopMakeByCommand(t, cases, func(c *interopCase, out string) []string {
		return []string{program, "-p", "-t", interopTracker, "-s", strconv.FormatInt(c.pieceLength/kib, 10), "-o", out, c.path}
	})
}

// interopMakeByCommand runs a command for each case, and lets libtorrent read the
// info-hashes of the torrents that it wrote.
func interopMakeByCommand(t *testing.T, cases []*interopCase, command func(c *interopCase, out string) []string) []string {
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
	var hashes []string
	for _, a := range interopLibtorrent(t, requests) {
		hashes = append(hashes, a.V1)
	}
	return hashes
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// A disk with blocks that can't be read, on a loop device: verify finds exactly their
// pieces, whether it maps the files or reads them; make and seed report the file; and a
// repair takes only those pieces from the copy.
func TestProcessBadDisk(t *testing.T) {
	const pieceLength, size = 16 << 10, 6 << 20
	r := rand.New(rand.NewPCG(3, 3))
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(r.Uint32())
	}
	for _, format := range []string{"v1", "v2", "hybrid"} {
		disk, dir := testenv.NewDisk(t, t.TempDir(), 32<<20), t.TempDir()
		torrent, big := filepath.Join(dir, "x.torrent"), filepath.Join(disk.Dir, "tree", "big")
		for _, in := range []string{disk.Dir, dir} {
			processTree(t, in, map[string]string{"tree/big": string(data), "tree/small": string(data[:50_000])})
		}
		processRun(t, "", "make", filepath.Join(dir, "tree"), "-q", "-l", "16K", "--format", format, "-o", torrent).exits(exitOK)
		var fails []testenv.BadBlock
		var bad []int
		for _, block := range []int64{0, 100, 101, 350, 1000, 1407, size/4096 - 1} {
			fails = append(fails, testenv.BadBlock{Path: "tree/big", Offset: block * 4096})
			bad = append(bad, int(block*4096/pieceLength))
		}
		fails = append(fails, testenv.BadBlock{Path: "tree/small", Offset: 8 * 4096})
		bad = slices.Compact(append(bad, size/pieceLength+2))
		for _, read := range []string{"parallel", "sequential", "auto"} {
			disk.Fail(fails...)
			v := processRun(t, "", "verify", torrent, disk.Dir, "--json", "--read", read).exits(exitRead).verdict()
			var got []int
			for _, p := range v.BadPieces {
				if p.Cause != "unreadable" {
					t.Errorf("%s, %s: piece %d is %s", format, read, p.Index, p.Cause)
				}
				got = append(got, p.Index)
			}
			if !slices.Equal(got, bad) || v.Pieces.Good != v.Pieces.Total-len(bad) {
				t.Errorf("%s, %s: the bad pieces are %v, want %v", format, read, got, bad)
			}
			disk.Fail()
			out := filepath.Join(dir, "out.torrent")
			processRun(t, "", "make", filepath.Join(disk.Dir, "tree"), "--no-cache", "--read", read, "--format", format, "-o", out).
				exits(exitRead).printsNothing().errors(big + ": input/output error")
			processNames(t, dir, "tree", "x.torrent")
		}
		processSeedBadDisk(t, torrent, disk.Dir, big)
		before, err := os.Stat(big)
		if err != nil {
			t.Fatal(err)
		}
		disk.Fail()
		p := processRun(t, "", "verify", torrent, disk.Dir, "--repair", "--from", dir).exits(exitOK)
		if want := fmt.Sprintf("\nrepaired: 2 files, %d bad pieces; ", len(bad)); !strings.Contains(p.stdout, want) {
			t.Errorf("%s: %q is not in\n%s", format, want, p.stdout)
		}
		after, err := os.ReadFile(big)
		if err != nil || !bytes.Equal(after, data) {
			t.Errorf("%s: the file is not that of the torrent (%v)", format, err)
		}
		if info, err := os.Stat(big); err != nil || os.SameFile(before, info) {
			t.Errorf("%s: it is the same file, with blocks that can't be read (%v)", format, err)
		}
		processRun(t, "", "verify", torrent, disk.Dir, "-q").exits(exitOK)
	}
}

// processSeedBadDisk starts a seed of content with a file that can't be read: its event
// names the file.
func processSeedBadDisk(t *testing.T, torrent, dir, file string) {
	t.Helper()
	cmd := processCommand(t, "bt", "seed", torrent, dir, "--json", "--bind", "127.0.0.1", "--port", "0", "--no-dht", "--no-lsd", "--no-port-map")
	cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+t.TempDir(), "XDG_STATE_HOME="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var told bool
	for lines := bufio.NewScanner(out); !told && lines.Scan(); {
		var e struct{ Event, Error string }
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.Event == "seeding" {
			t.Errorf("%s (%v)", lines.Text(), err)
			break
		}
		told = e.Event == "error" && strings.Contains(e.Error, file) && strings.Contains(e.Error, "input/output error")
	}
	if err := cmd.Process.Kill(); err != nil || !told {
		t.Errorf("no event reports the file (%v)", err)
	}
	_ = cmd.Wait() // it was killed
}

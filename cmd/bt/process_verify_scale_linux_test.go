package main

import (
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/term"
)

// Many torrents against many files, in three directories, take little memory: 200
// against 4,000, or 10,000 against 1,000,000 where BT_SCALE is set.
func TestProcessVerifyScale(t *testing.T) {
	torrents, files := 200, 20
	if os.Getenv("BT_SCALE") != "" {
		torrents, files = 10_000, 100
	}
	dir := t.TempDir()
	args := []string{"verify", filepath.Join(dir, "torrents")}
	for i := range 3 {
		place := filepath.Join(dir, fmt.Sprint(i))
		if err := os.MkdirAll(place, 0o755); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--data", place)
	}
	if err := os.Mkdir(args[1], 0o755); err != nil {
		t.Fatal(err)
	}
	missing := 0
	for i := range torrents {
		place := filepath.Join(dir, fmt.Sprint(i%4))
		if i%4 == 3 {
			missing, place = missing+1, ""
		}
		scaleTorrent(t, args[1], place, i, files)
	}
	p := processStart(t, processCommand(t, "bt", args...))().exits(exitNo)
	want := fmt.Sprintf("\n%s torrents: %s ok, %s missing; ", term.Count(int64(torrents)), term.Count(int64(torrents-missing)), term.Count(int64(missing)))
	if !strings.Contains(p.stdout, want) {
		t.Errorf("it ends with %q, want %q", p.stdout[max(0, len(p.stdout)-200):], want)
	}
	bt := processPlain(t)
	if peak := processMaxRSS(t, os.DevNull, bt, append(args, "--jsonl")...); peak > 64<<20 {
		t.Errorf("%d bytes of memory", peak)
	}
	// So does a report, which has all torrents, and it leaves nothing beside it.
	reports := t.TempDir()
	for _, ending := range []string{".html", ".csv", ".txt"} {
		if peak := processMaxRSS(t, os.DevNull, bt, append(args, "-q", "--report", filepath.Join(reports, "r"+ending))...); peak > 64<<20 {
			t.Errorf("%s: %d bytes of memory", ending, peak)
		}
	}
	if list, err := os.ReadDir(reports); err != nil || len(list) != 3 {
		t.Errorf("beside the reports: %v (%v)", list, err)
	}
	// --extra knows the files of all torrents.
	if peak, most := processMaxRSS(t, os.DevNull, bt, append(args, "--jsonl", "--extra")...), 64<<20+int64(torrents*files)*100; peak > most {
		t.Errorf("with --extra %d bytes of memory, want at most %d", peak, most)
	}
	// A piece in doubt is compared with the files of all torrents.
	if err := os.Remove(filepath.Join(args[3], "release 00000", "1")); err != nil {
		t.Fatal(err)
	}
	if peak, most := processMaxRSS(t, os.DevNull, bt, append(args, "--jsonl")...), 64<<20+int64(torrents*files)*100; peak > most {
		t.Errorf("with a piece in doubt %d bytes of memory, want at most %d", peak, most)
	}
}

// scaleTorrent writes a torrent and, unless place is empty, its files there.
func scaleTorrent(t *testing.T, torrents, place string, number, files int) {
	t.Helper()
	name := fmt.Sprintf("release %05d", number)
	if place != "" {
		if err := os.Mkdir(filepath.Join(place, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var all []byte
	var list, pieces strings.Builder
	for i := range files {
		data := fmt.Appendf(nil, "file %d of %d\n", i, number)
		all = append(all, data...)
		fmt.Fprintf(&list, "d6:lengthi%de4:pathl%see", len(data), processBencode(fmt.Sprint(i)))
		if place == "" {
			continue
		}
		if err := os.WriteFile(filepath.Join(place, name, fmt.Sprint(i)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for piece := range slices.Chunk(all, 16384) {
		sum := sha1.Sum(piece)
		pieces.Write(sum[:])
	}
	text := "d4:infod5:filesl" + list.String() + "e4:name" + processBencode(name) + "12:piece lengthi16384e6:pieces" + processBencode(pieces.String()) + "ee"
	if err := os.WriteFile(filepath.Join(torrents, name+".torrent"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

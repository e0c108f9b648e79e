package verifyreport

import (
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bt/inspect"
	"bt/repair"
)

// mendedTorrent returns a torrent of which files were found, repaired, refused and linked.
func mendedTorrent(dryRun bool) *Torrent {
	v := verdict([]file{
		ok("mended", 2<<20), ok("made/file", 100), absent("found", 5<<20), absent("one of two", 300), absent("linked twice", 1<<20), absent("lost", 7), {path: "empty", status: inspect.StatusMissing},
	})
	v.Basis = inspect.BasisCached
	v.Found = []inspect.Found{
		{Index: 2, Path: "found", At: "/mnt/d2/deep/renamed.bin", Size: 5 << 20, Proof: inspect.ProofPieces, Unproven: 1},
		{Index: 6, Path: "empty", At: "/mnt/d2/nothing", Proof: inspect.ProofEmpty},
	}
	v.Maybe = []inspect.Maybe{{Index: 3, Path: "one of two", At: []string{"/mnt/d1/a", "/mnt/d2/a", "/mnt/d1/b", "/mnt/d1/c"}, Count: 5, Reason: inspect.ReasonShared}}
	x := torrentOf(v)
	x.Repaired = &Repaired{
		DryRun: dryRun,
		Report: &repair.Report{
			Files:   []repair.File{{Index: 0, Pieces: 2, Bytes: 2 << 20, Cut: true, Sources: []int{0, 2}}, {Index: 1, Pieces: 1, Bytes: 100, Made: true, Sources: []int{1}}},
			Pieces:  3,
			Bytes:   2<<20 + 100,
			Refused: []repair.Refusal{{Index: 4, Err: errors.New("x")}},
			Sources: []repair.Supplied{{Pieces: 1, Files: 3}, {Pieces: 2, Files: 1, Fetched: 4096, Wrong: 1}, {Pieces: 1, Files: 2}},
		},
		From:   []Source{{Name: "/mnt/backup"}, {Name: "https://mirror.example/****/x", Problem: "it sends other bytes for 1 piece"}, {Name: "the files found by --search"}},
		Reason: func(repair.Refusal) string { return "it has several hard links, and the others would keep the damage" },
	}
	if dryRun {
		x.Repaired.Report.Sources[1] = repair.Supplied{Pieces: 2, Files: 1, Fetched: 4096, Asked: 2, More: 512}
	}
	x.Linked = &Linked{Built: &repair.Built{Root: "/srv/seed/x", Made: 3, Kept: 1, Copied: 2048}, DryRun: dryRun}
	return x
}

// cells returns the cells of a line of CSV that are not empty, by their columns, less
// those that have nothing to do with what was found and done.
func cells(t *testing.T, report string) (list []map[string]string) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(report)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		m := make(map[string]string)
		for i, c := range line {
			if c != "" && (lines[0][i] == "path" || lines[0][i] == "status" || lines[0][i] == "certain" || i > 12) {
				m[lines[0][i]] = c
			}
		}
		list = append(list, m)
	}
	return list
}

func TestCSVMended(t *testing.T) {
	got := cells(t, reportOf(t, CSV, mendedTorrent(false)))
	candidate := func(at string) map[string]string {
		return map[string]string{"path": "one of two", "status": "candidate", "proof": "cached", "found_at": at, "candidates_reason": "shared"}
	}
	want := []map[string]string{
		{"path": "mended", "status": "ok", "certain": "true", "proof": "cached", "repair": "repaired", "repair_pieces": "2", "repair_bytes": "2097152", "repair_from": "/mnt/backup; the files found by --search", "linked_at": "/srv/seed/x/mended"},
		{"path": "made/file", "status": "ok", "certain": "true", "proof": "cached", "repair": "made", "repair_pieces": "1", "repair_bytes": "100", "repair_from": "https://mirror.example/****/x", "linked_at": "/srv/seed/x/made/file"},
		{"path": "found", "status": "missing", "certain": "true", "proof": "cached", "found_at": "/mnt/d2/deep/renamed.bin", "found_proof": "pieces", "found_unproven": "1", "linked_at": "/srv/seed/x/found"},
		{"path": "one of two", "status": "missing", "certain": "true", "proof": "cached", "candidates": "5", "candidates_reason": "shared"},
		{"path": "linked twice", "status": "missing", "certain": "true", "proof": "cached", "repair": "refused", "repair_reason": "it has several hard links, and the others would keep the damage"},
		{"path": "lost", "status": "missing", "certain": "true", "proof": "cached"},
		{"path": "empty", "status": "missing", "certain": "true", "proof": "cached", "found_at": "/mnt/d2/nothing", "found_proof": "empty", "found_unproven": "0", "linked_at": "/srv/seed/x/empty"},
		candidate("/mnt/d1/a"), candidate("/mnt/d2/a"), candidate("/mnt/d1/b"), candidate("/mnt/d1/c"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// A dry run is marked in each line of a file, and differs in nothing else.
	for i, l := range cells(t, reportOf(t, CSV, mendedTorrent(true))) {
		if dry := l["dry_run"]; (dry == "true") != (l["status"] != "candidate") {
			t.Errorf("dry_run is %q: %v", dry, l)
		}
		if delete(l, "dry_run"); !cmp.Equal(l, want[i]) {
			t.Errorf("with --dry-run %v", l)
		}
	}
	// Of a single file the tree is the file.
	x := torrentOf(verdict([]file{ok("x", 5)}))
	x.Linked = &Linked{Built: &repair.Built{Root: "seed/x", Made: 1}, Single: true}
	if got := cells(t, reportOf(t, CSV, x))[0]["linked_at"]; got != "seed/x" {
		t.Errorf("a single file is linked at %q", got)
	}
	x.Linked = &Linked{Err: "seed/x: it exists"}
	if got := cells(t, reportOf(t, CSV, x)); got[0]["linked_at"] != "" || len(got) != 2 || got[1]["error"] != "seed/x: it exists" || got[1]["path"] != "" {
		t.Errorf("a tree that could not be built: %v", got)
	}
}

// Certain means that the status is proven, not that there is damage.
func TestCertain(t *testing.T) {
	v := verdict([]file{
		ok("ok", 1), ok("ok, empty", 0), {path: "corrupt", size: 1, status: inspect.StatusCorrupt}, {path: "long", size: 1, found: 2, status: inspect.StatusLong},
		{path: "in doubt", size: 1, status: inspect.StatusUnverifiable, doubt: true}, {path: "perhaps corrupt", size: 1, status: inspect.StatusCorrupt, doubt: true},
	})
	for _, l := range cells(t, reportOf(t, CSV, torrentOf(v))) {
		want := "true"
		if l["path"] == "in doubt" || l["path"] == "perhaps corrupt" {
			want = "false"
		}
		if l["certain"] != want {
			t.Errorf("%s: certain is %q", l["path"], l["certain"])
		}
	}
}

// Columns are only ever added at the end.
func TestColumnsAreStable(t *testing.T) {
	const since = "torrent,content,path,path_bytes,at,at_bytes,status,certain,size,found,bad_bytes,bad_ranges,bad_pieces,error," +
		"proof,found_at,found_at_bytes,found_proof,found_unproven,candidates,candidates_reason," +
		"repair,repair_pieces,repair_bytes,repair_from,repair_reason,linked_at,linked_at_bytes,dry_run"
	if !strings.HasPrefix(csvHeader, since) {
		t.Errorf("the columns are %s", csvHeader)
	}
}

func TestTextMended(t *testing.T) {
	text := reportOf(t, Text, mendedTorrent(false))
	_, got, _ := strings.Cut(text, "\n2 files found elsewhere\n")
	got, _, _ = strings.Cut(got, "\nfiles that are ok\n")
	if diff := cmp.Diff(wantMended, got); diff != "" {
		t.Error(diff)
	}
	dry := reportOf(t, Text, mendedTorrent(true))
	for _, want := range []string{
		"\nwould be repaired: 2 files, 3 bad pieces; 2.0 MiB (2,097,252 bytes) to write\n",
		"\nwould be repaired             2,097,152  mended\n              2 pieces, 2.0 MiB; cut to its size\n              from /mnt/backup; ",
		"\nwould be made                       100  made/file\n",
		"\nrefused                       1,048,576  linked twice\n",
		"would be fetched: 4.0 KiB (4,096 bytes) for 2 bad pieces, and up to 512 bytes more for pieces of several files\n",
		"\n/srv/seed/x: 3 files would be made, 1 there already, 2.0 KiB (2,048 bytes) copied\n",
	} {
		if !strings.Contains(dry, want) {
			t.Errorf("the text of a dry run lacks %q:\n%s", want, dry)
		}
	}
	// Nothing was found or repaired, but it was asked for.
	x := torrentOf(verdict([]file{ok("a", 1)}))
	x.Verdict.Found, x.Repaired, x.Linked = []inspect.Found{}, &Repaired{Report: &repair.Report{}}, &Linked{Err: "x: it exists"}
	text = reportOf(t, Text, x)
	for _, want := range []string{"\n0 files found elsewhere\n", "\nrepaired: nothing\n", "\nnot built: x: it exists\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, text)
		}
	}
	// Without these flags nothing is said of them.
	text = reportOf(t, Text, torrentOf(verdict([]file{ok("a", 1)})))
	for _, word := range []string{"found", "repaired", "built", "tree"} {
		if strings.Contains(text, word) {
			t.Errorf("the text says %q:\n%s", word, text)
		}
	}
}

const wantMended = `
found                    5,242,880  found
              at /mnt/d2/deep/renamed.bin
              proven by its pieces, but for 1 byte at its ends
found                            0  empty
              at /mnt/d2/nothing
              empty, as any other

1 ambiguous file

ambiguous                      300  one of two
              5 candidates: only in pieces shared with missing or damaged files
              at /mnt/d1/a
              at /mnt/d2/a
              at /mnt/d1/b
              at /mnt/d1/c
              ... and 1 more

repaired: 2 files, 3 bad pieces; 2.0 MiB (2,097,252 bytes) written, 4.0 KiB (4,096 bytes) fetched

repaired                 2,097,152  mended
              2 pieces, 2.0 MiB; cut to its size
              from /mnt/backup; the files found by --search
made                           100  made/file
              1 piece, 100 B
              from https://mirror.example/****/x
refused                  1,048,576  linked twice
              it has several hard links, and the others would keep the damage
source        /mnt/backup
              3 files, 1 bad piece found there
source        https://mirror.example/****/x
              1 file, 2 bad pieces found there, 4.0 KiB (4,096 bytes) fetched
              it sends other bytes for 1 piece
source        the files found by --search
              2 files, 1 bad piece found there

the tree

/srv/seed/x: 3 files made, 1 there already, 2.0 KiB (2,048 bytes) copied
`

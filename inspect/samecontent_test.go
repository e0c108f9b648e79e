package inspect_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/maketorrent"
)

// contentIDs makes a torrent of files, each given by its path and content.
func contentIDs(t *testing.T, files [][2]string, o maketorrent.Options) []inspect.ContentID {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "content")
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f[0]))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f[1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	o.Path = dir
	made, err := maketorrent.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return inspect.ContentIDs(made.Torrent)
}

func TestContentIDs(t *testing.T) {
	long := strings.Repeat("long", 20_000)
	files := [][2]string{{"a", long}, {"b/c", "short"}, {"d", ""}}
	renamed := [][2]string{{"1", long}, {"2", "short"}}
	swapped := [][2]string{{"1", "short"}, {"2", long}}
	changed := [][2]string{{"a", long + "!"}, {"b/c", "short"}}
	divided := [][2]string{{"a", long + "s"}, {"b", "hort"}} // the same stream of bytes
	with := func(format maketorrent.Format, length int64, source string) maketorrent.Options {
		return maketorrent.Options{Format: format, PieceLength: length, Source: source}
	}
	const v1, v2, hybrid = maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid
	for _, tt := range []struct {
		name   string
		a, b   [][2]string
		optA   maketorrent.Options
		optB   maketorrent.Options
		common int
	}{
		{"another source", files, files, with(v1, 1<<15, "a"), with(v1, 1<<15, "b"), 1},
		{"other names", files, renamed, with(v1, 1<<15, ""), with(v1, 1<<15, ""), 1},
		{"other order in v1", renamed, swapped, with(v1, 1<<15, ""), with(v1, 1<<15, ""), 0},
		{"other order in v2", renamed, swapped, with(v2, 1<<15, ""), with(v2, 1<<15, ""), 1},
		{"other piece length in v1", files, files, with(v1, 1<<15, ""), with(v1, 1<<16, ""), 0},
		{"other piece length in v2", files, files, with(v2, 1<<15, ""), with(v2, 1<<17, ""), 1},
		{"v2 and hybrid", files, renamed, with(v2, 1<<15, ""), with(hybrid, 1<<16, ""), 1},
		{"hybrid and hybrid", files, files, with(hybrid, 1<<15, "a"), with(hybrid, 1<<15, "b"), 2},
		{"v1 and v2", files, files, with(v1, 1<<15, ""), with(v2, 1<<15, ""), 0},
		{"changed in v1", files, changed, with(v1, 1<<15, ""), with(v1, 1<<15, ""), 0},
		{"changed in v2", files, changed, with(v2, 1<<15, ""), with(v2, 1<<15, ""), 0},
		{"divided elsewhere", renamed, divided, with(v1, 1<<15, ""), with(v1, 1<<15, ""), 0},
	} {
		a, b := contentIDs(t, tt.a, tt.optA), contentIDs(t, tt.b, tt.optB)
		common := 0
		for _, id := range a {
			if slices.Contains(b, id) {
				common++
			}
		}
		if common != tt.common {
			t.Errorf("%s: %d IDs in common, want %d", tt.name, common, tt.common)
		}
	}
}

// A torrent whose hashes prove nothing has no ID.
func TestContentIDsOfBadTorrents(t *testing.T) {
	for name, info := range map[string]string{
		"no pieces":      "6:lengthi1e4:name1:x12:piece lengthi16384e",
		"too few pieces": "6:lengthi20000e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa",
		"bad pieces":     "6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces3:aaa",
		"no length":      "6:lengthi-1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa",
		"no content":     "6:lengthi0e4:name1:x12:piece lengthi16384e6:pieces0:",
		"no root":        "9:file treed1:xd0:d6:lengthi1eeee12:meta versioni2e4:name1:x12:piece lengthi16384e",
	} {
		torrent, err := inspect.Parse([]byte("d4:infod" + info + "ee"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ids := inspect.ContentIDs(torrent); len(ids) > 0 {
			t.Errorf("%s: %x", name, ids)
		}
	}
}

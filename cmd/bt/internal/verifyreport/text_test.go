package verifyreport

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bt/inspect"
)

func TestText(t *testing.T) {
	v := verdict([]file{
		ok("a", 100),
		{path: "b", size: 5 << 20, found: 5 << 20, status: inspect.StatusCorrupt, bad: []inspect.Range{rangeOf(0, 1, inspect.CauseCorrupt), rangeOf(2, 2, inspect.CauseCorrupt)}},
		{path: "c\x1b", size: 10, found: 10, status: inspect.StatusUnverifiable, doubt: true},
		{path: "d", at: "d.part", size: 10, found: 10, status: inspect.StatusOK},
	},
		inspect.BadPiece{Index: 6, Cause: inspect.CauseUnverifiable, Files: slices.Values([]string{"c\x1b", "d"}), FileCount: 2, Doubtful: true},
		inspect.BadPiece{Index: 7, Cause: inspect.CauseCorrupt, Files: slices.Values[[]string](nil)})
	v.Extra = []string{"z"}
	x := torrentOf(v)
	x.Facts = [][2]string{{"name", "x\n"}}
	got := reportOf(t, Text, x, &Torrent{Path: "bad.torrent", Result: "error", Summary: "bad bencode"})
	if diff := cmp.Diff(wantText, got); diff != "" {
		t.Error(diff)
	}
}

const wantText = `report of bt verify, 2026-01-02T15:04:05Z (bt 1.2.3)
2 torrents, 0 ok, 2 not ok

====================================================================================================
x: damaged: some of it is not in order

name              x\n
content           /srv/data/content
proof             every byte was read and hashed

8 pieces

#X#XX#?X
# 3 good  ? 1 unverifiable  X 4 bad

1 file certainly damaged

corrupt                  5,242,880  b
              5242880 of 5242880 bytes
              bytes 0-1,048,575: corrupt, piece 1
              bytes 2,097,152-4,194,303: corrupt, pieces 3-4
corrupt       padding: the hash of piece 7 in the torrent is wrong

pieces in doubt: several files share them

piece 6         unverifiable  2 files: c\x1b ... d

1 extra file

extra         z

files in doubt

unverifiable                    10  c\x1b

files that are ok

ok                             100  a
ok                              10  d  (on disk: d.part)

====================================================================================================
bad.torrent: error: bad bencode

`

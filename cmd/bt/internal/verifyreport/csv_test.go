package verifyreport

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bt/inspect"
)

func TestCSV(t *testing.T) {
	v := verdict([]file{
		ok("a", 100),
		{path: "dir/b, c", size: 5 << 20, found: 5 << 20, status: inspect.StatusCorrupt, bad: []inspect.Range{rangeOf(0, 1, inspect.CauseCorrupt), rangeOf(2, 2, inspect.CauseCorrupt)}},
		{path: "d", at: "d.part", size: 10, found: 10, status: inspect.StatusOK},
		{path: "e", size: 1 << 20, found: 1 << 20, status: inspect.StatusUnreadable, err: errors.New("input/output error"), bad: []inspect.Range{rangeOf(0, 1, inspect.CauseUnreadable)}},
		{path: "=f\xff", size: 0, status: inspect.StatusMissing},
	}, inspect.BadPiece{Index: 7, Cause: inspect.CauseCorrupt, Files: slices.Values[[]string](nil)})
	v.Extra = []string{"z"}
	got := reportOf(t, CSV, torrentOf(v), &Torrent{Path: "-", Result: "error", Summary: `bad "bencode"`})
	const none = ",,,,,,,,,,,,,,," // the columns of what was found, repaired and linked
	want := csvHeader + strings.Join([]string{
		`x.torrent,/srv/data/content,a,,,,ok,true,100,100,0,,,` + none,
		`x.torrent,/srv/data/content,"dir/b, c",,,,corrupt,true,5242880,5242880,3145728,0+1048576:corrupt 2097152+2097152:corrupt,1 3-4,` + none,
		`x.torrent,/srv/data/content,d,,d.part,,ok,true,10,10,0,,,` + none,
		`x.torrent,/srv/data/content,e,,,,unreadable,true,1048576,1048576,1048576,0+1048576:unreadable,7,input/output error` + none,
		`x.torrent,/srv/data/content,'=f\xff,3d66ff,,,missing,true,0,0,0,,,` + none,
		`x.torrent,/srv/data/content,,,,,corrupt,true,,,,,7,the hashes of the padding in the torrent are wrong` + none,
		`x.torrent,/srv/data/content,z,,,,extra,,,,,,,` + none,
		`'-,,,,,,,,,,,,,"bad ""bencode"""` + none,
	}, "\n") + "\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPieceList(t *testing.T) {
	for want, list := range map[string][]int{"": nil, "0": {0}, "0-1": {0, 1}, "3 5-7 9": {3, 5, 6, 7, 9}, "5": {5, 5}, "0 2 4": {0, 2, 4}} {
		var l pieceList
		for _, i := range list {
			l.add(i)
		}
		if got := l.String(); got != want {
			t.Errorf("%v: %q, want %q", list, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		good, total int
		want        string
	}{{0, 0, "100"}, {5, 5, "100"}, {0, 5, "0"}, {1, 2, "50"}, {1, 3, "33.33"}, {999_999, 1_000_000, "99.99"}, {1, 1_000_000, "0.01"}} {
		if got := percent(tt.good, tt.total); got != tt.want {
			t.Errorf("%d of %d: %s, want %s", tt.good, tt.total, got, tt.want)
		}
	}
}

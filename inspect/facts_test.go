package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// padded has a file that ends in a piece, its pad file, an empty file and a symlink.
const padded = "d4:infod5:filesl" +
	"d6:lengthi20000e4:pathl1:a3:b\xffcee" +
	"d4:attr1:p6:lengthi12768e4:pathl4:.pad5:12768ee" +
	"d6:lengthi0e4:pathl5:emptyee" +
	"d4:attr1:x6:lengthi5e4:pathl3:runee" +
	"d4:attr1:l6:lengthi0e4:pathl4:linke12:symlink pathl1:a3:b\xffcee" +
	"e4:name1:t12:piece lengthi16384e6:pieces60:aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccccccccccccc7:privatei0eee"

func TestDescribe(t *testing.T) {
	torrent, err := Parse([]byte(padded))
	if err != nil {
		t.Fatal(err)
	}
	file := func(f File) string {
		return fmt.Sprint(f.Index, " ", f.Path, " ", f.Size, "@", f.Offset, " ", f.FirstPiece, "-", f.LastPiece, " ", f.Attr, f.Pad, f.Symlink)
	}
	const (
		first = "0 a/b\xffc 20000@0 0-1 false"
		pad   = "1 .pad/12768 12768@20000 1-1 ptrue"
		empty = "2 empty 0@32768 -1--1 false"
		run   = "3 run 5@32768 2-2 xfalse"
		link  = "4 link 0@32773 -1--1 lfalsea/b\xffc"
	)
	for _, tt := range []struct {
		o     DescribeOptions
		size  int64
		files []string
	}{
		{DescribeOptions{}, 20005, []string{first, empty, run, link}},
		{DescribeOptions{Pads: true}, 32773, []string{first, pad, empty, run, link}},
	} {
		f := Describe(torrent, tt.o)
		var got []string
		for x := range f.Files {
			got = append(got, file(x))
		}
		if !slices.Equal(got, tt.files) {
			t.Errorf("%+v: files\n%q\nwant\n%q", tt.o, got, tt.files)
		}
		if f.FileCount != len(tt.files) || f.Size != tt.size || f.PieceCount != 3 || f.TorrentSize != len(padded) || !f.HasPrivate || f.Private || !f.CreationDate.IsZero() {
			t.Errorf("%+v: %+v", tt.o, f)
		}
		for x := range f.Files { // and again, as far as it is wanted
			if file(x) != first {
				t.Errorf("%+v: the first file is %s", tt.o, file(x))
			}
			break
		}
	}
}

func TestDescribeMagnet(t *testing.T) {
	v1, v2 := "xt=urn:btih:"+strings.Repeat("a", 40), "xt=urn:btmh:1220"+strings.Repeat("b", 64)
	for _, tt := range []struct {
		link     string
		format   string
		v1, v2   string
		size     int64
		trackers [][]string
		unknown  []string
	}{
		{v1, "v1", strings.Repeat("a", 40), "", Unknown, nil, nil},
		{v2 + "&xl=0", "v2", "", strings.Repeat("b", 64), 0, nil, nil},
		{v1 + "&" + v2 + "&xl=7&tr=http://a/&tr=http://b/&q=1", "hybrid", strings.Repeat("a", 40), strings.Repeat("b", 64), 7,
			[][]string{{"http://a/"}, {"http://b/"}}, []string{"q"}},
	} {
		m, err := ParseMagnet("magnet:?" + tt.link)
		if err != nil {
			t.Fatal(err)
		}
		f := DescribeMagnet(m)
		if f.Format != tt.format || f.InfoHashV1 != tt.v1 || f.InfoHashV2 != tt.v2 || f.Size != tt.size ||
			fmt.Sprint(f.Trackers) != fmt.Sprint(tt.trackers) || !slices.Equal(f.UnknownKeys, tt.unknown) {
			t.Errorf("%s: %+v", tt.link, f)
		}
		if f.FileCount != Unknown || f.PieceCount != Unknown || f.TorrentSize != Unknown || f.PieceLength != 0 || f.HasPrivate {
			t.Errorf("%s: it says what no link can: %+v", tt.link, f)
		}
		for x := range f.Files {
			t.Errorf("%s: a file: %+v", tt.link, x)
		}
	}
}

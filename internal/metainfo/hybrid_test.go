package metainfo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// hybrid is a torrent of two halves, with so many v1 hashes.
func hybrid(tree, v1 string, hashes int) string {
	return fmt.Sprintf("d4:infod9:file treed%se%s12:meta versioni2e4:name1:x12:piece lengthi16384e6:pieces%d:%see", tree, v1, 20*hashes, strings.Repeat("h", 20*hashes))
}

func list(entries ...string) string { return "5:filesl" + strings.Join(entries, "") + "e" }

func link(name, target string) string {
	return fmt.Sprintf("d4:attr1:l6:lengthi0e4:pathl%d:%se12:symlink pathl%d:%see", len(name), name, len(target), target)
}

func TestHybridFiles(t *testing.T) {
	a, b := leaf("a", 5, fill('a')), leaf("b", 7, fill('b'))
	tor, err := Parse([]byte(hybrid(a+b, list(entry("a", 5), pad(16379), entry("b", 7)), 2)))
	if err != nil {
		t.Fatal(err)
	}
	if len(tor.Findings) > 0 || tor.Format() != "hybrid" || tor.Size() != 12 || tor.FileCount() != 2 || tor.PieceCount() != 2 {
		t.Errorf("%s of %d bytes in %d files, %d pieces; %v", tor.Format(), tor.Size(), tor.FileCount(), tor.PieceCount(), tor.Findings)
	}
	if f := tor.Files; tor.Layout().Offset(2) != 16384 || *f[0].PiecesRoot != fill('a') || f[1].PiecesRoot != nil || *f[2].PiecesRoot != fill('b') || !f[1].Pad {
		t.Errorf("files %+v", f)
	}
}

func TestHybridMismatch(t *testing.T) {
	a, b, empty := leaf("a", 5, fill('a')), leaf("b", 7, fill('b')), leaf("c", 0, fill(0))
	bitComet := strings.Replace(entry("_____padding_file_0_if you see this file, please", 16379), "d6", "d4:attr1:h6", 1)
	linkLeaf := "1:cd0:d4:attr1:l6:lengthi0e12:symlink pathl1:aeee"
	order := "the halves have other files, or another order: "
	for _, tt := range []struct {
		name, tree, v1 string
		hashes         int
		want           string // in the message of the finding; "" for none
	}{
		{"a directory of a file of its name", leaf("x", 5, fill('a')), list(entry("x", 5)), 1, ""},
		{"padding after the last file", a + b, list(entry("a", 5), pad(16379), entry("b", 7), pad(16377)), 2, ""},
		{"BitComet's padding", a + b, list(entry("a", 5), bitComet, entry("b", 7)), 2, ""},
		{"an empty file before padding", a + b + empty, list(entry("a", 5), pad(16379), entry("b", 7), entry("c", 0), pad(16377)), 2, ""},
		{"an empty file after padding", a + b + empty, list(entry("a", 5), pad(16379), entry("b", 7), pad(16377), entry("c", 0)), 2, ""},
		{"a file that ends its piece", leaf("a", 16384, fill('a')) + b, list(entry("a", 16384), entry("b", 7)), 2, ""},
		{"a symlink in both halves", a + b + linkLeaf, list(entry("a", 5), pad(16379), entry("b", 7), link("c", "a")), 2, ""},
		{"one file", leaf("x", 5, fill('a')), "6:lengthi5e", 1, ""},

		{"another length", a + b, list(entry("a", 5), pad(16379), entry("b", 8)), 2, `a file has 8 bytes in the v1 half and 7 in the v2 half: "b"`},
		{"another length of one file", leaf("x", 5, fill('a')), "6:lengthi6e", 1, `a file has 6 bytes in the v1 half and 5 in the v2 half: "x"`},
		{"empty in one half", leaf("a", 0, fill(0)) + b, list(entry("a", 5), pad(16379), entry("b", 7)), 2, `a file has 5 bytes in the v1 half and 0 in the v2 half: "a"`},
		{"another name", a + b, list(entry("a", 5), pad(16379), entry("c", 7)), 2, order + `"c" in the v1 half, "b" in the v2 half`},
		{"another name of one file", leaf("y", 5, fill('a')), "6:lengthi5e", 1, order + `"x" in the v1 half, "y" in the v2 half`},
		{"in a directory in one half", a + b, list(entry("a", 5), pad(16379), strings.Replace(entry("b", 7), "l1:b", "l1:d1:b", 1)), 2, order + `"d/b" in the v1 half, "b" in the v2 half`},
		{"another order", a + b, list(entry("b", 7), pad(16377), entry("a", 5)), 2, order + `"b" in the v1 half, "a" in the v2 half`},
		{"a file more in v1", a, list(entry("a", 5), pad(16379), entry("b", 7)), 2, `the v1 half has a file that the v2 half has not: "b"`},
		{"an empty file more in v1", a + b, list(entry("a", 5), pad(16379), entry("b", 7), entry("c", 0)), 2, `the v1 half has a file that the v2 half has not: "c"`},
		{"a file more in v2", a + b, list(entry("a", 5)), 1, `the v2 half has a file that the v1 half has not: "b"`},
		{"an empty file more in v2", a + b + empty, list(entry("a", 5), pad(16379), entry("b", 7)), 2, `the v2 half has a file that the v1 half has not: "c"`},
		{"one file in v1, a directory in v2", leaf("x", 5, fill('a')) + leaf("y", 5, fill('b')), "6:lengthi5e", 1, `the v2 half has a file that the v1 half has not: "y"`},
		{"no padding", a + b, list(entry("a", 5), entry("b", 7)), 1, `a file begins at byte 5 in the v1 half and 16384 in the v2 half: "b"`},
		{"too little padding", a + b, list(entry("a", 5), pad(16378), entry("b", 7)), 2, `a file begins at byte 16383 in the v1 half and 16384 in the v2 half: "b"`},
		{"padding before an empty file, and none after", a + empty + leaf("d", 7, fill('d')), list(entry("a", 5), pad(9), entry("c", 0), entry("d", 7)), 1,
			`a file begins at byte 14 in the v1 half and 16384 in the v2 half: "d"`},
		{"a piece of padding", a + b, list(entry("a", 5), pad(32763), entry("b", 7)), 3, `a file begins at byte 32768 in the v1 half and 16384 in the v2 half: "b"`},
		{"a piece of padding first", a, list(pad(16384), entry("a", 5)), 2, `a file begins at byte 16384 in the v1 half and 0 in the v2 half: "a"`},
		{"a piece of padding at the end", a + b, list(entry("a", 5), pad(16379), entry("b", 7), pad(32761)), 3, "the v1 half goes to byte 49152, the v2 half to 16391"},
		{"too little padding at the end", a + b, list(entry("a", 5), pad(16379), entry("b", 7), pad(1)), 2, "the v1 half goes to byte 16392, the v2 half to 16391"},
		{"a symlink in the v1 half", a + b + empty, list(entry("a", 5), pad(16379), entry("b", 7), link("c", "a")), 2, `"c"`},
		{"a symlink in the v2 half", a + b + linkLeaf, list(entry("a", 5), pad(16379), entry("b", 7), entry("c", 0)), 2, `"c"`},
	} {
		tor, err := Parse([]byte(hybrid(tt.tree, tt.v1, tt.hashes)))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		found := slices.ContainsFunc(tor.Findings, func(f Finding) bool {
			return f.Code == CodeHybridMismatch && f.Severity == SeverityError && strings.Contains(f.Message, tt.want)
		})
		switch _, err := tor.Content(); {
		case tt.want == "" && (len(tor.Findings) > 0 || err != nil):
			t.Errorf("%s: found %v", tt.name, tor.Findings)
		case tt.want != "" && (!found || len(tor.Findings) > 1 || err == nil):
			t.Errorf("%s: found %v, want only: %s", tt.name, tor.Findings, tt.want)
		}
	}
}

// Padding with the right total that libtorrent refuses has a finding of severity
// warning.
func TestOddPadding(t *testing.T) {
	a, b := leaf("a", 5, fill('a')), leaf("b", 7, fill('b'))
	for name, v1 := range map[string]string{
		"in two":               list(entry("a", 5), pad(16000), pad(379), entry("b", 7)),
		"of nothing":           list(entry("a", 5), pad(16379), entry("b", 7), pad(0)),
		"of nothing, in front": list(pad(0), entry("a", 5), pad(16379), entry("b", 7)),
	} {
		tor, err := Parse([]byte(hybrid(a+b, v1, 2)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if f := tor.Findings; len(f) != 1 || f[0].Code != CodeOddPadding || f[0].Severity != SeverityWarning {
			t.Errorf("%s: found %v", name, f)
		}
	}
}

// A name that occurs several times is checked once.
func TestNamesAreFoundOnce(t *testing.T) {
	root := strings.Repeat("r", 32)
	leaf := "d0:d6:lengthi5e11:pieces root32:" + root + "ee"
	const rest = "12:piece lengthi16384e"
	v1 := "6:pieces20:" + strings.Repeat("h", 20)
	for _, tt := range []struct{ what, info string }{
		{"v1, one file", "6:lengthi5e4:name8:aux.part" + rest + v1},
		{"v2, one file", "9:file treed8:aux.part" + leaf + "e12:meta versioni2e4:name8:aux.part" + rest},
		{"hybrid, one file", "9:file treed8:aux.part" + leaf + "e6:lengthi5e12:meta versioni2e4:name8:aux.part" + rest + v1},
		{"v1, a directory", "5:filesld6:lengthi5e4:pathl8:aux.parteee4:name1:n" + rest + v1},
		{"v2, a directory", "9:file treed8:aux.part" + leaf + "e12:meta versioni2e4:name1:n" + rest},
		{"hybrid, a directory", "9:file treed8:aux.part" + leaf + "e5:filesld6:lengthi5e4:pathl8:aux.parteee12:meta versioni2e4:name1:n" + rest + v1},
	} {
		tor, err := Parse([]byte("d4:infod" + tt.info + "ee"))
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		count := make(map[Code]int)
		for _, f := range tor.Findings {
			count[f.Code]++
		}
		if count[CodeWindowsName] != 1 || count[CodeUnfinishedName] != 1 {
			t.Errorf("%s: found %v", tt.what, tor.Findings)
		}
	}
}

// Also in v2, the name of a single file is only advisory (BEP 3).
func TestUnsafeNameOfV2(t *testing.T) {
	leaf := "d0:d6:lengthi5e11:pieces root32:" + strings.Repeat("r", 32) + "ee"
	for _, tt := range []struct {
		what, tree string
		usable     bool
	}{
		{"a single file", "4:../a" + leaf, true},
		{"another file of the name", "4:../a" + leaf + "1:b" + leaf, false},
		{"a directory of the name", "4:../ad1:b" + leaf + "e", false},
		{"a file of the name below a dot", "1:.d4:../a" + leaf + "e1:b" + leaf, false},
		{"only a file of the name below a dot", "1:.d4:../a" + leaf + "e", false},
		{"another unsafe name", "4:../b" + leaf, false},
	} {
		tor, err := Parse([]byte("d4:infod9:file treed" + tt.tree + "e12:meta versioni2e4:name4:../a12:piece lengthi16384eee"))
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		if _, err := tor.Content(); (err == nil) != tt.usable {
			t.Errorf("%s: %v", tt.what, err)
		}
		if tt.usable && !tor.Single || tor.CheckName() == nil {
			t.Errorf("%s: single %v, name %v", tt.what, tor.Single, tor.CheckName())
		}
	}
}

package metainfo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Parts of torrents for the tables below.
const (
	sha20  = "20:aaaaaaaaaaaaaaaaaaaa"
	sha32  = "32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	single = "6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces" + sha20
)

func multi(files string) string {
	return "d4:infod5:filesl" + files + "e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee"
}

func v2(tree, rest string) string {
	return "d4:infod9:file treed" + tree + "e12:meta versioni2e4:name1:x12:piece lengthi16384ee" + rest + "e"
}

// layer is the piece layer of a file of two pieces, and layerRoot its root.
var (
	layer     = "64:" + strings.Repeat("l", 64)
	layerRoot = func() string {
		sum := sha256.Sum256([]byte(layer[3:]))
		return "32:" + string(sum[:])
	}()
)

func TestFindings(t *testing.T) {
	file := func(path string) string { return fmt.Sprintf("d6:lengthi5e4:pathl%see", path) }
	padded := hashOf(hashOf(fill('l'), fill('l')), hashOf(fill('l'), fill(0)))
	for _, tt := range []struct {
		name, in string
		want     []Code // in order; nil when there is nothing to say
	}{
		{"good", "d4:infod" + single + "ee", nil},
		{"newline", "d4:infod" + single + "ee\n", []Code{CodeTrailingBytes}},
		{"unsorted outside", "d4:infod" + single + "e1:a0:e", []Code{CodeUnsortedKeys}},
		{"key twice", "d4:infod" + single + "e4:infodee", []Code{CodeAmbiguousKey}},
		{"key twice in info", "d4:infod" + single + "7:privatei0e7:privatei1eee", []Code{CodeAmbiguousKey}},
		{"key twice elsewhere", "d4:infod" + single + "e1:zd1:a0:1:a0:ee", []Code{CodeDuplicateKey}},
		{"leading zero", "d4:infod6:lengthi05e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeLeadingZero}},
		{"no name", "d4:infod6:lengthi5e12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeMissingName}},
		{"name of another kind", "d4:infod6:lengthi5e4:namei1e12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeBadName}},
		{"name ..", strings.Replace("d4:infod"+single+"ee", "1:x", "2:..", 1), []Code{CodeUnsafeName}},
		{"name a/b", strings.Replace("d4:infod"+single+"ee", "1:x", "3:a/b", 1), []Code{CodeUnsafeName}},
		{`name a\b`, strings.Replace("d4:infod"+single+"ee", "1:x", `3:a\b`, 1), []Code{CodeWindowsName}},
		{"name C:", strings.Replace("d4:infod"+single+"ee", "1:x", "2:C:", 1), []Code{CodeWindowsName}},
		{"name with NUL", strings.Replace("d4:infod"+single+"ee", "1:x", "2:a\x00", 1), []Code{CodeUnsafeName}},
		{"name no UTF-8", strings.Replace("d4:infod"+single+"ee", "1:x", "2:a\xff", 1), []Code{CodeNotUTF8}},
		{"name con.txt", strings.Replace("d4:infod"+single+"ee", "1:x", "7:con.txt", 1), []Code{CodeWindowsName}},
		{"name COM1", strings.Replace("d4:infod"+single+"ee", "1:x", "4:COM1", 1), []Code{CodeWindowsName}},
		{"name what?", strings.Replace("d4:infod"+single+"ee", "1:x", "5:what?", 1), []Code{CodeWindowsName}},
		{"name concert", strings.Replace("d4:infod"+single+"ee", "1:x", "7:concert", 1), nil},
		{"name of 256 bytes", strings.Replace("d4:infod"+single+"ee", "1:x", "256:"+strings.Repeat("x", 256), 1), []Code{CodeLongName}},
		{"name.utf-8 first", "d4:infod6:lengthi5e4:name2:..10:name.utf-81:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeOtherName}},
		{"name.utf-8 the same", "d4:infod6:lengthi5e4:name1:x10:name.utf-81:x12:piece lengthi16384e6:pieces" + sha20 + "ee", nil},
		{"name decomposed", strings.Replace("d4:infod"+single+"ee", "1:x", "3:e\u0301", 1), []Code{CodeDecomposedName}},
		{"name composed", strings.Replace("d4:infod"+single+"ee", "1:x", "2:\u00e9", 1), nil},
		{"name unfinished", strings.Replace("d4:infod"+single+"ee", "1:x", "6:x.part", 1), []Code{CodeUnfinishedName}},
		{"no piece length", "d4:infod6:lengthi5e4:name1:x6:pieces" + sha20 + "ee", []Code{CodeMissingPieceLength}},
		{"piece length 0", strings.Replace("d4:infod"+single+"ee", "16384", "0", 1), []Code{CodeBadPieceLength}},
		{"piece length -1", strings.Replace("d4:infod"+single+"ee", "16384", "-1", 1), []Code{CodeBadPieceLength}},
		{"piece length 2^60", strings.Replace("d4:infod"+single+"ee", "16384", "1152921504606846976", 1), []Code{CodeBadPieceLength}},
		{"piece length 20000", strings.Replace("d4:infod"+single+"ee", "16384", "20000", 1), []Code{CodeOddPieceLength}},
		{"piece length 8192", strings.Replace("d4:infod"+single+"ee", "16384", "8192", 1), []Code{CodeSmallPieces}},
		{"piece length 20", strings.Replace("d4:infod"+single+"ee", "16384", "20", 1), []Code{CodeOddPieceLength, CodeSmallPieces}},
		{"piece length 128 MiB", strings.Replace("d4:infod"+single+"ee", "16384", "134217728", 1), nil},
		{"piece length 256 MiB", strings.Replace("d4:infod"+single+"ee", "16384", "268435456", 1), []Code{CodeLargePieces}},
		{"no pieces", "d4:infod6:lengthi5e4:name1:x12:piece lengthi16384eee", []Code{CodeMissingPieces}},
		{"21 bytes of pieces", strings.Replace("d4:infod"+single+"ee", "20:", "21:a", 1), []Code{CodeBadPieces}},
		{"two hashes for one", strings.Replace("d4:infod"+single+"ee", "20:", "40:bbbbbbbbbbbbbbbbbbbb", 1), []Code{CodePieceCount}},
		{"no hash for one", strings.Replace("d4:infod"+single+"ee", sha20, "0:", 1), []Code{CodePieceCount}},
		{"negative length", strings.Replace("d4:infod"+single+"ee", "i5e", "i-5e", 1), []Code{CodeBadLength}},
		{"length of 65 bits", strings.Replace("d4:infod"+single+"ee", "i5e", "i18446744073709551616e", 1), []Code{CodeBigInteger, CodeBadLength}},
		{"no length", "d4:infod4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeMissingLength}},
		{"length 0", "d4:infod6:lengthi0e4:name1:x12:piece lengthi16384e6:pieces0:ee", []Code{CodeNoContent}},
		{"many pieces", strings.Replace("d4:infod"+single+"ee", "i5e", "i9223372036854775807e", 1), []Code{CodeTooLarge}},
		{"private 2", "d4:infod" + single + "7:privatei2eee", []Code{CodeBadPrivate, CodePrivateWithoutTracker}},
		{"private without a tracker", "d4:infod" + single + "7:privatei1eee", []Code{CodePrivateWithoutTracker}},
		{"private with an empty tracker", "d8:announce0:13:announce-listll0:ee4:infod" + single + "7:privatei1eee", []Code{CodeBadTracker, CodePrivateWithoutTracker}},
		{"private with a list only", "d13:announce-listll12:http://t.x/aee4:infod" + single + "7:privatei1eee", nil},
		{"private as text", "d4:infod" + single + "7:private1:1ee", []Code{CodeBadPrivate}},
		{"private 0", "d4:infod" + single + "7:privatei0eee", nil},

		{"no files", multi(""), []Code{CodeNoFiles}},
		{"files no list", "d4:infod5:filesi1e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeBadFiles}},
		{"a file no dict", multi("i1e" + file("1:a")), []Code{CodeBadFiles}},
		{"no path", multi("d6:lengthi5ee"), []Code{CodeBadPath}},
		{"empty path", multi(file("")), []Code{CodeBadPath}},
		{"path of numbers", multi(file("i1e")), []Code{CodeBadPath}},
		{"path up", multi(file("2:..6:passwd")), []Code{CodeUnsafePath}},
		{"absolute path", multi(file("4:/etc")), []Code{CodeUnsafePath}},
		{"empty component", multi(file("0:1:a")), []Code{CodeOddComponent}},
		{"dot component", multi(file("1:.1:a1:.")), []Code{CodeOddComponent}},
		{"nothing left of a path", multi(file("0:1:.")), []Code{CodeOddComponent, CodeBadPath}},
		{"the same without them", multi(file("0:1:a") + file("1:a")), []Code{CodeOddComponent, CodeDuplicatePath}},
		{"NUL", multi(file("3:a\x00b")), []Code{CodeUnsafePath}},
		{"slash", multi(file("3:a/b")), []Code{CodeUnsafePath}},
		{"backslash", multi(file("3:a\\b")), []Code{CodeWindowsName}},
		{"drive letter", multi(file("2:c:1:a")), []Code{CodeWindowsName}},
		{"decomposed directory", multi(file("3:e\u03011:a")), []Code{CodeDecomposedName}},
		{"both forms", multi(file("3:e\u0301") + file("2:\u00e9")), []Code{CodeDecomposedName, CodeCaseCollision}},
		{"unfinished", multi(file("7:a.part2") + file("5:a.!qB") + file("1:d5:b.!ut") + file("5:c.bc!") + file("6:d.part1:e")), []Code{CodeUnfinishedName, CodeUnfinishedName, CodeUnfinishedName}},
		{"path.utf-8", multi("d6:lengthi5e4:pathl2:\xd6\xd0e10:path.utf-8l3:\u4e2dee"), []Code{CodeOtherName}},
		{"path.utf-8 the same", multi("d6:lengthi5e4:pathl1:ae10:path.utf-8l1:aee"), nil},
		{"path.utf-8 up", multi("d6:lengthi5e4:pathl1:ae10:path.utf-8l2:..ee"), []Code{CodeOtherName, CodeUnsafePath}},
		{"path up beside path.utf-8", multi("d6:lengthi5e4:pathl2:..e10:path.utf-8l1:aee"), []Code{CodeOtherName}},
		{"a file twice", multi(file("1:a") + file("1:b") + file("1:a")), []Code{CodeDuplicatePath}},
		{"file and directory", multi(file("1:a1:b") + file("1:a")), []Code{CodeDuplicatePath}},
		{"only a prefix", multi(file("1:a") + file("2:ab") + file("3:a b")), nil},
		{"case", multi(file("1:a") + file("1:A")), []Code{CodeCaseCollision}},
		{"pads of one name", multi("d4:attr1:p6:lengthi1e4:pathl1:pee" + "d4:attr1:p6:lengthi1e4:pathl1:pee" + file("1:p")), nil},
		{"symlink up", multi(file("1:a") + "d4:attr1:l6:lengthi0e4:pathl1:be12:symlink pathl2:..1:aee"), []Code{CodeBadSymlink}},
		{"symlink without length", multi(file("1:a") + "d4:attr1:l4:pathl1:be12:symlink pathl1:aee"), nil},
		{"symlink with length", multi("d4:attr1:l6:lengthi99999e4:pathl1:be12:symlink pathl1:aee" + file("1:a")), []Code{CodeSymlinkLength}},
		{"symlink to nothing", multi(file("1:a") + "d4:attr1:l6:lengthi0e4:pathl1:bee"), []Code{CodeBadSymlink}},
		{"padding by name", multi("d6:lengthi7e4:pathl48:_____padding_file_0_if you see this file, pleaseee" + file("1:a")), nil},
		{"length of its own", "d4:infod5:filesl" + file("1:a") + "e6:lengthi5e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeLengthAndFiles}},
		{"length 0 of its own", "d4:infod5:filesl" + file("1:a") + "e6:lengthi0e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeNeedlessLength}},
		{"length 0 and no files", "d4:infod5:filesle6:lengthi0e4:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeNeedlessLength, CodeNoFiles}},
		{"length of its own, no number", "d4:infod5:filesl" + file("1:a") + "e6:length1:04:name1:x12:piece lengthi16384e6:pieces" + sha20 + "ee", []Code{CodeLengthAndFiles}},
		{"sum over 64 bits", multi("d6:lengthi9223372036854775807e4:pathl1:aeed6:lengthi9223372036854775807e4:pathl1:bee"), []Code{CodeTooLarge}},

		{"v2 good", v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), nil},
		{"v2 empty file", v2("1:ad0:d6:lengthi0eee1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), nil},
		{"v2 no root", v2("1:xd0:d6:lengthi5eee", ""), []Code{CodeMissingPiecesRoot}},
		{"v2 zero root", v2("1:xd0:d6:lengthi5e11:pieces root32:"+strings.Repeat("\x00", 32)+"ee", ""), []Code{CodeBadPiecesRoot}},
		{"v2 short root", v2("1:xd0:d6:lengthi5e11:pieces root"+sha20+"ee", ""), []Code{CodeBadPiecesRoot}},
		{"v2 root of an empty file", v2("1:xd0:d6:lengthi0e11:pieces root"+sha32+"ee1:yd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), []Code{CodeNeedlessPiecesRoot}},
		{"v2 no name", v2("0:d6:lengthi5e11:pieces root"+sha32+"e", ""), []Code{CodeBadFileTree, CodeNoFiles}},
		{"v2 no dict", v2("1:xi1e", ""), []Code{CodeBadFileTree, CodeNoFiles}},
		{"v2 dot directory", v2("1:.d1:xd0:d6:lengthi5e11:pieces root"+sha32+"eee", ""), []Code{CodeOddComponent}},
		{"v2 dot file", v2("1:.d0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), []Code{CodeUnsafePath, CodeOneFile}},
		{"v2 up", v2("2:..d0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), []Code{CodeUnsafePath, CodeOneFile}},
		{"v2 unsorted tree", v2("1:yd0:d6:lengthi0eee1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), []Code{CodeUnsortedV2Keys}},
		{"v2 no layers", v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"ee", ""), []Code{CodeMissingPieceLayers}},
		{"v2 layers", v2("1:xd0:d6:lengthi20000e11:pieces root"+layerRoot+"ee", "12:piece layersd"+layerRoot+layer+"e"), nil},
		{"v2 layers of two", v2("1:xd0:d6:lengthi20000e11:pieces root"+layerRoot+"ee1:yd0:d6:lengthi30000e11:pieces root"+layerRoot+"ee", "12:piece layersd"+layerRoot+layer+"e"), nil},
		{"v2 layers of two lengths", v2("1:xd0:d6:lengthi20000e11:pieces root"+layerRoot+"ee1:yd0:d6:lengthi40000e11:pieces root"+layerRoot+"ee", "12:piece layersd"+layerRoot+layer+"e"), []Code{CodeBadPieceLayers}},
		{"v2 layer of another root", v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"ee1:yd0:d6:lengthi20000e11:pieces root"+sha32+"ee", "12:piece layersd"+sha32+layer+"e"), []Code{CodeBadPieceLayers}},
		{"v2 layer with its padding", v2(leaf("x", 40000, padded), "12:piece layersd"+"32:"+string(padded[:])+"128:"+strings.Repeat("l", 96)+strings.Repeat("\x00", 32)+"e"), []Code{CodeBadPieceLayers}},
		{"v2 layer of exactly a piece", v2("1:xd0:d6:lengthi16384e11:pieces root"+layerRoot+"ee", "12:piece layersd"+layerRoot+layer+"e"), []Code{CodeNeedlessPieceLayer}},
		{"v2 needless layer", v2("1:xd0:d6:lengthi5e11:pieces root"+layerRoot+"ee", "12:piece layersd"+layerRoot+layer+"e"), []Code{CodeNeedlessPieceLayer}},
		{"v2 pad file", v2("1:xd0:d4:attr1:p6:lengthi5e11:pieces root"+sha32+"ee", ""), []Code{CodeBadFileTree}},
		{"v2 more pieces than hashes", v2("1:xd0:d6:lengthi549755830273e11:pieces root"+sha32+"ee", ""), []Code{CodeMissingPieceLayers, CodeTooLarge}},
		{"v2 short layer", v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"ee", "12:piece layersd"+sha32+sha32+"e"), []Code{CodeBadPieceLayers}},
		{"v2 empty layer", v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"ee", "12:piece layersd"+sha32+"0:e"), []Code{CodeBadPieceLayers}},
		{"v2 odd layer of a file", v2("1:xd0:d6:lengthi20000e11:pieces root"+sha32+"ee", "12:piece layersd"+sha32+sha20+"e"), []Code{CodeBadPieceLayers}},
		{"v2 odd layer", v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", "12:piece layersd"+sha32+sha20+"e"), []Code{CodeBadPieceLayers}},
		{"v2 layer key", v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", "12:piece layersd"+sha20+sha32+"e"), []Code{CodeBadPieceLayers}},
		{"v3", strings.Replace(v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), "i2e", "i3e", 1), []Code{CodeMetaVersion}},
		{"v2 piece length", strings.Replace(v2("1:xd0:d6:lengthi5e11:pieces root"+sha32+"ee", ""), "16384", "16385", 1), []Code{CodeBadPieceLength}},

		{"tracker no text", "d8:announcei1e4:infod" + single + "ee", []Code{CodeBadText}},
		{"tracker with blanks", "d8:announce15: http://t.x/a\n 4:infod" + single + "ee", []Code{CodeBadTracker}},
		{"tracker of no scheme", "d8:announce3:t.x4:infod" + single + "ee", []Code{CodeBadTracker}},
		{"tracker of another scheme", "d8:announce13:gopher://t.x/4:infod" + single + "ee", []Code{CodeBadTracker}},
		{"list no list", "d13:announce-list3:abc4:infod" + single + "ee", []Code{CodeBadTrackerList}},
		{"empty text as list", "d13:announce-list0:4:infod" + single + "ee", nil},
		{"plain list", "d13:announce-listl12:http://t.x/ae4:infod" + single + "ee", []Code{CodeBadTrackerList}},
		{"tracker twice", "d13:announce-listll12:http://t.x/a12:http://t.x/aee4:infod" + single + "ee", []Code{CodeDuplicateTracker}},
		{"announce elsewhere", "d8:announce12:http://t.x/b13:announce-listll12:http://t.x/aee4:infod" + single + "ee", []Code{CodeAnnounceNotFirst}},
		{"web seeds", "d4:infod" + single + "e8:url-listl9:http://w/9:http://w/i1e0:3:w/aee", []Code{CodeDuplicateWebSeed, CodeBadWebSeed, CodeBadWebSeed}},
		{"nodes", "d4:infod" + single + "e5:nodesll1:ai1eel1:ai0eel1:aei1eee", []Code{CodeBadNode, CodeBadNode, CodeBadNode}},
		{"nodes no list", "d4:infod" + single + "e5:nodes0:e", []Code{CodeBadNode}},
		{"a node twice", "d4:infod" + single + "e5:nodesll1:ai1eel1:Ai1eel1:ai2eel3:::1i1eel7:0:0::01i1eeee", []Code{CodeDuplicateNode, CodeDuplicateNode}},
		{"nodes no client can ask", "d4:infod" + single + "e5:nodesl" +
			"l0:i1eel3:a bi1eel5:[::1]i1eel3:a:1i1eel4:a..bi1eel3:a/bi1eel1:ai65536eel1:ai-1eel1:ai1ei1ee" + "ee",
			[]Code{CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode, CodeBadNode}},
		{"comment no text", "d7:commenti1e4:infod" + single + "ee", []Code{CodeBadText}},
		{"date in milliseconds", "d13:creation datei1375363666000e4:infod" + single + "ee", []Code{CodeBadDate}},
		{"date no number", "d13:creation date4:20134:infod" + single + "ee", []Code{CodeBadDate}},
	} {
		tor, err := Parse([]byte(tt.in))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		var got []Code
		usable := true
		for _, f := range tor.Findings {
			got = append(got, f.Code)
			usable = usable && f.Severity != SeverityError
			if f.Severity == "" || f.Message == "" || f.Offset < 0 || f.Offset >= len(tt.in) {
				t.Errorf("%s: finding %+v", tt.name, f)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: found %v, want %v", tt.name, got, tt.want)
		}
		if tt.name == "padding by name" && (!tor.Files[0].Pad || tor.Size() != 5) {
			t.Errorf("%s: %+v", tt.name, tor.Files)
		}
		_, err = tor.Content()
		var unusable *UnusableError
		if (err == nil) != usable || err != nil && !errors.As(err, &unusable) {
			t.Errorf("%s: Content says %v", tt.name, err)
		}
	}
}

func TestNotATorrent(t *testing.T) {
	for _, in := range []string{
		"", "x", "de", "i1e", "le", "d4:infoi1ee", "d4:info0:e", "d4:infodee", "d4:infod12:piece lengthi1eee", "d4:infod1:ae",
		strings.Repeat("d1:a", 200),
	} {
		if tor, err := Parse([]byte(in)); err == nil {
			t.Errorf("%q parsed: %+v", in, tor)
		}
	}
}

// The zero Torrent has no content.
func TestZeroTorrent(t *testing.T) {
	var unusable *UnusableError
	if c, err := new(Torrent).Content(); !errors.As(err, &unusable) {
		t.Errorf("%v, %v", c, err)
	}
}

func TestTorrentFields(t *testing.T) {
	in := "d8:announce12:http://t.x/a13:announce-listll13:http://t.x/a 11:udp://u.x:1el0:el12:http://t.x/bee" +
		"7:comment2:hi10:created by2:me13:creation datei0e8:encoding5:UTF-8" +
		"9:httpseedsl9:http://h/e4:infod" + single + "7:privatei1e6:source3:ABC1:zi1ee5:nodesll1:hi6881eee8:url-list9:http://w/1:z0:e"
	tor, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"http://t.x/a", "udp://u.x:1"}, {"http://t.x/b"}}
	if got := tor.Trackers(); !reflect.DeepEqual(got, want) {
		t.Errorf("trackers %q", got)
	}
	if tor.Comment != "hi" || tor.CreatedBy != "me" || tor.CreationDate.Unix() != 0 || tor.CreationDate.IsZero() || tor.Encoding != "UTF-8" {
		t.Errorf("%q %q %v %q", tor.Comment, tor.CreatedBy, tor.CreationDate, tor.Encoding)
	}
	if !slices.Equal(tor.WebSeeds, []string{"http://w/"}) || !slices.Equal(tor.HTTPSeeds, []string{"http://h/"}) || !slices.Equal(tor.Nodes, []Node{{"h", 6881}}) {
		t.Errorf("%q %q %v", tor.WebSeeds, tor.HTTPSeeds, tor.Nodes)
	}
	if !tor.Private || !tor.HasPrivate || tor.Source != "ABC" || !tor.Single {
		t.Errorf("private %v, source %q", tor.Private, tor.Source)
	}
	if !slices.Equal(tor.UnknownKeys, []string{"z", "info.z"}) {
		t.Errorf("unknown %q", tor.UnknownKeys)
	}
	if got := tor.Magnet().String(); got != "magnet:?xt=urn:btih:"+fmt.Sprintf("%x", tor.InfoHashV1)+
		"&dn=x&xl=5&tr=http%3A%2F%2Ft.x%2Fa&tr=udp%3A%2F%2Fu.x%3A1&tr=http%3A%2F%2Ft.x%2Fb&ws=http%3A%2F%2Fw%2F" {
		t.Errorf("magnet %s", got)
	}
}

func TestManyFindings(t *testing.T) {
	tor, err := Parse([]byte(multi(strings.Repeat("d6:lengthi5e4:pathl2:..ee", 5000))))
	if err != nil {
		t.Fatal(err)
	}
	if len(tor.Findings) > 3*(maxFindings+1) {
		t.Errorf("%d findings", len(tor.Findings))
	}
	if !slices.ContainsFunc(tor.Findings, func(f Finding) bool { return f.Message == "and 4900 more of this kind" }) {
		t.Error("no finding says how many more there are")
	}
}

func BenchmarkParse(b *testing.B) {
	bd := Builder{V1: true, Name: "x", PieceLength: 16384, Hashes: Hashes{Pieces: make([]byte, 25000*20)}}
	for i := range 100_000 {
		bd.Files = append(bd.Files, BuildFile{Path: []string{fmt.Sprintf("d%03d", i/1000), fmt.Sprintf("f%06d.txt", i)}, Length: 4096})
	}
	out, err := bd.Build()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(out)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(out); err != nil {
			b.Fatal(err)
		}
	}
}

func TestInfoBytes(t *testing.T) {
	for _, in := range []string{
		"d4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee",
		"d8:announce1:a4:infod4:name1:x6:lengthi01eee", // unsorted, with a leading zero
	} {
		torrent, err := Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		want := in[strings.Index(in, "4:info")+len("4:info") : len(in)-1]
		if got := string(torrent.InfoBytes()); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

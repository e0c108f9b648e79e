package metainfo

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bt/internal/testenv"
)

func hasCode(tor *Torrent, code Code) bool {
	return slices.ContainsFunc(tor.Findings, func(f Finding) bool { return f.Code == code })
}

// Every code of this package is in the table once, with a meaning.
func TestKinds(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	declared := make(map[Code]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
				name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				declared[Code(name)] = true
			}
		}
		return true
	})
	seen := make(map[Code]bool)
	for _, k := range Kinds {
		if seen[k.Code] || !declared[k.Code] {
			t.Errorf("%s is in the table twice, or is no constant", k.Code)
		}
		seen[k.Code] = true
		if k.Meaning == "" || !slices.Contains([]Severity{SeverityNote, SeverityWarning, SeverityError}, k.Severity) {
			t.Errorf("%s has severity %q and means %q", k.Code, k.Severity, k.Meaning)
		}
		if k.Advice == "" || !strings.HasSuffix(k.Advice, ".") || strings.Contains(k.Advice, "--") {
			t.Errorf("%s has the advice %q, want sentences that name no flag", k.Code, k.Advice)
		}
	}
	for code := range declared {
		if !seen[code] {
			t.Errorf("%s is not in the table", code)
		}
	}
	if len(declared) < 60 {
		t.Errorf("only %d codes were found", len(declared))
	}
}

func TestWindowsNames(t *testing.T) {
	for _, name := range []string{
		"a<b", "a>b", "a:b", `a"b`, "a|b", "what?", "a*", `AC\DC`, "a\x01b", "a\tb", "\x1f", "a.", "a ", "...", " ", "a. .",
		"CON", "con", "Prn", "AUX", "nul", "NUL.txt", "nul.tar.gz", "con.", "COM1", "com9.log", "LPT1", "lpt9", "COM\u00b9", "lpt\u00b2.txt", "COM\u00b3",
		"CONIN$", "conout$", "CONOUT$.txt", "NUL .txt", "AUX  .a",
	} {
		if !windowsRefuses(name) {
			t.Errorf("%q is taken", name)
		}
	}
	for _, name := range []string{
		"a", "a.b", ".a", "..a", " a", "a b", "concert", "CON1", "con-1", "xcon", "COM", "COM0", "COM10", "LPT", "COM\u2074", "LPT1a", "NULL", "auxiliary",
		"CONIN", "conin$a", "a\x7f", "\u00fc", "a,b;c=d", "$Recycle", "a.con", "a\xff", "COMP1", "txt.nul",
	} {
		if windowsRefuses(name) {
			t.Errorf("%q is refused", name)
		}
	}
}

// A name is found wherever it is, with its own severity.
func TestWindowsNameIsAWarning(t *testing.T) {
	for _, in := range []string{
		strings.Replace("d4:infod"+single+"ee", "1:x", "4:con.", 1),
		multi("d6:lengthi5e4:pathl3:nul1:aee"),
		v2(leaf("a?", 5, fill('a'))+leaf("b", 5, fill('b')), ""),
	} {
		tor, err := Parse([]byte(in))
		if err != nil || len(tor.Findings) != 1 || tor.Findings[0].Code != CodeWindowsName || tor.Findings[0].Severity != SeverityWarning {
			t.Errorf("%q: %v, %v", in, tor.Findings, err)
		}
	}
}

func TestDuplicates(t *testing.T) {
	text := func(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }
	for i, urls := range spellings {
		if i >= len(spellings)-3 { // no URLs
			break
		}
		var one, each string
		for _, u := range urls {
			one += text(u)
			each += "l" + text(u) + "e"
		}
		for name, in := range map[string]string{
			"one tier":   "d13:announce-listll" + one + "ee4:infod" + single + "ee",
			"many tiers": "d13:announce-listl" + each + "e4:infod" + single + "ee",
			"web seeds":  "d4:infod" + single + "e8:url-listl" + one + "ee",
			"http seeds": "d9:httpseedsl" + one + "e4:infod" + single + "ee",
		} {
			tor, err := Parse([]byte(in))
			if err != nil {
				t.Fatal(err)
			}
			code := CodeDuplicateTracker
			if strings.HasSuffix(name, "seeds") {
				code = CodeDuplicateWebSeed
			}
			got := 0
			for _, f := range tor.Findings {
				if f.Code == code {
					got++
				}
			}
			if got != len(urls)-1 {
				t.Errorf("%s of %q: %d are found twice, want %d", name, urls, got, len(urls)-1)
			}
		}
	}
	// announce repeats the first tracker of the list, perhaps in another spelling.
	tor, err := Parse([]byte("d8:announce" + text("HTTP://t.example:80/a") + "13:announce-listll" + text("http://t.example/a") + "ee4:infod" + single + "ee"))
	if err != nil || len(tor.Findings) > 0 {
		t.Errorf("%v, %v", tor.Findings, err)
	}
	// An invalid URL is one finding, although announce repeats it.
	tor, err = Parse([]byte("d8:announce" + text("udp://t.example") + "13:announce-listll" + text("udp://t.example") + "ee4:infod" + single + "ee"))
	if err != nil || len(tor.Findings) != 1 || tor.Findings[0].Code != CodeBadTracker {
		t.Errorf("%v, %v", tor.Findings, err)
	}
}

func TestLargeTorrent(t *testing.T) {
	for n, want := range map[int]bool{10_000_000: false, 10_000_001: true, 9_000_000: false} {
		frame := "d7:comment" + "1000000:" + "4:infod" + single + "ee"
		in := strings.Replace(frame, "1000000:", fmt.Sprintf("%d:%s", n-len(frame), strings.Repeat("x", n-len(frame))), 1)
		tor, err := Parse([]byte(in))
		if err != nil || len(in) != n || hasCode(tor, CodeLargeTorrent) != want {
			t.Errorf("%d bytes: %v, %v", len(in), tor.Findings, err)
		}
	}
}

func TestManyPieces(t *testing.T) {
	testenv.Large(t)
	for _, tt := range []struct {
		name         string
		v1, v2       bool
		files        int
		length, last int64 // of each, and of the last
		want         bool
	}{
		{"v1, as many as are taken", true, false, 1, 0, ManyPiecesLimit * BlockLength, false},
		{"v1, one more", true, false, 1, 0, ManyPiecesLimit*BlockLength + 1, true},
		{"v1 of many files", true, false, 70_000, BlockLength, BlockLength, true},
		{"v1 of many small files", true, false, 70_000, 100, 100, false},
		{"v2 of many small files", false, true, 70_000, 100, 100, false},
		{"a hybrid of many small files", true, true, 70_000, 100, 100, false},
		{"v2 of many small files and a large one", false, true, 70_000, 100, (ManyPiecesLimit + 1) * BlockLength, false},
		{"v2 of many small files and a larger one", false, true, 70_000, 100, (ManyPiecesLimit + 2) * BlockLength, true},
		{"v2 of a large one and empty ones", false, true, 70_000, 0, (ManyPiecesLimit + 2) * BlockLength, true},
		{"v2 of a large one", false, true, 1, 0, (ManyPiecesLimit + 2) * BlockLength, true},
		{"a hybrid of a large one", true, true, 2, 1, (ManyPiecesLimit + 2) * BlockLength, true},
	} {
		b := Builder{V1: tt.v1, V2: tt.v2, Name: "x", PieceLength: BlockLength}
		for i := range tt.files {
			b.Files = append(b.Files, BuildFile{Path: []string{fmt.Sprintf("%06d", i)}, Length: tt.length})
		}
		b.Files[tt.files-1].Length = tt.last
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if tt.v1 {
			b.Pieces = make([]byte, 20*l.Pieces())
		}
		if tt.v2 {
			b.PiecesRoots = make([][32]byte, tt.files)
			if layer := make([]byte, (tt.last-1)/BlockLength*32+32); tt.last > BlockLength {
				b.PieceLayers, b.PiecesRoots[tt.files-1] = layer, rootOf(layer, BlockLength)
			}
			for i := range b.PiecesRoots[:tt.files-1] {
				b.PiecesRoots[i][0] = 1
			}
		}
		out, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		tor, err := Parse(out)
		if err != nil || hasCode(tor, CodeManyPieces) != tt.want {
			t.Errorf("%s: %v, %v", tt.name, tor.Findings, err)
		}
	}
}

func TestTorrentInContent(t *testing.T) {
	file := func(name string) string { return fmt.Sprintf("d6:lengthi5e4:pathl3:dir%d:%see", len(name), name) }
	for in, want := range map[string]string{
		multi(file("a")):         "",
		multi(file("a.torrent")): `the content has 1 .torrent file; the first is "dir/a.torrent"`,
		multi(file("a") + file("b.TORRENT") + file("c.torrent")):                            `the content has 2 .torrent files; the first is "dir/b.TORRENT"`,
		multi(file("a.torrent.txt") + file("torrent") + file("a.torrents") + file("a.tor")): "",
		strings.Replace("d4:infod"+single+"ee", "1:x", "9:x.torrent", 1):                    `the content has 1 .torrent file; the first is "x.torrent"`,
		v2(leaf("a.torrent", 5, fill('a'))+leaf("b", 5, fill('b')), ""):                     `the content has 1 .torrent file; the first is "a.torrent"`,
		multi("d4:attr1:p6:lengthi7e4:pathl9:p.torrentee" + file("a")):                      "",
	} {
		tor, err := Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range tor.Findings {
			if f.Code == CodeTorrentInContent {
				got += f.Message
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// Trackers beyond the limit are left out with one finding, wherever the limit is reached.
func TestTooManyTrackers(t *testing.T) {
	const url = "17:http://t/%08d"
	tier := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, url, i)
		}
		return "l" + b.String() + "e"
	}
	for _, tt := range []struct {
		name  string
		tiers string
		left  int // trackers; -1 if none is left out
	}{
		{"as many as there can be", tier(maxListed - 1), -1},
		{"one too many in the last tier", tier(maxListed), maxListed - 1},
		{"many too many in the last tier", tier(3 * maxListed), maxListed - 1},
		{"a tier too many", tier(maxListed-1) + tier(1), maxListed - 1},
		{"in two tiers", tier(maxListed/2) + tier(maxListed), maxListed - 2},
	} {
		info := "4:infod6:lengthi1e4:name1:a12:piece lengthi16384e6:pieces20:" + strings.Repeat("x", 20) + "e"
		tor, err := Parse([]byte("d13:announce-listl" + tt.tiers + "e" + info + "e"))
		if err != nil {
			t.Fatal(err)
		}
		n, findings := 0, 0
		for _, tier := range tor.AnnounceList {
			n += len(tier)
		}
		for _, f := range tor.Findings {
			if f.Code == CodeBadTrackerList {
				findings++
			}
		}
		if cut := tt.left >= 0; cut != tor.MoreTrackers || cut != (findings == 1) || findings > 1 || cut && n != tt.left {
			t.Errorf("%s: %d trackers, more %v, %d findings", tt.name, n, tor.MoreTrackers, findings)
		}
	}
}

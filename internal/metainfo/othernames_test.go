package metainfo

import (
	"slices"
	"strings"
	"testing"
)

func TestOtherPaths(t *testing.T) {
	list := func(outer string, files ...string) string {
		return "d" + outer + "4:infod5:filesl" + strings.Join(files, "") + "e4:name1:n12:piece lengthi16384e6:pieces20:" + strings.Repeat("h", 20) + "ee"
	}
	entry := func(keys string) string { return "d6:lengthi5e" + keys + "e" }
	const gbk = "8:encoding3:GBK"
	for _, tt := range []struct {
		name, torrent string
		path          string
		want          []string
	}{
		{"plain", list("", entry("4:pathl1:d1:ae")), "d/a", nil},
		{"empty component", list("", entry("4:pathl1:d0:1:ae")), "d/a", []string{"d/_/a"}},
		{"empty component first", list("", entry("4:pathl0:1:ae")), "a", []string{"_/a"}},
		{"dot component", list("", entry("4:pathl1:d1:.1:ae")), "d/a", nil},
		{"backslash", list("", entry(`4:pathl3:a\be`)), `a\b`, []string{"ab"}},
		{"only backslashes", list("", entry(`4:pathl2:\\e`)), `\\`, nil},
		{"path and path.utf-8", list("", entry("4:pathl2:\xd6\xd0e10:path.utf-8l3:中e")), "中", []string{"\xd6\xd0"}},
		{"path.utf-8 of another length", list("", entry("4:pathl2:\xd6\xd01:ae10:path.utf-8l3:中e")), "中", []string{"\xd6\xd0/a"}},
		{"path up beside path.utf-8", list("", entry("4:pathl2:..1:ae10:path.utf-8l1:be")), "b", nil},
		{"encoding", list(gbk, entry("4:pathl2:\xd6\xd01:ae")), "\xd6\xd0/a", []string{"中/a"}},
		{"encoding in lower case", list("8:encoding3:gbk", entry("4:pathl2:\xd6\xd0e")), "\xd6\xd0", []string{"中"}},
		{"encoding, UTF-8 in the torrent", list(gbk, entry("4:pathl3:中1:ae")), "中/a", []string{"\xd6\xd0/a"}},
		{"encoding and an empty component", list(gbk, entry("4:pathl2:\xd6\xd00:1:ae")), "\xd6\xd0/a", []string{"中/a", "\xd6\xd0/_/a"}},
		{"ASCII of an encoding", list(gbk, entry("4:pathl1:ae")), "a", nil},
		{"no text of the encoding", list(gbk, entry("4:pathl1:\xffe")), "\xff", nil},
		{"code page", list("8:codepagei936e", entry("4:pathl2:\xd6\xd0e")), "\xd6\xd0", []string{"中"}},
		{"code page 1251", list("8:codepagei1251e", entry("4:pathl2:\xcf\xf0e")), "\xcf\xf0", []string{"Пр"}},
		{"code page 437", list("8:codepagei437e", entry("4:pathl1:\x82e")), "\x82", []string{"é"}},
		{"Shift JIS", list("8:encoding9:Shift_JIS", entry("4:pathl4:\x93\xfa\x96\x7be")), "\x93\xfa\x96\x7b", []string{"日本"}},
		{"a Shift JIS name with a byte of a backslash", list("8:codepagei932e", entry("4:pathl2:\x83\\e")), "\x83\\", []string{"ソ", "\x83"}},
		{"encoding UTF-8", list("8:encoding5:UTF-8", entry("4:pathl3:中e")), "中", nil},
		{"unknown encoding", list("8:encoding3:xyz", entry("4:pathl2:\xd6\xd0e")), "\xd6\xd0", nil},
		{"encoding that makes slashes", list("8:encoding8:utf-16be", entry("4:pathl6:\x00/\x00.\x00.e")), "", nil},
	} {
		tor, err := Parse([]byte(tt.torrent))
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		c, err := tor.Content()
		if err != nil {
			if tt.path != "" {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var got []string
		for _, p := range c.OtherPaths(0) {
			got = append(got, strings.Join(p, "/"))
		}
		if path := strings.Join(c.Files[0].Path(), "/"); path != tt.path || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, others %q; want %q, %q", tt.name, path, got, tt.path, tt.want)
		}
	}
}

func TestOtherNames(t *testing.T) {
	for _, tt := range []struct {
		outer, name string // bencode
		want        []string
	}{
		{"", "4:name1:x", nil},
		{"", "4:name2:\xd6\xd010:name.utf-83:中", []string{"\xd6\xd0"}},
		{"", "4:name2:..10:name.utf-81:x", nil},
		{"8:encoding3:GBK", "4:name2:\xd6\xd0", []string{"中"}},
		{"", `4:name3:a\b`, []string{"ab"}},
		{"", "4:name2:..", nil},
		{"", "4:name0:", nil},
	} {
		tor, err := Parse([]byte("d" + tt.outer + "4:infod6:lengthi5e" + tt.name + "12:piece lengthi16384e6:pieces20:" + strings.Repeat("h", 20) + "ee"))
		if err != nil {
			t.Errorf("%q: %v", tt.name, err)
			continue
		}
		c, err := tor.Content()
		if err != nil {
			t.Errorf("%q: %v", tt.name, err)
			continue
		}
		if got := c.OtherNames(); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q, want %q", tt.name, got, tt.want)
		}
		if unsafe := c.Name == ""; unsafe != (tor.CheckName() != nil) || !unsafe && c.Name != tor.Name {
			t.Errorf("%q: content is called %q, CheckName says %v", tt.name, c.Name, tor.CheckName())
		}
	}
}

func TestEncodingNames(t *testing.T) {
	for canonical, names := range map[string][]string{
		"gbk":          {"GBK", "gb2312", "GB18030", "cp936", "CP936", "ms936", "windows-936", "936"},
		"shift_jis":    {"Shift_JIS", "shift-jis", "SJIS", "cp932", "CP932", "ms932", "windows-932", "windows-31j", "932"},
		"euc-jp":       {"EUC-JP", "euc_jp", "EUC_JP"},
		"euc-kr":       {"EUC-KR", "euc_kr", "cp949", "949", "ks_c_5601-1987"},
		"big5":         {"Big5", "BIG5", "cp950", "ms950", "950"},
		"windows-1251": {"windows-1251", "WINDOWS1251", "cp1251", "1251", "windows_1251"},
		"windows-1252": {"latin-1", "latin_1", "latin1", "iso8859-1", "ISO_8859-1", "iso-8859-1", "cp1252"},
		"koi8-r":       {"KOI8-R", "koi8_r"},
		"ibm866":       {"cp866", "IBM866", "866"},
		"":             {"utf-8", "utf8", "UTF_8", "cp65001", "", "mbcs", "xyz", "cp", "-1", "0"},
	} {
		for _, name := range names {
			r := (&Torrent{Encoding: name}).recoder()
			want := encodingOf(canonical)
			if canonical == "gbk" && strings.EqualFold(name, "gb18030") {
				want = encodingOf("gb18030")
			}
			if r.encoding != want {
				t.Errorf("%q is read as %v, want %v", name, r.encoding, want)
			}
		}
	}
}

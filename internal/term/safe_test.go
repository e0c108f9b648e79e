package term

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSafe(t *testing.T) {
	tests := []struct {
		name, in, want string
	}{
		{"empty", "", ""},
		{"ascii", "Some file (2024) [x].mkv", "Some file (2024) [x].mkv"},
		{"newline, tab, return", "a\nb\tc\rd", `a\nb\tc\rd`},
		{"escape sequence", "\x1b[2J\x1b]0;title\x07", `\x1b[2J\x1b]0;title\x07`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"C1 as runes", "a\u009b31m\u0085", `a\u009b31m\u0085`},
		{"C1 as bytes", "a\x9b31m", `a\x9b31m`},
		{"bidi override", "exe\u202egpj.txt", `exe\u202egpj.txt`},
		{"bidi marks and isolates", "\u200e\u200f\u061c\u2066\u2069", `\u200e\u200f\u061c\u2066\u2069`},
		{"zero width space, BOM, soft hyphen", "a\u200b\ufeff\u00adb", `a\u200b\ufeff\u00adb`},
		{"tag", "a\U000e0001b", `a\U000e0001b`},
		{"line and paragraph separator", "\u2028\u2029", `\u2028\u2029`},
		{"noncharacters", "\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff", `\ufffe\uffff\ufdd0\ufdef\U0001fffe\U0010ffff`},
		{"surrogate", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"bad bytes", "caf\xe9 \xff\xc3", `caf\xe9 \xff\xc3`},
		{"overlong", "\xc0\xaf", `\xc0\xaf`},
		{"bad after good", "日本\xe6\x97", `日本\xe6\x97`},
		{"backslashes", `C:\new\x1b`, `C:\new\x1b`},
		{"slash", "a/b", "a/b"},
		{"CJK", "日本語 한국어 中文", "日本語 한국어 中文"},
		{"emoji with ZWJ", "👩\u200d👩\u200d👧 ❤\ufe0f", "👩\u200d👩\u200d👧 ❤\ufe0f"},
		{"ZWNJ", "می\u200cخواهم", "می\u200cخواهم"},
		{"combining", "e\u0301", "e\u0301"},
		{"NBSP", "a\u00a0b", "a\u00a0b"},
		{"replacement character", "a\ufffdb", "a\ufffdb"},
		{"neighbours of noncharacters", "\ufdcf\ufdf0\ufffd", "\ufdcf\ufdf0\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Safe(tt.in); got != tt.want {
				t.Errorf("Safe(%+q) = %+q, want %+q", tt.in, got, tt.want)
			}
		})
	}
}

func TestSafeAllocatesNothing(t *testing.T) {
	name := "日本語 a perfectly fine name.mkv"
	if n := testing.AllocsPerRun(100, func() { Safe(name) }); n != 0 {
		t.Errorf("Safe of a fine name allocates %v times", n)
	}
}

func TestSafeJoin(t *testing.T) {
	tests := []struct {
		path []string
		want string
	}{
		{nil, ""},
		{[]string{"a"}, "a"},
		{[]string{"a", "b", "c"}, "a/b/c"},
		{[]string{"a/b"}, `a\x2fb`},
		{[]string{"..", "../../etc", "x\n"}, `../..\x2f..\x2fetc/x\n`},
		{[]string{"", ""}, "/"},
	}
	for _, tt := range tests {
		if got := SafeJoin(tt.path); got != tt.want {
			t.Errorf("SafeJoin(%q) = %q, want %q", tt.path, got, tt.want)
		}
	}
}

func FuzzSafe(f *testing.F) {
	for _, s := range []string{"", "name", "\x1b[0m", "\u202e", "\xff\xfe", "日本", "\U000e0001", `\`, "a\u200db"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Safe(s)
		if !utf8.ValidString(got) {
			t.Errorf("Safe(%+q) = %+q, not UTF-8", s, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Zl, unicode.Zp) && r != '\u200c' && r != '\u200d' {
				t.Errorf("Safe(%+q) shows %U", s, r)
			}
			if unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Noncharacter_Code_Point, r) {
				t.Errorf("Safe(%+q) shows %U", s, r)
			}
		}
		if again := Safe(got); again != got {
			t.Errorf("Safe(%+q) = %+q, and of that %+q", s, got, again)
		}
		if component := SafeJoin([]string{s}); strings.Contains(component, "/") {
			t.Errorf("SafeJoin(%+q) = %+q holds a slash", s, component)
		}
	})
}

func TestSafeJSON(t *testing.T) {
	in := "a\x7f\u0085\u202e\u2028\U000e0001é日本<&>\u200d"
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode([]string{in, "plain"}); err != nil {
		t.Fatal(err)
	}
	got := SafeJSON(buf.Bytes())
	if lines := strings.ReplaceAll(string(got), "\n", ""); Safe(lines) != lines {
		t.Errorf("%q is not safe", got)
	}
	var back []string
	if err := json.Unmarshal(got, &back); err != nil || back[0] != in || back[1] != "plain" {
		t.Errorf("%q became %q, %v", in, back, err)
	}
	plain := []byte("{\n  \"a\": 1\n}\n")
	if got := SafeJSON(plain); &got[0] != &plain[0] {
		t.Error("a document without anything to escape was copied")
	}
}

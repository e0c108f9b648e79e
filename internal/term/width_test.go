package term

import (
	"os"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// The locale decides how wide "…" is; the tests want one answer.
func TestMain(m *testing.M) {
	twwidth.SetEastAsian(false)
	os.Exit(m.Run())
}

func TestWidth(t *testing.T) {
	tests := []struct {
		s    string
		want int
	}{
		{"", 0}, {"abc", 3}, {"日本語", 6}, {"e\u0301", 1}, {"한", 2}, {"🎬", 2}, {"…", 1}, {"├──", 3},
		{"\x1b[1mabc\x1b[0m", 3}, {"\x1b[31m日本\x1b[0m", 4},
	}
	for _, tt := range tests {
		if got := width(tt.s); got != tt.want {
			t.Errorf("width(%q) = %d, want %d", tt.s, got, tt.want)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	tests := []struct {
		s     string
		limit int
		want  string
	}{
		{"abcdef", 6, "abcdef"},
		{"abcdef", 5, "ab…ef"},
		{"abcdef", 4, "ab…f"},
		{"abcdef", 2, "a…"},
		{"abcdef", 1, "…"},
		{"abcdef", 0, ""},
		{"日本語名前", 10, "日本語名前"},
		{"日本語名前", 9, "日本…名前"},
		{"日本語名前", 8, "日本…前"},
		{"日本語名前", 5, "日…前"},
		{"日本語名前", 4, "日…"},
		{"a日b", 3, "a…b"},
		{"e\u0301e\u0301e\u0301e\u0301", 3, "e\u0301…e\u0301"},
		{"\x1b[31mabcdef\x1b[0m", 5, "\x1b[31mab…ef\x1b[0m"},
		{"\x1b[1;31mabcdef\x1b[m", 3, "\x1b[1;31ma…f\x1b[m"},
		{"abc\x1b[31", 4, "ab…1"},
		{"abc\x1b[日xxx", 4, "ab…x"},
		{"ab\x1b[31mcd\x1b[0mef", 3, "a…\x1b[31m\x1b[0mf"},
	}
	for _, tt := range tests {
		if got := (Palette{}).CutMiddle(tt.s, tt.limit); got != tt.want {
			t.Errorf("CutMiddle(%q, %d) = %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		name, cell string
		limit      int
		want       string
	}{
		{"fits", "a b c", 5, "a b c"},
		{"blanks kept", "  a  b", 6, "  a  b"},
		{"wraps", "one two three", 7, "one two\nthree"},
		{"wraps to words", "one two three", 5, "one\ntwo\nthree"},
		{"blanks at the break go", "one    two", 5, "one  \ntwo"},
		{"cuts a word", "one abcdefghij", 5, "one\nab…ij"},
		{"cuts one word", "abcdefghij", 5, "ab…ij"},
		{"no break at NBSP", "ab\u00a0cd\u00a0ef", 5, "ab…ef"},
		{"lines", "one\n\ntwo three", 5, "one\n\ntwo\nthree"},
		{"wide", "日本 語名前", 6, "日本\n語名前"},
		{"style over a break", "\x1b[31mone two\x1b[0m x", 5, "\x1b[31mone\x1b[0m\n\x1b[31mtwo\x1b[0m x"},
		{"style over lines", "\x1b[1mone\ntwo\x1b[0m", 9, "\x1b[1mone\x1b[0m\n\x1b[1mtwo\x1b[0m"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Palette{}).fit(tt.cell, tt.limit); got != tt.want {
				t.Errorf("fit(%q, %d) = %q, want %q", tt.cell, tt.limit, got, tt.want)
			}
		})
	}
}

func FuzzFit(f *testing.F) {
	f.Add("one two three", uint8(5), false)
	f.Add("日本 語名前", uint8(3), false)
	f.Add("red text", uint8(4), true)
	f.Add("e\u0301\n\n  x", uint8(1), true)
	f.Fuzz(func(t *testing.T, s string, limit uint8, color bool) {
		cell := NewPalette(color).Red(strings.ReplaceAll(Safe(s), `\n`, "\n"))
		limit = max(limit, 1)
		for line := range strings.SplitSeq(Palette{}.fit(cell, int(limit)), "\n") {
			if w := width(line); w > int(limit) {
				t.Errorf("fit(%q, %d) has a line of %d columns: %q", cell, limit, w, line)
			}
			if color && strings.Contains(line, "\x1b") && !strings.HasSuffix(line, resetStyle) {
				t.Errorf("fit(%q, %d) has a line whose style goes on: %q", cell, limit, line)
			}
		}
	})
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"one two", 7, "one two"},
		{"one two", 6, "one\ntwo"},
		{"one two three", 8, "one two\nthree"},
		{"at /a/rather/long/path now", 8, "at\n/a/rathe\nr/long/p\nath now"},
		{"日本語 日本", 5, "日本\n語\n日本"},
		{"日本", 1, "日\n本"},
		{"cafe\u0301s", 4, "cafe\u0301\ns"},
		{"\x1b[31mdamaged\x1b[0m: all", 8, "\x1b[31mdamaged\x1b[0m:\nall"},
		{"\x1b[31mdamaged\x1b[0m: all", 4, "\x1b[31mdama\nged\x1b[0m:\nall"},
		{"\x1b[1mlong name", 4, "\x1b[1mlong\nname"},
	} {
		if got := Wrap(tt.s, tt.limit); got != tt.want {
			t.Errorf("Wrap(%q, %d) = %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
}

// CutMiddle keeps a port, which distinguishes addresses, and cuts text before it.
func TestCutMiddleKeepsPort(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit int
		want  string
	}{
		{"127.0.0.1:12345", 12, "127.0…:12345"},
		{"127.0.0.1:12345", 7, "…:12345"},
		{"127.0.0.1:1:", 10, "127.0.…:1:"},
		{"[2001:db8::1]:6969", 10, "[200…:6969"},
		{"tracker.example:443", 8, "tra…:443"},
		{"127.0.0.1:12345", 5, "12…45"}, // no room for it
		{"some:text:here", 9, "some…here"},
		{"abcdefghij", 5, "ab…ij"},
	} {
		if got := (Palette{}).CutMiddle(tt.s, tt.limit); got != tt.want {
			t.Errorf("%s in %d columns: %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
}

func TestWrapAfter(t *testing.T) {
	for _, tt := range []struct {
		beginning, s string
		limit        int
		want         string
	}{
		{"a: ", "b c d", 5, "a: b\nc d"},
		{"a: ", "b c d", 0, "a: b c d"},
		{"a: ", "bbbbbbbb c", 5, "a: bbbbbbbb\nc"},
		{"\x1b[1ma:\x1b[0m ", "b c", 6, "\x1b[1ma:\x1b[0m b c"},
		{"a: ", "b  c", 10, "a: b  c"},
		{"a: ", "", 2, "a: "},
	} {
		if got := WrapAfter(tt.beginning, tt.s, tt.limit); got != tt.want {
			t.Errorf("%q, %q in %d columns: %q, want %q", tt.beginning, tt.s, tt.limit, got, tt.want)
		}
	}
}

func TestWrapHanging(t *testing.T) {
	for _, tt := range []struct {
		s     string
		limit int
		want  string
	}{
		{"+ a b", 0, "+ a b"},
		{"+ a b", 5, "+ a b"},
		{"+ one two three", 9, "+ one two\n  three"},
		{"+ one two three four", 9, "+ one two\n  three\n  four"},
		{"+ onetwothreefour", 8, "+\n  onetwo\n  threef\n  our"},
		{"日本語日本語", 6, "日本語\n  日本\n  語"},
	} {
		if got := WrapHanging(tt.s, "  ", tt.limit); got != tt.want {
			t.Errorf("%q in %d columns: %q, want %q", tt.s, tt.limit, got, tt.want)
		}
	}
	if got := WrapHanging("abcdef", "   ", 3); got != "abc\ndef" {
		t.Errorf("without room for the indentation: %q", got)
	}
}

package term

import (
	"strings"
	"testing"
)

func TestUseASCII(t *testing.T) {
	for _, tt := range []struct {
		all, ctype, lang string
		want             bool
	}{
		{"", "", "", false},
		{"C", "", "", true},
		{"POSIX", "", "en_US.UTF-8", true},
		{"", "C", "en_US.UTF-8", true},
		{"", "", "C", true},
		{"", "", "en_US", true},
		{"", "", "de_DE@euro", true},
		{"", "", "ja_JP.eucJP", true},
		{"en_US.ISO-8859-1", "", "C.UTF-8", true},
		{"C.UTF-8", "C", "C", false},
		{"", "UTF-8", "C", false},
		{"", "", "en_US.utf8", false},
		{"", "", "sr_RS.UTF-8@latin", false},
	} {
		env := map[string]string{"LC_ALL": tt.all, "LC_CTYPE": tt.ctype, "LANG": tt.lang}
		if got := UseASCII(func(name string) string { return env[name] }); got != tt.want {
			t.Errorf("LC_ALL=%q LC_CTYPE=%q LANG=%q: %t, want %t", tt.all, tt.ctype, tt.lang, got, tt.want)
		}
	}
}

// Everything that draws, with names in ASCII, draws in ASCII.
func TestASCII(t *testing.T) {
	p := NewPalette(true).ASCII()
	var b strings.Builder
	b.WriteString(treeText(t, p, "root", files("a/b/c", "a/d", "e", "f"), 3))
	b.WriteString(p.Sparkline([]int64{1, 2, 3, 4, 5, 6, 7, 8, -1}, 9))
	b.WriteString(p.Cut("a long text", 6) + p.CutMiddle("a long text", 6) + p.Ellipsis() + p.Times())
	b.WriteString(tableText(t, Table{Rows: [][]string{{strings.Repeat("x", 40), "1"}}, Width: 20, Palette: p}))
	for _, columns := range []int{200, 80, 40} {
		l := NewLive(&b)
		l.Palette = p
		if err := l.Draw(columns, 3, strings.Repeat(strings.Repeat("x", 90)+"\n", 5)); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range b.String() {
		if r > 0x7e {
			t.Fatalf("%q is drawn:\n%s", r, b.String())
		}
	}
	for _, want := range []string{"|-- a", "|   `-- d", "|-- e", "... and 1 more file", "_.:-=+*# ", "a l..."} {
		if !strings.Contains(plainText(b.String()), want) {
			t.Errorf("%q is not drawn:\n%s", want, b.String())
		}
	}
}

// plainText is a text without its escape sequences.
func plainText(s string) string {
	var b strings.Builder
	for s != "" {
		if seq := sequence(s); seq != "" {
			s = s[len(seq):]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}

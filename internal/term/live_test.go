package term

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLiveGrowsAndShrinks(t *testing.T) {
	s := newScreen(t, 20, 8)
	io.WriteString(s, "$ bt scrape\r\n")
	l := NewLive(s)
	s.want("$ bt scrape\n_")
	s.draw(l, "one\ntwo\n", 1)
	s.want("$ bt scrape\none\ntwo\n")
	s.draw(l, "first\nt\nthree", 1)
	s.want("$ bt scrape\nfirst\nt\nthree\n")
	s.draw(l, "first\nt\nthree\n", 0)
	s.draw(l, "\nlast\n", 1)
	s.want("$ bt scrape\n\nlast\n")
	s.draw(l, "", 1)
	s.want("$ bt scrape\n")
	s.draw(l, "", 0)
	s.draw(l, "again\n", 1)
	ok(t, l.Close())
	s.want("$ bt scrape\nagain\n_")
}

// At the bottom of the window a line more scrolls it.
func TestLiveScrolls(t *testing.T) {
	s := newScreen(t, 20, 4)
	io.WriteString(s, "a\r\nb\r\nc\r\n")
	l := NewLive(s)
	s.draw(l, "1", 1)
	s.want("a\nb\nc\n1\n")
	s.draw(l, "1\n2\n3", 1)
	s.want("a\nb\nc\n1\n2\n3\n")
	s.draw(l, "1\n2\n4", 1)
	s.want("a\nb\nc\n1\n2\n4\n")
	ok(t, l.Clear())
	s.want("a\nb\nc\n_")

	s.draw(l, "1", 1)
	s.draw(l, "", 1)
	s.resize(20, 1) // the cursor is in the last row
	ok(t, l.Clear())
	s.want("a\nb\nc\n_")
}

func TestLiveWideLines(t *testing.T) {
	s := newScreen(t, 6, 8)
	l := NewLive(s)
	s.draw(l, "12345\n123456\n1234567\n日本語\n日本語名\n1日本語\ne\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", 1)
	s.want("12345\n123456\n12345…\n日本語\n日本…\n1日本…\n" + strings.Repeat("e\u0301", 5) + "…\n")
	s.draw(l, "12\n12\n\n123456\n1\n日本語\n12", 1)
	s.want("12\n12\n\n123456\n1\n日本語\n12\n")
}

// The terminal may regard a line as wider than this package does.
func TestLiveLineWiderThanThought(t *testing.T) {
	s := newScreen(t, 4, 8)
	l := NewLive(s)
	for _, text := range []string{"123456", "654321", "1"} {
		ok(t, l.Draw(6, 8, "a\n"+text))
	}
	s.want("a\n1\n")
}

func TestLiveTallText(t *testing.T) {
	text := strings.Repeat("x\n", 15)
	tests := []struct {
		rows int
		want string
	}{
		{17, text},
		{16, text},
		{15, strings.Repeat("x\n", 13) + "… and 2 more lines\n"},
		{5, "x\nx\nx\n… and 12 more lines\n"},
		{3, "x\n… and 14 more lines\n"},
		{2, "… and 15 more lines\n"},
		{1, "_"}, // no drawing, and so no cursor hidden
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d rows", tt.rows), func(t *testing.T) {
			s := newScreen(t, 40, tt.rows)
			l := NewLive(s)
			ok(t, l.Draw(40, tt.rows, text))
			s.want(tt.want)
			ok(t, l.Draw(40, tt.rows, "y\n"+text))
			ok(t, l.Clear())
			if s.hidden {
				s.t.Error("the cursor is left hidden")
			}
			if want := "_"; s.text() != want {
				t.Errorf("after Clear: %q, want %q", s.text(), want)
			}
		})
	}

	s := newScreen(t, 10, 4)
	l := NewLive(s)
	l.Palette = NewPalette(true)
	s.draw(l, text, 1)
	s.want("x\nx\n… and 13 …\n")
	if got := s.lines[2].cells[0].style; got != "\x1b[2m" {
		t.Errorf("the style of the last line is %q, want dim", got)
	}
}

func TestLiveSizeNotKnown(t *testing.T) {
	s := newScreen(t, 80, 24)
	l := NewLive(s)
	ok(t, l.Draw(0, 0, strings.Repeat("x", 81)+"\n"+strings.Repeat("y\n", 24)))
	s.want(strings.Repeat("x", 79) + "…\n" + strings.Repeat("y\n", 21) + "… and 3 more lines\n")
}

func TestLiveColours(t *testing.T) {
	const red, bold = "\x1b[31m", "\x1b[1m"
	p := NewPalette(true)
	s := newScreen(t, 5, 8)
	l := NewLive(s)
	styles := func(want ...string) {
		t.Helper()
		var got []string
		for i := range want {
			var b strings.Builder
			for _, c := range s.lines[i].cells {
				fmt.Fprintf(&b, "%s%s|", c.style, c.text)
			}
			got = append(got, b.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	s.draw(l, p.Red("12345")+"\n"+p.Red("123456")+"\n12"+p.Red("日本")+"\n123456"+p.Red("7"), 1)
	s.want("12345\n1234…\n12日…\n1234…\n")
	styles(
		red+"1|"+red+"2|"+red+"3|"+red+"4|"+red+"5|",
		red+"1|"+red+"2|"+red+"3|"+red+"4|"+red+"…|",
		"1|2|"+red+"日|"+red+"|"+red+"…|",
		"1|2|3|4|…|",
	)
	// A style that spans lines, and one that does not end.
	s.draw(l, p.Bold("1\n\n2")+"\n"+red+"3", 1)
	s.want("1\n\n2\n3\n")
	styles(bold+"1|", "", bold+"2|", red+"3|")
	// A style that ends in a line left out does not colour the line with their number.
	s = newScreen(t, 5, 3)
	l = NewLive(s)
	s.draw(l, p.Bold("a\nb\nc\nd"), 1)
	styles(bold+"a|", "…| |a|n|…|")
}

func TestLiveResize(t *testing.T) {
	text := NewPalette(true).Red("12345678") + "\n日本語\n\n1234\n"
	tests := []struct {
		name          string
		columns, rows int
		want          string
	}{
		{"wider", 20, 10, "$\n12345678\n日本語\n\n1234\n"},
		{"a little narrower", 7, 10, "$\n123456…\n日本語\n\n1234\n"},
		{"wide characters do not fill their rows", 5, 12, "$\n1234…\n日本…\n\n1234\n"},
		{"three rows a line", 3, 12, "$\n12…\n日…\n\n12…\n"},
		{"two columns", 2, 20, "$\n1…\n…\n\n1…\n"},
		{"lower", 10, 5, "$\n12345678\n日本語\n\n1234\n"},
		{"higher", 10, 20, "$\n12345678\n日本語\n\n1234\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScreen(t, 10, 10)
			io.WriteString(s, "$\r\n")
			l := NewLive(s)
			s.draw(l, text, 1)
			s.resize(tt.columns, tt.rows)
			s.draw(l, text, 1)
			s.want(tt.want)
			s.draw(l, text, 0)
			ok(t, l.Draw(tt.columns, tt.rows, ""))
			ok(t, l.Clear())
			s.want("$\n_")
		})
	}
}

// Nothing is left of a drawing that no longer fits into the window.
func TestLiveResizeBeyondTheWindow(t *testing.T) {
	s := newScreen(t, 10, 6)
	io.WriteString(s, "$\r\n")
	l := NewLive(s)
	s.draw(l, "a\nb\nc\nd\n", 1)
	s.resize(10, 3)
	s.draw(l, "1\n2\n3\n4\n", 1)
	s.want("$\n1\n… and 3 m…\n")

	s = newScreen(t, 8, 4)
	io.WriteString(s, "$\r\n")
	l = NewLive(s)
	s.draw(l, "abcdefgh\n12345678\n", 1)
	s.resize(2, 4)
	s.draw(l, "x\ny\n", 1)
	s.want("$\nx\ny\n")
}

// The program may learn the size of the window late: a drawing for the old size is
// replaced.
func TestLiveSizeIsLate(t *testing.T) {
	for _, columns := range []int{1, 5, 9, 10, 11, 30} {
		s := newScreen(t, 10, 20)
		io.WriteString(s, "$\r\n")
		l := NewLive(s)
		ok(t, l.Draw(10, 20, "0123456789\n\nabcdefgh\n"))
		s.resize(columns, 20)
		ok(t, l.Draw(10, 20, "1234567890\nx\nbcdefgh\n"))
		ok(t, l.Draw(columns, 20, "1\n2\n"))
		s.want("$\n1\n2\n")
		s.resize(10, 20)
		s.want("$\n1\n2\n")
		ok(t, l.Close())
		s.want("$\n1\n2\n_")
	}
}

// After random drawings in windows of random sizes, the text above the drawing is
// unchanged, and the drawing is the last one.
func TestLiveRandom(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 0))
		s := newScreen(t, 20, 160)
		io.WriteString(s, "$\r\n")
		l := NewLive(s)
		for range 20 {
			if r.IntN(2) == 0 {
				s.resize(1+r.IntN(30), 160+r.IntN(40))
			}
			text, want := "", "$\n"
			for range r.IntN(6) {
				n := r.IntN(25)
				line := strings.Repeat(string(rune('a'+r.IntN(3))), n)
				text += line + "\n"
				if n > s.columns {
					line = line[:s.columns-1] + "…"
				}
				want += line + "\n"
			}
			if r.IntN(3) == 0 {
				ok(t, l.Draw(1+r.IntN(30), s.rows, text)) // for a size that may be outdated
			}
			ok(t, l.Draw(s.columns, s.rows, text))
			if !l.drawing {
				want += "_"
			}
			s.want(want)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
		ok(t, l.Clear())
		s.want("$\n_")
	}
}

func TestLiveEnds(t *testing.T) {
	s := newScreen(t, 20, 8)
	l := NewLive(s)
	ok(t, l.Close())
	ok(t, l.Clear())
	s.draw(l, "", 0)
	if s.writes != 0 {
		t.Errorf("%d writes without a drawing", s.writes)
	}

	s.draw(l, "a\nb", 1)
	io.WriteString(s, "^C")
	ok(t, l.Close())
	s.want("a\nb\n_")
	writes := s.writes
	ok(t, l.Close())
	ok(t, l.Clear())
	if s.writes != writes {
		t.Error("an ended drawing was ended again")
	}

	// After Close the drawing remains, even if the next drawing is equal.
	s.draw(l, "a\nb", 1)
	s.want("a\nb\na\nb\n")
	ok(t, l.Clear())
	s.want("a\nb\n_")
}

func TestLiveNil(t *testing.T) {
	var l *Live
	ok(t, l.Draw(80, 24, "text"))
	ok(t, l.Clear())
	ok(t, l.Close())
}

var errTorn = errors.New("torn")

// A tornWriter accepts some bytes, and fails while it is torn.
type tornWriter struct {
	w    io.Writer
	left int
	torn bool
}

func (w *tornWriter) Write(p []byte) (int, error) {
	if !w.torn {
		return w.w.Write(p)
	}
	n, _ := w.w.Write(p[:min(w.left, len(p))])
	return n, errTorn
}

func TestLiveWriteErrors(t *testing.T) {
	s := newScreen(t, 20, 8)
	w := &tornWriter{w: s, left: len(hideCursor + wrapOff), torn: true}
	l := NewLive(w)
	for range 2 { // the same text: it is not on the screen yet
		if err := l.Draw(20, 8, "a\nb"); !errors.Is(err, errTorn) {
			t.Errorf("Draw: %v, want %v", err, errTorn)
		}
	}
	w.torn = false
	ok(t, l.Close())
	s.want("_") // seen, and lines wrap

	for name, end := range map[string]func() error{"Clear": l.Clear, "Close": l.Close} {
		ok(t, l.Draw(20, 8, "a"))
		w.torn, w.left = true, 0
		if err := end(); !errors.Is(err, errTorn) {
			t.Errorf("%s: %v, want %v", name, err, errTorn)
		}
		w.torn = false
	}
}

package term

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// A screen simulates a terminal, with the sequences that Live uses and the behaviour of
// real terminals that is difficult for it: ESC[K after a full line clears the last
// character of the line. A resize wraps all lines again; a row that was wrapped counts as
// continued in the next row until it is cleared from its beginning. ESC[J in the top left
// corner moves the window into the history instead of clearing it. The last two are
// behaviour of tmux.
type screen struct {
	t             *testing.T
	columns, rows int
	lines         []screenLine // the history, then the window
	top           int          // the first line of the window
	y, x          int          // of the cursor, y among all lines
	pending       bool         // the last column is written, and the next character wraps
	style         string
	noWrap        bool
	hidden        bool // the cursor
	writes        int
}

type screenLine struct {
	cells   []cell
	wrapped bool // continues in the next line
}

// cell is one column; the second one of a wide character has no text.
type cell struct {
	text, style string
}

func newScreen(t *testing.T, columns, rows int) *screen {
	return &screen{t: t, columns: columns, rows: rows, lines: make([]screenLine, 1)}
}

func (s *screen) Write(p []byte) (int, error) {
	s.writes++
	for rest := string(p); rest != ""; {
		if rest[0] == '\x1b' {
			seq := sequence(rest)
			if seq == "" {
				s.t.Fatalf("not a sequence: %q", rest)
			}
			s.control(seq)
			rest = rest[len(seq):]
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		s.put(r)
		rest = rest[size:]
	}
	return len(p), nil
}

func (s *screen) control(seq string) {
	switch final := seq[len(seq)-1]; {
	case seq == "\x1b[?25l":
		s.hidden = true
	case seq == "\x1b[?25h":
		s.hidden = false
	case seq == "\x1b[?7l":
		s.noWrap = true
	case seq == "\x1b[?7h":
		s.noWrap = false
	case seq == "\x1b[K":
		s.clean()
		s.clearRight()
	case seq == "\x1b[J":
		s.clean()
		if s.y == s.top && s.x == 0 && s.used() {
			s.y = len(s.lines)
			s.top = s.y
			s.lines = append(s.lines, screenLine{})
		}
		s.clearRight()
		s.lines = s.lines[:s.y+1]
	case final == 'A':
		n := 1
		if seq != "\x1b[A" {
			if _, err := fmt.Sscanf(seq, "\x1b[%dA", &n); err != nil || n == 0 {
				s.t.Fatalf("%q: %d, %v", seq, n, err) // 0 would mean 1
			}
		}
		s.y = max(s.y-n, s.top)
		s.pending = false
	case seq == resetStyle:
		s.style = ""
	case final == 'm':
		s.style += seq
	default:
		s.t.Fatalf("unknown sequence %q", seq)
	}
}

// clean fails the test if a style is on that would colour cleared cells.
func (s *screen) clean() {
	s.t.Helper()
	if s.style != "" {
		s.t.Errorf("line %d is cleared in the style %q", s.y, s.style)
	}
}

func (s *screen) clearRight() {
	line := &s.lines[s.y]
	line.cells = line.cells[:min(s.x, len(line.cells))]
	if s.x == 0 {
		line.wrapped = false
	}
}

// used reports whether there is any text in the window.
func (s *screen) used() bool {
	for _, line := range s.lines[s.top:] {
		if len(line.cells) > 0 {
			return true
		}
	}
	return false
}

func (s *screen) put(r rune) {
	switch {
	case r == '\r':
		s.x, s.pending = 0, false
	case r == '\n':
		s.clean()
		s.down()
	case r < ' ':
		s.t.Fatalf("control character %q", r)
	case r >= 0x300 && r < 0x370: // combining
		at := s.x - 1
		if s.pending {
			at = s.x
		}
		s.lines[s.y].cells[at].text += string(r)
	default:
		w := 1
		if r >= 0x2e80 && r < 0xa4d0 || r >= 0x1f300 {
			w = 2
		}
		if s.pending || s.x+w > s.columns {
			if s.noWrap {
				s.x = s.columns - w
			} else {
				s.lines[s.y].wrapped = true
				s.down()
				s.x = 0
			}
			s.pending = false
		}
		line := &s.lines[s.y]
		for len(line.cells) < s.x+w {
			line.cells = append(line.cells, cell{text: " "})
		}
		line.cells[s.x] = cell{string(r), s.style}
		for i := 1; i < w; i++ {
			line.cells[s.x+i] = cell{"", s.style}
		}
		if s.x += w; s.x == s.columns {
			s.x = s.columns - 1
			s.pending = true
		}
	}
}

func (s *screen) down() {
	s.y++
	s.pending = false
	for len(s.lines) <= s.y {
		s.lines = append(s.lines, screenLine{})
	}
	s.top = max(s.top, s.y-s.rows+1)
}

// resize wraps all lines anew, and the cursor stays where it was in its line.
func (s *screen) resize(columns, rows int) {
	old, oldY, oldTop := s.lines, s.y, s.top
	s.lines, s.columns, s.rows = nil, columns, rows
	for i := 0; i < len(old); i++ {
		first := i
		cells := append([]cell(nil), old[i].cells...)
		for old[i].wrapped && i+1 < len(old) {
			i++
			cells = append(cells, old[i].cells...)
		}
		if first <= oldTop && oldTop <= i {
			s.top = len(s.lines)
		}
		if first <= oldY && oldY <= i {
			if oldY != first || s.x > 0 {
				s.t.Fatal("the cursor is not at the beginning of a line")
			}
			s.y = len(s.lines)
		}
		for len(cells) > columns {
			end := columns
			if cells[end].text == "" {
				end--
			}
			s.lines = append(s.lines, screenLine{cells[:end:end], true})
			cells = cells[end:]
		}
		s.lines = append(s.lines, screenLine{cells: cells})
	}
	s.top = max(s.top, s.y-rows+1)
}

// text returns all lines, including the history, with "_" for a visible cursor, below
// which there must be no text.
func (s *screen) text() string {
	var lines []string
	for i, line := range s.lines {
		var b strings.Builder
		for _, c := range line.cells {
			b.WriteString(c.text)
		}
		if i > s.y && !s.hidden {
			if b.Len() > 0 {
				s.t.Errorf("%q stands below the cursor", b.String())
			}
			continue
		}
		if i == s.y && !s.hidden {
			if s.x != 0 {
				s.t.Errorf("the cursor is in column %d", s.x)
			}
			b.WriteByte('_')
		}
		lines = append(lines, b.String())
	}
	return strings.Join(lines, "\n")
}

func (s *screen) want(text string) {
	s.t.Helper()
	got := s.text()
	if s.hidden { // how many blank lines are below can't be seen
		text, got = strings.TrimRight(text, "\n"), strings.TrimRight(got, "\n")
	}
	if diff := cmp.Diff(text, got); diff != "" {
		s.t.Errorf("the screen (-want +got):\n%s", diff)
	}
	if s.noWrap {
		s.t.Error("wrapping is left off")
	}
	if s.style != "" {
		s.t.Errorf("the style %q is left on", s.style)
	}
}

// draw draws text for the current window, and checks the number of writes.
func (s *screen) draw(l *Live, text string, writes int) {
	s.t.Helper()
	before := s.writes
	if err := l.Draw(s.columns, s.rows, text); err != nil {
		s.t.Fatal(err)
	}
	if got := s.writes - before; got != writes {
		s.t.Errorf("%d writes, want %d", got, writes)
	}
}

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

package term

import (
	"fmt"
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

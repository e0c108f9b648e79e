package term

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// The sequences of ECMA-48, and the private modes of the VT220, that Live uses.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"

	// clearRows is ESC[J for the beginning of a line that is not the last. In the
	// top left corner tmux takes ESC[J for the end of a screen, and puts all of
	// it into its history.
	clearRows = clearRight + "\n" + clearBelow + "\x1b[A"
)

// Live is a block of lines at the bottom of a terminal that is redrawn in
// place. Whoever draws must call Close or Clear at the end, also when interrupted,
// or the cursor stays hidden. One goroutine may use it; a nil *Live shows nothing.
//
// The cursor, hidden, waits at the beginning of the first line. Most terminals wrap
// lines anew that are too wide for a narrower window, and the program may not know
// its size yet: but the cursor stays with its line, and all that has to be cleared
// is behind it.
//
// One thing can't be cleared: a terminal that wraps lines anew moves as many rows
// from the top of the screen into its history as the wrapping adds (tmux does so
// even while rows are free below), and it does that before the program hears of the
// new size. Where the drawing begins at the top of the screen, some of its first
// rows stay in the history once for each time the window is narrowed. No sequence
// takes back rows of the history, but for ESC[3J, which clears what the user had
// there too; the alternate screen has no history, but would hide what was printed
// before and lose the last drawing.
type Live struct {
	Palette Palette // for the line that stands for those left out, and for the ends of lines

	w             io.Writer
	drawing       bool     // a Draw hid the cursor
	lines         []string // as they were drawn
	columns, rows int      // of the window they were drawn in
}

// NewLive returns a Live for a terminal. It writes nothing before Draw.
func NewLive(w io.Writer) *Live {
	return &Live{w: w}
}

// Draw replaces what the last Draw showed, in one Write, or in none if the
// screen would stay as it is. The text is safe already; it may hold colours,
// but no other sequences, and needs no newline at its end.
//
// The columns and rows are those of the window now; 0 means 80 and 24. Lines
// that are wider lose their end. Of a text of rows or more lines the first are
// shown, and then how many are left.
func (l *Live) Draw(columns, rows int, text string) error {
	if l == nil {
		return nil
	}
	if columns <= 0 {
		columns = 80
	}
	if rows <= 0 {
		rows = 24
	}
	lines := l.layout(columns, rows, text)
	resized := columns != l.columns || rows != l.rows
	// A terminal that does not wrap lines anew may have lost their ends to a
	// window that was narrow for a moment.
	if slices.Equal(lines, l.lines) && (!resized || len(lines) == 0) {
		return nil
	}

	var b strings.Builder
	if !l.drawing {
		b.WriteString(hideCursor)
	}
	l.paint(&b, lines, columns, columns != l.columns)
	if len(lines) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", len(lines))
	}

	l.drawing = true // also if Write fails half-way
	if _, err := io.WriteString(l.w, b.String()); err != nil {
		return err
	}
	l.lines, l.columns, l.rows = lines, columns, rows
	return nil
}

// paint writes lines over the last drawing, and goes to the line below them. The
// rows of wrapped lines are cleared first.
func (l *Live) paint(b *strings.Builder, lines []string, columns int, wrapped bool) {
	// A line that is too wide must not wrap, or the cursor would not come back to
	// the first one: terminals differ on how wide some emoji are, and the window may
	// be narrower already than the program knows.
	b.WriteString(wrapOff + "\r")
	for _, line := range lines {
		// A line is cleared behind its text, so that nothing flickers. But after
		// a full line the cursor stands on its last character, and tmux would
		// still join the rows of a wrapped line when the window gets wider.
		if width(line) == columns || wrapped {
			b.WriteString(clearRight + line + "\r\n")
		} else {
			b.WriteString(line + clearRight + "\r\n")
		}
	}
	if len(lines) > 0 {
		b.WriteString(clearBelow)
	} else {
		b.WriteString(clearRows)
	}
	b.WriteString(wrapOn)
}

// Clear removes the drawing: what is printed next begins where it began. The next
// Draw begins a new drawing.
func (l *Live) Clear() error {
	if l == nil || !l.drawing {
		return nil
	}
	var b strings.Builder
	if len(l.lines) > 0 {
		l.paint(&b, nil, l.columns, false)
	}
	return l.end(b.String())
}

// Close leaves the last drawing on the screen, with the cursor on the line
// below it. The next Draw begins a new drawing there.
func (l *Live) Close() error {
	if l == nil || !l.drawing {
		return nil
	}
	var b strings.Builder
	l.paint(&b, l.lines, l.columns, true) // the terminal may have echoed "^C"
	return l.end(b.String())
}

func (l *Live) end(sequences string) error {
	*l = Live{Palette: l.Palette, w: l.w}
	// Wrapping is off only if a Draw failed half-way.
	_, err := io.WriteString(l.w, sequences+wrapOn+showCursor)
	return err
}

// layout returns the lines of a text as they fit into the window, with a row
// left for the cursor. No style runs beyond the end of a line.
func (l *Live) layout(columns, rows int, text string) []string {
	if text == "" {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	more := 0
	if room := rows - 1; room == 0 {
		return nil
	} else if len(lines) > room {
		more = len(lines) - (room - 1)
		lines = lines[:room-1]
	}
	style := ""
	for i, line := range lines {
		line = style + l.Palette.Cut(line, columns)
		if style = styleAfter("", line); style != "" {
			line += resetStyle
		}
		lines[i] = line
	}
	if more > 0 {
		note := l.Palette.Ellipsis() + " and " + plural(int64(more), "more line")
		lines = append(lines, l.Palette.Dim(l.Palette.Cut(note, columns)))
	}
	return lines
}

// Cut makes s fit into limit columns by taking off its end. The style stays
// what it was, since every escape sequence is kept.
func (p Palette) Cut(s string, limit int) string {
	if width(s) <= limit {
		return s
	}
	ellipsis := p.Ellipsis()
	keep := limit - width(ellipsis)
	if keep < 0 {
		return strings.Repeat(".", max(limit, 0))
	}
	var b strings.Builder
	cut := false
	for used := 0; s != ""; {
		if seq := sequence(s); seq != "" {
			b.WriteString(seq)
			s = s[len(seq):]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		// What has no width, a combining mark, goes where its base went.
		used += width(s[:size])
		switch {
		case cut:
		case used > keep:
			b.WriteString(ellipsis)
			cut = true
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

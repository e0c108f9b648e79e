package term

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Escape sequences of ECMA-48, and private modes of the VT220.
const (
	hideCursor = "\x1b[?25l"
	showCursor = "\x1b[?25h"
	wrapOff    = "\x1b[?7l"
	wrapOn     = "\x1b[?7h"
	clearRight = "\x1b[K"
	clearBelow = "\x1b[J"

	// clearRows is ESC[J for the beginning of a line that is not the last. In the top
	// left corner, tmux treats ESC[J as clearing the screen, and moves all of it into
	// its history.
	clearRows = clearRight + "\n" + clearBelow + "\x1b[A"
)

// A Live is a block of lines at the bottom of a terminal that is redrawn in place. The
// caller must call Close or Clear at the end, even when interrupted, or the cursor
// remains hidden. It is not safe for concurrent use. A nil *Live draws nothing.
//
// The hidden cursor is kept at the beginning of the first line. When a window gets
// narrower, most terminals wrap lines that are too wide, before the program knows the
// new size. The cursor remains on its line, so everything that must be cleared is after
// it.
//
// One thing can't be cleared. A terminal that wraps lines moves as many rows from the
// top of the screen into its history (tmux even does so if there are free rows below).
// If the drawing begins at the top of the screen, some of its first rows remain in the
// history each time the window gets narrower. No sequence removes rows from the
// history, except ESC[3J, which also clears the user's. The alternate screen has no
// history, but would hide previous output and lose the last drawing.
type Live struct {
	Palette Palette // for the line with the number of lines left out, and for ends of lines

	w             io.Writer
	drawing       bool     // Draw has hidden the cursor
	lines         []string // the lines of the last drawing
	columns, rows int      // the window size of the last drawing
}

// NewLive returns a Live for a terminal. It writes nothing before Draw.
func NewLive(w io.Writer) *Live {
	return &Live{w: w}
}

// Draw replaces the last drawing. It calls Write once, or not at all if nothing
// changes. The text must be safe, see Safe. It may contain colours, but no other escape
// sequences, and needs no final newline.
//
// columns and rows are the current size of the window; 0 means 80 and 24. Lines that
// are too wide are cut. If the text has too many lines, Draw draws the first ones, and
// the number of lines left out.
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
	// A terminal that does not wrap lines may have lost their ends when the window was
	// narrow for a moment.
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

	l.drawing = true // even if Write fails
	if _, err := io.WriteString(l.w, b.String()); err != nil {
		return err
	}
	l.lines, l.columns, l.rows = lines, columns, rows
	return nil
}

// paint writes lines over the last drawing, and moves the cursor to the line below. It
// first clears the rows of wrapped lines.
func (l *Live) paint(b *strings.Builder, lines []string, columns int, wrapped bool) {
	// Disable wrapping, which would leave the cursor on a wrong line: terminals differ
	// in the width of some emoji, and the window may already be narrower than the
	// program knows.
	b.WriteString(wrapOff + "\r")
	for _, line := range lines {
		// Clear the line after its text, to avoid flicker. But after a full line the
		// cursor is on its last character, and tmux would join the rows of a wrapped
		// line when the window gets wider.
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

// Clear removes the drawing, and leaves the cursor where it began. The next Draw begins
// a new drawing.
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

// Close keeps the last drawing, and moves the cursor to the line below it. The next
// Draw begins a new drawing there.
func (l *Live) Close() error {
	if l == nil || !l.drawing {
		return nil
	}
	var b strings.Builder
	l.paint(&b, l.lines, l.columns, true) // the terminal may have printed "^C"
	return l.end(b.String())
}

func (l *Live) end(sequences string) error {
	*l = Live{Palette: l.Palette, w: l.w}
	// Wrapping is off only if a Draw failed.
	_, err := io.WriteString(l.w, sequences+wrapOn+showCursor)
	return err
}

// layout returns the lines of a text that fit into the window, less a row for the
// cursor. Styles end at the end of each line.
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

// Cut cuts the end of s so that it fits into limit columns. It keeps all escape
// sequences, so that the style at the end does not change.
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
		// Combining marks, which have no width, are removed with their base character.
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

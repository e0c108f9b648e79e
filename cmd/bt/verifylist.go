package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bt/inspect"
	"bt/internal/term"
)

// A listPrinter prints lists as tables. Because a list may have millions of rows, it
// prints it in parts. With -q it prints nothing. After an error it stops.
type listPrinter struct {
	u    *ui
	rows [][]string
	any  bool // a row of the current list was printed
	err  error
}

func (l *listPrinter) add(cells ...string) {
	const most = 1000
	if l.u.quiet {
		return
	}
	if l.rows = append(l.rows, cells); len(l.rows) == most {
		l.flush()
	}
}

func (l *listPrinter) flush() {
	if l.err == nil && len(l.rows) > 0 {
		l.err = term.Table{Rows: l.rows, Width: l.u.env.width, Palette: l.u.pal}.Write(l.u.out)
		l.any = true
	}
	l.rows = l.rows[:0]
}

// note prints a line at the end of a list.
func (l *listPrinter) note(text string) {
	l.flush()
	if l.any && l.err == nil {
		l.err = l.u.printText(text)
	}
}

// end ends a list. If the list had rows, it prints a blank line.
func (l *listPrinter) end() {
	l.flush()
	if l.any && l.err == nil {
		_, l.err = fmt.Fprintln(l.u.out)
	}
	l.any = false
}

func statusColor(pal term.Palette, s inspect.Status) string {
	if s == inspect.StatusUnverifiable {
		return pal.Yellow(string(s))
	}
	return pal.Red(string(s))
}

// details returns what the status of a file does not say.
func details(f *inspect.FileVerdict) string {
	var parts []string
	switch f.Status {
	case inspect.StatusMissing, inspect.StatusNotAFile:
		return term.Size(f.Size)
	}
	if s := problem(f); s != "" {
		parts = append(parts, s)
	}
	switch {
	case slices.ContainsFunc(f.Bad, func(r inspect.Range) bool { return r.Cause == inspect.CauseChanged }):
		parts = append(parts, "changed while it was read")
	case len(f.CertainPieces) > 0:
		parts = append(parts, "not good: "+ranges(f.CertainPieces))
	}
	return strings.Join(parts, "; ")
}

// problem returns what the status and the bad ranges of a file do not say, or "".
func problem(f *inspect.FileVerdict) string {
	switch {
	case f.Status == inspect.StatusUnreadable && f.Err != nil:
		return readError("", f.Err).Error()[len(": "):]
	case f.Status == inspect.StatusShort:
		return fmt.Sprintf("%d of %d bytes", f.Found, f.Size)
	case f.Status == inspect.StatusLong:
		return count(int(f.Found-f.Size), "byte") + " too many"
	}
	return ""
}

// ranges formats piece numbers, which are ascending: "pieces 3, 5-9".
func ranges(list []int) string {
	const most = 8 // enough to see where the damage is; --json lists all
	var parts []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		part := strconv.Itoa(list[i])
		if j > i {
			part += "-" + strconv.Itoa(list[j])
		}
		parts = append(parts, part)
		i = j + 1
	}
	s := strings.Join(parts[:min(most, len(parts))], ", ")
	if len(parts) > most {
		s += ", ..."
	}
	if len(list) == 1 {
		return "piece " + s
	}
	return "pieces " + s
}

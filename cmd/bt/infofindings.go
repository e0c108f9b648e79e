package main

import (
	"fmt"
	"strings"

	"bt/inspect"
	"bt/internal/term"
)

// narrow is the minimum width for a table of findings. In a narrower window each
// message is on the lines below its code.
const narrow = 70

// printFindings prints the findings of a torrent. Messages are wrapped, not cut.
func printFindings(u *ui, findings []inspect.Finding) error {
	if len(findings) == 0 {
		return nil
	}
	columns := u.env.width
	fmt.Fprintln(u.out)
	if columns > 0 && columns < narrow {
		for _, f := range findings {
			fmt.Fprintf(u.out, "%s  %s\n", severity(u.pal, f.Severity), f.Code)
			text := fmt.Sprintf("%s (at byte %d)", term.Safe(u.shownText(f.Message)), f.Offset)
			for line := range strings.SplitSeq(term.Wrap(text, columns-2), "\n") {
				if _, err := fmt.Fprintln(u.out, "  "+line); err != nil {
					return err
				}
			}
		}
		return nil
	}
	table := term.Table{Width: columns, Palette: u.pal, Least: []int{0, 30}, Short: map[int]func(string, int) string{2: term.Wrap}}
	for _, f := range findings {
		table.Rows = append(table.Rows, []string{severity(u.pal, f.Severity), string(f.Code), term.Safe(u.shownText(f.Message)), fmt.Sprintf("at byte %d", f.Offset)})
	}
	return table.Write(u.out)
}

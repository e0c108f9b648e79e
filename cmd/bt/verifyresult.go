package main

import (
	"fmt"
	"strings"

	"bt/inspect"
	"bt/internal/term"
)

// The result for a torrent in one line.

// sums returns the summary line. doubtful is the number of files that are only in doubt.
func sums(pal term.Palette, v *inspect.Verdict, doubtful int) string {
	rest := proof(v.Basis, v.Cached)
	if v.Extra != nil {
		rest += "; " + count(len(v.Extra), "extra file")
	}
	rest += foundSums(v)
	if !v.OK {
		return pal.Red("damaged") + ": " + damage(v, doubtful) + rest
	}
	p, files, size := v.Pieces, count(v.FileCount, "file"), term.Size(v.Size)
	switch v.Basis {
	case inspect.BasisQuick:
		return fmt.Sprintf("%s: %s of the right size, %s%s", pal.Yellow("ok so far"), files, size, rest)
	case inspect.BasisSample:
		return fmt.Sprintf("%s: %s of the right size, %s; %s of %s read, all good%s", pal.Yellow("ok so far"), files, size, term.Count(int64(p.Good)), count(p.Total+p.Unread, "piece"), rest)
	}
	return fmt.Sprintf("%s: %s, %s in %s%s", pal.Green("ok"), files, size, count(p.Total, "piece"), rest)
}

// proof says, after a summary, what it is based on, unless that is a full proof. cached is in
// bytes.
func proof(p inspect.Basis, cached int64) string {
	text := ""
	switch p {
	case inspect.BasisQuick:
		text = "; not proven: nothing was read"
	case inspect.BasisSample:
		text = "; not proven: the other pieces were not read"
	}
	if cached > 0 {
		text += "; " + term.Size(cached) + " not read again: hashed before, and not changed since"
	}
	return text
}

// damage returns the numbers of files and pieces that are not in order.
func damage(v *inspect.Verdict, doubtful int) string {
	bad := v.FileCount - v.Statuses[inspect.StatusOK]
	files := term.Count(int64(bad)) + " of " + count(v.FileCount, "file") + " not in order"
	switch {
	case doubtful == 0:
	case doubtful == bad:
		files += ", in doubt only"
	default:
		files += ", " + term.Count(int64(doubtful)) + " of them in doubt only"
	}
	p := v.Pieces
	counts := []string{term.Count(int64(p.Good)) + " of " + count(p.Total, "piece") + " good"}
	for _, c := range []struct {
		n    int
		name string
	}{{p.Bad, "bad"}, {p.Missing, "missing"}, {p.Unverifiable, "unverifiable"}, {p.Unreadable, "unreadable"}, {p.Unread, "not read"}} {
		if c.n > 0 {
			counts = append(counts, term.Count(int64(c.n))+" "+c.name)
		}
	}
	return files + "; " + strings.Join(counts, ", ")
}

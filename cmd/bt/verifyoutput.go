package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"bt/cmd/bt/internal/verifyreport"
	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// The text output of a verdict, in this order:
//
//   - files that are certainly damaged, one per line, without a limit
//   - pieces in doubt, one per line, however many files share them
//   - extra files, with --extra
//   - files found elsewhere, then ambiguous ones, with --search
//   - with --map, the map: see verifymap.go
//   - a summary in one line, which is all with -q
//
// Files are in natural order (term.Natural).

// maxDoubtful is the maximum number of pieces in doubt that are printed; --json
// lists all.
const maxDoubtful = 100

// printNothing reports that none of the content is at the paths, which are most likely
// wrong.
func (r *verifyRun) printNothing(x *verified) error {
	if err := r.printLine(x.torrent.Name, nothingAt(r.pal, x.paths)); err != nil {
		return err
	}
	if r.flags.many.data == nil {
		r.hint("name the path: bt verify TORRENT PATH, where PATH is the content or the directory that holds it")
	}
	return nil
}

func nothingAt(pal term.Palette, paths []string) string {
	where := term.Safe(paths[0])
	if more := len(paths) - 1; more > 0 {
		where += " and " + count(more, "other path")
	}
	return pal.Red("missing") + ": none of it is at " + where
}

// printLine prints the result for a torrent, or what it is called, in one line.
func (u *ui) printLine(name, result string) error {
	_, err := fmt.Fprintf(u.out, "%s: %s\n", u.pal.Shorten(name, ""), result)
	return stdoutError(err)
}

// printVerdict prints a verdict, with a map if drawMap is set.
func printVerdict(u *ui, t *metainfo.Torrent, v *inspect.Verdict, drawMap bool) error {
	damaged, doubtful := damagedFiles(t, v)
	if err := printLists(u, t, v, damaged); err != nil {
		return err
	}
	if drawMap {
		if err := printMap(u, t, v); err != nil {
			return stdoutError(err)
		}
	}
	return u.printLine(t.Name, sums(u.pal, v, doubtful))
}

// printLists prints the files and pieces that are not good, and the extra files.
func printLists(u *ui, t *metainfo.Torrent, v *inspect.Verdict, damaged []int32) error {
	slices.SortFunc(v.Extra, term.NaturalPath)
	l := listPrinter{u: u}
	for _, i := range damaged {
		f := v.File(int(i))
		l.add(statusColor(u.pal, f.Status), term.SafeJoin(t.Files[i].Path()), term.Safe(details(&f)))
	}
	if list := verifyreport.Padding(v); len(list) > 0 {
		l.add(u.pal.Red("corrupt"), "padding", "the hashes of the padding in the torrent are wrong: "+ranges(list))
	}
	l.end()
	pieces := 0
	for p := range v.BadPieces {
		if !p.Doubtful {
			continue
		}
		if pieces++; pieces <= maxDoubtful {
			l.add(u.pal.Yellow("doubtful"), "piece "+strconv.Itoa(p.Index), count(p.FileCount, "file")+": "+term.Safe(verifyreport.FirstAndLast(p.Files)), p.Cause.String())
		}
	}
	if more := pieces - maxDoubtful; more > 0 {
		l.note("... and " + count(more, "more piece") + "; --json names all")
	}
	l.end()
	for _, path := range v.Extra {
		l.add(u.pal.Yellow("extra"), term.Safe(path))
	}
	l.end()
	l.addFound(v)
	return stdoutError(l.err)
}

// damagedFiles returns the indexes of the files that are certainly damaged, and
// the number of files that are only in doubt. There may be millions of either.
func damagedFiles(t *metainfo.Torrent, v *inspect.Verdict) (list []int32, doubtful int) {
	for f := range v.Files {
		if f.Certain {
			list = append(list, int32(f.Index))
		} else if f.Status != inspect.StatusOK {
			doubtful++
		}
	}
	var x, y []string
	slices.SortStableFunc(list, func(a, b int32) int {
		x, y = t.Files[a].AppendPath(x[:0]), t.Files[b].AppendPath(y[:0])
		return slices.CompareFunc(x, y, term.Natural)
	})
	return list, doubtful
}

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
		_, l.err = fmt.Fprintln(l.u.out, text)
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

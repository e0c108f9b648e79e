package main

import (
	"slices"
	"strconv"

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

// printLine prints the result for a torrent, or what it is called, in one line. A terminal
// shows the beginning of a name that is very long.
func (u *ui) printLine(name, result string) error {
	shown := term.Safe(name)
	if u.env.stdoutTerminal {
		shown = u.pal.Shorten(name, "")
	}
	return u.printText(shown + ": " + result)
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
			l.add(u.pal.Yellow("doubtful"), "piece "+strconv.Itoa(p.Index), count(p.FileCount, "file")+": "+term.Safe(verifyreport.FirstAndLast(p.Files)), verifyreport.CauseText(p))
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

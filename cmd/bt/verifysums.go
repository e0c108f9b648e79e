package main

import (
	"fmt"
	"strings"

	"bt/internal/term"
)

// verifySums is the result of verifying several torrents.
type verifySums struct {
	ok, damaged, missing, failed int // torrents
	empty                        int // torrents of which --files chose no file
	pieces, good, unread         int
	size, cached                 int64   // bytes of the files
	bad                          []notOK // all but those that are ok
}

// A notOK is a torrent that is not ok, in the table at the end.
type notOK struct{ status, name, details string }

// count adds a torrent to the result.
func (r *verifyRun) count(x *verified) {
	s, v := &r.result, x.verdict
	s.pieces += v.Pieces.Total
	s.good += v.Pieces.Good
	s.unread += v.Pieces.Unread
	s.size += v.Size
	s.cached += v.Cached
	switch {
	case x.isEmpty():
		s.empty++
	case v.OK:
		s.ok++
	case x.isNothing():
		s.missing++
		s.bad = append(s.bad, notOK{"missing", x.name, ""})
	default:
		s.damaged++
		s.bad = append(s.bad, notOK{"damaged", x.name, damage(v, 0)})
	}
}

// resultOf returns the result for a torrent in one line, and the files that are certainly
// damaged.
func resultOf(pal term.Palette, x *verified) (line string, damaged []int32) {
	switch {
	case x.isNothing():
		return nothingAt(pal, x.paths), nil
	case x.isEmpty():
		return "no file matches --files", nil
	}
	damaged, doubtful := damagedFiles(x.torrent, x.verdict)
	return sums(pal, x.verdict, doubtful), damaged
}

// printOne prints the verdict on one of several torrents: a line, and below it what is
// not good.
func (r *verifyRun) printOne(x *verified) error {
	line, damaged := resultOf(r.pal, x)
	if err := r.printLine(x.name, line); err != nil {
		return err
	}
	v := x.verdict
	if !x.isNothing() {
		if err := printLists(r.ui, x.torrent, v, damaged); err != nil {
			return err
		}
		if r.flags.report.picture {
			if err := printMap(r.ui, x.torrent, v); err != nil {
				return stdoutError(err)
			}
		}
	}
	r.apart = !x.isNothing() && (!v.OK || len(v.Extra) > 0 || r.flags.report.picture)
	return stdoutError(r.out.Flush())
}

// summarize lists the torrents that are not ok, and prints the sums, unless the result is
// JSON.
func (r *verifyRun) summarize() error {
	if r.doc != nil || len(r.inputs) == 1 && r.result.failed == 1 {
		return nil // the error says all
	}
	r.bar.Finish()
	if r.flags.extra.null {
		if !r.quiet {
			r.settle()
			r.env.say("", r.sumsLine())
		}
		return nil
	}
	s := &r.result
	l := listPrinter{u: r.ui}
	if !r.apart && !r.quiet {
		l.err = r.out.WriteByte('\n')
	}
	for _, x := range s.bad {
		l.add(r.pal.Red(x.status), term.Safe(x.name), r.pal.Shorten(r.shownText(x.details), ""))
	}
	l.end()
	if l.err != nil {
		return stdoutError(l.err)
	}
	return r.printText(r.sumsLine())
}

// sumsLine returns the sums of the run.
func (r *verifyRun) sumsLine() string {
	s := &r.result
	all := len(r.inputs) - r.foreign
	var parts []string
	for _, c := range []struct {
		n    int
		name string
	}{{s.ok, "ok"}, {s.damaged, "damaged"}, {s.missing, "missing"}, {s.failed, "failed"}, {s.empty, "without a file that matches"}, {all - s.ok - s.damaged - s.missing - s.failed - s.empty, "not tried"}} {
		if c.n > 0 {
			parts = append(parts, term.Count(int64(c.n))+" "+c.name)
		}
	}
	pieces := fmt.Sprintf("%s of %s good", term.Count(int64(s.good)), count(s.pieces, "piece"))
	if s.unread > 0 {
		pieces += ", " + term.Count(int64(s.unread)) + " not read"
	}
	return fmt.Sprintf("%s: %s; %s, %s%s", count(all, "torrent"), strings.Join(parts, ", "), pieces, term.Size(s.size), proof(r.flags.scope.proof(), s.cached))
}

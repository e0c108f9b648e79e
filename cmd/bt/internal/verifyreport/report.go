// Package verifyreport writes the verdicts of bt verify as a report: one HTML page, a
// CSV table, or plain text. It also makes the pictures of pieces and files that the
// command prints.
package verifyreport

import (
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bt/inspect"
	"bt/internal/term"
)

// A Format is the format of a report.
type Format uint8

// The formats.
const (
	HTML Format = iota // one page for people, of limited size
	CSV                // one line per file, for programs
	Text               // everything, for people
)

// Endings lists the endings of file names that FormatOf knows.
var Endings = []string{".html", ".csv", ".txt"}

// FormatOf returns the format that the ending of a file name means.
func FormatOf(path string) (Format, bool) {
	for i, ending := range Endings {
		if strings.EqualFold(filepath.Ext(path), ending) {
			return Format(i), true
		}
	}
	return 0, false
}

// A Torrent is a torrent in a report, with its verdict.
type Torrent struct {
	Path    string      // where the torrent was read; any text
	Name    string      // any text
	Result  string      // a word: "ok", or what is wrong
	Summary string      // a line
	Facts   [][2]string // lines about the torrent: a name and a value; values may be any text
	Proof   string      // what was checked, and when
	Size    int64       // of the content, in bytes

	// Verdict is nil if there is none, because of an error that Summary names.
	Verdict *inspect.Verdict

	// Damaged are the indexes of the files that are certainly damaged, in the order to
	// list them. Detail returns what the status and the bad
	// ranges of a file do not say, or "".
	Damaged []int32
	Detail  func(*inspect.FileVerdict) string

	Repaired *Repaired // nil without a repair
	Linked   *Linked   // nil if no tree was asked for
}

// Options are the choices of New.
type Options struct {
	Format   Format
	Version  string    // of the program
	Time     time.Time // of the report
	Revealed bool      // the texts are not masked

	// Spool creates a file for what does not fit into memory, which Report.Close closes. If
	// it is nil, memory is not limited.
	Spool func() (*os.File, error)
}

// A Report is a report of any number of torrents. It keeps what it will write, but no
// verdict.
type Report struct {
	options Options
	body    spool // for CSV and Text
	page    page  // for HTML
	count   int   // torrents
	ok      int
}

// New returns an empty report.
func New(o Options) *Report {
	return &Report{options: o, body: spool{create: o.Spool}}
}

// Close releases what the report keeps.
func (r *Report) Close() error { return r.body.close() }

// Add adds a torrent.
func (r *Report) Add(t *Torrent) {
	r.count++
	if t.Verdict != nil && t.Verdict.OK {
		r.ok++
	}
	switch r.options.Format {
	case HTML:
		r.addHTML(t)
	case CSV:
		addCSV(&r.body, t)
	case Text:
		addText(&r.body, t)
	}
}

// WriteTo writes the report. It implements io.WriterTo.
func (r *Report) WriteTo(w io.Writer) (int64, error) {
	switch r.options.Format {
	case HTML:
		return r.writeHTML(w)
	case CSV:
		return writeAll(w, strings.NewReader(csvHeader), &r.body)
	}
	return writeAll(w, strings.NewReader(r.textHead()), &r.body)
}

// summary returns a line about all torrents.
func (r *Report) summary() string {
	s := count(r.count, "torrent") + ", " + term.Count(int64(r.ok)) + " ok"
	if bad := r.count - r.ok; bad > 0 {
		s += ", " + term.Count(int64(bad)) + " not ok"
	}
	return s
}

// count formats a number and a noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(int64(n)) + " " + noun
}

// pieces formats the pieces of a range, which are consecutive.
func pieces(list []int) string {
	if len(list) == 1 {
		return "piece " + strconv.Itoa(list[0])
	}
	return fmt.Sprintf("pieces %d-%d", list[0], list[len(list)-1])
}

// Padding returns the indexes of the bad pieces that hold no byte of a file.
func Padding(v *inspect.Verdict) (list []int) {
	for p := range v.BadPieces {
		if p.FileCount == 0 {
			list = append(list, p.Index)
		}
	}
	return list
}

// CauseText returns the cause of a piece in doubt.
func CauseText(p inspect.BadPiece) string {
	text := p.Cause.String()
	if p.Undecided {
		text += ", not decided: too many candidates to try all"
	}
	return text
}

// FirstAndLast returns the first and the last path of the files of a piece as a text.
func FirstAndLast(paths iter.Seq[string]) string {
	first, last := "", ""
	for path := range paths {
		if first == "" {
			first = path
		}
		last = path
	}
	return first + " ... " + last
}

func writeAll(w io.Writer, parts ...io.WriterTo) (n int64, err error) {
	for _, p := range parts {
		m, err := p.WriteTo(w)
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}

package verifyreport

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"bt/inspect"
	"bt/internal/term"
)

// The CSV (RFC 4180, with lines that end in LF) has one line per file, in the order of
// the torrent. The columns:
//
//	torrent     the path of the torrent
//	content     the file or directory that was compared
//	path        the path of the file below the torrent's name
//	path_bytes  the bytes of the path in hex, if "path" does not have them unchanged
//	at          the path on disk below content, if it differs from path
//	at_bytes    likewise for "at"
//	status      as in JSON
//	certain     whether the file is certainly damaged: true or false
//	size        in the torrent, in bytes
//	found       on disk, in bytes
//	bad_bytes   the number of bytes in bad ranges
//	bad_ranges  OFFSET+LENGTH:CAUSE, separated by blanks
//	bad_pieces  numbers and ranges such as 5-9, separated by blanks
//	error       what the operating system said
//
// Three kinds of lines are not about a file of the torrent: a torrent without a verdict
// has only torrent and error; bad padding of a torrent has no path; an extra file has
// the status extra.
//
// In "path" control characters, invalid UTF-8 and the like are escaped, see term.Safe.
// A text that begins with a character that spreadsheets take for a formula has an
// apostrophe before it.
const csvHeader = "torrent,content,path,path_bytes,at,at_bytes,status,certain,size,found,bad_bytes,bad_ranges,bad_pieces,error\n"

func addCSV(w io.Writer, t *Torrent) {
	out := csv.NewWriter(w) // blocks returns no errors
	defer out.Flush()
	line := func(cells ...string) { _ = out.Write(cells) }
	torrent := cell(t.Path)
	if t.Verdict == nil {
		line(torrent, "", "", "", "", "", "", "", "", "", "", "", "", cell(t.Summary))
		return
	}
	v := t.Verdict
	content := cell(v.Content)
	for f := range v.Files {
		problem := ""
		if f.Status == inspect.StatusUnreadable {
			problem = cell(t.Detail(&f))
		}
		badBytes, ranges, pieces := badCells(&f)
		line(torrent, content, cell(f.Path), pathBytes(f.Path), cell(f.At), pathBytes(f.At), string(f.Status), strconv.FormatBool(f.Certain),
			number(f.Size), number(f.Found), badBytes, ranges, pieces, problem)
	}
	var bad pieceList
	for _, p := range Padding(v) {
		bad.add(p)
	}
	if s := bad.String(); s != "" {
		line(torrent, content, "", "", "", "", string(inspect.StatusCorrupt), "true", "", "", "", "", s, "the hashes of the padding in the torrent are wrong")
	}
	for _, path := range v.Extra {
		line(torrent, content, cell(path), pathBytes(path), "", "", "extra", "", "", "", "", "", "", "")
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// badCells returns the number of bad bytes of a file, its bad ranges, and its bad
// pieces.
func badCells(f *inspect.FileVerdict) (bytes, ranges, list string) {
	var (
		sum int64
		b   strings.Builder
		all pieceList
	)
	for i, r := range f.Bad {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d+%d:%s", r.Offset, r.Length, r.Cause)
		sum += r.Length
		for _, p := range r.Pieces {
			all.add(p)
		}
	}
	return number(sum), b.String(), all.String()
}

// A pieceList collects ascending piece numbers.
type pieceList struct {
	b           strings.Builder
	first, last int
	any         bool
}

func (l *pieceList) add(i int) {
	if l.any && i <= l.last+1 {
		l.last = i
		return
	}
	l.flush()
	l.first, l.last, l.any = i, i, true
}

func (l *pieceList) flush() {
	if !l.any {
		return
	}
	if l.b.Len() > 0 {
		l.b.WriteByte(' ')
	}
	l.b.WriteString(strconv.Itoa(l.first))
	if l.last > l.first {
		l.b.WriteString("-" + strconv.Itoa(l.last))
	}
}

// String ends the list.
func (l *pieceList) String() string {
	l.flush()
	l.any = false
	return l.b.String()
}

// cell returns a text for a spreadsheet: escaped, and no formula.
func cell(s string) string {
	s = term.Safe(s)
	// The last four are the wide forms, which some spreadsheets accept too.
	if r, _ := utf8.DecodeRuneInString(s); strings.ContainsRune("=+-@＝＋－＠", r) && s != "" {
		return "'" + s
	}
	return s
}

// pathBytes returns the bytes of a path in hex, if its cell does not have them.
func pathBytes(path string) string {
	if cell(path) == path {
		return ""
	}
	return hex.EncodeToString([]byte(path))
}

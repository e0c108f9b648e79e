package verifyreport

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"bt/internal/term"
)

// Columns are the names of the columns of the CSV and what they mean. A program may rely
// on their order: new ones are added at the end.
var Columns = [][2]string{
	{"torrent", "the path of the torrent"},
	{"content", "the file or directory that was compared"},
	{"path", "the path of the file below the torrent's name"},
	{"path_bytes", "the bytes of the path in hex, if \"path\" does not have them unchanged"},
	{"at", "the path on disk below content, if it differs from \"path\""},
	{"at_bytes", "likewise for \"at\""},
	{"status", "ok, missing, short, long, corrupt, unreadable, unverifiable or not-a-file, as in JSON; or extra, or candidate"},
	{"certain", "whether the status is certain: true, or false if all bad pieces of the file are shared with other files, so that it may be in order"},
	{"size", "of the file in the torrent, in bytes"},
	{"found", "its size on disk, in bytes"},
	{"bad_bytes", "the number of bytes in bad ranges"},
	{"bad_ranges", "OFFSET+LENGTH:CAUSE, separated by blanks"},
	{"bad_pieces", "numbers and ranges such as 5-9, separated by blanks"},
	{"error", "what the operating system said, or what is wrong with the torrent"},
	{"proof", "full, or cached if hashes of an earlier run were believed"},
	{"found_at", "with --search, the absolute path where the file was found"},
	{"found_at_bytes", "likewise in hex, as path_bytes"},
	{"found_proof", "root, pieces, shared or empty, as in JSON"},
	{"found_unproven", "the number of bytes at its ends that are not proven"},
	{"candidates", "the number of files that may be an ambiguous one"},
	{"candidates_reason", "why none of them is proven: shared, differ, limit or disagree, as in JSON"},
	{"repair", "with --repair: repaired, made or refused"},
	{"repair_pieces", "the number of bad pieces of the file that were repaired"},
	{"repair_bytes", "the number of bytes that were written to the file"},
	{"repair_from", "the sources of these bytes, with \"; \" between them"},
	{"repair_reason", "why the repair was refused"},
	{"linked_at", "with --link, the path of the file in the tree"},
	{"linked_at_bytes", "likewise in hex, as path_bytes"},
	{"dry_run", "true if --dry-run was given, and nothing was repaired or linked"},
}

// ColumnsNote says what else a program has to know about the CSV.
const ColumnsNote = "Each line is about a file of a torrent, in the order of the torrent, except: " +
	"a torrent that could not be verified has only torrent and error; " +
	"bad padding of a torrent, and a tree that could not be built, have no path; " +
	"an extra file has the status extra; " +
	"a file that may be an ambiguous one has the status candidate, the path of that one, and its own in found_at. " +
	"The header is always there. Fields are quoted by RFC 4180, and lines end in LF. " +
	"Control characters, invalid UTF-8 and the like are escaped, and a text that a spreadsheet would take for a formula has an apostrophe before it: " +
	"the columns in hex have the bytes then. Status is after a repair that of the mended data."

// csvHeader is the first line.
var csvHeader = func() string {
	var names []string
	for _, c := range Columns {
		names = append(names, c[0])
	}
	return strings.Join(names, ",") + "\n"
}()

// A csvLine has the cells of a line by the names of their columns. Others are empty.
type csvLine map[string]string

// path sets a column to a path, and the one of its bytes.
func (l csvLine) path(column, path string) {
	l[column], l[column+"_bytes"] = cell(path), pathBytes(path)
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

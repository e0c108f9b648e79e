package verifyreport

import (
	"path/filepath"
	"strings"

	"bt/inspect"
	"bt/internal/term"
	"bt/repair"
)

// Repaired is what a repair did, or would do.
type Repaired struct {
	*repair.Report
	DryRun bool                        // nothing was done
	From   []Source                    // one for each of Report.Sources
	Reason func(repair.Refusal) string // why a file could not be repaired
}

// A Source is a source of a repair, in a report.
type Source struct {
	Name    string // any text
	Problem string // any text, or "" if there was none
}

// Linked is a tree that was built of the good files, or would be.
type Linked struct {
	*repair.Built
	DryRun bool // nothing was done
	Single bool // the content is a single file

	// Err says why the tree could not be built, and Built is nil then.
	Err string
}

// RepairWord says what was done to a file, or would be.
func RepairWord(f repair.File, dryRun bool) string {
	switch {
	case f.Made && dryRun:
		return "would be made"
	case f.Made:
		return "made"
	}
	return repairedWord(dryRun)
}

func repairedWord(dryRun bool) string {
	if dryRun {
		return "would be repaired"
	}
	return "repaired"
}

// RepairDetails says how much of a file was repaired.
func RepairDetails(f repair.File) string {
	var parts []string
	if f.Pieces > 0 {
		parts = append(parts, count(f.Pieces, "piece")+", "+term.Size(f.Bytes))
	}
	if f.Cut {
		parts = append(parts, "cut to its size")
	}
	return strings.Join(parts, "; ")
}

// RepairSums returns a line about a repair.
func RepairSums(r *repair.Report, dryRun bool) string {
	return repairedWord(dryRun) + ": " + repairSums(r, dryRun)
}

func repairSums(r *repair.Report, dryRun bool) string {
	line, written := "nothing", "written"
	if dryRun {
		written = "to write"
	}
	if len(r.Files) > 0 {
		line = count(len(r.Files), "file") + ", " + count(r.Pieces, "bad piece") + "; " + term.SizeExact(r.Bytes) + " " + written
	}
	if n := Fetched(r); n > 0 && !dryRun {
		line += ", " + term.SizeExact(n) + " fetched"
	}
	return line
}

// Fetched returns the number of bytes that were fetched.
func Fetched(r *repair.Report) (n int64) {
	for _, s := range r.Sources {
		n += s.Fetched
	}
	return n
}

// FetchText says, after a dry run, what would be fetched from a source, of the given
// name or none. It returns "" if that is nothing.
func FetchText(s repair.Supplied, name string) string {
	if s.Asked == 0 {
		return ""
	}
	line := "would be fetched: " + term.SizeExact(s.Fetched) + " for " + count(s.Asked, "bad piece")
	if name != "" {
		line += " from " + name
	}
	if s.More > 0 {
		line += ", and up to " + term.SizeExact(s.More) + " more for pieces of several files"
	}
	return line
}

// suppliedText says what a source had, or with a dry run what it would be asked for.
func (r *Repaired) suppliedText(i int) string {
	s := r.Sources[i]
	if line := FetchText(s, ""); line != "" {
		return line
	}
	line := count(s.Files, "file") + ", " + count(s.Pieces, "bad piece") + " found there"
	if s.Fetched > 0 && !r.DryRun {
		line += ", " + term.SizeExact(s.Fetched) + " fetched"
	}
	return line
}

// names returns the names of the sources of a file, for one line.
func (r *Repaired) names(f repair.File) string {
	var list []string
	for _, i := range f.Sources {
		list = append(list, r.From[i].Name)
	}
	return strings.Join(list, "; ")
}

// LinkedText returns a line about a tree.
func LinkedText(b *repair.Built, dryRun bool) string {
	line := term.Safe(b.Root) + ": " + count(b.Made, "file") + " made"
	if dryRun {
		line = term.Safe(b.Root) + ": " + count(b.Made, "file") + " would be made"
	}
	if b.Kept > 0 {
		line += ", " + term.Count(int64(b.Kept)) + " there already"
	}
	if b.Copied > 0 {
		word := " copied"
		if b.Link == repair.LinkReflink {
			word = " cloned"
		}
		line += ", " + term.SizeExact(b.Copied) + word
	}
	return line
}

// text returns a line about a tree, or why there is none.
func (l *Linked) text() string {
	if l.Built == nil {
		return "not built: " + term.Safe(l.Err)
	}
	return LinkedText(l.Built, l.DryRun)
}

// At returns where a file of the torrent is in the tree if it was linked, or "" without a
// tree.
func (l *Linked) At(path string) string {
	switch {
	case l == nil || l.Built == nil:
		return ""
	case l.Single:
		return l.Root
	}
	return filepath.Join(l.Root, filepath.FromSlash(path))
}

// has reports whether a file is in a tree: those are that are ok or were found, and empty
// ones.
func (l *Linked) has(f *inspect.FileVerdict, found bool) bool {
	return l != nil && l.Built != nil && (f.Status == inspect.StatusOK || found || f.Size == 0)
}

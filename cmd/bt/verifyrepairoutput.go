package main

import (
	"fmt"
	"strings"

	"bt/internal/term"
	"bt/repair"
)

// The output of --repair and --link, before that of the verdict.

// A repairedDocument is the JSON of --repair, and with --dry-run of what it would do.
type repairedDocument struct {
	Files   int               `json:"files"`
	Pieces  int               `json:"pieces"`
	Bytes   int64             `json:"bytes"`             // written
	Fetched int64             `json:"fetched,omitempty"` // from URLs
	Refused []refusedDocument `json:"refused"`
}

// A refusedDocument is the JSON of a file that could not be repaired.
type refusedDocument struct {
	Path      string  `json:"path"`
	PathBytes hexText `json:"path_bytes,omitempty"` // if Path is not UTF-8
	At        string  `json:"at,omitempty"`         // the path on disk, if it differs
	Reason    string  `json:"reason"`
}

// A linkedDocument is the JSON of --link, and with --dry-run of what it would do.
type linkedDocument struct {
	At    string `json:"at"`    // the directory of the files, or the single file
	Files int    `json:"files"` // that were made
	Kept  int    `json:"kept"`  // that were there already
	Bytes int64  `json:"bytes"` // copied or cloned
}

// addTo adds what was done to the document.
func (m *mending) addTo(doc *verifyDocument) {
	doc.DryRun = m.flags.dryRun
	if r := m.repaired; r != nil {
		doc.Repaired = &repairedDocument{len(r.Files), r.Pieces, r.Bytes, fetched(r), m.refusedDocuments()}
	}
	if m.err != nil {
		failure := m.u.failedInput("", m.err)
		doc.Error = &failure.Error
	}
	if b := m.built; b != nil {
		doc.Linked = &linkedDocument{b.Root, b.Made, b.Kept, b.Copied}
	}
}

// refusedDocuments returns the documents of the files that could not be repaired.
func (m *mending) refusedDocuments() []refusedDocument {
	list := []refusedDocument{}
	for _, r := range m.repaired.Refused {
		f := m.verdict.File(r.Index)
		list = append(list, refusedDocument{f.Path, notUTF8(f.Path), f.At, refusalReason(r)})
	}
	return list
}

// refusalReason returns why a file could not be repaired. The path is in it only if it is
// that of another file or directory.
func refusalReason(r repair.Refusal) string {
	return strings.TrimPrefix(refusedError(r).Error(), r.Path+": ")
}

func fetched(r *repair.Report) (n int64) {
	for _, s := range r.Sources {
		n += s.Fetched
	}
	return n
}

// print prints what was done.
func (m *mending) print() error {
	switch {
	case m.repaired != nil:
		return m.printRepaired(m.repaired)
	case m.built != nil:
		return m.printBuilt(m.built)
	}
	return nil
}

func (m *mending) printRepaired(r *repair.Report) error {
	l := listPrinter{u: m.u}
	for _, f := range r.Files {
		what := "repaired"
		if f.Made {
			what = "made"
		}
		if m.flags.dryRun {
			what = "would be " + what
		}
		l.add(m.u.pal.Green(what), term.SafeJoin(m.torrent.Files[f.Index].Path()), repairDetails(f))
	}
	l.end()
	if l.err != nil {
		return l.err
	}
	beginning, written := "repaired", "written"
	if m.flags.dryRun {
		beginning, written = "would be repaired", "to write"
	}
	line := beginning + ": nothing"
	if len(r.Files) > 0 {
		line = fmt.Sprintf("%s: %s, %s; %s %s", beginning, count(len(r.Files), "file"), count(r.Pieces, "bad piece"), term.SizeExact(r.Bytes), written)
	}
	if n := fetched(r); n > 0 && !m.flags.dryRun {
		line += ", " + term.SizeExact(n) + " fetched"
	}
	if _, err := fmt.Fprintln(m.u.out, line); err != nil {
		return err
	}
	for i, s := range r.Sources {
		if s.Asked == 0 {
			continue
		}
		more := ""
		if s.More > 0 {
			more = ", and up to " + term.SizeExact(s.More) + " more for pieces of several files"
		}
		if _, err := fmt.Fprintf(m.u.out, "would be fetched: %s for %s from %s%s\n", term.SizeExact(s.Fetched), count(s.Asked, "bad piece"),
			term.Safe(m.u.shownArg(m.flags.from[i])), more); err != nil {
			return err
		}
	}
	return nil
}

// repairDetails returns what was done to a file.
func repairDetails(f repair.File) string {
	var parts []string
	if f.Pieces > 0 {
		parts = append(parts, count(f.Pieces, "piece")+", "+term.Size(f.Bytes))
	}
	if f.Cut {
		parts = append(parts, "cut to its size")
	}
	return strings.Join(parts, "; ")
}

func (m *mending) printBuilt(b *repair.Built) error {
	verb := "made"
	if m.flags.dryRun {
		verb = "would be made"
	}
	line := fmt.Sprintf("%s: %s %s", term.Safe(b.Root), count(b.Made, "file"), verb)
	if b.Kept > 0 {
		line += ", " + term.Count(int64(b.Kept)) + " there already"
	}
	if b.Copied > 0 {
		line += ", " + term.SizeExact(b.Copied) + " copied"
	}
	_, err := fmt.Fprintln(m.u.out, line)
	return err
}

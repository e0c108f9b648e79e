package main

import (
	"strings"

	"bt/cmd/bt/internal/verifyreport"
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
		doc.Repaired = &repairedDocument{len(r.Files), r.Pieces, r.Bytes, verifyreport.Fetched(r), m.refusedDocuments()}
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
	dry := m.flags.dryRun
	for _, f := range r.Files {
		l.add(m.u.pal.Green(verifyreport.RepairWord(f, dry)), term.SafeJoin(m.torrent.Files[f.Index].Path()), verifyreport.RepairDetails(f))
	}
	l.end()
	if l.err != nil {
		return l.err
	}
	if err := m.u.printText(verifyreport.RepairSums(r, dry)); err != nil {
		return err
	}
	for i, s := range r.Sources {
		line := verifyreport.FetchText(s, term.Safe(m.sourceName(i)))
		if line == "" {
			continue
		}
		if err := m.u.printText(line); err != nil {
			return err
		}
	}
	return nil
}

// sourceName returns the name of a source, masked.
func (m *mending) sourceName(i int) string {
	if m.isFiles(i) {
		return m.names[i]
	}
	return m.u.shownArg(m.names[i])
}

// nothingThere is the problem of a copy that has none of the files.
const nothingThere = "none of the content is there"

func wrongBytes(pieces int) string { return "it sends other bytes for " + count(pieces, "piece") }

// sourceProblem returns what was wrong with a source, or "".
func (m *mending) sourceProblem(i int) string {
	s := m.repaired.Sources[i]
	var list []string
	switch {
	case s.Err != nil:
		list = append(list, m.u.shownText(s.Err.Error()))
	case s.Files == 0 && !isURL(m.sourceName(i)):
		list = append(list, nothingThere)
	}
	if s.Wrong > 0 {
		list = append(list, wrongBytes(s.Wrong))
	}
	if n := len(s.Changed); n > 0 {
		list = append(list, count(n, "file")+" gone or changed")
	}
	return strings.Join(list, "; ")
}

// repairedReport returns what --repair did for a report, or nil.
func (m *mending) repairedReport() *verifyreport.Repaired {
	if m.repaired == nil {
		return nil
	}
	r := &verifyreport.Repaired{Report: m.repaired, DryRun: m.flags.dryRun, Reason: refusalReason}
	for i := range m.repaired.Sources {
		r.From = append(r.From, verifyreport.Source{Name: m.sourceName(i), Problem: m.sourceProblem(i)})
	}
	return r
}

// linkedReport returns what --link did for a report, or nil.
func (m *mending) linkedReport() *verifyreport.Linked {
	if m.built == nil && m.err == nil {
		return nil
	}
	l := &verifyreport.Linked{Built: m.built, DryRun: m.flags.dryRun, Single: m.torrent.Single}
	if m.err != nil {
		l.Built, l.Err = nil, m.err.Error()
	}
	return l
}

func (m *mending) printBuilt(b *repair.Built) error {
	return m.u.printText(verifyreport.LinkedText(b, m.flags.dryRun))
}

package main

import (
	"fmt"
	"slices"
	"time"

	"bt/internal/term"
	"bt/maketorrent"
)

// planned is the JSON of bt make --dry-run.
type planned struct {
	Output      string        `json:"output"`
	Content     string        `json:"content,omitempty"`
	Name        string        `json:"name"`
	Format      string        `json:"format"`
	Size        int64         `json:"size"`
	FileCount   int           `json:"file_count"`
	PieceLength int64         `json:"piece_length"`
	PieceCount  int           `json:"piece_count"`
	Choice      string        `json:"choice"` // why the piece length is what it is
	TorrentSize int           `json:"torrent_size"`
	Files       []plannedFile `json:"files"`
	Skipped     []madeSkipped `json:"skipped"`
	Seconds     float64       `json:"seconds"` // of the dry run
	Cached      int64         `json:"cached"`  // bytes that would not be read again
	Reused      int64         `json:"reused,omitempty"`
	Estimate    plannedTime   `json:"estimate"`
	Warnings    []madeWarning `json:"warnings"`
}

type plannedFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

type plannedTime struct {
	Rate    float64 `json:"rate"` // bytes per second, of a sample; 0 if all is cached
	Seconds float64 `json:"seconds"`
}

// deliverPlan prints what would be made.
func (r *makeRun) deliverPlan(j *makeJob, made *maketorrent.Result) error {
	r.made++
	p := made.Plan
	why := choiceText(made.Choice, p.Size, p.PieceLength, j.options.MaxPieceLength)
	out := j.shownOutput()
	if r.doc != nil {
		doc := planned{
			Output: out, Content: made.Content, Name: p.Name, Format: p.Format, Size: p.Size, FileCount: len(p.Files),
			PieceLength: p.PieceLength, PieceCount: p.PieceCount, Choice: why, TorrentSize: p.TorrentSize,
			Files: []plannedFile{}, Skipped: skippedDocument(made), Seconds: made.Took.Seconds(), Cached: made.Cached, Reused: made.Reused,
			Estimate: plannedTime{p.Rate, p.Duration().Seconds()}, Warnings: warningsDocument(made),
		}
		for _, f := range p.Files {
			doc.Files = append(doc.Files, plannedFile(f))
		}
		return r.item(j, doc)
	}
	if r.quiet {
		return printPath(r.ui, out)
	}
	for _, f := range p.Files {
		r.explain("take %s: %s", f.Path, term.Size(f.Size))
	}
	r.separate()
	fields := slices.Concat([][2]string{
		{"would write", term.Safe(out) + ", " + term.SizeExact(int64(p.TorrentSize))},
		{"name", term.Safe(p.Name)},
		{"format", p.Format},
		{"size", term.SizeExact(p.Size)},
		{"files", term.Count(int64(len(p.Files)))},
		{"pieces", r.pieces(p.PieceCount, p.PieceLength) + ", " + why},
		{"time", planTime(p)},
	}, leftOutFields(r.ui, made))
	return stdoutError(r.printFields(fields))
}

// planTime describes the estimate of the time that hashing takes.
func planTime(p *maketorrent.Plan) string {
	if p.Unread == 0 {
		return "none to hash: all was hashed before, and has not changed since"
	}
	about := "less than 1s"
	if d := p.Duration(); d >= time.Second {
		about = "about " + term.Duration(d)
	}
	return fmt.Sprintf("%s to hash %s, at the %s of a first sample", about, term.Size(p.Unread), term.Rate(p.Rate))
}

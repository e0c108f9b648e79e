package main

import (
	"iter"

	"bt/inspect"
)

// A verifyDocument is the JSON of bt verify for one torrent.
type verifyDocument struct {
	OK        bool                          `json:"ok"`
	Torrent   string                        `json:"torrent"`
	Content   string                        `json:"content"`
	Proof     inspect.Basis                 `json:"proof"`
	Format    string                        `json:"format"`
	Size      int64                         `json:"size"`
	Pieces    pieceCountsDocument           `json:"pieces"`
	Files     iter.Seq[fileVerdictDocument] `json:"files"`
	BadPieces iter.Seq[badPieceDocument]    `json:"bad_pieces"`
	Extra     []string                      `json:"extra,omitzero"`      // nil unless --extra is set
	Found     []foundDocument               `json:"found,omitzero"`      // nil unless --search is set
	Maybe     []maybeDocument               `json:"candidates,omitzero"` // likewise
	Repaired  *repairedDocument             `json:"repaired,omitempty"`
	Linked    *linkedDocument               `json:"linked,omitempty"`
	DryRun    bool                          `json:"dry_run,omitempty"`
	Error     *jsonError                    `json:"error,omitempty"` // of --link
	Cached    int64                         `json:"cached"`          // bytes that were not read again
	Seconds   float64                       `json:"seconds"`
}

type pieceCountsDocument struct {
	Total        int `json:"total"`
	Good         int `json:"good"`
	Bad          int `json:"bad"`
	Missing      int `json:"missing"`
	Unverifiable int `json:"unverifiable"`
	Unreadable   int `json:"unreadable"`
	Unread       int `json:"unread,omitzero"` // not in Total: nothing is known about them
}

type fileVerdictDocument struct {
	Path      string          `json:"path"`
	PathBytes hexText         `json:"path_bytes,omitempty"` // if Path is not UTF-8
	At        string          `json:"at,omitempty"`         // the path on disk, if it differs
	Status    inspect.Status  `json:"status"`
	Size      int64           `json:"size"`
	Found     int64           `json:"found"`
	Bad       []rangeDocument `json:"bad"`
}

type rangeDocument struct {
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
	Pieces []int  `json:"pieces"`
	Cause  string `json:"cause"`
}

type badPieceDocument struct {
	Index     int              `json:"index"`
	Cause     string           `json:"cause"`
	Files     iter.Seq[string] `json:"files"`
	Undecided bool             `json:"undecided,omitempty"` // there were too many candidates to try all
}

// newVerifyDocument returns the document of a verdict. With onlyBad it lists only
// files that are not ok.
func newVerifyDocument(x *verified, onlyBad bool) *verifyDocument {
	t, v := x.torrent, x.verdict
	found, maybe := foundDocuments(v)
	return &verifyDocument{
		OK: v.OK, Torrent: x.name, Content: v.Content, Proof: v.Basis, Format: t.Format(), Size: v.Size,
		Pieces: pieceCountsDocument(v.Pieces), Extra: v.Extra, Found: found, Maybe: maybe, Cached: v.Cached, Seconds: x.took.Seconds(),
		Files: fileVerdictDocuments(v.Files, onlyBad),
		BadPieces: func(yield func(badPieceDocument) bool) {
			for p := range v.BadPieces {
				if !yield(badPieceDocument{p.Index, p.Cause.String(), p.Files, p.Undecided}) {
					return
				}
			}
		},
	}
}

// fileVerdictDocuments yields a document for each verdict. A document is valid
// only until the next one is yielded.
func fileVerdictDocuments(files iter.Seq[inspect.FileVerdict], onlyBad bool) iter.Seq[fileVerdictDocument] {
	return func(yield func(fileVerdictDocument) bool) {
		var bad []rangeDocument
		for f := range files {
			if onlyBad && f.Status == inspect.StatusOK {
				continue
			}
			bad = bad[:0]
			for _, r := range f.Bad {
				bad = append(bad, rangeDocument{r.Offset, r.Length, r.Pieces, r.Cause.String()})
			}
			if !yield(fileVerdictDocument{f.Path, notUTF8(f.Path), f.At, f.Status, f.Size, f.Found, bad}) {
				return
			}
		}
	}
}

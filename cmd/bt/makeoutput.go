package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

func outputError(path string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return withHint(failf(exitWrite, "%s: exists", path), "use --force to replace it, or --output for another place")
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	err = failf(exitWrite, "%s: %w", path, err)
	if hint := missingDirectory(filepath.Dir(path)); hint != "" {
		return withHint(err, hint)
	}
	return err
}

// missingDirectory returns a hint if dir, the directory of an output, does not
// exist, else "".
func missingDirectory(dir string) string {
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	dir = filepath.Clean(dir)
	for up := dir; up != filepath.Dir(up); up = filepath.Dir(up) {
		if _, err := os.Lstat(up); err != nil {
			continue
		}
		if _, err := os.Stat(up); err != nil { // a broken symbolic link, where mkdir would fail too
			return up + " is a symbolic link that leads nowhere"
		}
		break
	}
	if runtime.GOOS == "windows" {
		return "mkdir " + shellQuote(dir) // mkdir of Windows makes all parents and has no -p
	}
	return "mkdir -p " + shellQuote(dir)
}

// made is the JSON of bt make.
type made struct {
	Output      string        `json:"output"`
	Content     string        `json:"content,omitempty"`
	Name        string        `json:"name"`
	Format      string        `json:"format"`
	InfoHashV1  string        `json:"info_hash_v1,omitempty"`
	InfoHashV2  string        `json:"info_hash_v2,omitempty"`
	Magnet      string        `json:"magnet"`
	Size        int64         `json:"size"`
	FileCount   int           `json:"file_count"`
	PieceLength int64         `json:"piece_length"`
	PieceCount  int           `json:"piece_count"`
	TorrentSize int           `json:"torrent_size"`
	Skipped     []madeSkipped `json:"skipped"`
	Seconds     float64       `json:"seconds"`
	Cached      int64         `json:"cached"` // bytes that were not read again
	Reused      int64         `json:"reused,omitempty"`
	Shared      *madeShared   `json:"shared,omitempty"`
	Warnings    []madeWarning `json:"warnings"`
}

// madeShared is what the torrent has of that of --previous.
type madeShared struct {
	Files  int   `json:"files"`
	Pieces int   `json:"pieces"`
	Bytes  int64 `json:"bytes"`
}

type madeSkipped struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

type madeWarning struct {
	Code     metainfo.Code     `json:"code"`
	Severity metainfo.Severity `json:"severity"`
	Message  string            `json:"message"`
}

func madeDocument(r *maketorrent.Result, out string) made {
	t := r.Torrent
	doc := made{
		Output: out, Content: r.Content, Name: t.Name, Format: t.Format(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(),
		Magnet: t.Magnet().String(), Size: t.Size(), FileCount: t.FileCount(), PieceLength: t.PieceLength,
		PieceCount: t.PieceCount(), TorrentSize: len(t.Bytes()), Seconds: r.Took.Seconds(), Cached: r.Cached, Reused: r.Reused,
		Skipped: skippedDocument(r), Warnings: warningsDocument(r),
	}
	if r.Previous != nil {
		shared := madeShared(maketorrent.Shared(r.Previous, t))
		doc.Shared = &shared
	}
	return doc
}

func skippedDocument(r *maketorrent.Result) []madeSkipped {
	list := []madeSkipped{}
	for _, s := range r.Skipped {
		list = append(list, madeSkipped{s.Path, string(s.Reason)})
	}
	return list
}

func warningsDocument(r *maketorrent.Result) []madeWarning {
	list := []madeWarning{}
	for _, f := range r.Findings {
		list = append(list, madeWarning{f.Code, f.Severity, f.Message})
	}
	return list
}

func printMade(u *ui, r *maketorrent.Result, out string) error {
	t := r.Torrent
	if u.quiet {
		return printPath(u, out)
	}
	size := term.SizeExact(t.Size())
	read := t.Size() - r.Cached - r.Reused
	if seconds := r.Took.Seconds(); seconds >= 0.5 && read > 0 {
		size += ", " + term.Rate(float64(read)/seconds)
	}
	fields := slices.Concat(
		[][2]string{{"torrent", term.Safe(out)}, {"name", term.Safe(t.Name)}},
		hashFields(t.HexV1(), t.HexV2()),
		[][2]string{
			{"size", size},
			{"files", term.Count(int64(t.FileCount()))},
			{"pieces", u.pieces(t.PieceCount(), t.PieceLength)},
		},
		u.magnetFields(t.Magnet().String()))
	if r.Reused > 0 {
		fields = append(fields, [2]string{"reused", term.Size(r.Reused) + " of hashes from another torrent, after a sample agreed"})
	}
	if r.Previous != nil {
		fields = append(fields, [2]string{"previous", sharedText(r.Previous, t)})
	}
	return stdoutError(u.printFields(append(fields, leftOutFields(u, r)...)))
}

// printPath prints the path of an output, the result of -q.
func printPath(u *ui, out string) error {
	if u.env.stdoutTerminal {
		out = term.Safe(out) // in a pipe it is data and stays unescaped
	}
	_, err := u.out.WriteString(out + "\n")
	return stdoutError(err)
}

// leftOutFields returns how many files were left out, unless -v names them.
func leftOutFields(u *ui, r *maketorrent.Result) [][2]string {
	if len(r.Skipped) == 0 || u.verbose {
		return nil
	}
	return [][2]string{{"left out", leftOutText(r.Skipped) + " (-v names them)"}}
}

// torrentSizeHint says how to get a torrent that is not larger than asked for.
func (f *makeFlags) torrentSizeHint() string {
	switch {
	case f.pieceLength.value.bytes != 0:
		return "longer pieces make a smaller torrent; without --piece-length they are chosen"
	case f.maxPieceLength.given:
		return "longer pieces make a smaller torrent; --max-piece-length does not allow them"
	}
	return "longer pieces are not possible; shorter or fewer file names, or a larger --max-torrent-size, help"
}

// choiceText says why a torrent of content of some size has its piece length. limit is
// --max-piece-length.
func choiceText(choice maketorrent.Choice, size, pieceLength, limit int64) string {
	switch choice {
	case maketorrent.ChoiceGiven:
		return "asked for"
	case maketorrent.ChoiceRule:
		return "by the rules of the tracker"
	case maketorrent.ChoiceLimit:
		return "the longest that is allowed"
	case maketorrent.ChoicePieces:
		return fmt.Sprintf("of %s there would be more than %d", term.Size(pieceLength/2), metainfo.ManyPiecesLimit)
	case maketorrent.ChoicePrevious:
		return "as in the torrent of --previous"
	case maketorrent.ChoiceTarget:
		return "asked for by --target-pieces"
	case maketorrent.ChoiceTorrentSize:
		return fmt.Sprintf("with %s the .torrent would be larger than --max-torrent-size", term.Size(pieceLength/2))
	case maketorrent.ChoicePadding:
		return fmt.Sprintf("%s for the size of the content, halved while padding between aligned files was over %d %% of it",
			term.Size(maketorrent.AutoPieceLength(size, limit)), maketorrent.MaxPadding)
	case maketorrent.ChoiceUnknown:
		return "the size of the content is not known before it is read"
	default:
		return "for the size of the content"
	}
}

// checkWritten reads a torrent that was written, and compares it with the one in memory,
// which was parsed.
func checkWritten(path string, t *maketorrent.Torrent) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return failf(exitWrite, "%s: reading it again: %w", path, err)
	}
	if bytes.Equal(b, t.Bytes()) {
		return nil
	}
	again, err := metainfo.Parse(b)
	switch {
	case err != nil:
		return failf(exitWrite, "%s: it was written, but can't be read: %w", path, err)
	case again.HexV1() != t.HexV1() || again.HexV2() != t.HexV2():
		return failf(exitWrite, "%s: it was written, but has another info-hash now", path)
	}
	return failf(exitWrite, "%s: it was written, but is another torrent now", path)
}

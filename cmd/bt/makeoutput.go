package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

// checkOutput checks --output against other flags, without looking at the disk.
func (f *makeFlags) checkOutput(u *ui) error {
	out := f.output.value
	switch {
	case f.seed && (u.json || out == stdinName):
		return failf(exitUsage, "--seed runs until it is stopped, and excludes --json and --output -")
	case out == stdinName && u.json:
		return failf(exitUsage, "--output - and --json both want stdout")
	case out == stdinName && u.env.stdoutTerminal:
		return withHint(failf(exitUsage, "--output -: a torrent can't be printed to a terminal"), "redirect it, or name a file")
	}
	return nil
}

// makeOutput returns the path of the output, and checks that it can be written
// before anything is hashed.
func makeOutput(u *ui, f *makeFlags, o *maketorrent.Options) (string, error) {
	dir, name, err := besideContent(o)
	if err != nil {
		return "", makeError(u, f, *o, err)
	}
	out := f.output.value
	switch out {
	case stdinName:
		o.Own = ownStdout(u.env.stdout)
		return out, nil
	case "":
		out = filepath.Join(dir, name+".torrent")
	default:
		info, err := os.Stat(out)
		if os.IsPathSeparator(out[len(out)-1]) || err == nil && info.IsDir() {
			out = filepath.Join(out, name+".torrent")
		}
	}
	if err := atomicfile.Check(out, f.force); err != nil {
		return "", outputError(out, err)
	}
	o.Own = ownFiles(out)
	return out, nil
}

// ownFiles returns a function that recognizes files that bt itself has written:
// the output of an earlier run, possibly through a symbolic link, and temporary
// files of a run that was killed.
func ownFiles(out string) func(string, fs.FileInfo) string {
	old, err := os.Stat(out)
	place, placeErr := filepath.EvalSymlinks(out)
	return func(path string, info fs.FileInfo) string {
		switch {
		case atomicfile.IsTemp(filepath.Base(path)):
			return "temporary"
		case err != nil || placeErr != nil || !os.SameFile(old, info):
			return ""
		}
		// Compare the name too: another hard link to the same file is content.
		// The file system may ignore case.
		if real, err := filepath.EvalSymlinks(path); err != nil || !sameBase(real, place) {
			return ""
		}
		return "output"
	}
}

func sameBase(a, b string) bool { return strings.EqualFold(filepath.Base(a), filepath.Base(b)) }

// ownStdout is like ownFiles for an output to stdout, as in bt make . -o - >
// x.torrent.
func ownStdout(stdout io.Writer) func(string, fs.FileInfo) string {
	var file fs.FileInfo
	if f, ok := stdout.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			file = info
		}
	}
	return func(path string, info fs.FileInfo) string {
		switch {
		case atomicfile.IsTemp(filepath.Base(path)):
			return "temporary"
		case file != nil && os.SameFile(file, info):
			return "output"
		}
		return ""
	}
}

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
	Reused      int64         `json:"reused,omitempty"`
	Shared      *madeShared   `json:"shared,omitempty"`
	Warnings    []madeWarning `json:"warnings"`
}

// madeShared is what the torrent has of that of --previous.
type madeShared struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
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

func madeDocument(r *maketorrent.Result, out string, seconds float64) made {
	t := r.Torrent
	doc := made{
		Output: out, Content: r.Content, Name: t.Name, Format: t.Format(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(),
		Magnet: t.Magnet().String(), Size: t.Size(), FileCount: t.FileCount(), PieceLength: t.PieceLength,
		PieceCount: t.PieceCount(), TorrentSize: len(t.Bytes()), Seconds: seconds,
		Skipped: []madeSkipped{}, Warnings: []madeWarning{},
	}
	doc.Reused = r.Reused
	if r.Previous != nil {
		files, bytes := maketorrent.Shared(r.Previous, t)
		doc.Shared = &madeShared{files, bytes}
	}
	for _, s := range r.Skipped {
		doc.Skipped = append(doc.Skipped, madeSkipped{s.Path, string(s.Reason)})
	}
	for _, f := range r.Findings {
		doc.Warnings = append(doc.Warnings, madeWarning{f.Code, f.Severity, f.Message})
	}
	return doc
}

func printMade(u *ui, r *maketorrent.Result, out string, seconds float64) error {
	t := r.Torrent
	if u.quiet {
		if u.env.stdoutTerminal {
			out = term.Safe(out) // in a pipe it is data and stays unescaped
		}
		_, err := u.out.WriteString(out + "\n")
		return stdoutError(err)
	}
	size := term.SizeExact(t.Size())
	if seconds >= 0.5 {
		size += ", " + term.Rate(float64(t.Size())/seconds)
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
	if r.Previous != nil {
		fields = append(fields, [2]string{"previous", sharedText(r.Previous, t)})
	}
	if len(r.Skipped) > 0 && !u.verbose {
		fields = append(fields, [2]string{"left out", leftOutText(r.Skipped) + " (-v names them)"})
	}
	return stdoutError(term.Fields(u.out, u.pal, 0, fields))
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

// choiceText says why a torrent has its piece length. limit is --max-piece-length.
func choiceText(r *maketorrent.Result, limit int64) string {
	t := r.Torrent
	switch r.Choice {
	case maketorrent.ChoiceGiven:
		return "asked for"
	case maketorrent.ChoiceRule:
		return "by the rules of the tracker"
	case maketorrent.ChoiceLimit:
		return "the longest that is allowed"
	case maketorrent.ChoicePieces:
		return fmt.Sprintf("of %s there would be more than %d", term.Size(t.PieceLength/2), metainfo.ManyPiecesLimit)
	case maketorrent.ChoicePrevious:
		return "as in the torrent of --previous"
	case maketorrent.ChoiceTarget:
		return "asked for by --target-pieces"
	case maketorrent.ChoiceTorrentSize:
		return fmt.Sprintf("with %s the .torrent would be larger than --max-torrent-size", term.Size(t.PieceLength/2))
	case maketorrent.ChoicePadding:
		return fmt.Sprintf("%s for the size of the content, halved while padding between files was over %d %% of it",
			term.Size(maketorrent.AutoPieceLength(t.Size(), limit)), maketorrent.MaxPadding)
	case maketorrent.ChoiceUnknown:
		return "the size of the content is not known before it is read"
	default:
		return "for the size of the content"
	}
}

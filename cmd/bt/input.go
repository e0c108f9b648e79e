package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// stdinName is the argument that stands for standard input, or for output.
const stdinName = "-"

// pathHelp is what the help says of PATH.
const pathHelp = "The content is PATH/NAME or PATH itself, for a single file also PATH/NAME/NAME, whichever holds more of it. Without PATH it is looked for beside the torrent."

// A dataPath is PATH of a command, where content is looked for.
type dataPath struct {
	path  string
	given bool // else it is the directory of the torrent
}

// torrentAndPath takes the arguments TORRENT [PATH] of a command. Without PATH the
// content is looked for beside the torrent.
func torrentAndPath(command string, args []string) (name string, at dataPath, err error) {
	if len(args) == 0 || len(args) > 2 {
		err = failf(exitUsage, "%s takes a torrent and perhaps a path; there are %s", command, count(len(args), "argument"))
		if len(args) > 2 {
			err = withHint(err, oneTorrent(command))
		}
		return "", at, err
	}
	if err := checkSwapped(command, args); err != nil {
		return "", at, err
	}
	name = args[0]
	at.path, _ = filepath.Split(name) // and not Dir, which takes .. for a part of the text
	switch {
	case len(args) == 2 && args[1] == "":
		return "", at, failf(exitUsage, "the path is empty")
	case len(args) == 2:
		at = dataPath{args[1], true}
	case name == stdinName || at.path == "":
		at.path = "."
	}
	return name, at, nil
}

// check refuses a path where the content of a torrent can't be looked for: there
// is nothing, it is another torrent, or only the torrent's name would say what the
// content is, and must not.
func (at dataPath) check(command, name string, t *metainfo.Torrent) error {
	info, err := os.Stat(at.path)
	switch {
	case err != nil:
		return readError(at.path, err)
	case !at.given:
		return withHint(usable(name, t.CheckName()), fmt.Sprintf("say what the content is: bt %s TORRENT PATH", command))
	case info.Mode().IsRegular() && !isContent(t, info) && isTorrent(at.path):
		return withHint(failf(exitUsage, "%s: it is a torrent, where the content of %s is expected", at.path, name),
			oneTorrent(command))
	}
	return nil
}

// isContent reports whether a file may be the single file of a torrent, by its name
// or size: torrents have been published in torrents.
func isContent(t *metainfo.Torrent, info fs.FileInfo) bool {
	return t.Single && (info.Name() == t.Name || info.Size() == t.Size())
}

// isTorrent reports whether a file is a torrent, of those that can be read.
func isTorrent(path string) bool {
	f, err := atomicfile.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b, err := metainfo.Read(f, sizeOf(f), metainfo.DefaultMaxSize, nil)
	if err != nil {
		return false
	}
	_, err = metainfo.Parse(b)
	return err == nil
}

// usable gives the error of a torrent that can't be used its exit code.
func usable(name string, err error) error {
	if unusable, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		return failf(exitTorrent, "%s: %w", name, unusable)
	}
	return err
}

// readTorrent reads and parses the torrent of that name.
func readTorrent(ctx context.Context, e *env, name string) (*metainfo.Torrent, error) {
	return input{name: name}.torrent(ctx, e)
}

// torrent reads and parses the torrent that an input is.
func (in input) torrent(ctx context.Context, e *env) (*metainfo.Torrent, error) {
	name := in.name
	switch {
	case name == "":
		return nil, failf(exitUsage, "the name of a torrent is empty")
	case metainfo.IsMagnet(name):
		return nil, withHint(failf(exitTorrent, "a magnet link has no list of files and no hashes of pieces"), "name its .torrent file")
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		return nil, withHint(failf(exitRead, "%s: bt does not fetch URLs", shown(name)), "download it first")
	}
	b, err := in.read(ctx, e)
	if err != nil {
		return nil, err
	}
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, notTorrent(name, err)
	}
	return t, nil
}

// readError says what could not be read, once.
func readError(name string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if info, lstatErr := os.Lstat(name); lstatErr == nil && info.Mode()&fs.ModeSymlink != 0 {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = errors.New("a symbolic link that leads nowhere")
		case errors.Is(err, syscall.ELOOP):
			err = errors.New("a symbolic link that leads back to itself")
		}
	}
	return failf(exitRead, "%s: %w", shown(name), err)
}

// shown is an argument as it may be shown: without the passkeys of the trackers
// that a link or URL names.
func shown(arg string) string {
	if metainfo.IsMagnet(arg) {
		m, err := metainfo.ParseMagnet(arg)
		if err != nil {
			return "magnet:?..." // what of it is secret can't be told
		}
		return m.Masked().String()
	}
	if metainfo.MeansURL(arg) {
		return metainfo.MaskURL(arg)
	}
	return arg
}

// An input is a torrent that the user named, or that stands in a directory that
// the user named; err is why part of a directory could not be looked at.
type input struct {
	name  string
	data  []byte // standard input, when that was read already; else nil
	found bool   // in a directory
	err   error
}

// read returns the bytes of an input.
func (in input) read(ctx context.Context, e *env) ([]byte, error) {
	if in.data != nil {
		return in.data, nil
	}
	return readInput(ctx, e, in.name, torrentInput)
}

// stdinInputs reads standard input: a torrent, or magnet links, one per line.
func stdinInputs(ctx context.Context, e *env) []input {
	b, err := readInput(ctx, e, stdinName, torrentOrLinks)
	if err != nil {
		return []input{{name: stdinName, err: err}}
	}
	var links []input
	if metainfo.Recognize(b[:min(len(b), 64<<10)]) == metainfo.FormMagnetText {
		links = linksIn(b)
	}
	switch {
	case links != nil:
		return links
	case b == nil:
		b = []byte{} // it was read, and there was nothing
	}
	return []input{{name: stdinName, data: b}}
}

// linksIn reads a list of magnet links; nil if no line is one.
func linksIn(b []byte) []input {
	var list []input
	found := false
	for n, line := range listed(b) {
		in := input{name: line}
		if _, err := metainfo.ParseMagnet(line); err != nil {
			in.err = failf(exitTorrent, "line %d: %w", n, err)
		}
		found = found || metainfo.IsMagnet(line)
		list = append(list, in)
	}
	if !found {
		return nil
	}
	return list
}

// listed yields the lines of a list with their numbers, without those that are
// blank or begin with #.
func listed(b []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range bytes.Lines(bytes.TrimPrefix(b, []byte("\ufeff"))) { // which Windows puts there
			n++
			line = bytes.TrimSpace(line)
			if len(line) > 0 && line[0] != '#' && !yield(n, string(line)) {
				return
			}
		}
	}
}

// torrentsIn lists the torrents in and below a directory, sorted.
func torrentsIn(dir string) []input { return filesIn(dir, true, ".torrent") }

// ordered puts what is in a directory into the order of names that people read;
// JSON has it as torrentsIn and filesIn do.
func ordered(list []input, asJSON bool) []input {
	if !asJSON {
		slices.SortFunc(list, func(a, b input) int { return term.NaturalPath(filepath.ToSlash(a.name), filepath.ToSlash(b.name)) })
	}
	return list
}

// filesIn lists the files in a directory, and recursively below it, whose names
// end so.
func filesIn(dir string, recursive bool, extensions ...string) []input {
	var list []input
	has := func(path string) bool {
		return slices.ContainsFunc(extensions, func(e string) bool { return strings.EqualFold(filepath.Ext(path), e) })
	}
	// The separator makes a link to a directory the directory.
	_ = filepath.WalkDir(dir+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			list = append(list, input{name: path, err: readError(path, err)})
		case d.IsDir() && !recursive && filepath.Clean(path) != filepath.Clean(dir):
			return fs.SkipDir
		case d.IsDir() || !has(path):
		default:
			in := input{name: path, found: true}
			if info, err := os.Stat(path); err != nil {
				in.err = readError(path, err)
			} else if !info.Mode().IsRegular() { // a FIFO would be waited for
				in.err = failf(exitRead, "%s: not a regular file", path)
			}
			list = append(list, in)
		}
		return nil // and go on
	})
	if len(list) == 0 {
		list = []input{{name: dir, err: failf(exitRead, "%s: no %s file in %sthis directory", dir, strings.Join(extensions, " or "), map[bool]string{true: "or under "}[recursive])}}
	}
	return list
}

// count writes a number with its noun: "1 file", "5,000 files".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(int64(n)) + " " + noun
}

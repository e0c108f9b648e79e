package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// stdinName is the argument that means standard input or standard output.
const stdinName = "-"

// pathHelp describes PATH in the help.
const pathHelp = "The content is PATH/NAME or PATH itself, or for a single file PATH/NAME/NAME, whichever has more of it. Without PATH it is searched for beside the torrent."

// A dataPath is the argument PATH: where the content is searched for.
type dataPath struct {
	path  string
	given bool // false: path is the directory of the torrent
}

// torrentAndPath parses the arguments TORRENT [PATH]. Without PATH, at is the
// directory of the torrent.
func torrentAndPath(command string, args []string) (name string, at dataPath, err error) {
	if len(args) == 0 || len(args) > 2 {
		err = failf(exitUsage, "%s takes a torrent and optionally a path, not %s", command, count(len(args), "argument"))
		if len(args) > 2 {
			err = withHint(err, severalTorrents(command))
		}
		return "", at, err
	}
	if err := checkSwapped(command, args); err != nil {
		return "", at, err
	}
	name = args[0]
	switch {
	case len(args) == 1:
		return name, besideTorrent(name), nil
	case args[1] == "":
		return "", at, failf(exitUsage, "the path is empty")
	}
	return name, dataPath{args[1], true}, nil
}

// besideTorrent returns the directory of a torrent.
func besideTorrent(name string) dataPath {
	dir, _ := filepath.Split(name) // not Dir, which would clean ".." out of the path
	if name == stdinName || dir == "" {
		dir = "."
	}
	return dataPath{path: dir}
}

// check returns an error if the content of t can't be at the path: the path does
// not exist, it is another torrent, or no path was given and the torrent's name
// is unsafe.
func (at dataPath) check(command, name string, t *metainfo.Torrent) error {
	info, err := os.Stat(at.path)
	switch {
	case err != nil:
		return readError(at.path, err)
	case !at.given:
		return withHint(usable(name, t.CheckName()), fmt.Sprintf("name the content: bt %s TORRENT PATH", command))
	case info.Mode().IsRegular() && !isContent(t, info) && isTorrent(at.path):
		return withHint(failf(exitUsage, "%s: it is a torrent, but the content of %s is expected", at.path, name),
			severalTorrents(command))
	}
	return nil
}

// isContent reports whether a file may be the single file of t, by its name or
// size. A torrent can have a .torrent file as its content.
func isContent(t *metainfo.Torrent, info fs.FileInfo) bool {
	return t.Single && (info.Name() == t.Name || info.Size() == t.Size())
}

// isTorrent reports whether path is a torrent that can be read.
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

// usable adds the file name and exit code to a *metainfo.UnusableError.
func usable(name string, err error) error {
	if unusable, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		return failf(exitTorrent, "%s: %w", name, unusable)
	}
	return err
}

const trackerHint = "bt scrape --tracker URL asks only that tracker; without a torrent, it checks it"

// isTrackerURL reports whether an input looks like the URL of a tracker.
func isTrackerURL(name string) bool {
	u, err := url.Parse(name)
	if err != nil || u.Host == "" {
		return false
	}
	switch u.Scheme {
	case "udp", "ws", "wss":
		return true
	case "http", "https":
		return strings.HasPrefix(path.Base(u.Path), "announce")
	}
	return false
}

// readTorrent reads and parses a torrent file.
func readTorrent(ctx context.Context, e *env, name string) (*metainfo.Torrent, error) {
	return input{name: name}.torrent(ctx, e)
}

// torrent reads and parses the torrent of an input.
func (in input) torrent(ctx context.Context, e *env) (*metainfo.Torrent, error) {
	name := in.name
	switch {
	case in.data != nil:
	case name == "":
		return nil, failf(exitUsage, "the name of a torrent is empty")
	case metainfo.IsMagnet(name):
		return nil, withHint(failf(exitTorrent, "a magnet link has no list of files and no hashes of pieces"), "name its .torrent file")
	case isTrackerURL(name):
		return nil, withHint(failf(exitRead, "%s: the URL of a tracker, and no torrent", shown(name)), trackerHint)
	case strings.HasPrefix(name, "http://"), strings.HasPrefix(name, "https://"):
		return nil, withHint(failf(exitRead, "%s: this command reads no URLs", shown(name)), "download it first; bt info URL shows it")
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

// readError returns the error for a file that can't be read, without repeating
// its name.
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
	failure := failf(exitRead, "%s: %w", shown(name), err)
	const digits = "0123456789abcdefABCDEF"
	if n := len(name); errors.Is(err, fs.ErrNotExist) && n > 20 && strings.Trim(name, digits) == "" {
		return withHint(failure, fmt.Sprintf("an info-hash has 40 hex digits, or 64 in v2; these are %d", n))
	}
	return failure
}

// shown returns an argument with the secrets of its URLs masked.
func shown(arg string) string {
	if metainfo.IsMagnet(arg) {
		m, err := metainfo.ParseMagnet(arg)
		if err != nil {
			return "magnet:?..." // which of its parts are secret is unknown
		}
		return m.Masked().String()
	}
	if metainfo.MeansURL(arg) {
		return metainfo.MaskURL(arg)
	}
	return arg
}

// An input is a torrent that the user named, or that was found in a directory
// that the user named. err is set if it, or a part of the directory, can't be
// read.
type input struct {
	name  string
	data  []byte // content if it is read already, from stdin or a URL, else nil
	found bool   // found in a directory
	err   error
}

// read returns the content of an input.
func (in input) read(ctx context.Context, e *env) ([]byte, error) {
	if in.data != nil {
		return in.data, nil
	}
	return readInput(ctx, e, in.name, torrentInput)
}

// stdinInputs reads a torrent, or a list with one magnet link per line, from stdin. With
// torrentOrHashes the list may also have info-hashes.
func stdinInputs(ctx context.Context, e *env, kind inputKind) []input {
	b, err := readInput(ctx, e, stdinName, kind)
	if err != nil {
		return []input{{name: stdinName, err: err}}
	}
	var links []input
	if len(b) > 0 && kind.mayBe(b[:min(len(b), 64<<10)]) {
		links = linksIn(b, kind == torrentOrHashes)
	}
	switch {
	case links != nil:
		return links
	case b == nil:
		b = []byte{} // not nil: stdin was read, and is empty
	}
	return []input{{name: stdinName, data: b}}
}

// linksIn parses a list of magnet links and, with hashes, info-hashes. It returns nil if no
// line is one.
func linksIn(b []byte, hashes bool) []input {
	var list []input
	found := false
	for n, line := range listed(b) {
		in := input{name: line}
		isLink, isHash := metainfo.IsMagnet(line), false
		if hashes {
			_, err := metainfo.ParseInfoHash(line)
			isHash = err == nil
		}
		if _, err := metainfo.ParseMagnet(line); err != nil && !isHash {
			in.err = withHint(failf(exitTorrent, "line %d: %w", n, err), lineHint(line))
		}
		found = found || isLink || isHash
		list = append(list, in)
	}
	if !found {
		return nil
	}
	return list
}

// lineHint returns a hint about a line that can't be in a list, or "".
func lineHint(line string) string {
	if _, err := os.Stat(line); err == nil || metainfo.MeansURL(line) {
		return "a list on standard input has no files or URLs: name them as arguments"
	}
	return ""
}

// beginsWithHash reports whether the first line of a list is an info-hash. b is its beginning.
func beginsWithHash(b []byte) bool {
	for _, line := range listed(b) {
		_, err := metainfo.ParseInfoHash(line)
		return err == nil
	}
	return false
}

// listed yields the lines of a list with their numbers. It skips blank lines and
// lines that begin with #.
func listed(b []byte) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range bytes.Lines(bytes.TrimPrefix(b, []byte("\ufeff"))) { // a byte order mark of Windows
			n++
			line = bytes.TrimSpace(line)
			if len(line) > 0 && line[0] != '#' && !yield(n, string(line)) {
				return
			}
		}
	}
}

// torrentsIn lists the torrents in and under a directory, sorted by path.
func torrentsIn(dir string) []input { return filesIn(dir, true, ".torrent") }

// ordered sorts files of a directory in natural order, unless the output is JSON.
func ordered(list []input, asJSON bool) []input {
	if !asJSON {
		slices.SortFunc(list, func(a, b input) int { return term.NaturalPath(filepath.ToSlash(a.name), filepath.ToSlash(b.name)) })
	}
	return list
}

// filesIn lists the files in a directory that have one of the extensions. With
// recursive it includes subdirectories.
func filesIn(dir string, recursive bool, extensions ...string) []input {
	var list []input
	has := func(path string) bool {
		return slices.ContainsFunc(extensions, func(e string) bool { return strings.EqualFold(filepath.Ext(path), e) })
	}
	// The trailing separator makes WalkDir follow a symbolic link to a directory.
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
			} else if !info.Mode().IsRegular() { // opening a FIFO would block
				in.err = failf(exitRead, "%s: not a regular file", path)
			}
			list = append(list, in)
		}
		return nil // continue after an error
	})
	if len(list) == 0 {
		list = []input{{name: dir, err: failf(exitRead, "%s: no %s file in %sthis directory", dir, strings.Join(extensions, " or "), map[bool]string{true: "or under "}[recursive])}}
	}
	return list
}

// count formats a number and its noun: "1 file", "5,000 files".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(int64(n)) + " " + noun
}

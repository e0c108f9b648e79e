package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
)

// What bt seed is given by mistake is said at once, with the command that was
// meant: content instead of a torrent, several torrents, a directory without any.

// seedsContent is the error where an argument of bt seed is no torrent but content:
// err is that of reading it. What looks like a torrent that something happened to,
// or is called one, keeps its own error.
func seedsContent(name string, err error) error {
	not, ok := errors.AsType[*metainfo.NotTorrentError](err)
	if !ok || name == stdinName || strings.Contains(strings.ToLower(filepath.Base(name)), ".torrent") || not.Form.FoundBesideTorrents() {
		return err
	}
	switch not.Form {
	case metainfo.FormEmpty, metainfo.FormCutShort, metainfo.FormDamaged, metainfo.FormPrefixed, metainfo.FormBase64, metainfo.FormInfoDict, metainfo.FormTrackerAnswer, metainfo.FormMagnetText:
		return err
	}
	return makeAndSeed(name, "it is no torrent")
}

func makeAndSeed(name, what string) error {
	return withHint(failf(exitUsage, "%s: %s", name, what), fmt.Sprintf("bt make %s --seed makes a torrent of it and seeds that", shellQuote(name)))
}

// checkSwapped finds PATH given before TORRENT.
func checkSwapped(command string, args []string) error {
	if len(args) != 2 || strings.HasSuffix(args[0], ".torrent") || !isTorrent(args[1]) || isTorrent(args[0]) {
		return nil
	}
	if _, err := os.Stat(args[0]); err != nil {
		return nil
	}
	return withHint(failf(exitUsage, "%s: it is no torrent", args[0]),
		fmt.Sprintf("the torrent comes first: bt %s %s %s", command, shellQuote(args[1]), shellQuote(args[0])))
}

// oneTorrent is the hint where a command got several torrents.
func oneTorrent(command string) string {
	hint := "one torrent at a time: bt " + command + " TORRENT [PATH]"
	if command == "seed" {
		hint += "; bt seed DIR seeds all torrents in a directory"
	}
	return hint
}

// oneDirectory is the error of a directory among several arguments.
func oneDirectory(args []string) error {
	if err := checkSwapped("seed", args); err != nil {
		return err
	}
	err := failf(exitUsage, "seed takes one directory of torrents and nothing else")
	if len(args) == 2 {
		return withHint(err, fmt.Sprintf("if the content is in %s: bt seed %s --data %s", args[1], shellQuote(args[0]), shellQuote(args[1])))
	}
	return withHint(err, "bt seed DIR seeds all torrents in a directory, with --recursive those below it too")
}

// checkTorrents looks for torrents in a directory that is to be seeded. Where there
// are none, but content, that was meant. A directory that may get its torrents
// later is waited for: one that is empty, that was seeded before, or of which the
// flags say that it is one of torrents.
func checkTorrents(u *ui, f *seedFlags, dir string, seededBefore bool) error {
	here, below, content, err := lookInto(dir)
	waited := f.recursive || f.data.given || seededBefore
	switch {
	case err != nil:
		return readError(dir, err)
	case here || below && f.recursive:
		return nil
	case below && !waited:
		return withHint(failf(exitUsage, "%s: there is no torrent in this directory, but below it", dir), fmt.Sprintf("bt seed %s --recursive", shellQuote(dir)))
	case content && !waited:
		return makeAndSeed(dir, "there is no torrent in this directory")
	}
	u.warn("%s: there is no torrent in it yet; those that come are seeded", dir)
	return nil
}

// mostEntries is how many names lookInto reads below a directory.
const mostEntries = 100_000

// lookInto reports whether a directory has torrents, whether one below it has, and
// whether there are other files. It stops as soon as the caller can decide.
func lookInto(dir string) (here, below, content bool, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, false, false, err
	}
	for _, e := range entries {
		if isTorrentName(e.Name()) && !e.IsDir() {
			return true, false, false, nil
		}
	}
	n := 0
	// The separator makes a link to a directory the directory.
	err = filepath.WalkDir(dir+string(filepath.Separator), func(_ string, d fs.DirEntry, err error) error {
		switch n++; {
		case err != nil || d.IsDir():
			return nil // what can't be read is reported when it is scanned
		case isTorrentName(d.Name()):
			below = true
			return fs.SkipAll
		case n > mostEntries:
			return fs.SkipAll
		case !strings.HasPrefix(d.Name(), "."):
			content = true
		}
		return nil
	})
	return false, below, content, err
}

func isTorrentName(name string) bool { return strings.EqualFold(filepath.Ext(name), ".torrent") }

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

// These functions detect wrong arguments of bt seed, such as content instead of a
// torrent, several torrents, or a directory without torrents, and suggest the
// command that was probably meant.

// notTorrentToSeed returns the error for an argument that can't be read as a torrent.
// If it is content, the hint is bt make --seed. If it looks like a damaged
// torrent, or has the name of one, the error is err.
func notTorrentToSeed(name string, err error) error {
	not, ok := errors.AsType[*metainfo.NotTorrentError](err)
	if !ok || name == stdinName || strings.Contains(strings.ToLower(filepath.Base(name)), ".torrent") || not.Form.FoundBesideTorrents() {
		return err
	}
	switch not.Form {
	case metainfo.FormEmpty, metainfo.FormCutShort, metainfo.FormDamaged, metainfo.FormPrefixed, metainfo.FormBase64, metainfo.FormInfoDict, metainfo.FormTrackerAnswer, metainfo.FormMagnetText:
		return err
	}
	return makeAndSeed(name, "it is not a torrent")
}

func makeAndSeed(name, what string) error {
	return withHint(failf(exitUsage, "%s: %s", name, what), fmt.Sprintf("bt make %s --seed makes a torrent of it and seeds that", shellQuote(name)))
}

// checkSwapped returns an error if PATH was given before TORRENT.
func checkSwapped(command string, args []string) error {
	if len(args) != 2 || strings.HasSuffix(args[0], ".torrent") || !isTorrent(args[1]) || isTorrent(args[0]) {
		return nil
	}
	if _, err := os.Stat(args[0]); err != nil {
		return nil
	}
	return withHint(failf(exitUsage, "%s: it is not a torrent", args[0]),
		fmt.Sprintf("the torrent comes first: bt %s %s %s", command, shellQuote(args[1]), shellQuote(args[0])))
}

// severalTorrents returns the hint for several torrents that are given to a command
// without naming their content.
func severalTorrents(command string) string {
	if command == "verify" {
		return "for several torrents name the directory of their content: bt verify TORRENT... --data DIR"
	}
	return "one torrent at a time: bt seed TORRENT [PATH]; bt seed DIR seeds all torrents in a directory"
}

// oneDirectory returns the error for a directory among several arguments.
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

// checkTorrents checks that a directory to seed has torrents. If it has content
// instead, it returns an error. It only warns if torrents may be added later: the
// directory is empty, or it was seeded before, or flags are given that are only
// for directories of torrents.
func checkTorrents(u *ui, f *seedFlags, dir string, seededBefore bool) error {
	here, below, content, err := lookInto(dir)
	waited := f.recursive || f.data.given || seededBefore
	switch {
	case err != nil:
		return readError(dir, err)
	case here || below && f.recursive:
		return nil
	case below && !waited:
		return withHint(failf(exitUsage, "%s: there are torrents only in subdirectories", dir), fmt.Sprintf("bt seed %s --recursive", shellQuote(dir)))
	case content && !waited:
		return makeAndSeed(dir, "there is no torrent in this directory")
	}
	u.warn("%s: there is no torrent in it yet; added torrents are seeded", dir)
	return nil
}

// maxEntries is the maximum number of entries that lookInto reads.
const maxEntries = 100_000

// lookInto reports whether a directory has torrents, whether a directory below it
// has, and whether it has other files. It stops as soon as the caller can decide.
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
	// The trailing separator makes WalkDir follow a symbolic link to a directory.
	err = filepath.WalkDir(dir+string(filepath.Separator), func(_ string, d fs.DirEntry, err error) error {
		switch n++; {
		case err != nil || d.IsDir():
			return nil // Directory.Scan reports what can't be read
		case isTorrentName(d.Name()):
			below = true
			return fs.SkipAll
		case n > maxEntries:
			return fs.SkipAll
		case !strings.HasPrefix(d.Name(), "."):
			content = true
		}
		return nil
	})
	return false, below, content, err
}

func isTorrentName(name string) bool { return strings.EqualFold(filepath.Ext(name), ".torrent") }

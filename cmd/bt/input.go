package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
)

// stdinName is the argument that stands for standard input, or for output.
const stdinName = "-"

// readTorrent reads and parses the torrent of that name.
func readTorrent(e *env, name string) (*metainfo.Torrent, error) {
	b, err := readInput(e, name)
	if err != nil {
		return nil, err
	}
	t, err := metainfo.Parse(b)
	if err != nil {
		return nil, failf(exitTorrent, "%s: %w", name, err)
	}
	return t, nil
}

// readInput reads a file or standard input, up to what a torrent can be.
func readInput(e *env, name string) ([]byte, error) {
	in := e.stdin
	if name != stdinName {
		f, err := os.Open(name)
		if err != nil {
			return nil, readError(name, err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, metainfo.MaxSize+1))
	if err != nil {
		return nil, readError(name, err)
	}
	if len(b) > metainfo.MaxSize {
		return nil, failf(exitTorrent, "%s: not a torrent: it is longer than %d bytes", name, metainfo.MaxSize)
	}
	return b, nil
}

// readError says what could not be read, once.
func readError(name string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return failf(exitRead, "%s: %w", name, err)
}

// An input is a torrent that the user named, or that stands in a directory that
// the user named; err is why part of a directory could not be looked at.
type input struct {
	name string
	err  error
}

// torrentsIn lists the torrents in and below a directory, sorted.
func torrentsIn(dir string) []input {
	var list []input
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			list = append(list, input{path, readError(path, err)})
		case strings.EqualFold(filepath.Ext(path), ".torrent") && !d.IsDir():
			list = append(list, input{name: path})
		}
		return nil // and go on
	})
	if len(list) == 0 {
		list = []input{{dir, failf(exitRead, "%s: no .torrent file in or under this directory", dir)}}
	}
	return list
}

// count writes a number with its noun: "1 file", "5 files".
func count(n int, noun string) string {
	return fmt.Sprintf("%d %s", n, noun+map[bool]string{false: "s"}[n == 1])
}

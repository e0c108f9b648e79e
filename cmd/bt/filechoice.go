package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/glob"
	"bt/internal/metainfo"
)

// A fileChoice is the flag --files, which chooses files of torrents.
type fileChoice struct {
	globs     []string
	unmatched []string // the globs that have matched no file of any torrent
}

func (f *fileChoice) flag(usage string) cli.Flag {
	return listFlag(&f.globs, func(s string) ([]string, error) {
		texts, err := globTexts(s)
		f.unmatched = append(f.unmatched, texts...)
		return texts, err
	}, "files", usage)
}

func globTexts(text string) ([]string, error) {
	if !glob.IsValid(text) {
		return nil, fmt.Errorf("the glob %q can't be read", text)
	}
	return []string{text}, nil
}

// choose reports of each file of a torrent whether a glob matches it.
func (f *fileChoice) choose(t *metainfo.Torrent) []bool {
	var globs []*glob.Glob
	for _, text := range f.globs {
		globs = append(globs, glob.New(text, belowName(text, t)))
	}
	chosen := make([]bool, len(t.Files))
	var path []string
	for i := range t.Files {
		if t.Files[i].Pad {
			continue
		}
		path = t.Files[i].AppendPath(path[:0])
		if t.Single {
			path = append(path[:0], t.Name)
		}
		chosen[i] = glob.MatchAny(globs, path)
	}
	for _, g := range globs {
		if g.HasMatched() {
			f.unmatched = slices.DeleteFunc(f.unmatched, func(text string) bool { return text == g.Text })
		}
	}
	return chosen
}

// warnUnmatched calls warn for each glob that matches nothing.
func (f *fileChoice) warnUnmatched(warn func(format string, args ...any)) {
	for _, text := range f.unmatched {
		hint := ""
		if strings.Contains(text, ",") {
			hint = "; a comma is a part of it and does not begin another"
		}
		warn("the glob %q matches nothing%s", text, hint)
	}
}

// noFile is the error for torrents of which the globs match no file.
func noFile(name string) error { return failf(exitRead, "%s: no file of it matches --files", name) }

// belowName cuts ./ and the name of the torrent from a glob, as bt make does. The rest
// then begins with a slash. A name that is that of a directory in the torrent too is not
// cut.
func belowName(text string, t *metainfo.Torrent) string {
	if rest, ok := strings.CutPrefix(text, "./"); ok {
		return "/" + belowName(rest, t)
	}
	rest, ok := strings.CutPrefix(text, t.Name+"/")
	if !ok || t.Single {
		return text
	}
	for i := range t.Files {
		if path := t.Files[i].Path(); len(path) > 1 && path[0] == t.Name {
			return text
		}
	}
	return "/" + rest
}

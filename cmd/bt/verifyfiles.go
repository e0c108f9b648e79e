package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/glob"
	"bt/internal/metainfo"
)

// verifyScope are the flags of bt verify that choose what is read.
type verifyScope struct {
	globs  []string
	quick  bool
	sample option[int]
	cached bool

	unmatched []string // the globs that have matched no file of any torrent
}

func (f *verifyScope) flags() []cli.Flag {
	return []cli.Flag{
		listFlag(&f.globs, globTexts, "files", "verify only files that match `GLOB`, as in bt make --include; again for more"),
		switchFlag(&f.quick, "quick", "read nothing: compare sizes, and the results of earlier runs for files whose times have not changed since; proves nothing"),
		valueFlag(&f.sample, numberFrom(1), "sample", "read only `N` pieces, others at random in each run; proves nothing about the rest"),
		switchFlag(&f.cached, "cached", "believe the hashes of earlier runs, also of bt make, for files that have not changed since, and remember those of this run"),
	}
}

func globTexts(text string) ([]string, error) {
	if !glob.IsValid(text) {
		return nil, fmt.Errorf("the glob %q can't be read", text)
	}
	return []string{text}, nil
}

// check returns an error if flags exclude each other.
func (f *verifyScope) check() error {
	f.unmatched = slices.Clone(f.globs)
	return oneFlag(givenSwitch{"quick", f.quick}, givenSwitch{"sample", f.sample.given}, givenSwitch{"cached", f.cached})
}

// parts are the flags with which not all pieces are verified.
func (f *verifyScope) parts() []givenSwitch {
	return []givenSwitch{{"files", f.globs != nil}, {"quick", f.quick}, {"sample", f.sample.given}}
}

// apply sets the options that the flags stand for.
func (f *verifyScope) apply(o *inspect.VerifyOptions, t *metainfo.Torrent) {
	o.Quick, o.Sample = f.quick, f.sample.value
	if f.globs == nil {
		return
	}
	chosen := f.choose(t)
	o.Only = func(file int) bool { return chosen[file] }
}

// proof is the kind of proof of a run of which some bytes were not read again.
func (f *verifyScope) proof() inspect.Basis {
	switch {
	case f.quick:
		return inspect.BasisQuick
	case f.sample.given:
		return inspect.BasisSample
	}
	return inspect.BasisFull
}

// choose reports of each file of a torrent whether a glob matches it.
func (f *verifyScope) choose(t *metainfo.Torrent) []bool {
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

// warnUnmatched warns of globs that match nothing.
func (f *verifyScope) warnUnmatched(u *ui) {
	for _, text := range f.unmatched {
		hint := ""
		if strings.Contains(text, ",") {
			hint = "; a comma is a part of it and does not begin another"
		}
		u.warn("the glob %q matches nothing%s", text, hint)
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

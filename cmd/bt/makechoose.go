package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
	"bt/maketorrent"
)

// What is in a torrent: the arguments and flags of bt make that name the content, and
// those that choose files of it.

type contentChoice struct {
	dirs, files      []string
	include, exclude []string
	filesFrom        option[string]
	null             bool
	listed           []string // the paths of filesFrom, once they are read
	noHidden         bool
	keepJunk         bool
	symlinks         option[maketorrent.Symlinks]
	attributes       bool
	align            bool
}

// pathFlags declares the flags that name the content.
func (c *contentChoice) pathFlags() []cli.Flag {
	return []cli.Flag{
		listFlag(&c.dirs, texts, "dir", "make a torrent of the directory `DIR`; again for more, with --name"),
		listFlag(&c.files, texts, "file", "make a torrent of the file `FILE`; again for more, with --name"),
	}
}

// choiceFlags declares the flags that choose files of the content.
func (c *contentChoice) choiceFlags() []cli.Flag {
	return []cli.Flag{
		listFlag(&c.include, nonEmpties("the glob"), "include", "take only files that match `GLOB`, or are in a directory that does; again for more"),
		listFlag(&c.exclude, nonEmpties("the glob"), "exclude", "leave out files and directories that match `GLOB`, such as '*.tmp', 'a/**/b' or ./a (only at the top); again for more"),
		valueFlag(&c.filesFrom, nonEmpty("the name of the list"), "files-from", "take only the files that `FILE` lists, one path per line below PATH (or absolute), - for stdin; a directory stands for all in it"),
		switchFlag(&c.null, "null", "the paths of --files-from end in a NUL byte, as find -print0 writes them", "0"),
		switchFlag(&c.noHidden, "no-hidden", "leave out files and directories whose names begin with a dot"),
		switchFlag(&c.keepJunk, "keep-junk", "take .DS_Store, ._*, Thumbs.db, desktop.ini and @eaDir too, which are left out otherwise"),
		valueFlag(&c.symlinks, oneOf(
			choice[maketorrent.Symlinks]{"follow", maketorrent.SymlinksFollow},
			choice[maketorrent.Symlinks]{"skip", maketorrent.SymlinksSkip},
			choice[maketorrent.Symlinks]{"store", maketorrent.SymlinksStore},
			choice[maketorrent.Symlinks]{"error", maketorrent.SymlinksRefuse},
		), "symlinks", "handle symbolic links below PATH as `HOW` says: follow, skip, store (BEP 47; targets must be in the torrent) or error (default follow)"),
		switchFlag(&c.attributes, "attributes", "store which files are executable (BEP 47)"),
		switchFlag(&c.align, "align", "begin a piece with each file of a v1 torrent, by pad files (BEP 47); v2 and hybrid always do"),
	}
}

// paths returns the paths of the content, of which there must be one, or several and
// a name. It does not check that they exist.
func (c *contentChoice) paths(args []string, name option[string]) ([]string, error) {
	paths := slices.Concat(args, c.files, c.dirs)
	switch {
	case len(paths) == 0:
		return nil, withHint(failf(exitUsage, "nothing to make a torrent of"), "bt make PATH, or bt make --dir DIR")
	case slices.Contains(paths, ""):
		return nil, failf(exitUsage, "the path is empty")
	case len(paths) > 1 && name.value == "":
		return nil, withHint(failf(exitUsage, "%s, and no name for a torrent of all", count(len(paths), "path")),
			"--name NAME makes one torrent of them, --each makes one of each")
	}
	return paths, nil
}

// check checks that the paths exist and are of the kind that the flags name.
func (c *contentChoice) check(paths []string) error {
	for _, path := range paths {
		info, err := os.Stat(path)
		switch {
		case err != nil:
			return readError(path, err)
		case slices.Contains(c.dirs, path) && !info.IsDir():
			return withHint(failf(exitUsage, "--dir: %s is not a directory", path), "use --file for a file")
		case slices.Contains(c.files, path) && info.IsDir():
			return withHint(failf(exitUsage, "--file: %s is a directory", path), "use --dir for a directory")
		}
	}
	return nil
}

// given reports whether a flag that chooses files was given.
func (c *contentChoice) given() bool {
	return len(c.include)+len(c.exclude) > 0 || c.filesFrom.given || c.null || c.noHidden || c.keepJunk || c.symlinks.given || c.attributes || c.align
}

// set sets the options that choose files.
func (c *contentChoice) set(o *maketorrent.Options) {
	o.Include, o.Exclude, o.Symlinks = c.include, c.exclude, c.symlinks.value
	o.NoHidden, o.KeepJunk, o.Attributes, o.Align = c.noHidden, c.keepJunk, c.attributes, c.align
}

// readList reads the list of --files-from into the options.
func (c *contentChoice) readList(ctx context.Context, u *ui, o *maketorrent.Options) error {
	name := c.filesFrom.value
	switch {
	case c.listed != nil:
		o.Only = c.listed
		return nil
	case !c.filesFrom.given && c.null:
		return failf(exitUsage, "--null: it is about the paths of --files-from, which is not given")
	case !c.filesFrom.given:
		return nil
	}
	b, err := readInput(ctx, u.env, name, pathsInput)
	switch {
	case err != nil:
		return err
	case !c.null && bytes.IndexByte(b, 0) >= 0:
		return withHint(failf(exitUsage, "--files-from: %s: it contains zero bytes", name), "-0 reads paths that end in one")
	}
	o.Only = listedPaths(b, c.null)
	if len(o.Only) == 0 {
		return failf(exitUsage, "--files-from: %s: it is empty", name)
	}
	c.listed = o.Only
	return nil
}

// listedPaths returns the paths of a list. Empty ones are left out. Other blanks are a
// part of a path, except a carriage return, with which Windows ends lines.
func listedPaths(b []byte, null bool) []string {
	end := byte('\n')
	if null {
		end = 0
	} else {
		b = bytes.TrimPrefix(b, []byte("\ufeff"))
	}
	var paths []string
	for path := range bytes.SplitSeq(b, []byte{end}) {
		if !null {
			path = bytes.TrimSuffix(path, []byte{'\r'})
		}
		if len(path) > 0 {
			paths = append(paths, string(path))
		}
	}
	return paths
}

// contentName returns what errors call the content: its path, or the name of the torrent
// of several.
func contentName(o *maketorrent.Options) string {
	switch {
	case len(o.Inputs) > 0:
		return o.Name
	case o.Stream != nil && o.Path == stdinName:
		return "standard input"
	}
	return o.Path
}

// besideContent returns the directory beside the content, and the name of the torrent.
// Several paths that are in no directory of that name have none, and neither has a
// stream: it is the working directory.
func besideContent(o *maketorrent.Options) (dir, name string, err error) {
	content := ""
	switch {
	case o.Stream != nil:
		name = o.Name
	case len(o.Inputs) > 0:
		name = o.Name
		content, err = maketorrent.ResolveInputs(o.Inputs, name)
	default:
		content, name, err = maketorrent.Resolve(o.Path, o.Name)
	}
	if err != nil {
		return "", "", err
	}
	if content == "" {
		dir, err = filepath.Abs(".")
		return dir, name, err
	}
	return filepath.Dir(content), name, nil
}

// checkSeed returns an error if the content of several paths can't be seeded, as
// they are in no directory of the torrent's name.
func checkSeed(o *maketorrent.Options) error {
	if len(o.Inputs) == 0 {
		return nil
	}
	if content, err := maketorrent.ResolveInputs(o.Inputs, o.Name); err != nil || content != "" {
		return err
	}
	return withHint(failf(exitUsage, "--seed: the %s are not together in a directory called %s", count(len(o.Inputs), "path"), o.Name),
		"put them into a directory of that name, and make a torrent of it")
}

// explainLeftOut reports what was left out although no flag asks for it, and
// what must be done before the torrent, called name, can be seeded.
func explainLeftOut(u *ui, r *maketorrent.Result, name string) {
	junk := slices.DeleteFunc(slices.Clone(r.Skipped), func(s maketorrent.Skipped) bool { return s.Reason != maketorrent.SkipJunk })
	if len(junk) > 0 {
		u.hint(fmt.Sprintf("%s of the system left out, such as %s; --keep-junk takes %s", count(len(junk), "junk file"),
			term.Safe(junk[0].Path), map[bool]string{true: "it", false: "them"}[len(junk) == 1]))
	}
	if r.Content == "" {
		u.hint("the paths are not together in a directory called " + term.Safe(name) + ": put them into one to seed or verify them")
	}
}

// leftOutText counts what was left out by its reasons.
func leftOutText(skipped []maketorrent.Skipped) string {
	var reasons []maketorrent.SkipReason
	counts := make(map[maketorrent.SkipReason]int)
	for _, s := range skipped {
		if counts[s.Reason]++; counts[s.Reason] == 1 {
			reasons = append(reasons, s.Reason)
		}
	}
	var parts []string
	for _, reason := range reasons {
		parts = append(parts, term.Count(int64(counts[reason]))+" "+string(reason))
	}
	return strings.Join(parts, ", ")
}

package maketorrent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bt/internal/glob"
)

// readGlobs parses globs, whose syntax Options.Check has checked.
func (w *walker) readGlobs(texts []string) []*glob.Glob {
	var globs []*glob.Glob
	for _, text := range texts {
		globs = append(globs, glob.New(text, w.cutPath(text)))
	}
	return globs
}

// cutPath cuts a prefix from a glob that leads to the content, as in ./sub, NAME/sub and
// PATH/sub, which a shell's completion produces. The result then begins with a slash.
// A prefix that is a directory in the content is not cut.
func (w *walker) cutPath(text string) string {
	if rest, ok := strings.CutPrefix(text, "./"); ok {
		return "/" + w.cutPath(rest)
	}
	first, _, _ := strings.Cut(text, "/")
	for _, in := range w.inputs {
		prefixes, name := []string{in.path, filepath.Clean(in.given)}, "/"+in.name+"/"
		if w.whole() {
			prefixes, name = append(prefixes, filepath.Base(in.path)), "/"
		}
		for _, prefix := range prefixes {
			rest, ok := strings.CutPrefix(text, filepath.ToSlash(prefix)+"/")
			if !ok {
				continue
			}
			if first != "" && first != ".." && exists(w.onDisk([]string{first})) {
				return text
			}
			return name + rest
		}
	}
	return text
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// unmatched returns the globs that match nothing. It first tries them on the files in
// excluded directories, which the walk did not read.
func (w *walker) unmatched() []*glob.Glob {
	left := glob.Unmatched(slices.Concat(w.include, w.exclude))
	for _, dir := range w.unseen {
		if len(left) == 0 {
			break
		}
		left = w.tryBelow(dir, left)
	}
	return left
}

// maxUnseen is the maximum number of names that are read from excluded directories,
// which may be large or on a slow disk.
const maxUnseen = 20_000

var errTooMany = errors.New("too many names")

// tryBelow returns the globs that match nothing in a directory. It returns none if it
// can't read the whole directory.
func (w *walker) tryBelow(dir []string, globs []*glob.Glob) []*glob.Glob {
	names := 0
	// With the separator, WalkDir follows dir if it is a symbolic link.
	root := w.onDisk(dir) + string(filepath.Separator)
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		names++
		switch {
		case err != nil:
			return err
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case names > maxUnseen:
			return errTooMany
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		glob.MatchAny(globs, append(slices.Clip(dir), components(rel)...))
		return nil
	})
	if err != nil {
		return nil
	}
	return glob.Unmatched(globs)
}

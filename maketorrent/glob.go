package maketorrent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"

	"bt/internal/piece"
)

// A glob is one of Options.Include or Exclude.
type glob struct {
	text     string // as given
	pattern  string // below the content, without a slash around it
	anywhere bool   // matches every name in a path, and not the path alone
	matched  atomic.Bool
}

// readGlobs reads globs, which were checked, about the content at root, which the
// user calls path.
func readGlobs(texts []string, root, path string) []*glob {
	var globs []*glob
	for _, text := range texts {
		pattern := strings.TrimSuffix(below(text, root, path), "/")
		anchored := strings.HasPrefix(pattern, "/")
		pattern = strings.TrimLeft(pattern, "/")
		globs = append(globs, &glob{text: text, pattern: pattern, anywhere: !anchored && !strings.Contains(pattern, "/")})
	}
	return globs
}

// below cuts from a glob what leads to the content, as people write it who let a
// shell complete it: ./sub, NAME/sub, PATH/sub. The rest begins with a slash
// then. Where the content has such a directory itself, that is meant.
func below(text, root, path string) string {
	if rest, ok := strings.CutPrefix(text, "./"); ok {
		return "/" + below(rest, root, path)
	}
	for _, prefix := range []string{root, filepath.Clean(path), filepath.Base(root)} {
		rest, ok := strings.CutPrefix(text, filepath.ToSlash(prefix)+"/")
		if !ok {
			continue
		}
		first, _, _ := strings.Cut(text, "/")
		if _, err := os.Lstat(filepath.Join(root, first)); first != "" && first != ".." && err == nil {
			break
		}
		return "/" + rest
	}
	return text
}

// match reports whether the glob matches the path or a directory in it.
func (g *glob) match(rel []string) bool {
	for i := range rel {
		if doublestar.MatchUnvalidated(g.pattern, display(rel[:i+1])) || g.anywhere && doublestar.MatchUnvalidated(g.pattern, rel[i]) {
			g.matched.Store(true)
			return true
		}
	}
	return false
}

// matchAny reports whether one of the globs matches. Others are tried as long as
// they have matched nothing yet, for unmatched to know.
func matchAny(globs []*glob, rel []string) bool {
	found := false
	for _, g := range globs {
		if !found || !g.matched.Load() {
			found = g.match(rel) || found
		}
	}
	return found
}

// unmatched returns the globs that match nothing. What is in directories that
// were left out has not been tried yet.
func (w *walker) unmatched() []*glob {
	left := stillUnmatched(slices.Concat(w.include, w.exclude))
	for _, dir := range w.unseen {
		if len(left) == 0 {
			break
		}
		left = w.tryBelow(dir, left)
	}
	return left
}

// maxUnseen is how many names of directories that were left out are looked at,
// for these may be large, or on a slow disk.
const maxUnseen = 20_000

var errTooMany = errors.New("too many names")

// tryBelow returns the globs that match nothing in a directory, none if not all
// of it could be looked at.
func (w *walker) tryBelow(dir []string, globs []*glob) []*glob {
	names := 0
	// The separator makes a link to a directory the directory.
	err := filepath.WalkDir(piece.Join(w.root, dir)+string(filepath.Separator), func(path string, _ fs.DirEntry, err error) error {
		names++
		switch {
		case err != nil:
			return err
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case names > maxUnseen:
			return errTooMany
		}
		rel, err := filepath.Rel(w.root, path)
		if err != nil {
			return err
		}
		matchAny(globs, strings.Split(filepath.ToSlash(rel), "/"))
		return nil
	})
	if err != nil {
		return nil
	}
	return stillUnmatched(globs)
}

func stillUnmatched(globs []*glob) []*glob {
	return slices.DeleteFunc(slices.Clone(globs), func(g *glob) bool { return g.matched.Load() })
}

// Package glob matches paths of files in a torrent, or to be in one, with globs. The
// syntax is that of package doublestar: ?, *, **, [a-z] and {a,b}.
package glob

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bmatcuk/doublestar/v4"
)

// A Glob matches files and directories, and all that is in such a directory. It
// remembers whether it has matched anything.
type Glob struct {
	Text     string // as the user wrote it
	pattern  string // without leading and trailing slashes
	anywhere bool   // also matched against each name in a path
	matched  atomic.Bool
}

// IsValid reports whether a text is a glob.
func IsValid(text string) bool { return doublestar.ValidatePattern(text) }

// New returns a glob with the given text. pattern is what it matches: the text, or what
// the text means where it begins with a path. Without a slash, except at its end, the
// pattern matches names at any depth. A slash at its beginning anchors it.
func New(text, pattern string) *Glob {
	pattern = strings.TrimSuffix(pattern, "/")
	anchored := strings.HasPrefix(pattern, "/")
	pattern = strings.TrimLeft(pattern, "/")
	return &Glob{Text: text, pattern: pattern, anywhere: !anchored && !strings.Contains(pattern, "/")}
}

// Match reports whether the glob matches a path, or a directory that the path leads
// through.
func (g *Glob) Match(path []string) bool {
	for i := range path {
		if doublestar.MatchUnvalidated(g.pattern, strings.Join(path[:i+1], "/")) || g.anywhere && doublestar.MatchUnvalidated(g.pattern, path[i]) {
			g.matched.Store(true)
			return true
		}
	}
	return false
}

// HasMatched reports whether the glob has matched a path.
func (g *Glob) HasMatched() bool { return g.matched.Load() }

// MatchAny reports whether one of the globs matches. It also tries globs that have
// matched nothing yet, so that Unmatched is complete.
func MatchAny(globs []*Glob, path []string) bool {
	found := false
	for _, g := range globs {
		if !found || !g.HasMatched() {
			found = g.Match(path) || found
		}
	}
	return found
}

// Unmatched returns the globs that have matched nothing.
func Unmatched(globs []*Glob) []*Glob {
	return slices.DeleteFunc(slices.Clone(globs), func(g *Glob) bool { return g.HasMatched() })
}

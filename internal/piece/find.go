package piece

import (
	"context"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"bt/internal/metainfo"
)

// Find finds the content of a torrent at or below path, and identifies its files. The
// content is path/NAME or path itself, or for a single file also path/NAME/NAME. Find
// chooses the place with the most files of the right size or, if there are none, with
// the most files. NAME and the names below it may be equivalent names: another Unicode
// normal form, another encoding of the torrent, or a suffix of an unfinished file.
//
// If the content is a directory, only directories are considered. The error is the cause
// of ctx.
func Find(ctx context.Context, c *metainfo.Content, path string, jobs int) (*Tree, error) {
	return FindIn(ctx, c, []string{path}, jobs, nil)
}

// FindIn is Find for several paths. Of places that have as much of the content, it
// chooses the first. d, if not nil, remembers directories for further calls.
func FindIn(ctx context.Context, c *metainfo.Content, paths []string, jobs int, d *Directories) (*Tree, error) {
	if d == nil {
		d = new(Directories)
	}
	var best *Tree
	var most score
	for _, path := range paths {
		for root := range d.roots(c, path) {
			t, err := d.at(ctx, c, root, jobs)
			if err != nil {
				return nil, err
			}
			if s := t.score(c); best == nil || s.betterThan(most) {
				best, most = t, s
				t.nameAs(c, path)
			}
			if most.isWhole() {
				return best, nil
			}
		}
	}
	return best, nil
}

// nameAs sets As, if the root of the content in path has another name than the torrent.
func (t *Tree) nameAs(c *metainfo.Content, path string) {
	name := filepath.Base(t.Root)
	if t.Root == path || name == c.Name {
		return
	}
	if t.As = name; c.Single {
		t.at = map[int]string{0: name}
	}
}

// At identifies the files of the content at root. The error is the cause of ctx.
func At(ctx context.Context, c *metainfo.Content, root string, jobs int) (*Tree, error) {
	return new(Directories).at(ctx, c, root, jobs)
}

func (d *Directories) at(ctx context.Context, c *metainfo.Content, root string, jobs int) (*Tree, error) {
	t := &Tree{Root: root, Files: make([]Source, len(c.Files))}
	t.Path = func(i int) string {
		if c.Single {
			return root
		}
		if at, ok := t.at[i]; ok {
			return Join(root, []string{at})
		}
		var components [16]string // on the stack; deeper paths are allocated
		return Join(root, c.Files[i].AppendPath(components[:0]))
	}
	for i := range c.Files {
		t.Files[i].Pad, t.Files[i].Link = c.Files[i].Pad, c.Files[i].IsLink()
	}
	if err := t.Stat(ctx, jobs); err != nil {
		return nil, err
	}
	if !c.Single && isDirectory(root) {
		if err := t.match(ctx, c, d); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// roots returns the places where Find looks for the content, the likeliest first.
func (d *Directories) roots(c *metainfo.Content, path string) iter.Seq[string] {
	forms := append([]string{c.Name}, c.OtherNames()...)
	switch {
	case c.Name == "" || !isDirectory(path):
		return func(yield func(string) bool) { yield(path) }
	case c.Single:
		return d.fileRoots(path, forms)
	}
	return d.directoryRoots(path, forms)
}

// directoryRoots yields the places of a directory. forms are the forms of its name.
func (d *Directories) directoryRoots(path string, forms []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name := range (names{d, false}).in(path, forms, false) {
			// Join does not clean the path: ".." may follow a link.
			if root := Join(path, []string{name}); mayBeDirectory(root) && !yield(root) {
				return
			}
		}
		yield(path)
	}
}

// fileRoots yields the places of a single file: below path, then below directories of
// the same name. The first form, which is the exact name, need not exist.
func (d *Directories) fileRoots(path string, forms []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		n := names{d, false}
		var directories []string
		for name := range n.in(path, forms, true) {
			root := Join(path, []string{name})
			if isDirectory(root) {
				directories = append(directories, root)
			} else if (name == forms[0] || exists(root)) && !yield(root) {
				return
			}
		}
		for _, dir := range directories {
			for name := range n.in(dir, forms, true) {
				if root := Join(dir, []string{name}); (name == forms[0] || exists(root)) && !yield(root) {
					return
				}
			}
		}
	}
}

// A score counts the files of the content, those of the right size, and those that exist.
type score struct{ files, whole, there int }

func (s score) isWhole() bool { return s.whole == s.files }

func (s score) betterThan(other score) bool {
	if s.whole != other.whole {
		return s.whole > other.whole
	}
	return s.whole == 0 && s.there > other.there
}

func (t *Tree) score(c *metainfo.Content) score {
	var s score
	for i := range t.Files {
		f := &t.Files[i]
		if f.Pad {
			continue
		}
		s.files++
		if f.Cause == CauseFine {
			s.there++
			if f.Link || t.ID(i).Size == c.Layout.Length(i) {
				s.whole++
			}
		}
	}
	return s
}

// match looks for missing files by equivalent names: another Unicode normal form, one of
// OtherPaths, or a name with a suffix of unfinished files. It never uses one file on
// disk for two files of the torrent.
func (t *Tree) match(ctx context.Context, c *metainfo.Content, d *Directories) error {
	m := matcher{tree: t, content: c, names: names{d, true}, taken: make(map[string]bool)}
	for i := range t.Files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s := &t.Files[i]
		if s.Pad || s.Cause != CauseMissing && s.Cause != CauseNotAFile {
			continue
		}
		at, ok := m.find(i)
		if !ok {
			continue
		}
		if t.at == nil {
			t.at = make(map[int]string)
		}
		t.at[i], m.taken[at] = at, true
		t.Restat(i)
	}
	return nil
}

// A matcher finds the files of one tree.
type matcher struct {
	tree    *Tree
	content *metainfo.Content
	names   names
	missing string           // the file's exact path below the root, where it is not
	tries   int              // names that may still be tried for the file
	taken   map[string]bool  // paths below the root of files that were found
	exact   map[string]int32 // paths of the torrent's files; made on first use
}

// maxTries limits the names that are tried for one file: symbolic links may form a loop,
// and with two forms of each component their number doubles with each component.
const maxTries = 10_000

// find returns the path of file i below the root.
func (m *matcher) find(i int) (at string, ok bool) {
	paths := append([][]string{m.content.Files[i].Path()}, m.content.OtherPaths(i)...)
	m.missing, m.tries = filepath.Join(paths[0]...), maxTries
	for len(paths) > 0 {
		// Components of paths of one length may be combined.
		length := len(paths[0])
		same := func(p []string) bool { return len(p) == length }
		forms := make([][]string, length)
		for _, p := range paths {
			if !same(p) {
				continue
			}
			for k, c := range p {
				if !slices.Contains(forms[k], c) {
					forms[k] = append(forms[k], c)
				}
			}
		}
		if at, ok := m.below("", forms, i); ok {
			return at, true
		}
		paths = slices.DeleteFunc(paths, same)
	}
	return "", false
}

// below looks for file i in the directory at. forms are the forms of each remaining
// component of its path.
func (m *matcher) below(at string, forms [][]string, i int) (string, bool) {
	dir := Join(m.tree.Root, nonEmpty(at))
	last := len(forms) == 1
	var d directory
	defer d.close()
	for name := range m.names.in(dir, forms[0], last) {
		if m.tries--; m.tries < 0 {
			return "", false
		}
		path := name
		if at != "" {
			path = Join(at, []string{name})
		}
		if !last {
			if m.names.isDirectory(Join(dir, []string{name})) {
				if found, ok := m.below(path, forms[1:], i); ok {
					return found, true
				}
			}
			continue
		}
		if path == m.missing {
			continue
		}
		_, regular, err := d.stat(Join(dir, []string{name}), !m.tree.Files[i].Link)
		if err == nil && (regular || m.tree.Files[i].Link) && m.free(path, i) {
			return path, true
		}
	}
	return "", false
}

func nonEmpty(at string) []string {
	if at == "" {
		return nil
	}
	return []string{at}
}

// free reports whether path is not that of another file of the torrent.
func (m *matcher) free(path string, i int) bool {
	if m.taken[path] {
		return false
	}
	if m.exact == nil {
		m.exact = make(map[string]int32, len(m.content.Files))
		for j := range m.content.Files {
			if f := &m.content.Files[j]; !f.Pad {
				m.exact[filepath.Join(f.Path()...)] = int32(j)
			}
		}
	}
	j, ok := m.exact[path]
	return !ok || int(j) == i
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// mayBeDirectory is isDirectory, but true if path can't be examined: its files then are
// unreadable rather than missing.
func mayBeDirectory(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return causeOf(err) == CauseUnreadable
	}
	return info.IsDir()
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

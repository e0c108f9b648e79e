package maketorrent

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// An input is a file or directory of the content.
type input struct {
	name  string // in the torrent; "" if the input is the whole content
	given string // its path as the caller wrote it
	path  string // absolute
	real  string // absolute, without symbolic links
	info  fs.FileInfo
}

// stat sets the fields that are read from disk.
func (in *input) stat() (err error) {
	if in.info, err = os.Stat(in.path); err != nil {
		return err
	}
	in.real, err = filepath.EvalSymlinks(in.path)
	return err
}

// Resolve returns the absolute path of the content and the name that Make gives its
// torrent: name or, if name is empty, the name of the file or directory at path, even
// if path is "." or "..". The error is an *[OptionError] if a torrent can't have the
// name.
func Resolve(path, name string) (abs, resolved string, err error) {
	if abs, err = absolute(path); err != nil {
		return "", "", err
	}
	if name == "" {
		name = filepath.Base(abs)
	}
	if err := metainfo.CheckComponent(name); err != nil {
		return "", "", badOption("name", "the name %q %w", name, err)
	}
	return abs, name, nil
}

// absolute is filepath.Abs, but it resolves ".." as the system does: after a link to a
// directory, ".." is the parent of the link's target.
func absolute(path string) (string, error) {
	if !slices.Contains(strings.Split(filepath.ToSlash(path), "/"), "..") {
		return filepath.Abs(path)
	}
	if !filepath.IsAbs(path) {
		here, err := filepath.Abs(".")
		if err == nil {
			here, err = filepath.EvalSymlinks(here)
		}
		if err != nil {
			return "", err
		}
		path = here + string(filepath.Separator) + path
	}
	return filepath.EvalSymlinks(path)
}

// resolve returns the inputs of the content, sorted by name, and the name of the torrent.
func (o *Options) resolve() (inputs []input, name string, err error) {
	if len(o.Inputs) > 0 {
		inputs, err = severalInputs(o.Inputs, o.Name)
		return inputs, o.Name, err
	}
	abs, name, err := Resolve(o.Path, o.Name)
	if err != nil {
		return nil, "", err
	}
	return []input{{given: o.Path, path: abs}}, name, nil
}

func severalInputs(paths []string, name string) ([]input, error) {
	if err := metainfo.CheckComponent(name); err != nil {
		return nil, badOption("name", "the name %q %w", name, err)
	}
	inputs := make([]input, len(paths))
	for i, path := range paths {
		abs, base, err := Resolve(path, "")
		if err != nil {
			return nil, err
		}
		inputs[i] = input{name: base, given: path, path: abs}
	}
	slices.SortStableFunc(inputs, func(a, b input) int { return strings.Compare(a.name, b.name) })
	for i := range inputs[1:] {
		if a, b := &inputs[i], &inputs[i+1]; a.name == b.name {
			return nil, badOption("inputs", "%s and %s would both be called %s in the torrent", a.given, b.given, a.name)
		}
	}
	return inputs, nil
}

// ResolveInputs returns the absolute path of the content of a torrent name of several
// files and directories: that of the directory name, if all of them are in it, else "".
// Then the content can't be seeded until they are in such a directory. The error is an
// *[OptionError] if two of them have the same name, or the torrent can't have the name.
func ResolveInputs(paths []string, name string) (content string, err error) {
	inputs, err := severalInputs(paths, name)
	if err != nil {
		return "", err
	}
	return contentOf(inputs, name), nil
}

// contentOf returns the path of the one input, or of the directory that has all inputs
// and the name of the torrent, else "".
func contentOf(inputs []input, name string) string {
	if inputs[0].name == "" {
		return inputs[0].path
	}
	dir := filepath.Dir(inputs[0].path)
	if filepath.Base(dir) != name || slices.ContainsFunc(inputs, func(in input) bool { return filepath.Dir(in.path) != dir }) {
		return ""
	}
	return dir
}

// onDisk returns the path on disk of a path below the torrent's name, or "" if no input
// has it.
func (w *walker) onDisk(rel []string) string {
	if w.whole() {
		return piece.Join(w.inputs[0].path, rel)
	}
	i, ok := slices.BinarySearchFunc(w.inputs, rel[0], func(in input, name string) int { return strings.Compare(in.name, name) })
	if !ok {
		return ""
	}
	return piece.Join(w.inputs[i].path, rel[1:])
}

// whole reports whether the one input is the whole content.
func (w *walker) whole() bool { return w.inputs[0].name == "" }

// below returns the path below the torrent's name of a path in the input, or in dir, which
// is another spelling of its path.
func (in *input) below(dir, path string) ([]string, bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil, false
	}
	if in.name != "" {
		rel = filepath.Join(in.name, rel)
	}
	return components(rel), true
}

// components splits a clean path. That of "." is empty.
func components(path string) []string {
	if path == "." {
		return nil
	}
	return strings.Split(filepath.ToSlash(path), "/")
}

// describe names the inputs in errors.
func (w *walker) describe() string {
	if len(w.inputs) == 1 {
		return w.inputs[0].given
	}
	return fmt.Sprintf("the %d inputs", len(w.inputs))
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"path/filepath"
	"strings"
	"syscall"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/repair"
)

// bt verify --link builds a tree of the good files.

func (m *mending) build() error {
	files := m.goodFiles()
	tree := filepath.Join(m.flags.into.value, m.torrent.Name)
	if err := m.claims.allowTree(m.ctx, m.torrent, tree, files); err != nil {
		return err
	}
	bar := m.u.progress("building " + m.u.pal.Shorten(m.torrent.Name, ""))
	o := repair.BuildOptions{Link: m.flags.link.value, DryRun: m.flags.dryRun, Progress: bar.Update}
	var err error
	m.built, err = repair.Build(m.ctx, m.torrent, files, m.flags.into.value, o)
	bar.Finish()
	if err == nil {
		m.claims.builtTree(m.torrent, tree, files)
	}
	return m.buildError(err)
}

// builtFiles yields the indexes and paths of the files of a tree that is built.
func builtFiles(t *metainfo.Torrent, tree string, files map[int]string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		content, err := t.Content()
		if err != nil {
			return // Build reports it
		}
		tree := resolve(tree)
		for i := range content.Files {
			f := &content.Files[i]
			if _, ok := files[i]; f.Pad || !ok && !f.IsLink() && f.Length > 0 {
				continue
			}
			path := tree
			if !content.Single {
				path = piece.Join(tree, f.Path())
			}
			if !yield(i, path) {
				return
			}
		}
	}
}

// allowTree returns an error if an earlier torrent of the run has other content for a file
// of the tree. Where the hashes can't be compared, building it compares the files.
func (c *claims) allowTree(ctx context.Context, t *metainfo.Torrent, tree string, files map[int]string) error {
	if c == nil || len(c.made) == 0 {
		return nil
	}
	for i, path := range builtFiles(t, tree, files) {
		for _, other := range c.made[path] {
			theirs, err := c.read(ctx, other.input)
			if err != nil {
				return err
			}
			content, err := t.Content()
			if err != nil {
				return err
			}
			if same, known := sameContent(content, i, theirs.content, other.file); known && !same {
				err := fail(exitWrite, fmt.Errorf("%s: %w", path, &otherContentError{c.name(c.current), c.name(other.input)}))
				return withHint(err, "nothing was made: build them in directories of their own")
			}
		}
	}
	return nil
}

// builtTree notes the files of a tree that was built, if another torrent has its name.
func (c *claims) builtTree(t *metainfo.Torrent, tree string, files map[int]string) {
	if c == nil || c.names[strings.ToLower(t.Name)] < 2 {
		return
	}
	for i, path := range builtFiles(t, tree, files) {
		c.made[path] = append(c.made[path], claim{input: c.current, file: i})
	}
}

// goodFiles returns the paths of the files that are ok, or that were found elsewhere.
func (m *mending) goodFiles() map[int]string {
	files := make(map[int]string)
	for f := range m.verdict.Files {
		if f.Status == inspect.StatusOK {
			files[f.Index] = m.verdict.Where(f.Index)
		}
	}
	maps.Copy(files, m.found())
	return files
}

func (m *mending) buildError(err error) error {
	if err == nil || m.ctx.Err() != nil {
		return err
	}
	if _, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		return usable(m.u.subject, err)
	}
	_, exists := errors.AsType[*repair.ExistsError](err)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	err = fail(exitWrite, err)
	switch {
	case exists:
		return withHint(err, "nothing was made: name another directory, or move away what is there")
	case errors.Is(err, repair.ErrNoClone):
		return withHint(err, "--link copy works everywhere; --link hard and --link sym take no space")
	case errors.Is(err, repair.ErrOtherDevice), errors.Is(err, syscall.EXDEV):
		return withHint(err, "--link copy and --link sym work there")
	}
	return err
}

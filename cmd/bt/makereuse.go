package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

// reuseOptions are the flags of bt make that name other torrents.
type reuseOptions struct {
	reuse       []string
	previous    option[string]
	similar     []string
	collections []string
	updateURL   option[string]

	// What was read, as torrents of the same content are made of the same.
	read map[string]*metainfo.Torrent
	dirs map[string][]*metainfo.Torrent // by the directory and the content
}

func (r *reuseOptions) flags() []cli.Flag {
	return []cli.Flag{
		listFlag(&r.reuse, nonEmpties("the path"), "reuse", "take hashes from `TORRENT`, or torrents in a directory, for files of the same size of which a sample agrees; again for more"),
		valueFlag(&r.previous, nonEmpty("the path"), "previous", "`TORRENT` of the release before: like --reuse and --similar, with its piece length; unchanged files keep their pieces, in v1 by pad files (BEP 47) where needed; report what is shared"),
		listFlag(&r.similar, nonEmpties("the path"), "similar", "name `TORRENT` as one that may share files (BEP 38); again for more"),
		listFlag(&r.collections, nonEmpties("the name"), "collection", "name the collection `NAME` of torrents that may share files (BEP 38); again for more"),
		valueFlag(&r.updateURL, readUpdateURL, "update-url", "`URL` where clients may find a newer torrent (BEP 39)"),
	}
}

// readUpdateURL parses --update-url.
func readUpdateURL(s string) (string, error) {
	list, err := urls("http", "https")(s)
	switch {
	case err != nil:
		return "", err
	case len(list) != 1:
		return "", fmt.Errorf("want one URL, not %d", len(list))
	}
	return list[0], nil
}

// get reads a torrent that a flag names.
func (r *reuseOptions) get(ctx context.Context, u *ui, flag, name string) (*metainfo.Torrent, error) {
	if t := r.read[name]; t != nil {
		return t, nil
	}
	t, err := readTorrent(ctx, u.env, name)
	if err != nil {
		return nil, failf(codeOf(err), "--%s: %w", flag, err)
	}
	if r.read == nil {
		r.read = make(map[string]*metainfo.Torrent)
	}
	r.read[name] = t
	return t, nil
}

// getAll reads the torrents in a directory that may have files of the content.
func (r *reuseOptions) getAll(ctx context.Context, u *ui, dir string, o *maketorrent.Options) ([]*metainfo.Torrent, error) {
	roots := contentRoots(o)
	key := strings.Join(slices.Concat([]string{dir}, roots), "\x00")
	if list, ok := r.dirs[key]; ok {
		return list, nil
	}
	list, err := torrentsOf(ctx, u, dir, roots)
	if err != nil {
		return nil, err
	}
	if r.dirs == nil {
		r.dirs = make(map[string][]*metainfo.Torrent)
	}
	r.dirs[key] = list
	return list, nil
}

// load reads the torrents that the flags name into the options.
func (r *reuseOptions) load(ctx context.Context, u *ui, o *maketorrent.Options) error {
	for _, name := range r.reuse {
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			more, err := r.getAll(ctx, u, name, o)
			if err != nil {
				return err
			}
			o.Reuse = append(o.Reuse, more...)
			continue
		}
		t, err := r.get(ctx, u, "reuse", name)
		if err != nil {
			return err
		}
		o.Reuse = append(o.Reuse, t)
	}
	for _, name := range r.similar {
		t, err := r.get(ctx, u, "similar", name)
		if err != nil {
			return err
		}
		o.Similar = append(o.Similar, t)
	}
	if r.previous.given {
		t, err := r.get(ctx, u, "previous", r.previous.value)
		if err != nil {
			return err
		}
		o.Previous = t
	}
	o.Collections, o.UpdateURL = r.collections, r.updateURL.value
	return nil
}

// contentRoots returns the paths of the content.
func contentRoots(o *maketorrent.Options) []string {
	if len(o.Inputs) > 0 {
		return o.Inputs
	}
	return []string{o.Path}
}

// torrentsOf returns the torrents in a directory that have a file of the size of one of
// the content. Torrents that can't be read are left out.
func torrentsOf(ctx context.Context, u *ui, dir string, roots []string) (list []*metainfo.Torrent, err error) {
	sizes := make(map[int64]bool)
	for _, root := range roots {
		if info, err := os.Stat(root); err == nil && !info.IsDir() {
			sizes[info.Size()] = true
		}
		// The trailing separator makes WalkDir follow a symbolic link to a directory.
		_ = filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				if info, err := os.Stat(path); err == nil {
					sizes[info.Size()] = true
				}
			}
			return ctx.Err()
		})
	}
	for _, in := range torrentsIn(dir) {
		t, err := in.torrent(ctx, u.env)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			u.explain("--reuse: %s", errors.Unwrap(err))
			continue
		}
		for i := range t.Files {
			if f := &t.Files[i]; !f.Pad && f.Length > 0 && sizes[f.Length] {
				list = append(list, t)
				break
			}
		}
	}
	return list, nil
}

// explainReuse says which files of the size in another torrent have other content.
func explainReuse(u *ui, r *maketorrent.Result) {
	for _, path := range r.Refuted {
		u.warn("%s: it has the size of a file in another torrent and other content; it was hashed", path)
	}
}

// explainPrevious says how the pieces of unchanged files of --previous are kept in t, a
// torrent with a result.
func explainPrevious(u *ui, r *maketorrent.Result, t *metainfo.Torrent) {
	switch {
	case r.Previous == nil || t.V2: // unchanged files keep their pieces roots
	case t.PieceLength != r.Previous.PieceLength:
		u.explain("no pieces are kept: those of the torrent of --previous have %s", term.SizeDistinct(r.Previous.PieceLength))
	case r.Aligned:
		u.explain("each file begins a piece, as in the torrent of --previous")
	case r.Pads > 0:
		u.explain("%s, so that unchanged files keep the pieces of the torrent of --previous", count(r.Pads, "pad file"))
	}
}

// sharedText says what a torrent has of the one before.
func sharedText(previous, t *metainfo.Torrent) string {
	s := maketorrent.Shared(previous, t)
	return fmt.Sprintf("%s of %s and %s of %s unchanged (%s of %s)", term.Count(int64(s.Files)), count(previous.FileCount(), "file"),
		term.Count(int64(s.Pieces)), count(previous.PieceCount(), "piece"), term.Size(s.Bytes), term.Size(previous.Size()))
}

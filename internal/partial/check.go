package partial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// A checker finds out what is on disk of a torrent.
type checker struct {
	*Content
	ctx    context.Context
	old    *state // nil if there is none that can be believed
	owned  bool   // there was a state, so that files with the names of unfinished ones are ours
	finals *piece.Tree
	tree   *piece.Tree  // with the unfinished files too
	exists []string     // files that are in the way
	wrong  map[int]bool // results of isWrong
}

// check sets which pieces are there, and where the files are. With Options.Force, adopt are
// the proven pieces of files that will be replaced.
func (c *Content) check(ctx context.Context) (adopt []source, err error) {
	k := &checker{Content: c, ctx: ctx, wrong: make(map[int]bool)}
	if err := k.readState(); err != nil {
		return nil, err
	}
	if err := k.locate(); err != nil {
		return nil, err
	}
	k.useState()
	holes := k.findHoles()
	if err := k.hash(func(p int) bool { return holes.Has(p) || k.isKnown(p) }); err != nil {
		return nil, err
	}
	there := append(peer.Bitfield(nil), c.have...)
	demoted, err := k.judge()
	if err != nil {
		return nil, err
	}
	if len(demoted) > 0 {
		if adopt, err = k.demote(demoted, there); err != nil {
			return nil, err
		}
	}
	k.findForeign()
	if len(k.exists) > 0 {
		return nil, &ExistsError{k.exists}
	}
	k.setIDs()
	return adopt, k.removeTwins()
}

// removeTwins removes the names of unfinished files of files that have both names: an
// earlier run was killed between the two steps of giving a file its name.
func (k *checker) removeTwins() error {
	for i, at := range k.files.places {
		if !k.owned || at != placeFinal {
			continue
		}
		part, err := k.disk.lstat(k.names.part(i))
		if err != nil {
			continue // there is none, as usual
		}
		if final, err := k.disk.lstat(k.names.final(i)); err == nil && os.SameFile(part, final) {
			if err := k.disk.remove(k.names.part(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// newTree returns the files of the torrent at the paths that path returns.
func (c *Content) newTree(path func(i int) []string) *piece.Tree {
	t := &piece.Tree{Root: c.Root(), Files: make([]piece.Source, len(c.content.Files))}
	t.Path = func(i int) string { return c.disk.path(path(i)) }
	for i := range c.content.Files {
		t.Files[i].Pad, t.Files[i].Link = c.content.Files[i].Pad, c.content.Files[i].IsLink()
	}
	return t
}

// locate finds the files, the final ones first.
func (k *checker) locate() error {
	k.finals, k.tree = k.newTree(k.names.final), k.newTree(k.files.path)
	if err := k.finals.Stat(k.ctx, k.options.Jobs); err != nil {
		return err
	}
	for i := range k.finals.Files {
		s := &k.finals.Files[i]
		if s.Pad || s.Link {
			continue
		}
		switch s.Cause {
		case piece.CauseFine:
			k.files.places[i] = placeFinal
			k.tree.SetID(i, k.finals.ID(i))
			continue
		case piece.CauseNotAFile:
			if k.needed(i) {
				k.exists = append(k.exists, k.finals.Path(i))
			}
		case piece.CauseUnreadable:
			if k.needed(i) {
				return cmp.Or(k.finals.Err(i), fs.ErrPermission)
			}
		case piece.CauseMissing:
			if err := k.findLink(i); err != nil {
				return err
			}
		}
		if err := k.locatePart(i); err != nil {
			return err
		}
	}
	return nil
}

// findLink looks for a symbolic link that leads nowhere in place of a wanted file.
func (k *checker) findLink(i int) error {
	if !k.wants(i) {
		return nil
	}
	switch _, err := k.disk.lstat(k.names.final(i)); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err // the name is too long, for example
	case k.options.Force:
		k.replace[i] = true
	default:
		k.exists = append(k.exists, k.finals.Path(i))
	}
	return nil
}

// locatePart looks for an unfinished file.
func (k *checker) locatePart(i int) error {
	k.files.places[i], k.tree.Files[i].Cause = placeNone, piece.CauseMissing
	k.tree.SetID(i, piece.Identity{})
	if k.content.Layout.Length(i) == 0 {
		return nil
	}
	info, err := k.disk.lstatRegular(k.names.part(i))
	switch {
	case err == nil:
		k.files.places[i], k.tree.Files[i].Cause = placePart, piece.CauseFine
		k.tree.SetID(i, piece.Identify(info))
	case errors.Is(err, fs.ErrNotExist) || !k.needed(i):
	default:
		return err
	}
	return nil
}

// useState sets the pieces that the state knows, if their files are the same.
func (k *checker) useState() {
	for p := range k.content.Layout.Pieces() {
		if k.isKnown(p) && k.old.have.Has(p) {
			k.have.Set(p)
		}
	}
}

// isKnown reports whether the state says whether a piece is there. What it says is missing
// is hashed again in files with final names: they may have become complete since, and on a
// file system with coarse times have the same identity.
func (k *checker) isKnown(p int) bool {
	if k.old == nil {
		return false
	}
	files := false
	for _, span := range k.content.Layout.Spans(p, p) {
		if isPadding(k.content, span) {
			continue
		}
		files = true
		if !k.isSame(span.File) || k.files.places[span.File] == placeFinal && !k.old.have.Has(p) {
			return false
		}
	}
	return files
}

// isSame reports whether a file is as the state says.
func (k *checker) isSame(i int) bool {
	id, ok := k.old.ids[i]
	return ok && k.tree.Files[i].Cause == piece.CauseFine && id == k.tree.ID(i)
}

// hash sets the pieces that are proven, of those for which skip returns false.
func (k *checker) hash(skip func(p int) bool) error {
	prover := piece.Prover{Content: k.content, Good: k.have.Set}
	changed, err := k.job(k.ctx, k.tree, skip, prover.Add)
	if err != nil {
		return err
	}
	for _, f := range changed {
		k.clearPieces(f.File)
	}
	return nil
}

// job hashes files.
func (c *Content) job(ctx context.Context, tree *piece.Tree, skip func(p int) bool, yield func(*piece.Result)) ([]*piece.Fault, error) {
	job := piece.Job{
		Layout: c.content.Layout, Tree: tree, V1: c.content.V1, V2: c.content.V2, Jobs: c.options.Jobs,
		Skip: func(_, p int) bool { return skip(p) }, Progress: c.options.Progress,
	}
	return job.Run(ctx, func(r piece.Result) error {
		if !r.Skipped {
			yield(&r)
		}
		return nil
	})
}

func (k *checker) clearPieces(file int) {
	first, last, ok := k.content.Layout.FilePieces(file)
	for p := first; ok && p <= last; p++ {
		k.have.Clear(p)
	}
}

// A verdict is what is known of a final file.
type verdict uint8

const (
	verdictGood verdict = iota
	verdictOpen         // pieces that it shares with files that are not there are not proven
	verdictBad
)

// judge notes the wanted files that must not be replaced, and returns those whose final
// files are not used.
func (k *checker) judge() (demoted []int, err error) {
	for i := range k.finals.Files {
		if k.files.places[i] != placeFinal {
			continue
		}
		v := k.verdict(i)
		switch {
		case v == verdictGood:
		case !k.wants(i):
			demoted = append(demoted, i)
		case k.options.Force:
			k.replace[i] = true
			demoted = append(demoted, i)
		case v == verdictBad:
			k.exists = append(k.exists, k.finals.Path(i))
		}
	}
	return demoted, k.ctx.Err()
}

func (k *checker) verdict(i int) verdict {
	if k.isWrong(i) {
		return verdictBad
	}
	v := verdictGood
	first, last, ok := k.content.Layout.FilePieces(i)
	for p := first; ok && p <= last; p++ {
		switch {
		case k.have.Has(p):
		case k.isOpen(p, i):
			v = verdictOpen
		default:
			return verdictBad
		}
	}
	return v
}

// isWrong reports whether a final file is wrong whatever other files are: by its size, or a
// piece that is in no other file.
func (k *checker) isWrong(i int) bool {
	wrong, known := k.wrong[i]
	if !known {
		wrong = k.findWrong(i)
		k.wrong[i] = wrong
	}
	return wrong
}

func (k *checker) findWrong(i int) bool {
	l := k.content.Layout
	if k.tree.ID(i).Size != l.Length(i) {
		return true
	}
	first, last, ok := l.FilePieces(i)
	for p := first; ok && p <= last; p++ {
		if !k.have.Has(p) && len(k.others(p, i)) == 0 {
			return true
		}
	}
	return false
}

// isOpen reports whether another file may be the reason why a piece is not proven: it is
// not complete, or wrong.
func (k *checker) isOpen(p, file int) bool {
	return slices.ContainsFunc(k.others(p, file), func(o int) bool {
		return k.files.places[o] != placeFinal || k.isWrong(o)
	})
}

// others returns the other files that a piece has bytes of.
func (k *checker) others(p, file int) (list []int) {
	for _, span := range k.content.Layout.Spans(p, p) {
		if span.File != file && !isPadding(k.content, span) {
			list = append(list, span.File)
		}
	}
	return list
}

// demote uses the unfinished files instead of the final ones. It returns the pieces that
// only the final ones have.
func (k *checker) demote(files []int, there peer.Bitfield) (adopt []source, err error) {
	again := make(map[int]bool)
	for _, i := range files {
		if err := k.locatePart(i); err != nil {
			return nil, err
		}
		first, last, ok := k.content.Layout.FilePieces(i)
		for p := first; ok && p <= last; p++ {
			again[p] = true
			k.have.Clear(p)
		}
	}
	if err := k.hash(func(p int) bool { return !again[p] }); err != nil {
		return nil, err
	}
	for p := range again {
		if there.Has(p) && !k.have.Has(p) {
			adopt = append(adopt, source{k.finals, p})
		}
	}
	sortSources(adopt)
	return adopt, nil
}

// findForeign notes unfinished files that are probably not of this torrent: there was no
// state, and no piece of them is proven.
func (k *checker) findForeign() {
	if k.owned || k.options.Force {
		return
	}
	for i, at := range k.files.places {
		if at != placePart || !k.needed(i) || k.tree.ID(i).Size == 0 {
			continue
		}
		proven := false
		first, last, _ := k.content.Layout.FilePieces(i)
		for p := first; p <= last && !proven; p++ {
			proven = k.have.Has(p)
		}
		if !proven {
			k.exists = append(k.exists, k.tree.Path(i))
		}
	}
}

// setIDs sets the identities of the files. Unfinished files that were hashed now may not be
// synced.
func (k *checker) setIDs() {
	k.ids = make([]piece.Identity, len(k.content.Files))
	for i, at := range k.files.places {
		k.ids[i] = k.tree.ID(i)
		if at == placePart && (k.old == nil || !k.isSame(i)) {
			k.dirty[i] = true
		}
	}
}

// makeOthers makes the wanted files that have no content: empty ones and symbolic links.
func (c *Content) makeOthers() error {
	for i := range c.content.Files {
		f := &c.content.Files[i]
		if !c.wants(i) {
			continue
		}
		var err error
		switch {
		case f.IsLink():
			err = c.makeLink(f.LinkTarget(), c.names.final(i))
		case f.Length == 0 && c.files.places[i] != placeFinal:
			err = c.makeEmpty(i)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeLink makes a symbolic link of the torrent, whose target is below its directory. A
// system or file system without links is no error.
func (c *Content) makeLink(target string, path []string) error {
	if at, err := c.disk.readlink(path); err == nil && at == target {
		return nil
	}
	err := c.disk.symlink(target, path)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{[]string{c.disk.path(path)}}
	}
	if err != nil && (errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported)) {
		c.event(EventWarning{fmt.Errorf("the symbolic link %s is left out: %w", strings.Join(path, "/"), err)})
		return nil
	}
	return err
}

// makeEmpty makes an empty file. With Options.Force it replaces one that is not.
func (c *Content) makeEmpty(i int) error {
	path := c.names.final(i)
	if c.replace[i] {
		if err := c.disk.remove(path); err != nil {
			return err
		}
	}
	f, err := c.disk.create(path, modeOf(&c.content.Files[i]))
	if err != nil {
		return err
	}
	c.files.places[i], c.made[i] = placeFinal, true
	return f.Close()
}

// Torrent returns the torrent that an earlier run stored in a directory, or an error that
// wraps fs.ErrNotExist.
func Torrent(dir string, m *metainfo.Magnet) (*metainfo.Torrent, error) {
	var hashes [][20]byte
	if m.HasV1 {
		hashes = append(hashes, m.V1)
	}
	if m.HasV2 {
		hashes = append(hashes, [20]byte(m.V2[:]))
	}
	for _, hash := range hashes {
		t, err := readMetadata(dir, hash)
		if err == nil && (!m.HasV1 || t.V1 && t.InfoHashV1 == m.V1) && (!m.HasV2 || t.V2 && t.InfoHashV2 == m.V2) {
			return t, nil
		}
	}
	return nil, fmt.Errorf("a torrent in %s: %w", dir, fs.ErrNotExist)
}

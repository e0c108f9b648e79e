package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/repair"
)

// claims are the files that several torrents of a run have at the same place on disk. What
// is good for one of them must not be destroyed by repairing another.
type claims struct {
	run     *verifyRun
	current int // the index of the torrent that is repaired, among the inputs

	inodes map[inode]claim  // the first claim of each file that exists
	places map[string]claim // and of each that does not, by its resolved path
	shared map[any][]claim  // those of several torrents, by inode or path
	made   map[any][]claim  // files that the run has written, by inode and path
	names  map[string]int   // with --link, the number of torrents with a name, in lower case

	// What was read and verified since the last torrent was begun.
	torrents map[int]loadedTorrent
	looks    map[look]*inspect.Verdict
}

type inode struct{ dev, ino uint64 }

// A claim is a file of a torrent.
type claim struct {
	input, file int
	planned     bool // a plan says that the file is there, which is not its own place
}

// A look is a verification of the files of a torrent that others have too, at its own
// places or at those of the plan.
type look struct {
	input   int
	planned bool
}

type loadedTorrent struct {
	*metainfo.Torrent
	content *metainfo.Content
}

// findClaims finds the files that several torrents have, if the run repairs several. Trees
// of --link replace nothing, so it is enough to note those that were built.
func (r *verifyRun) findClaims(ctx context.Context) {
	if !r.flags.mend.repair && !r.flags.mend.link.given || len(r.inputs) < 2 {
		return
	}
	c := &claims{
		run: r, inodes: make(map[inode]claim), places: make(map[string]claim),
		shared: make(map[any][]claim), made: make(map[any][]claim), names: make(map[string]int),
	}
	for i, in := range r.inputs {
		if c.begin(i); in.err == nil && ctx.Err() == nil {
			_ = c.addTorrent(ctx, i) // verifying it reports the error
		}
	}
	c.inodes, c.places = nil, nil
	r.claims = c
}

// addTorrent adds the files of a torrent.
func (c *claims) addTorrent(ctx context.Context, i int) error {
	t, err := c.read(ctx, i)
	if err != nil {
		return err
	}
	if c.names[strings.ToLower(t.Name)]++; !c.run.flags.mend.repair {
		return nil
	}
	paths, err := c.run.paths(c.run.inputs[i].name, t.Torrent)
	if err != nil {
		return err
	}
	tree, err := piece.FindIn(ctx, t.content, paths, c.run.flags.hashing.jobs.value, nil)
	if err != nil {
		return err
	}
	nothing := true
	for k := range tree.Files {
		nothing = nothing && (tree.Files[k].Pad || tree.Files[k].Cause == piece.CauseMissing)
	}
	at := tree.Path
	if root := contentRoot(t.Torrent, tree.Root, tree.As, nothing); root != tree.Root {
		at = func(k int) string { return piece.Join(root, t.content.Files[k].Path()) }
	}
	for k := range tree.Files {
		if !tree.Files[k].Pad {
			c.add(at(k), claim{input: i, file: k})
		}
	}
	places, err := c.run.flags.search.plan.places(t.Torrent)
	for k, path := range places {
		if !samePath(path, at(k)) {
			c.add(path, claim{input: i, file: k, planned: true})
		}
	}
	return err
}

// samePath reports whether two paths are of the same file.
func samePath(a, b string) bool {
	x, err := os.Stat(a)
	y, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(x, y)
}

// add adds a file, and notes it if another torrent has it too.
func (c *claims) add(path string, mine claim) {
	key := keyOfFile(path)
	var first claim
	var there bool
	switch key := key.(type) {
	case inode:
		if first, there = c.inodes[key]; !there {
			c.inodes[key] = mine
		}
	case string:
		if first, there = c.places[key]; !there {
			c.places[key] = mine
		}
	}
	if !there || first.input == mine.input && len(c.shared[key]) == 0 {
		return
	}
	if len(c.shared[key]) == 0 {
		c.shared[key] = []claim{first}
	}
	c.shared[key] = append(c.shared[key], mine)
}

// keyOfFile returns what a path is on disk: an inode, or the resolved path of what does not
// exist.
func keyOfFile(path string) any {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		if id := piece.Identify(info); id.Ino != 0 {
			return inode{id.Dev, id.Ino}
		}
	}
	return resolve(path)
}

// resolve returns an absolute path of which the directories that exist are no links.
func resolve(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	dir, name := filepath.Split(path)
	if dir = filepath.Clean(dir); dir == path || name == "" {
		return path
	}
	return filepath.Join(resolve(dir), name)
}

// begin begins the repair of a torrent.
func (c *claims) begin(input int) {
	if c != nil {
		c.current, c.torrents, c.looks = input, make(map[int]loadedTorrent), make(map[look]*inspect.Verdict)
	}
}

// wrote notes the files that were written, or with --dry-run would be.
func (c *claims) wrote(files []repair.File) {
	if c == nil {
		return
	}
	for _, f := range files {
		mine := claim{input: c.current, file: f.Index}
		key := keyOfFile(f.Path)
		c.made[key] = append(c.made[key], mine)
		if path := resolve(f.Path); path != key {
			c.made[path] = append(c.made[path], mine)
		}
	}
}

// read returns a torrent of the run.
func (c *claims) read(ctx context.Context, input int) (t loadedTorrent, err error) {
	if t, ok := c.torrents[input]; ok {
		return t, nil
	}
	if t.Torrent, err = c.run.inputs[input].torrent(ctx, c.run.env); err != nil {
		return t, err
	}
	if t.content, err = t.Content(); err == nil {
		c.torrents[input] = t
	}
	return t, err
}

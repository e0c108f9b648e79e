package maketorrent

import (
	"cmp"
	"context"
	"slices"

	"bt/internal/known"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A hasher hashes content once, for several drafts.
type hasher struct {
	pieces  known.Pieces
	donors  []*donor
	targets []*target // the first is that of v2, if there is one
	order   []*target // the targets in the order of the piece.Job
}

// hash hashes the content for all drafts, and stores the hashes in their builders.
func (h *hasher) hash(ctx context.Context, drafts []*draft, o *Options) error {
	h.plan(drafts)
	h.recall()
	if o.DryRun {
		unread, rate, err := sample(ctx, h.job(o))
		for _, d := range drafts {
			d.Result.Plan = &Plan{Files: plannedFiles(d.builder.Files), Unread: unread, Rate: rate}
		}
		if err != nil {
			return err
		}
		for _, t := range h.targets {
			t.fakeRoots()
		}
	} else if err := h.run(ctx, o); err != nil {
		return err
	}
	for _, t := range h.targets {
		t.copySame()
	}
	for _, d := range drafts {
		h.fill(d)
	}
	return nil
}

// job returns the job that hashes the targets. The first, by which progress is measured,
// is the one with the most to hash.
func (h *hasher) job(o *Options) piece.Job {
	h.order = slices.Clone(h.targets)
	slices.SortStableFunc(h.order, func(a, b *target) int { return cmp.Compare(b.unknown, a.unknown) })
	first := h.order[0]
	job := piece.Job{
		Layout: first.Layout, Tree: h.pieces.Tree, V1: first.V1, V2: first.V2, Jobs: o.Jobs, Read: o.Read, Progress: o.Progress,
		Skip: func(target, piece int) bool { return h.order[target].isKnown(piece) },
	}
	for _, t := range h.order[1:] {
		job.More = append(job.More, t.Target)
	}
	return job
}

// run hashes the targets.
func (h *hasher) run(ctx context.Context, o *Options) error {
	job := h.job(o)
	changed, err := job.Run(ctx, func(r piece.Result) error {
		if r.Failed {
			return problemsOf(r.Faults)
		}
		h.store(&r)
		return nil
	})
	if err == nil && len(changed) > 0 {
		// Their sums in the cache have identities that no file has now.
		err = problemsOf(changed)
	}
	return err
}

// plan chooses the targets: each v1 layout once, and for v2 that of the shortest piece
// length, from which the others follow.
func (h *hasher) plan(drafts []*draft) {
	var shortest *draft
	for _, d := range drafts {
		if d.builder.V2 && (shortest == nil || d.precedes(shortest)) {
			shortest = d
		}
	}
	if shortest != nil {
		h.targets = append(h.targets, newTarget(piece.Target{Layout: shortest.layout, V1: shortest.builder.V1, V2: true}))
	}
	for _, d := range drafts {
		if d.builder.V1 && h.v1Target(d.layout) == nil {
			h.targets = append(h.targets, newTarget(piece.Target{Layout: d.layout, V1: true}))
		}
	}
}

// precedes reports whether d is better than other as the target for v2: its pieces are
// shorter, or as long and those of a hybrid, whose sums are computed together.
func (d *draft) precedes(other *draft) bool {
	if own, others := d.layout.PieceLength(), other.layout.PieceLength(); own != others {
		return own < others
	}
	return d.builder.V1 && !other.builder.V1
}

// v1Target returns the target with the v1 sums of a layout, or nil.
func (h *hasher) v1Target(l *metainfo.Layout) *target {
	for _, t := range h.targets {
		if t.V1 && t.Layout.Equal(l) {
			return t
		}
	}
	return nil
}

// recall finds the pieces that need not be hashed: their sums are in the cache or in the
// torrent of a donor, or they have the same bytes as another piece.
func (h *hasher) recall() {
	repeats := len(h.targets) > 1 || hasRepeats(h.pieces.Tree)
	if !h.pieces.Exist() && len(h.donors) == 0 && !repeats {
		return
	}
	seen := make(map[known.SumKey]pieceAt)
	for _, t := range h.targets {
		for i := range t.Layout.Pieces() {
			size, large := t.size(i)
			switch {
			case h.takeCached(t, i):
				t.setKnown(i)
				t.cached += size
			case h.takeReused(t, i):
				t.setKnown(i)
				t.reused += size
			default:
				t.unknown += size
			}
			if !repeats || !large {
				continue
			}
			key := h.key(t, i)
			first, ok := seen[key]
			switch {
			case !ok:
				seen[key] = pieceAt{t, i}
			case !t.isKnown(i) && first.target.covers(t):
				t.setSame(i, first)
				t.unknown -= size
			}
		}
	}
}

// takeReused stores the sums of a piece if one of the donors has them.
func (h *hasher) takeReused(t *target, i int) bool {
	return slices.ContainsFunc(h.donors, func(d *donor) bool { return d.take(t, i) })
}

// hasRepeats reports whether a large file is the same file on disk as another one: a
// hard link, or the target of a symbolic link.
func hasRepeats(t *piece.Tree) bool {
	seen := make(map[piece.Identity]bool)
	for i := range t.Files {
		id := t.ID(i)
		if id.Size < largeFile || id.Ino == 0 { // 0: the system has no inodes
			continue
		}
		if seen[id] {
			return true
		}
		seen[id] = true
	}
	return false
}

// key returns a key of the bytes of a piece.
func (h *hasher) key(t *target, i int) (key known.SumKey) {
	if t.V1 {
		key, _ = h.pieces.V1(t.Layout, i)
	} else {
		key, _ = h.pieces.V2(t.Layout, i)
	}
	return key
}

// takeCached stores the sums of a piece if they are in the cache.
func (h *hasher) takeCached(t *target, i int) bool {
	sha1, root, ok := h.pieces.Find(&t.Target, i)
	if ok {
		t.set(i, &sha1, &root)
	}
	return ok
}

// store stores the sums of a piece that was hashed, also in the cache.
func (h *hasher) store(r *piece.Result) {
	if r.Skipped {
		return
	}
	t := h.order[r.Layout]
	t.set(r.Index, &r.SHA1, &r.Root)
	h.pieces.Add(&t.Target, r)
}

// fill stores the hashes of a draft in its builder.
func (h *hasher) fill(d *draft) {
	b := d.builder
	var used []*target
	if b.V1 {
		t := h.v1Target(d.layout)
		b.Pieces = t.sha1
		used = append(used, t)
	}
	if b.V2 {
		t := h.targets[0]
		b.PiecesRoots, b.PieceLayers = t.v2(d.layout.PieceLength())
		used = append(used, t)
	}
	least := slices.MinFunc(used, func(s, t *target) int { return cmp.Compare(s.cached+s.reused, t.cached+t.reused) })
	d.Result.Cached, d.Result.Reused = least.cached, least.reused
}

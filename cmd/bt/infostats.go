package main

import (
	"cmp"
	"context"
	"os"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

// infoStatsFlags holds --stats.
type infoStatsFlags struct{ on bool }

func (f *infoStatsFlags) flags() []cli.Flag {
	return []cli.Flag{switchFlag(&f.on, "stats", "sum up all torrents: sizes, piece lengths, trackers, keys, and which torrents or contents are there more than once")}
}

// run reads the torrents, several at once, and prints the sums.
func (f *infoStatsFlags) run(ctx context.Context, u *ui, inputs []input, flags *infoFlags) error {
	c := newCollection(inputs)
	bar := u.progress("reading " + count(len(inputs), "torrent"))
	var (
		large  sync.Mutex // held while a large torrent is in memory
		read   int64
		refuse bool
	)
	type result struct {
		input
		size    int
		refused bool
	}
	failed := []jsonFailure{}
	for x := range inOrder(ctx, inputs, func(in input) result {
		if info, err := os.Stat(in.name); err == nil && info.Size() > smallInput {
			large.Lock()
			defer large.Unlock()
		}
		x, err := readInfo(ctx, u.env, in, flags)
		if in.err = err; err != nil {
			return result{input: in}
		}
		c.add(in.name, x)
		return result{in, max(x.facts.TorrentSize, 0), flags.strict.refusesAny(x.facts.Findings)}
	}) {
		read += int64(x.size)
		bar.Update(read, 0)
		if ctx.Err() != nil || u.skipForeign(x.input, x.err) {
			continue
		}
		if x.err != nil {
			u.report(x.err)
			failed = append(failed, u.failedInput(x.name, x.err))
		}
		refuse = refuse || x.refused
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	bar.Finish()
	doc := c.document(failed)
	if u.json {
		if err := u.printJSON(doc); err != nil {
			return err
		}
	} else if err := printStats(u, doc, c); err != nil {
		return stdoutError(err)
	}
	if refuse {
		return errNo
	}
	return nil
}

// refusesAny reports whether --strict counts one of the findings.
func (s *strictness) refusesAny(findings []inspect.Finding) bool {
	return slices.ContainsFunc(findings, func(f inspect.Finding) bool { return s.refuses(f.Code, f.Severity) })
}

// A collection sums up torrents. It keeps a few bytes of each, and no torrent. It may be
// used by several goroutines.
type collection struct {
	mu            sync.Mutex
	numbers       map[string]int32 // of the inputs, by name
	names         []string
	hashes        map[[20]byte][]int32 // torrents by info-hash, as numbers of inputs
	hashOf        map[int32][20]byte
	contents      map[inspect.ContentID]int32 // one of the torrents with this content
	same          map[int32]int32             // another torrent with the same content; see root
	torrents      int
	bytes, files  int64
	formats       map[string]int
	sizes         map[int64]int // by the upper limit of the size
	lengths       tally[int64]
	trackers      tally[string] // by host
	keys, unknown tally[string]
	creators      tally[string]
	years         tally[int]
}

func newCollection(inputs []input) *collection {
	c := &collection{
		numbers: make(map[string]int32, len(inputs)), hashes: make(map[[20]byte][]int32), hashOf: make(map[int32][20]byte),
		contents: make(map[inspect.ContentID]int32), same: make(map[int32]int32), formats: make(map[string]int), sizes: make(map[int64]int),
	}
	for _, in := range inputs {
		if _, known := c.numbers[in.name]; !known {
			c.numbers[in.name] = int32(len(c.names))
			c.names = append(c.names, in.name)
		}
	}
	return c
}

// add adds a torrent or magnet link.
func (c *collection) add(name string, x infoInput) {
	var contents []inspect.ContentID
	if x.torrent != nil {
		contents = inspect.ContentIDs(x.torrent)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := x.facts
	c.torrents++
	c.formats[f.Format]++
	if f.Size != inspect.Unknown {
		c.bytes = addSizes(c.bytes, f.Size)
		c.sizes[sizeStep(f.Size)]++
	}
	c.files += int64(max(f.FileCount, 0))
	if f.PieceLength > 0 {
		c.lengths.add(f.PieceLength)
	}
	hosts := make(map[string]bool)
	for _, tier := range f.Trackers {
		for _, url := range tier {
			if host := metainfo.Host(url); host != "" && !hosts[host] {
				hosts[host] = true
				addText(&c.trackers, host)
			}
		}
	}
	if x.torrent != nil {
		for _, key := range x.torrent.KnownKeys {
			addText(&c.keys, key)
		}
		for _, key := range x.torrent.UnknownKeys {
			addText(&c.unknown, key)
		}
	}
	if f.CreatedBy != "" {
		addText(&c.creators, f.CreatedBy)
	}
	if !f.CreationDate.IsZero() {
		c.years.add(f.CreationDate.Year())
	}
	c.identify(c.numbers[name], infoHash(f), contents)
}

// identify adds the info-hash and the content of a torrent. A name that was given twice is
// no duplicate.
func (c *collection) identify(n int32, hash [20]byte, contents []inspect.ContentID) {
	if _, known := c.hashOf[n]; known {
		return
	}
	c.hashes[hash] = append(c.hashes[hash], n)
	c.hashOf[n] = hash
	for _, id := range contents {
		if other, known := c.contents[id]; !known {
			c.contents[id] = n
		} else if a, b := c.root(other), c.root(n); a != b {
			c.same[max(a, b)] = min(a, b)
		}
	}
}

// root returns the first of the torrents that have the same content as torrent n.
func (c *collection) root(n int32) int32 {
	for {
		next, ok := c.same[n]
		if !ok {
			return n
		}
		if after, ok := c.same[next]; ok {
			c.same[n] = after // shortens the chain
		}
		n = next
	}
}

// duplicates returns the names of the torrents that have an info-hash in common.
func (c *collection) duplicates() [][]string {
	var groups [][]int32
	for _, list := range c.hashes {
		if len(list) > 1 {
			groups = append(groups, list)
		}
	}
	return c.named(groups)
}

// sameContent returns the names of the torrents that have the same content and different
// info-hashes.
func (c *collection) sameContent() [][]string {
	all := make(map[int32][]int32)
	for n := range c.same {
		root := c.root(n)
		all[root] = append(all[root], n)
	}
	var groups [][]int32
	for root, list := range all {
		if slices.ContainsFunc(list, func(n int32) bool { return c.hashOf[n] != c.hashOf[root] }) {
			groups = append(groups, append(list, root))
		}
	}
	return c.named(groups)
}

// named returns the names of groups, in the order of the inputs.
func (c *collection) named(groups [][]int32) [][]string {
	for _, g := range groups {
		slices.Sort(g)
	}
	slices.SortFunc(groups, func(a, b []int32) int { return cmp.Compare(a[0], b[0]) })
	names := [][]string{}
	for _, g := range groups {
		var list []string
		for _, n := range g {
			list = append(list, c.names[n])
		}
		names = append(names, list)
	}
	return names
}

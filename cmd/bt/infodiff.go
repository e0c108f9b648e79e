package main

import (
	"context"
	"iter"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

// diffFlags are the flags of bt info --diff.
type diffFlags struct{ on bool }

func (f *diffFlags) flags() []cli.Flag {
	return []cli.Flag{
		switchFlag(&f.on, "diff", "compare two inputs: which keys differ, and which files are the same; exit with 1 if they differ. Files are listed if they differ, with --files all"),
	}
}

// check returns an error if other flags have no meaning with --diff.
func (f *diffFlags) check(all *infoFlags) error {
	for _, other := range []givenSwitch{{"tree", all.tree}, {"pieces", all.pieces}, {"strict", all.strict.on}} {
		if f.on && other.given {
			return failf(exitUsage, "--diff, --%s: only one of them", other.name)
		}
	}
	return nil
}

// runDiff compares two inputs.
func runDiff(ctx context.Context, u *ui, inputs []input, f *infoFlags) error {
	if len(inputs) != 2 {
		return failf(exitUsage, "--diff compares two torrents or magnet links, not %d", len(inputs))
	}
	var read [2]infoInput
	for i, in := range inputs {
		u.subject = in.name
		x, err := readInfo(ctx, u.env, in, f)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			u.report(err) // the other one is tried too
			continue
		}
		read[i] = x
		if x.torrent != nil {
			u.env.held += len(x.torrent.Bytes())
		}
	}
	if u.worst != nil {
		return nil
	}
	d := diffInputs(read[0], read[1], f)
	if err := d.print(u, f); err != nil {
		return err
	}
	if !d.Same() {
		return errNo
	}
	return nil
}

// A diffResult is the difference of two inputs.
type diffResult struct {
	*inspect.Difference
	a, b infoInput
}

func diffInputs(a, b infoInput, f *infoFlags) *diffResult {
	if a.torrent != nil && b.torrent != nil {
		return &diffResult{inspect.Diff(a.torrent, b.torrent, inspect.DiffOptions{Pads: f.pads}), a, b}
	}
	return &diffResult{inspect.DiffMagnets(a.link(b), b.link(a)), a, b}
}

// link returns an input as a magnet link. Of a torrent it leaves out what the other input,
// a link, does not say.
func (x infoInput) link(other infoInput) *metainfo.Magnet {
	if x.magnet != nil {
		return x.magnet
	}
	m := x.torrent.Magnet()
	if other.magnet.Name == "" {
		m.Name = ""
	}
	m.HasSize = other.magnet.HasSize
	if len(other.magnet.Trackers) == 0 {
		m.Trackers = nil
	}
	if len(other.magnet.WebSeeds) == 0 {
		m.WebSeeds = nil
	}
	return m
}

func (d *diffResult) print(u *ui, f *infoFlags) error {
	if !u.json {
		return stdoutError(d.printText(u, f))
	}
	return u.newJSON(false).item(d.document(f))
}

// A diffDocument is the JSON of bt info --diff. The comparison of info-hashes is absent if
// neither torrent has one, or a magnet link does not say it.
type diffDocument struct {
	A              string             `json:"a"`
	B              string             `json:"b"`
	SameInfoHashV1 *bool              `json:"same_info_hash_v1,omitempty"`
	SameInfoHashV2 *bool              `json:"same_info_hash_v2,omitempty"`
	Changes        []diffChange       `json:"changes"`
	Files          iter.Seq[diffFile] `json:"files"`
}

// A diffChange is a key whose values differ. The values are absent for a side that does
// not have the key, and for the keys of diffLists.
type diffChange struct {
	Key       string        `json:"key"`
	KeyBytes  hexText       `json:"key_bytes,omitempty"` // if Key is not UTF-8
	A         inspect.Value `json:"a,omitempty"`
	B         inspect.Value `json:"b,omitempty"`
	SameValue bool          `json:"same_value,omitempty"` // encoded differently
}

// diffLists are the keys whose values are as long as the torrent. What differs in them is
// in the list of files.
var diffLists = map[string]string{
	"info.files":     "the list of files",
	"info.file tree": "the list of files (v2)",
	"info.pieces":    "the hashes of the pieces",
	"piece layers":   "the hashes of the pieces (v2)",
}

type diffFile struct {
	Path           string   `json:"path"`
	PathBytes      hexText  `json:"path_bytes,omitempty"` // if Path is not UTF-8
	In             string   `json:"in"`
	Same           string   `json:"same"`
	OtherPath      string   `json:"other_path,omitempty"` // of a file with the same content, in the other torrent
	OtherPathBytes hexText  `json:"other_path_bytes,omitempty"`
	Moved          bool     `json:"moved,omitempty"` // from or to OtherPath; else that is another copy
	Keys           []string `json:"keys,omitempty"`  // other keys of the file that differ
}

func (d *diffResult) document(f *infoFlags) *diffDocument {
	doc := &diffDocument{
		A: d.a.name, B: d.b.name, SameInfoHashV1: sameHash(d.InfoHashV1), SameInfoHashV2: sameHash(d.InfoHashV2),
		Changes: []diffChange{},
	}
	for _, c := range d.Changes {
		x := diffChange{Key: c.Key, KeyBytes: notUTF8(c.Key)}
		if diffLists[c.Key] == "" {
			x.A, x.B = c.Old, c.New
		}
		x.SameValue = c.OnlyEncoding()
		doc.Changes = append(doc.Changes, x)
	}
	if !f.noFiles {
		doc.Files = d.fileDocuments
	}
	return doc
}

func (d *diffResult) fileDocuments(yield func(diffFile) bool) {
	for f := range d.Files {
		if !yield(diffFile{
			f.Path, notUTF8(f.Path), string(f.In), string(f.Same), f.OtherPath, notUTF8(f.OtherPath), f.Moved, f.Keys,
		}) {
			return
		}
	}
}

func sameHash(m inspect.HashMatch) *bool {
	if m == inspect.HashUnknown {
		return nil
	}
	same := m == inspect.HashSame
	return &same
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/inspect"
)

// errNotInPlan says that a plan has nothing for a torrent.
var errNotInPlan = errors.New("the plan is of another torrent: its info-hashes differ")

// planOf returns the plan of a torrent.
func planOf(plans []*planDocument, t *inspect.Torrent) (*planDocument, error) {
	v1, v2 := t.HexV1(), t.HexV2()
	for _, p := range plans {
		if strings.EqualFold(p.InfoHashV1, v1) && strings.EqualFold(p.InfoHashV2, v2) {
			return p, nil
		}
	}
	return nil, errNotInPlan
}

// fileIndexes returns the indexes of the files of a torrent by their paths.
func fileIndexes(t *inspect.Torrent, content *inspect.Content) map[string]int {
	index := make(map[string]int)
	for i := range content.Files {
		if f := &content.Files[i]; !f.Pad && !f.IsLink() {
			index[strings.Join(t.Files[i].Path(), "/")] = i
		}
	}
	return index
}

// placesIn returns where the files of a torrent are, by their indexes, as the plan of it
// says.
func placesIn(plans []*planDocument, t *inspect.Torrent) (map[int]string, error) {
	plan, err := planOf(plans, t)
	if err != nil {
		return nil, err
	}
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	index, places := fileIndexes(t, content), make(map[int]string)
	for _, f := range plan.Files {
		n, ok := index[f.Path]
		switch {
		case !ok:
			return nil, fmt.Errorf("the torrent has no file %q", f.Path)
		case places[n] != "":
			return nil, fmt.Errorf("%q is in it twice", f.Path)
		case content.Layout.Length(n) != *f.Size:
			return nil, fmt.Errorf("%q has %d bytes in the plan and %d in the torrent", f.Path, *f.Size, content.Layout.Length(n))
		}
		places[n] = filepath.Clean(f.At)
	}
	return places, nil
}

// neighborsIn returns the files that prove those of the plan of a torrent, by the indexes
// of the files that they have bytes of.
func neighborsIn(plans []*planDocument, t *inspect.Torrent) (map[int][]string, error) {
	plan, err := planOf(plans, t)
	if err != nil {
		return nil, err
	}
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	index, neighbors := fileIndexes(t, content), make(map[int][]string)
	for _, f := range plan.Neighbors {
		n, ok := index[f.Path]
		if !ok {
			return nil, fmt.Errorf("the torrent has no file %q", f.Path)
		}
		neighbors[n] = append(neighbors[n], filepath.Clean(f.At))
	}
	return neighbors, nil
}

// A planOption is the flag --plan of bt verify and bt seed.
type planOption struct {
	option[string]
	plans []*planDocument
}

func (o *planOption) flag(usage string) cli.Flag {
	return onceFlag(&o.option, nonEmpty("the path"), "plan", usage)
}

// read reads the plan, if there is one, once for all torrents.
func (o *planOption) read(ctx context.Context, e *env) error {
	if !o.given {
		return nil
	}
	b, err := readInput(ctx, e, o.value, textInput)
	if err != nil {
		return err
	}
	if o.plans, err = parsePlans(b); err != nil {
		return o.failed(err)
	}
	return nil
}

// places returns where the plan says that the files of a torrent are, by their indexes;
// nil without a plan.
func (o *planOption) places(t *inspect.Torrent) (map[int]string, error) {
	if !o.given {
		return nil, nil
	}
	places, err := placesIn(o.plans, t)
	if err != nil {
		return nil, o.failed(err)
	}
	return places, nil
}

// neighbors returns the files that the plan has to prove those of a torrent, as
// VerifyOptions has them; nil without a plan.
func (o *planOption) neighbors(t *inspect.Torrent) (map[int][]string, error) {
	if !o.given {
		return nil, nil
	}
	neighbors, err := neighborsIn(o.plans, t)
	if err != nil {
		return nil, o.failed(err)
	}
	return neighbors, nil
}

func (o *planOption) failed(err error) error {
	return failf(exitUsage, "--plan: %s: %w", shown(o.value), err)
}

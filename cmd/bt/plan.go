package main

import (
	"bt/inspect"
	"bt/internal/atomicfile"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// A planDocument is the JSON of a plan: which file on disk is which file of a torrent.
// bt verify writes it; bt verify and bt seed read it. A plan may be of several torrents:
// then it is a list.
type planDocument struct {
	InfoHashV1 string                 `json:"info_hash_v1,omitempty"`
	InfoHashV2 string                 `json:"info_hash_v2,omitempty"`
	Files      []planFileDocument     `json:"files"`
	Neighbors  []planNeighborDocument `json:"neighbors,omitempty"`
}

type planFileDocument struct {
	Path      string        `json:"path"`
	PathBytes string        `json:"path_bytes,omitempty"` // in hex, if Path is not UTF-8
	At        string        `json:"at"`                   // absolute
	AtBytes   string        `json:"at_bytes,omitempty"`   // in hex, if At is not UTF-8
	Size      *int64        `json:"size"`                 // bytes; never nil in a valid plan
	Proof     inspect.Proof `json:"proof"`
}

// A planNeighborDocument is a file that is not in order, with a file on disk that has the
// right bytes of it in a piece that it shares with files of the plan, or with one that this
// proves to be damaged: without it neither could be proven again.
type planNeighborDocument struct {
	Path      string `json:"path"`
	PathBytes string `json:"path_bytes,omitempty"`
	At        string `json:"at"` // absolute
	AtBytes   string `json:"at_bytes,omitempty"`
}

// newPlan returns the plan of a verdict: the files that are in order at their places,
// those that were found elsewhere, and what proves them.
func newPlan(t *inspect.Torrent, v *inspect.Verdict) (*planDocument, error) {
	d := &planDocument{InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(), Files: []planFileDocument{}}
	found := v.Found // in the order of the files
	for f := range v.Files {
		switch {
		case len(found) > 0 && found[0].Index == f.Index:
			d.add(f.Path, found[0].At, f.Size, found[0].Proof)
			found = found[1:]
		case f.Proof != "":
			at, err := filepath.Abs(v.Where(f.Index))
			if err != nil {
				return nil, err
			}
			d.add(f.Path, at, f.Size, f.Proof)
		}
	}
	for n := range neighborsOf(v) {
		d.Neighbors = append(d.Neighbors, planNeighborDocument{n.Path, hexUnlessUTF8(n.Path), n.At, hexUnlessUTF8(n.At)})
	}
	return d, nil
}

// neighborsOf returns the neighbors of a verdict; none if nothing is shared.
func neighborsOf(v *inspect.Verdict) iter.Seq[inspect.Neighbor] {
	if v.Neighbors == nil {
		return func(func(inspect.Neighbor) bool) {}
	}
	return v.Neighbors
}

func (d *planDocument) add(path, at string, size int64, proof inspect.Proof) {
	d.Files = append(d.Files, planFileDocument{path, hexUnlessUTF8(path), at, hexUnlessUTF8(at), &size, proof})
}

func hexUnlessUTF8(s string) string {
	if utf8.ValidString(s) {
		return ""
	}
	return hex.EncodeToString([]byte(s))
}

// writePlan writes plans to a file.
func writePlan(name string, force bool, plans []*planDocument) error {
	var doc any = plans
	if len(plans) == 1 {
		doc = plans[0]
	}
	b := new(bytes.Buffer)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	if err := atomicfile.Write(name, b.Bytes(), force); err != nil {
		return planError(name, err)
	}
	return nil
}

// planError returns the error for a plan that can't be written.
func planError(name string, err error) error {
	if errors.Is(err, fs.ErrExist) {
		return withHint(failf(exitWrite, "%s: exists", name), "use --force to replace it")
	}
	return outputError(name, err)
}

// parsePlans parses a plan, or a list of plans. Unknown keys are ignored.
func parsePlans(b []byte) (plans []*planDocument, err error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	d := json.NewDecoder(bytes.NewReader(b))
	if bytes.HasPrefix(bytes.TrimLeft(b, " \t\r\n"), []byte("[")) {
		err = d.Decode(&plans)
	} else {
		plans = []*planDocument{new(planDocument)}
		err = d.Decode(plans[0])
	}
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			err = nil
		} else if err == nil {
			err = errors.New("there is text after its end")
		}
	}
	if err != nil {
		return nil, badPlan(b, err)
	}
	for _, p := range plans {
		if p == nil {
			return nil, errors.New("not a plan of bt verify: null in the list")
		}
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("not a plan of bt verify: %w", err)
		}
	}
	return plans, nil
}

// badPlan rewords an error of encoding/json.
func badPlan(b []byte, err error) error {
	line := func(offset int64) int { return 1 + bytes.Count(b[:min(max(offset-1, 0), int64(len(b)))], []byte("\n")) }
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("line %d: not JSON: %w", line(syntax.Offset), err)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kinds := map[reflect.Kind]string{
			reflect.Struct: "an object", reflect.Slice: "a list", reflect.String: "a text", reflect.Int64: "a whole number of at most 64 bits",
		}
		what := "it"
		if wrong.Field != "" {
			what = wrong.Field
		}
		return fmt.Errorf("line %d: not a plan of bt verify: %s is not %s", line(wrong.Offset), what, kinds[wrong.Type.Kind()])
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("not JSON: it ends too early")
	}
	return err
}

// check checks the values of a plan, and decodes the paths that are not UTF-8.
func (p *planDocument) check() error {
	for _, h := range []struct {
		key, value string
		digits     int
	}{{"info_hash_v1", p.InfoHashV1, 40}, {"info_hash_v2", p.InfoHashV2, 64}} {
		if _, err := hex.DecodeString(h.value); h.value != "" && (err != nil || len(h.value) != h.digits) {
			return fmt.Errorf("%s is not %d hex digits: %q", h.key, h.digits, h.value)
		}
	}
	if p.InfoHashV1 == "" && p.InfoHashV2 == "" {
		return errors.New("it has no info-hash")
	}
	if p.Files == nil {
		return errors.New("it has no files")
	}
	for i := range p.Files {
		if err := p.Files[i].check(); err != nil {
			return fmt.Errorf("file %d: %w", i+1, err)
		}
	}
	if len(p.Neighbors) == 0 {
		p.Neighbors = nil // as if the key were not there
	}
	for i := range p.Neighbors {
		n := &p.Neighbors[i]
		if err := checkPaths(&n.Path, &n.At, n.PathBytes, n.AtBytes); err != nil {
			return fmt.Errorf("neighbor %d: %w", i+1, err)
		}
	}
	return nil
}

func (f *planFileDocument) check() error {
	if err := checkPaths(&f.Path, &f.At, f.PathBytes, f.AtBytes); err != nil {
		return err
	}
	proofs := []inspect.Proof{inspect.ProofRoot, inspect.ProofPieces, inspect.ProofShared, inspect.ProofEmpty}
	switch {
	case f.Size == nil:
		return errors.New("it has no size")
	case *f.Size < 0:
		return fmt.Errorf("a size of %d bytes", *f.Size)
	case !slices.Contains(proofs, f.Proof):
		return fmt.Errorf("proof %q is none of %q", f.Proof, proofs)
	}
	return nil
}

// checkPaths checks a path in the torrent and one on disk, and decodes those in hex.
func checkPaths(path, at *string, pathBytes, atBytes string) error {
	for _, p := range []struct {
		key   string
		value *string
		hex   string
	}{{"path", path, pathBytes}, {"at", at, atBytes}} {
		if p.hex != "" {
			b, err := hex.DecodeString(p.hex)
			if err != nil {
				return fmt.Errorf("%s_bytes is not in hex: %q", p.key, p.hex)
			}
			*p.value = string(b)
		}
		if *p.value == "" {
			return fmt.Errorf("it has no %s", p.key)
		}
		if strings.Contains(*p.value, "\x00") {
			return fmt.Errorf("%s has a zero byte", p.key)
		}
	}
	if !filepath.IsAbs(*at) {
		return fmt.Errorf("at is not an absolute path: %q", *at)
	}
	return nil
}

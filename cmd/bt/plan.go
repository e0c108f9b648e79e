package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/atomicfile"
)

// A planDocument is the JSON of a plan: which file on disk is which file of a torrent.
// bt verify writes it; bt verify and bt seed read it. A plan may be of several torrents:
// then it is a list.
type planDocument struct {
	InfoHashV1 string             `json:"info_hash_v1,omitempty"`
	InfoHashV2 string             `json:"info_hash_v2,omitempty"`
	Files      []planFileDocument `json:"files"`
}

type planFileDocument struct {
	Path      string        `json:"path"`
	PathBytes string        `json:"path_bytes,omitempty"` // in hex, if Path is not UTF-8
	At        string        `json:"at"`                   // absolute
	AtBytes   string        `json:"at_bytes,omitempty"`   // in hex, if At is not UTF-8
	Size      *int64        `json:"size"`                 // bytes; never nil in a valid plan
	Proof     inspect.Proof `json:"proof"`
}

// newPlan returns the plan of a verdict: the files that are in order at their places, and
// those that were found elsewhere.
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
	return d, nil
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
	return nil
}

func (f *planFileDocument) check() error {
	for _, p := range []struct {
		key   string
		value *string
		hex   string
	}{{"path", &f.Path, f.PathBytes}, {"at", &f.At, f.AtBytes}} {
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
	proofs := []inspect.Proof{inspect.ProofRoot, inspect.ProofPieces, inspect.ProofShared, inspect.ProofEmpty}
	switch {
	case !filepath.IsAbs(f.At):
		return fmt.Errorf("at is not an absolute path: %q", f.At)
	case f.Size == nil:
		return errors.New("it has no size")
	case *f.Size < 0:
		return fmt.Errorf("a size of %d bytes", *f.Size)
	case !slices.Contains(proofs, f.Proof):
		return fmt.Errorf("proof %q is none of %q", f.Proof, proofs)
	}
	return nil
}

// placesIn returns where the files of a torrent are, by their indexes, as the plan of it
// says.
func placesIn(plans []*planDocument, t *inspect.Torrent) (map[int]string, error) {
	v1, v2 := t.HexV1(), t.HexV2()
	i := slices.IndexFunc(plans, func(p *planDocument) bool {
		return strings.EqualFold(p.InfoHashV1, v1) && strings.EqualFold(p.InfoHashV2, v2)
	})
	if i < 0 {
		return nil, errors.New("the plan is of another torrent: its info-hashes differ")
	}
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	index := make(map[string]int)
	for i := range content.Files {
		if f := &content.Files[i]; !f.Pad && !f.IsLink() {
			index[strings.Join(t.Files[i].Path(), "/")] = i
		}
	}
	places := make(map[int]string)
	for _, f := range plans[i].Files {
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

// A planOption is the flag --plan of bt verify and bt seed.
type planOption struct {
	option[string]
	plans []*planDocument
}

func (o *planOption) flag(usage string) cli.Flag {
	return valueFlag(&o.option, nonEmpty("the path"), "plan", usage)
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

func (o *planOption) failed(err error) error {
	return failf(exitUsage, "--plan: %s: %w", shown(o.value), err)
}

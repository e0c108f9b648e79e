package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/testenv"
)

const goodPlan = `{"info_hash_v1":"` + zeros40 + `","files":[{"path":"a/b","at":"/d/x","size":5,"proof":"pieces"}]}`

const zeros40 = "0000000000000000000000000000000000000000"

func TestParsePlans(t *testing.T) {
	file := func(f string) string { return `{"info_hash_v1":"` + zeros40 + `","files":[` + f + `]}` }
	neighbor := func(n string) string {
		return `{"info_hash_v1":"` + zeros40 + `","files":[],"neighbors":[` + n + `]}`
	}
	for _, test := range []struct{ plan, want string }{
		{goodPlan, ""},
		{"\ufeff " + goodPlan + "\n", ""},
		{"[" + goodPlan + "," + goodPlan + "]", ""},
		{"[]", ""},
		{file(""), ""},
		{strings.Replace(goodPlan, `"size"`, `"new_key":{},"size"`, 1), ""},
		{file(`{"path":"�","path_bytes":"ff","at":"�","at_bytes":"2fff","size":0,"proof":"root"}`), ""},

		{"", "not JSON: it ends too early"},
		{"  ", "not JSON: it ends too early"},
		{goodPlan[:50], "not JSON: it ends too early"},
		{"{\n\n}}", "line 3: not JSON: "},
		{goodPlan + "{}", "there is text after its end"},
		{goodPlan + " x", "line 1: not JSON"},
		{"d4:infode", "line 1: not JSON"},
		{"5", "it is not an object"},
		{"[null]", "null in the list"},
		{"[[]]", "not an object"},
		{"null", "no info-hash"},
		{"{}", "no info-hash"},
		{`{"info_hash_v1":"` + zeros40 + `"}`, "it has no files"},
		{`{"info_hash_v1":"` + zeros40 + `","files":{}}`, "files is not a list"},
		{`{"info_hash_v1":5,"files":[]}`, "info_hash_v1 is not a text"},
		{`{"info_hash_v1":"00","files":[]}`, "info_hash_v1 is not 40 hex digits"},
		{`{"info_hash_v2":"` + zeros40 + `","files":[]}`, "info_hash_v2 is not 64 hex digits"},
		{`{"info_hash_v1":"` + strings.Repeat("g", 40) + `","files":[]}`, "info_hash_v1 is not 40 hex digits"},
		{file(`null`), "file 1: it has no path"},
		{file(`{"at":"/x","size":1,"proof":"root"}`), "file 1: it has no path"},
		{file(`{"path":"a","size":1,"proof":"root"}`), "file 1: it has no at"},
		{file(`{"path":"a","at":"x","size":1,"proof":"root"}`), "at is not an absolute path"},
		{file(`{"path":"a","at":"../x","size":1,"proof":"root"}`), "at is not an absolute path"},
		{file(`{"path":"a","at":"/x\u0000","size":1,"proof":"root"}`), "at has a zero byte"},
		{file(`{"path":"a","path_bytes":"xy","at":"/x","size":1,"proof":"root"}`), "path_bytes is not in hex"},
		{file(`{"path":"a","at":"/x","proof":"root"}`), "it has no size"},
		{file(`{"path":"a","at":"/x","size":null,"proof":"root"}`), "it has no size"},
		{file(`{"path":"a","at":"/x","size":-1,"proof":"root"}`), "a size of -1 bytes"},
		{file(`{"path":"a","at":"/x","size":1.5,"proof":"root"}`), "size is not a whole number"},
		{file(`{"path":"a","at":"/x","size":99999999999999999999,"proof":"root"}`), "size is not a whole number"},
		{file(`{"path":"a","at":"/x","size":1}`), `proof "" is none of`},
		{file(`{"path":"a","at":"/x","size":1,"proof":"guess"}`), `proof "guess" is none of`},
		{file(`{"path":["a"],"at":"/x","size":1,"proof":"root"}`), "path is not a text"},
		{neighbor(`{"path":"a","at":"/x"},{"path":"a","at":"/y"}`), ""},
		{neighbor(``), ""},
		{neighbor(`{"at":"/x"}`), "neighbor 1: it has no path"},
		{neighbor(`{"path":"a","at":"/x"},{"path":"a"}`), "neighbor 2: it has no at"},
		{neighbor(`{"path":"a","at":"x"}`), `neighbor 1: at is not an absolute path: "x"`},
		{neighbor(`{"path":"a","at":"/x","at_bytes":"z"}`), `at_bytes is not in hex`},
		{neighbor(`{"path":"a\u0000","at":"/x"}`), "path has a zero byte"},
		{neighbor(`1`), "neighbors is not an object"},
	} {
		plans, err := parsePlans([]byte(test.plan))
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: %v", test.plan, err)
		case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: %v, want %s", test.plan, err, test.want)
		case test.want == "" && plans == nil:
			t.Errorf("%s: no plans", test.plan)
		}
	}
}

// torrentOf returns a torrent of the given files, of 3 bytes each.
func torrentOf(t testing.TB, paths ...string) *inspect.Torrent {
	b := metainfo.Builder{V1: true, Name: "n", PieceLength: 1 << 14}
	b.Pieces = make([]byte, 20)
	for _, path := range paths {
		b.Files = append(b.Files, metainfo.BuildFile{Path: strings.Split(path, "/"), Length: 3})
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	torrent, err := inspect.Parse(out)
	if err != nil {
		t.Fatal(err)
	}
	return torrent
}

func TestPlacesIn(t *testing.T) {
	torrent := torrentOf(t, "a/b", "c", "\xff")
	size := int64(3)
	file := func(path, at string) planFileDocument {
		return planFileDocument{Path: path, At: at, Size: &size, Proof: inspect.ProofPieces}
	}
	plan := func(files ...planFileDocument) *planDocument {
		return &planDocument{InfoHashV1: strings.ToUpper(torrent.HexV1()), Files: files}
	}
	other := &planDocument{InfoHashV1: zeros40}
	both := plan()
	both.InfoHashV2 = strings.Repeat("0", 64)
	long := file("c", "/x")
	long.Size = new(int64)
	for _, test := range []struct {
		name  string
		plans []*planDocument
		want  map[int]string
		err   string
	}{
		{"some files", []*planDocument{other, plan(file("c", "/x/../y"), file("\xff", "/z"))}, map[int]string{1: "/y", 2: "/z"}, ""},
		{"no files", []*planDocument{plan()}, map[int]string{}, ""},
		{"other torrents", []*planDocument{other, both}, nil, "another torrent"},
		{"no plan", nil, nil, "another torrent"},
		{"unknown file", []*planDocument{plan(file("d", "/x"))}, nil, `no file "d"`},
		{"a directory", []*planDocument{plan(file("a", "/x"))}, nil, `no file "a"`},
		{"outside", []*planDocument{plan(file("../c", "/x"))}, nil, `no file "../c"`},
		{"twice", []*planDocument{plan(file("c", "/x"), file("c", "/y"))}, nil, `"c" is in it twice`},
		{"another size", []*planDocument{plan(long)}, nil, `"c" has 0 bytes in the plan and 3 in the torrent`},
	} {
		got, err := placesIn(test.plans, torrent)
		if test.err == "" && (err != nil || !reflect.DeepEqual(got, test.want)) || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %v, %v", test.name, got, err)
		}
	}
}

// What is written can be read, whatever the names on disk and in the torrent.
func TestPlanOfAnyNames(t *testing.T) {
	dir := t.TempDir()
	names := []string{"plain", "ünï", "\xff\xfe", "a\nb", "quo\"te", "\u202e", "deep/\x80/x"}
	root := filepath.Join(dir, "n\xff")
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("abc"), 0o644); err != nil {
			testenv.Missing(t, fmt.Sprint("a file system with such names: ", err))
		}
	}
	torrent := torrentOf(t, names...)
	v := &inspect.Verdict{
		Where: func(i int) string { return filepath.Join(root, names[i]) },
		Files: func(yield func(inspect.FileVerdict) bool) {
			for i, name := range names {
				if !yield(inspect.FileVerdict{Index: i, Path: name, Size: 3, Proof: inspect.ProofPieces}) {
					return
				}
			}
		},
		Neighbors: func(yield func(inspect.Neighbor) bool) {
			for i, name := range names {
				if !yield(inspect.Neighbor{Index: i, Path: name, At: filepath.Join(dir, name)}) {
					return
				}
			}
		},
	}
	plan, err := newPlan(torrent, v)
	if err != nil {
		t.Fatal(err)
	}
	for _, plans := range [][]*planDocument{{plan}, {{InfoHashV1: zeros40, Files: []planFileDocument{}}, plan}} {
		name := filepath.Join(dir, fmt.Sprint(len(plans)))
		if err := writePlan(name, false, plans); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		read, err := parsePlans(b)
		if err != nil {
			t.Fatal(err)
		}
		places, err := placesIn(read, torrent)
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			if places[i] != v.Where(i) {
				t.Errorf("%q is at %q", names[i], places[i])
			}
		}
		neighbors, err := neighborsIn(read, torrent)
		if err != nil {
			t.Fatal(err)
		}
		for i := range names {
			if want := []string{filepath.Join(dir, names[i])}; !slices.Equal(neighbors[i], want) {
				t.Errorf("%q: the neighbor is at %q, want %q", names[i], neighbors[i], want)
			}
		}
	}
}

// A plan that is accepted has only values that can be used, and stays the same when it is
// written and read again.
func FuzzParsePlans(f *testing.F) {
	f.Add([]byte(goodPlan))
	f.Add([]byte("[" + goodPlan + "]"))
	f.Add([]byte(`{"info_hash_v1":"` + zeros40 + `","files":[{"path":"x","path_bytes":"ff","at":"/","at_bytes":"2fff","size":0,"proof":"empty"}]}`))
	torrent := torrentOf(f, "a/b", "c")
	f.Add([]byte(strings.ReplaceAll(strings.Replace(goodPlan, zeros40, torrent.HexV1(), 1), ":5", ":3")))
	f.Fuzz(func(t *testing.T, b []byte) {
		plans, err := parsePlans(b)
		if err != nil {
			return
		}
		if places, err := placesIn(plans, torrent); err == nil {
			for i, path := range places {
				if i < 0 || i > 1 || !filepath.IsAbs(path) || strings.Contains(path, "\x00") {
					t.Errorf("file %d at %q", i, path)
				}
			}
		}
		if neighbors, err := neighborsIn(plans, torrent); err == nil {
			for i, paths := range neighbors {
				for _, path := range paths {
					if i < 0 || i > 1 || !filepath.IsAbs(path) || strings.Contains(path, "\x00") {
						t.Errorf("neighbor %d at %q", i, path)
					}
				}
			}
		}
		for _, p := range plans {
			for i := range p.Files {
				file := &p.Files[i]
				file.PathBytes, file.AtBytes = hexUnlessUTF8(file.Path), hexUnlessUTF8(file.At)
			}
			for i := range p.Neighbors {
				n := &p.Neighbors[i]
				n.PathBytes, n.AtBytes = hexUnlessUTF8(n.Path), hexUnlessUTF8(n.At)
			}
		}
		written, err := json.Marshal(plans)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parsePlans(bytes.Clone(written))
		if err != nil || len(again) != len(plans) || len(plans) > 0 && !reflect.DeepEqual(again, plans) {
			t.Errorf("%s: %v", written, err)
		}
	})
}

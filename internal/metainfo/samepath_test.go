package metainfo

import "testing"

func TestSamePath(t *testing.T) {
	tree := func(dirs ...string) (d *group) {
		for _, name := range dirs {
			d = &group{parent: d, name: name}
		}
		return d
	}
	for _, tt := range []struct {
		a, b File
		same bool
	}{
		{File{names: "1:a1:b"}, File{names: "1:a1:b"}, true},
		{File{names: "1:a1:b"}, File{names: "1:a01:b"}, true}, // with a leading zero
		{File{names: "1:a1:b"}, File{names: "1:b", group: tree("a")}, true},
		{File{names: "1:b", group: tree("a")}, File{names: "1:b", group: tree("a")}, true},
		{File{names: "1:b", group: tree("a")}, File{names: "1:b", group: tree("c")}, false},
		{File{names: "1:b", group: tree("a")}, File{names: "1:b"}, false},
		{File{names: "1:a1:b"}, File{names: "3:a/b"}, false},
		{File{names: "1:a1:b"}, File{names: "1:a"}, false},
		{File{}, File{}, true},
		{File{}, File{names: "1:a"}, false},
	} {
		if tt.a.SamePath(&tt.b) != tt.same || tt.b.SamePath(&tt.a) != tt.same {
			t.Errorf("%q and %q: want %v", tt.a.Path(), tt.b.Path(), tt.same)
		}
	}
	f, other := File{names: "1:b", group: tree("a", "c")}, File{names: "1:a1:c1:b"}
	if n := testing.AllocsPerRun(10, func() { f.SamePath(&other) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

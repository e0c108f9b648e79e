package metainfo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Files share their directory and their attributes, also if there are many of both.
func TestGroups(t *testing.T) {
	type want struct {
		path []string
		attr string
	}
	const dirs, files = 3, 130
	var tree strings.Builder
	var wants []want
	for d := range dirs {
		fmt.Fprintf(&tree, "4:dir%dd3:subd", d)
		for i := range files {
			name, attr := fmt.Sprintf("%03d", i), ""
			switch i % 3 {
			case 0:
				attr = "x"
			case 1:
				attr = "h" + name
			}
			fmt.Fprintf(&tree, "3:%sd0:d", name)
			if attr != "" {
				fmt.Fprintf(&tree, "4:attr%d:%s", len(attr), attr)
			}
			tree.WriteString("6:lengthi0eee")
			wants = append(wants, want{[]string{fmt.Sprintf("dir%d", d), "sub", name}, attr})
		}
		tree.WriteString("ee")
	}
	const top = "3:topd0:d4:attr1:x6:lengthi0eee"
	torrent, err := Parse([]byte(v2(tree.String()+top, "")))
	if err != nil {
		t.Fatal(err)
	}
	wants = append(wants, want{[]string{"top"}, "x"})
	if len(torrent.Files) != len(wants) {
		t.Fatalf("%d files, want %d", len(torrent.Files), len(wants))
	}
	for i, w := range wants {
		if f := &torrent.Files[i]; !slices.Equal(f.Path(), w.path) || f.Attr() != w.attr {
			t.Errorf("file %d is %q %q, want %q %q", i, f.Path(), f.Attr(), w.path, w.attr)
		}
	}
	executable := torrent.Files[0].group
	if torrent.Files[6].group != executable || torrent.Files[files].group == executable {
		t.Error("files of one directory with the same attributes are not one group")
	}
}

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"bt/internal/testenv"
)

// Aligned v1 is what libtorrent makes with canonical_files.
func TestInteropAlign(t *testing.T) {
	t.Parallel()
	testenv.Python(t, "libtorrent")
	dir, n := t.TempDir(), 0
	var requests []ltRequest
	var want []interopHashes
	for _, tree := range interopTrees() {
		if _, leave := tree.leave["libtorrent"]; leave || len(tree.flags) > 0 || len(tree.files) > 1000 {
			continue
		}
		root := filepath.Join(dir, strconv.Itoa(len(requests)))
		path := filepath.Join(root, tree.content)
		if tree.single {
			interopWrite(t, root, tree.name, tree.files)
		} else {
			interopWrite(t, path, tree.name, tree.files)
		}
		for _, pieceLength := range []int64{16 * kib, 256 * kib} {
			var made interopHashes
			interopBt(t, exitOK, &made, "make", path, "--json", "-o", filepath.Join(dir, fmt.Sprintf("%d.torrent", n)),
				"--align", "--piece-length", strconv.FormatInt(pieceLength, 10))
			requests = append(requests, ltRequest{Op: "make", Format: "aligned v1", Path: path, PieceLength: pieceLength})
			want = append(want, made)
			n++
		}
	}
	if n < 30 {
		t.Fatalf("only %d cases", n)
	}
	for i, got := range interopLibtorrent(t, requests) {
		if (interopHashes{got.V1, got.V2}) != want[i] {
			t.Errorf("%s, pieces of %d: bt made %v, libtorrent %s", requests[i].Path, requests[i].PieceLength, want[i], got.V1)
		}
	}
}

// libtorrent reads the symbolic links and attributes that bt stores, finds the tree that
// made them complete, and makes the same links where they are missing.
func TestInteropAttributes(t *testing.T) {
	testenv.Python(t, "libtorrent")
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	files := []interopFile{{"a", 40_000}, {"d/b", 20_000}, {"d/e/c", 5}, {"run", 3}}
	interopWrite(t, data, "attributes", files)
	if err := os.Chmod(filepath.Join(data, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	// libtorrent fails if a link is there with a longer text than it would write itself,
	// such as ../../d/b in d/e.
	links := map[string]string{"top": "d/b", "dir": "d", "d/up": "../a", "d/e/beside": "c", "d/e/deep": "../b", "link": "top"}
	targets := map[string]string{"top": "d/b", "dir": "d", "d/up": "a", "d/e/beside": "d/e/c", "d/e/deep": "d/b", "link": "top"}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(data, name)); err != nil {
			t.Fatal(err)
		}
	}
	var requests []ltRequest
	var want []interopHashes
	formats := append(slices.Clone(interopFormats), "v1 --align")
	for _, format := range formats {
		out := filepath.Join(dir, format+".torrent")
		args := []string{"make", data, "--json", "-o", out, "--symlinks", "store", "--attributes", "--piece-length", "16K", "--format", format[:min(len(format), 6)]}
		if format == "v1 --align" {
			args = append(args[:len(args)-1], "v1", "--align")
		}
		var made interopHashes
		interopBt(t, exitOK, &made, args...)
		want = append(want, made)
		bare := filepath.Join(dir, "without links of "+format)
		interopWrite(t, filepath.Join(bare, "data"), "attributes", files)
		requests = append(requests, ltRequest{Op: "read", Torrent: out}, ltRequest{Op: "check", Torrent: out, Data: dir}, ltRequest{Op: "check", Torrent: out, Data: bare})
	}
	answers := interopLibtorrent(t, requests)
	for i, format := range formats {
		read, check, bare := answers[3*i], answers[3*i+1], answers[3*i+2]
		if (interopHashes{read.V1, read.V2}) != want[i] {
			t.Errorf("%s: libtorrent reads %v, bt wrote %v", format, read, want[i])
		}
		found := 0
		for _, f := range read.Files {
			name, err := filepath.Rel("data", f.Path)
			if err != nil {
				t.Fatal(err)
			}
			target := ""
			if targets[name] != "" {
				target = filepath.Join("data", targets[name])
				found++
			}
			if f.Symlink != target || f.Executable != (name == "run") {
				t.Errorf("%s: %s leads to %q, want %q; executable: %v", format, name, f.Symlink, target, f.Executable)
			}
		}
		if found != len(links) || len(read.Files) != len(links)+4 {
			t.Errorf("%s: libtorrent reads %d files, %d of them links", format, len(read.Files), found)
		}
		if check.Progress != 1 || bare.Progress != 1 {
			t.Errorf("%s: libtorrent has the pieces %v, without links %v", format, check.Have, bare.Have)
		}
		for name, to := range links {
			if got, err := os.Readlink(filepath.Join(requests[3*i+2].Data, "data", name)); err != nil || got != to {
				t.Errorf("%s: libtorrent made %s lead to %q, want %q; %v", format, name, got, to, err)
			}
		}
	}
}

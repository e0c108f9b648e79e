package main

import (
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// damageApart returns bt in another process, for file systems that the test serves.
func damageApart(t *testing.T) func(args ...string) *exec.Cmd {
	return func(args ...string) *exec.Cmd { return processCommand(t, "bt", args...) }
}

// damageShortReads verifies a tree with a file whose reads return few bytes.
func damageShortReads(t *testing.T, got *strings.Builder) {
	t.Helper()
	dir := t.TempDir()
	damageTorrents(t, dir)
	j := filepath.Join(dir, "tree", "j")
	if err := errors.Join(os.RemoveAll(j), os.Mkdir(j, 0o755)); err != nil {
		t.Fatal(err)
	}
	testenv.MountShortReads(t, j, "k", damageData("j/k", 20_000), 700)
	damageKind(t, got, dir, "short reads", "", "", damageApart(t))
}

// damageUnreadable verifies a tree with a file that can't be read from some offset on.
func damageUnreadable(t *testing.T, got *strings.Builder) {
	t.Helper()
	dir := t.TempDir()
	damageTorrents(t, dir)
	j := filepath.Join(dir, "tree", "j")
	if err := errors.Join(os.RemoveAll(j), os.Mkdir(j, 0o755)); err != nil {
		t.Fatal(err)
	}
	testenv.MountBadFile(t, j, "k", damageData("j/k", 20_000), damagePiece)
	damageKind(t, got, dir, "a disk that can't be read", "j/k unreadable, l unverifiable, m/é unverifiable", "j/k unreadable", damageApart(t))
}

// badDiskKinds are blocks of a disk that can't be read, in files, directories and inodes.
var badDiskKinds = []struct {
	name   string
	do     damageFunc // before
	bad    []testenv.BadBlock
	v1, v2 string
}{
	{"the first block of all", nil, []testenv.BadBlock{{Path: "a"}}, "a unreadable", "a unreadable"},
	{"the last block of a piece", nil, []testenv.BadBlock{{Path: "a", Offset: damagePiece - 1}}, "a unreadable", "a unreadable"},
	{"the first block of a piece", nil, []testenv.BadBlock{{Path: "a", Offset: damagePiece}}, "a unreadable", "a unreadable"},
	{"a block on each side of an edge", nil, []testenv.BadBlock{{Path: "f", Offset: damagePiece - 1}, {Path: "f", Offset: damagePiece}}, "f unreadable", "f unreadable"},
	{"the last block of a file", nil, []testenv.BadBlock{{Path: "a", Offset: 39_999}}, "a unreadable, b unverifiable, d unverifiable", "a unreadable"},
	{"a block with an edge in it", nil, []testenv.BadBlock{{Path: "j/k", Offset: 16_366}}, // of j/k
		"g unverifiable, h unverifiable, i unverifiable, j/k unreadable, l unverifiable, m/é unverifiable", "j/k unreadable"},
	{"the block of a small file", nil, []testenv.BadBlock{{Path: "b"}}, "a unverifiable, b unreadable, d unverifiable", "b unreadable"},
	{"the block of one byte", nil, []testenv.BadBlock{{Path: "l"}}, "j/k unverifiable, l unreadable, m/é unverifiable", "l unreadable"},
	{"the last block of all", nil, []testenv.BadBlock{{Path: "m/é"}}, "j/k unverifiable, l unverifiable, m/é unreadable", "m/é unreadable"},
	{"some blocks of a piece", nil, []testenv.BadBlock{{Path: "g"}, {Path: "i"}},
		"g unreadable, h unverifiable, i unreadable, j/k unverifiable", "g unreadable, i unreadable"},
	{"all blocks of a file", nil, []testenv.BadBlock{{Path: "e"}, {Path: "e", Offset: 4096}, {Path: "e", Offset: 8192}, {Path: "e", Offset: 12288}}, "e unreadable", "e unreadable"},
	{"a block, and a corrupt one before", flipAt("a", 0), []testenv.BadBlock{{Path: "a", Offset: damagePiece}}, "a unreadable", "a unreadable"},
	{"a block of a short file", resized("a", damagePiece+5), []testenv.BadBlock{{Path: "a"}}, "a unreadable, b unverifiable, d unverifiable", "a unreadable"},
	{"a block of a long file", resized("e", damagePiece+1), []testenv.BadBlock{{Path: "e"}}, "e unreadable", "e unreadable"},
	{"a block beyond the end", longer("e"), []testenv.BadBlock{{Path: "e", Offset: damagePiece}}, "e long", "e long"},
	{"a block beside a missing file", gone("b"), []testenv.BadBlock{{Path: "d"}}, "a unverifiable, b missing, d unreadable", "b missing, d unreadable"},
	{"an inode", nil, []testenv.BadBlock{{Path: "e", Offset: -1}}, "e unreadable", "e unreadable"},
	{"the inode of an empty file", nil, []testenv.BadBlock{{Path: "c", Offset: -1}}, "c unreadable", "c unreadable"},
	{"a directory", nil, []testenv.BadBlock{{Path: "j"}},
		"g unverifiable, h unverifiable, i unverifiable, j/k unreadable, l unverifiable, m/é unverifiable", "j/k unreadable"},
	{"the inode of a directory", nil, []testenv.BadBlock{{Path: "m", Offset: -1}}, "j/k unverifiable, l unverifiable, m/é unreadable", "m/é unreadable"},
	{"the root", nil, []testenv.BadBlock{{Path: ""}},
		"a unreadable, b unreadable, c unreadable, d unreadable, e unreadable, f unreadable, g unreadable, h unreadable, i unreadable, j/k unreadable, l unreadable, m/é unreadable", "="},
}

// longer adds a byte to a file, which is not in a hole.
func longer(name string) damageFunc {
	return func(d damageDir) error {
		f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteString("x")
		return cmp.Or(err, f.Close())
	}
}

// damageBadDisk verifies trees on a loop device with blocks that can't be read.
func damageBadDisk(t *testing.T, got *strings.Builder) {
	t.Helper()
	for _, kind := range badDiskKinds {
		dir := t.TempDir()
		disk := testenv.NewDisk(t, dir, 4<<20)
		damageTorrents(t, dir)
		if kind.do != nil {
			if err := kind.do(damageDir(filepath.Join(dir, "tree"))); err != nil {
				t.Fatalf("%s: %v", kind.name, err)
			}
		}
		var bad []testenv.BadBlock
		for _, b := range kind.bad {
			bad = append(bad, testenv.BadBlock{Path: filepath.Join("tree", b.Path), Offset: b.Offset})
		}
		disk.Fail(bad...)
		damageKind(t, got, dir, "on a disk that can't read "+kind.name, kind.v1, kind.v2, damageApart(t))
	}
}

// rewritten writes the bytes of a file again.
func rewritten(name string) damageFunc {
	return func(d damageDir) error {
		b, err := os.ReadFile(d.path(name))
		return cmp.Or(err, os.WriteFile(d.path(name), b, 0o644))
	}
}

// replaced puts an equal file in the place of a file.
func replaced(name string) damageFunc {
	return func(d damageDir) error {
		b, err := os.ReadFile(d.path(name))
		return cmp.Or(err, os.WriteFile(string(d)+".new", b, 0o644), os.Rename(string(d)+".new", d.path(name)))
	}
}

const aChanged = "a corrupt, b unverifiable, d unverifiable"

// meanwhileKinds are changes while bt verifies the tree: when it reads j/k.
var meanwhileKinds = []struct {
	name   string
	do     damageFunc
	v1, v2 string
}{
	{"grows", resized("a", 40_001), aChanged, "a corrupt"},
	{"is cut at an edge", resized("a", damagePiece), aChanged, "a corrupt"},
	{"is cut to nothing", resized("a", 0), aChanged, "a corrupt"},
	{"becomes corrupt", flipAt("a", 0), aChanged, "a corrupt"},
	{"is written again", rewritten("a"), aChanged, "a corrupt"},
	{"is replaced by an equal one", replaced("a"), aChanged, "a corrupt"},
	{"is deleted", gone("a"), aChanged, "a corrupt"},
	{"is renamed", renamed("a", "b2"), aChanged, "a corrupt"},
	{"becomes a directory", replacedBy("a", mkdir), aChanged, "a corrupt"},
	{"becomes a FIFO", replacedBy("a", mkfifo), aChanged, "a corrupt"},
	{"becomes a link to itself", linkTo("a", "a"), "a unreadable, b unverifiable, d unverifiable", "a unreadable"},
	{"becomes a link to the same file", linkOut("a"), "", ""},
	{"gets a hard link", func(d damageDir) error { return os.Link(d.path("a"), d.path("a2")) }, "", ""},
	{"gets other rights", mode("a", 0o600), "", ""},
	{"of one piece changes", flipAt("e", 5), "e corrupt", "e corrupt"},
	{"is deleted with its directory", gone("m"), "j/k unverifiable, l unverifiable, m/é corrupt", "m/é corrupt"},
	{"that was empty grows", resized("c", 1), "c long", "c long"},
	{"that was empty is deleted", gone("c"), "c missing", "c missing"},
	{"changes, and its neighbour is deleted", all(gone("b"), rewritten("a")), "a corrupt, b corrupt, d unverifiable", "a corrupt, b corrupt"},
}

// damageMeanwhile verifies trees that change meanwhile.
func damageMeanwhile(t *testing.T, got *strings.Builder) {
	t.Helper()
	for _, kind := range meanwhileKinds {
		got.WriteString("# while it is checked, a file " + kind.name + "\n")
		for _, format := range []string{"v1", "v2", "hybrid"} {
			dir := t.TempDir()
			damageTorrents(t, dir)
			tree := damageDir(filepath.Join(dir, "tree"))
			if err := errors.Join(gone("j")(tree), mkdir(tree.path("j"))); err != nil {
				t.Fatal(err)
			}
			changed := make(chan error, 1)
			testenv.MountWatchedFile(t, tree.path("j"), "k", damageData("j/k", 20_000), func() { changed <- kind.do(tree) })
			want := kind.v2
			if format == "v1" {
				want = kind.v1
			}
			damageFormat(t, got, dir, kind.name, format, want, damageApart(t))
			if err := <-changed; err != nil {
				t.Fatalf("%s: %v", kind.name, err)
			}
		}
		got.WriteString("\n")
	}
}

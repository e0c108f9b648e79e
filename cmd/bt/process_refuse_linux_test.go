package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// processOther returns a function that makes commands that run bt as the user
// nobody.
func processOther(t *testing.T) func(args ...string) *exec.Cmd {
	t.Helper()
	bin, nobody := testenv.Nobody(t, "bt")
	be := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: nobody}
		return cmd
	}
	if out, err := be(processCommand(t, bin, "--version")).CombinedOutput(); err != nil {
		testenv.Missing(t, fmt.Sprintf("a temporary directory that other users reach (%v: %s)", err, out))
	}
	return func(args ...string) *exec.Cmd { return be(processCommand(t, bin, args...)) }
}

func TestProcessMakeUnreadable(t *testing.T) {
	bt := processOther(t)
	dir := testenv.OpenDir(t)
	if err := os.Chmod(dir, 0o777); err != nil { // for the output
		t.Fatal(err)
	}
	tree := filepath.Join(dir, "tree")
	processTree(t, tree, map[string]string{
		"a/one": "1", "b/c/two": "2", "b/fine": "3", "locked/inside": "4", "three": "5",
	})
	processSparse(t, filepath.Join(tree, "a/huge"), processHuge) // before the second file
	locked := []string{"a/one", "b/c/two", "locked", "three"}
	var want []string
	for _, name := range locked {
		path := filepath.Join(tree, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, path+": permission denied")
	}
	p := processStart(t, bt("make", tree))().exits(exitRead).printsNothing().errors(want...)
	if p.cpu > processFewCPU {
		t.Errorf("it took %v of CPU: something was hashed", p.cpu)
	}
	processNames(t, dir, "tree")

	// No error if they are excluded.
	args := []string{"make", tree, "-q", "--exclude", "huge"}
	for _, name := range locked {
		args = append(args, "--exclude", name)
	}
	processStart(t, bt(args...))().exits(exitOK).errors()
}

func TestProcessVerifyUnreadable(t *testing.T) {
	bt := processOther(t)
	dir := testenv.OpenDir(t)
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	// In pieces of ten bytes: file a is piece 0 and half of 1, b ends after 7
	// bytes of 3, c ends with 5, and d/e is 6.
	processTree(t, tree, map[string]string{
		"a": strings.Repeat("a", 15), "b": strings.Repeat("b", 22), "c": strings.Repeat("c", 23), "d/e": strings.Repeat("e", 10),
	})
	processRun(t, "", "make", tree, "-l", "10", "--allow", "small-pieces", "-q").exits(exitOK)
	processStart(t, bt("verify", torrent))().exits(exitOK)
	for _, name := range []string{"b", "d"} {
		if err := os.Chmod(filepath.Join(tree, name), 0); err != nil {
			t.Fatal(err)
		}
	}
	p := processStart(t, bt("verify", torrent, "--json"))().exits(exitRead)
	v := p.verdict()
	if v.OK || v.Pieces.Total != 7 || v.Pieces.Good != 3 || v.Pieces.Unreadable != 4 {
		t.Errorf("ok is %v, pieces are %+v", v.OK, v.Pieces)
	}
	var bad []string
	for _, p := range v.BadPieces {
		bad = append(bad, fmt.Sprint(p.Index, p.Cause, p.Files))
	}
	if want := []string{"1unreadable[a b]", "2unreadable[b]", "3unreadable[b c]", "6unreadable[d/e]"}; !slices.Equal(bad, want) {
		t.Errorf("bad pieces %q, want %q", bad, want)
	}
	var files []string
	for _, f := range v.Files {
		files = append(files, fmt.Sprint(f.Path, " ", f.Status, " ", f.Bad))
	}
	if want := []string{
		"a unverifiable [{10 5 [1] unverifiable}]",
		"b unreadable [{0 22 [1 2 3] unreadable}]",
		"c unverifiable [{0 3 [3] unverifiable}]",
		"d/e unreadable [{0 10 [6] unreadable}]",
	}; !slices.Equal(files, want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(files, "\n"), strings.Join(want, "\n"))
	}
}

// A directory that can't be searched for extra files is an error, and the other
// extra files are listed.
func TestProcessVerifyExtraUnreadable(t *testing.T) {
	bt := processOther(t)
	dir := testenv.OpenDir(t)
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	processTree(t, tree, map[string]string{"a": "data"})
	processRun(t, "", "make", tree, "-q").exits(exitOK)
	processTree(t, tree, map[string]string{"locked/b": "data", "x/locked/c": "data", "x/y": "data"})
	var want []string
	for _, name := range []string{"locked", "x/locked"} {
		path := filepath.Join(tree, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		want = append(want, path+": permission denied")
	}
	for flag, list := range map[string]string{"--json": `"extra": [
    "x/y"
  ]`, "--json=false": "extra  x/y\n"} {
		p := processStart(t, bt("verify", torrent, "--extra", flag))().exits(exitRead).errors(want...)
		if !strings.Contains(p.stdout, list) {
			t.Errorf("no %q in %s", list, p.stdout)
		}
	}
	processStart(t, bt("verify", torrent))().exits(exitOK)
}

// processSpecial makes a FIFO, a socket or, as root, a device at path.
func processSpecial(t *testing.T, path string, kind uint32) {
	t.Helper()
	const zero = 1<<8 | 5 // the device /dev/zero, which has no end
	err := syscall.Mknod(path, kind|0o666, zero)
	if kind == syscall.S_IFCHR && err == syscall.EPERM {
		testenv.Missing(t, "the right to make device nodes")
	}
	if err != nil {
		t.Fatal(err)
	}
}

var processSpecials = []struct {
	name, says string
	kind       uint32
}{
	{"fifo", "is a FIFO", syscall.S_IFIFO},
	{"socket", "is a socket", syscall.S_IFSOCK},
	{"device", "is a device", syscall.S_IFCHR},
}

// Opening a FIFO without a writer blocks, and a blocked test fails by its
// timeout.
func TestProcessMakeSpecials(t *testing.T) {
	testenv.Root(t) // to make the device
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	processTree(t, tree, map[string]string{"a": "data", "sub/z": "data"})
	var want []string
	for _, s := range processSpecials {
		path := filepath.Join(tree, "sub", s.name)
		processSpecial(t, path, s.kind)
		want = append(want, path+": "+s.says)
		processRun(t, dir, "make", path).exits(exitRead).printsNothing().errors(path + ": " + s.says)
	}
	// A symbolic link to one counts too.
	link := filepath.Join(tree, "link")
	if err := os.Symlink("sub/fifo", link); err != nil {
		t.Fatal(err)
	}
	want = append(want, link+": is a FIFO")
	processRun(t, dir, "make", tree).exits(exitRead).printsNothing().errors(want...)
	processNames(t, dir, "tree")
	processRun(t, dir, "make", tree, "--symlinks", "skip").exits(exitRead).errors(want[:3]...)
	processRun(t, dir, "make", tree, "--exclude", "sub/[fsd]*", "--exclude", "link").exits(exitOK)
}

func TestProcessVerifySpecials(t *testing.T) {
	testenv.Root(t) // to make the device
	dir := t.TempDir()
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	names := map[string]string{"ok": strings.Repeat("o", 20), "directory": strings.Repeat("d", 20)}
	for _, s := range processSpecials {
		names[s.name] = strings.Repeat("s", 20)
	}
	processTree(t, tree, names)
	processRun(t, "", "make", tree, "-l", "10", "--allow", "small-pieces", "-q").exits(exitOK)
	processRun(t, "", "verify", torrent).exits(exitOK)
	for name := range names {
		if name != "ok" {
			if err := os.Remove(filepath.Join(tree, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(tree, "directory"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, s := range processSpecials {
		processSpecial(t, filepath.Join(tree, s.name), s.kind)
	}
	for _, read := range []string{"parallel", "sequential"} {
		v := processRun(t, "", "verify", torrent, "--json", "--read", read).exits(exitNo).verdict()
		if v.Pieces.Total != 10 || v.Pieces.Good != 2 || v.Pieces.Missing != 8 || len(v.Files) != 5 {
			t.Errorf("%d files, pieces are %+v", len(v.Files), v.Pieces)
		}
		for _, f := range v.Files {
			if want := map[bool]string{true: "ok", false: "not-a-file"}[f.Path == "ok"]; f.Status != want {
				t.Errorf("%s is %s, want %s", f.Path, f.Status, want)
			}
		}
	}
}

func TestProcessSymlinks(t *testing.T) {
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	processTree(t, tree, map[string]string{"file": "data", "x/file": "data", "y/file": "data"})
	var want []string
	for _, link := range [][3]string{
		{"a", "b", "a: is a symbolic link that leads back to itself"},
		{"b", "a", "b: is a symbolic link that leads back to itself"},
		{"gone", "nowhere", "gone: is a symbolic link that leads nowhere"},
		{"self", "self", "self: is a symbolic link that leads back to itself"},
		{"sub", ".", "sub: is a symbolic link that leads back"},
		{"x/up", "..", "x/up: is a symbolic link that leads back"},
		// Each leads to the other, and through it to itself.
		{"x/y", "../y", "x/y/x: is a symbolic link that leads back"},
		{"y/x", "../x", "y/x/y: is a symbolic link that leads back"},
	} {
		if err := os.Symlink(link[1], filepath.Join(tree, link[0])); err != nil {
			t.Fatal(err)
		}
		want = append(want, filepath.Join(tree, link[2]))
	}
	// The path through y contains x/up too.
	want = append(want, filepath.Join(tree, "y/x/up: is a symbolic link that leads back"))
	processRun(t, dir, "make", tree).exits(exitRead).printsNothing().errors(want...)
	processNames(t, dir, "tree")
	if m := processMade(t, dir, "make", tree, "--symlinks", "skip"); m.FileCount != 3 {
		t.Errorf("%d files, want 3", m.FileCount)
	}
}

// A file that a check could not read is reported, and read again in the next run:
// its permissions are not part of the known state.
func TestProcessSeedUnreadable(t *testing.T) {
	bt := processOther(t)
	dir := testenv.OpenDir(t)
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	processTree(t, tree, map[string]string{"a": strings.Repeat("a", 20_000), "b": strings.Repeat("b", 40_000)})
	processRun(t, "", "make", tree, "-l", "16K", "-q").exits(exitOK)
	const group = 4242
	secret := filepath.Join(tree, "b")
	if err := errors.Join(os.Chown(secret, 0, group), os.Chmod(secret, 0o640)); err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o777), os.Chmod(home, 0o777)); err != nil {
		t.Fatal(err)
	}
	waitUntilOld(t, secret)
	for _, test := range []struct {
		groups        []uint32
		pieces, warns int
		known         bool
	}{
		{pieces: 1, warns: 1}, {pieces: 1, warns: 1}, {groups: []uint32{group}, pieces: 4}, {groups: []uint32{group}, pieces: 4, known: true},
	} {
		cmd := bt("seed", torrent, "-4", "--for", "1s", "--json")
		cmd.Env = append(cmd.Env, "HOME="+home, "XDG_CACHE_HOME=", "XDG_STATE_HOME=")
		cmd.SysProcAttr.Credential.Groups = test.groups
		p := processStart(t, cmd)().exits(exitOK)
		if want := fmt.Sprintf(`"pieces":%d,"known":%v`, test.pieces, test.known); !strings.Contains(p.stdout, want) {
			t.Errorf("%+v: no %s in\n%s", test, want, p.stdout)
		}
		if n := strings.Count(p.stdout, secret+": permission denied"); n != test.warns {
			t.Errorf("%+v: %d warnings in\n%s", test, n, p.stdout)
		}
	}
}

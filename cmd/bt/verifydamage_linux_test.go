package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// The table of damages: what bt verify says of each, in v1, v2 and hybrid torrents. The
// exact JSON (--jsonl --only-bad) is in testdata/damage.txt, which -update writes anew.
//
// The pieces have 16 KiB. In v1 the files of the tree are in them as follows; in v2 and
// hybrids each file begins a piece.
//
//	piece 0    1    2        3   4  5   6            7
//	file  a    a    a b d    e   f  f   g h i j/k    j/k l m/é      (c is empty)
var damageFiles = []struct {
	name string
	size int
}{
	{"a", 40_000}, {"b", 100}, {"c", 0}, {"d", 3*damagePiece - 40_100}, {"e", damagePiece}, {"f", 2 * damagePiece},
	{"g", 5}, {"h", 6}, {"i", 7}, {"j/k", 20_000}, {"l", 1}, {"m/\u00e9", 10},
}

const damagePiece = 16 << 10

// damageData returns the content of a file. The second half of f is zeros.
func damageData(name string, size int) []byte {
	data := make([]byte, size)
	for i := range data {
		if name != "f" || i < damagePiece {
			data[i] = byte(i*7 + i/damagePiece + int(name[0]) + 1)
		}
	}
	return data
}

// A damageDir is the directory of the tree.
type damageDir string

func (d damageDir) path(name string) string { return filepath.Join(string(d), name) }

// Each of these returns a damage of one file, or of a directory.

type damageFunc func(d damageDir) error

func flipAt(name string, offsets ...int64) damageFunc {
	return func(d damageDir) error {
		b, err := os.ReadFile(d.path(name))
		for _, at := range offsets {
			b[at] ^= 0x10
		}
		return errors.Join(err, os.WriteFile(d.path(name), b, 0o644))
	}
}

func resized(name string, size int64) damageFunc {
	return func(d damageDir) error { return os.Truncate(d.path(name), size) }
}

// hole makes the end of a file a hole.
func hole(name string, from int64) damageFunc {
	return func(d damageDir) error {
		info, err := os.Stat(d.path(name))
		return cmp.Or(err, os.Truncate(d.path(name), from), os.Truncate(d.path(name), info.Size()))
	}
}

func gone(names ...string) damageFunc {
	return func(d damageDir) (err error) {
		for _, name := range names {
			err = cmp.Or(err, os.RemoveAll(d.path(name)))
		}
		return err
	}
}

func renamed(from, to string) damageFunc {
	return func(d damageDir) error { return os.Rename(d.path(from), d.path(to)) }
}

func replacedBy(name string, put func(path string) error) damageFunc {
	return func(d damageDir) error { return cmp.Or(os.RemoveAll(d.path(name)), put(d.path(name))) }
}

func linkTo(name, target string) damageFunc {
	return replacedBy(name, func(path string) error { return os.Symlink(target, path) })
}

// linkOut moves a file or directory out of the tree and puts a link to it in its place.
func linkOut(name string) damageFunc {
	return func(d damageDir) error {
		out := string(d) + ".out"
		return cmp.Or(os.Rename(d.path(name), out), os.Symlink(out, d.path(name)))
	}
}

func mode(name string, mode os.FileMode) damageFunc {
	return func(d damageDir) error { return os.Chmod(d.path(name), mode) }
}

func mkdir(path string) error  { return os.Mkdir(path, 0o755) }
func mkfifo(path string) error { return syscall.Mkfifo(path, 0o644) }

func socket(path string) error {
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return l.Close()
}

func copyOf(name, other string, n int64) damageFunc {
	return func(d damageDir) error {
		b, err := os.ReadFile(d.path(other))
		return cmp.Or(err, os.WriteFile(d.path(name), b[:n], 0o644))
	}
}

func swapped(name string) damageFunc {
	return func(d damageDir) error {
		b, err := os.ReadFile(d.path(name))
		return cmp.Or(err, os.WriteFile(d.path(name), slices.Concat(b[damagePiece:2*damagePiece], b[:damagePiece], b[2*damagePiece:]), 0o644))
	}
}

func all(damages ...damageFunc) damageFunc {
	return func(d damageDir) (err error) {
		for _, f := range damages {
			err = cmp.Or(err, f(d))
		}
		return err
	}
}

const (
	inTwo   = "a corrupt, b corrupt, d corrupt"
	inSix   = "g corrupt, h corrupt, i corrupt, j/k corrupt"
	inSeven = "j/k corrupt, l corrupt, m/é corrupt"
)

var damageKinds = []struct {
	name   string
	do     damageFunc
	v1, v2 string // the files that are not ok; those of v2 are also those of hybrids
	nobody bool   // bt runs without rights
}{
	{"nothing", all(), "", "", false},
	// Content.
	{"the first byte of all", flipAt("a", 0), "a corrupt", "a corrupt", false},
	{"the last byte of a piece", flipAt("a", damagePiece-1), "a corrupt", "a corrupt", false},
	{"the first byte of a piece", flipAt("a", damagePiece), "a corrupt", "a corrupt", false},
	{"the last byte of a file", flipAt("a", 39_999), inTwo, "a corrupt", false},
	{"the first byte of a small file", flipAt("b", 0), inTwo, "b corrupt", false},
	{"the last byte of a small file", flipAt("b", 99), inTwo, "b corrupt", false},
	{"the first byte of a file that ends a piece", flipAt("d", 0), inTwo, "d corrupt", false},
	{"the last byte of a file that ends a piece", flipAt("d", 9051), inTwo, "d corrupt", false},
	{"the first byte of a file of one piece", flipAt("e", 0), "e corrupt", "e corrupt", false},
	{"the last byte of a file of one piece", flipAt("e", damagePiece-1), "e corrupt", "e corrupt", false},
	{"one byte on each side of an edge", flipAt("f", damagePiece-1, damagePiece), "f corrupt", "f corrupt", false},
	{"the last byte of a file of pieces", flipAt("f", 2*damagePiece-1), "f corrupt", "f corrupt", false},
	{"the first of four in a piece", flipAt("g", 0), inSix, "g corrupt", false},
	{"the middle of four in a piece", flipAt("h", 3), inSix, "h corrupt", false},
	{"before an edge in a shared piece", flipAt("j/k", 16_365), inSix, "j/k corrupt", false},
	{"after an edge in a shared piece", flipAt("j/k", 16_366), inSeven, "j/k corrupt", false},
	{"a file of one byte", flipAt("l", 0), inSeven, "l corrupt", false},
	{"the last byte of all", flipAt("m/é", 9), inSeven, "m/é corrupt", false},
	{"two pieces with a good one between", flipAt("a", 0, 2*damagePiece), inTwo, "a corrupt", false},
	{"every piece", all(flipAt("a", 0, damagePiece, 2*damagePiece), flipAt("e", 0), flipAt("f", 0, damagePiece), flipAt("g", 0), flipAt("j/k", 19_999)),
		"a corrupt, b corrupt, d corrupt, e corrupt, f corrupt, g corrupt, h corrupt, i corrupt, j/k corrupt, l corrupt, m/é corrupt",
		"a corrupt, e corrupt, f corrupt, g corrupt, j/k corrupt", false},
	{"two pieces swapped", swapped("a"), "a corrupt", "a corrupt", false},
	{"the content of another file", copyOf("e", "a", damagePiece), "e corrupt", "e corrupt", false},
	{"a hole instead of content", hole("e", 0), "e corrupt", "e corrupt", false},
	{"a hole to the end", hole("a", damagePiece), inTwo, "a corrupt", false},
	{"a hole that was zeros", hole("f", damagePiece), "", "", false},
	// Missing.
	{"the first missing", gone("a"), "a missing, b unverifiable, d unverifiable", "a missing", false},
	{"a small one missing", gone("b"), "a unverifiable, b missing, d unverifiable", "b missing", false},
	{"an empty one missing", gone("c"), "c missing", "c missing", false},
	{"one that ends a piece missing", gone("d"), "a unverifiable, b unverifiable, d missing", "d missing", false},
	{"one of one piece missing", gone("e"), "e missing", "e missing", false},
	{"one of two pieces missing", gone("f"), "f missing", "f missing", false},
	{"some of a piece missing", gone("g", "i"), "g missing, h unverifiable, i missing, j/k unverifiable", "g missing, i missing", false},
	{"all of a piece missing", gone("a", "b", "d"), "a missing, b missing, d missing", "a missing, b missing, d missing", false},
	{"a directory missing", gone("j"), "g unverifiable, h unverifiable, i unverifiable, j/k missing, l unverifiable, m/é unverifiable", "j/k missing", false},
	{"the last missing", gone("m"), "j/k unverifiable, l unverifiable, m/é missing", "m/é missing", false},
	{"a neighbour of a corrupt one missing", all(gone("b"), flipAt("a", 39_999)), "a unverifiable, b missing, d unverifiable", "a corrupt, b missing", false},
	{"all missing", gone("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "l", "m"),
		"a missing, b missing, c missing, d missing, e missing, f missing, g missing, h missing, i missing, j/k missing, l missing, m/é missing", "=", false},
	{"all but an empty one missing", gone("a", "b", "d", "e", "f", "g", "h", "i", "j", "l", "m"),
		"a missing, b missing, d missing, e missing, f missing, g missing, h missing, i missing, j/k missing, l missing, m/é missing", "=", false},
	{"the root missing", gone("."),
		"a missing, b missing, c missing, d missing, e missing, f missing, g missing, h missing, i missing, j/k missing, l missing, m/é missing", "=", false},
	{"in another case", renamed("a", "A"), "a missing, b unverifiable, d unverifiable", "a missing", false},
	{"a space more in the name", renamed("e", "e "), "e missing", "e missing", false},
	// Short.
	{"short by one", resized("a", 39_999), "a short, b unverifiable, d unverifiable", "a short", false},
	{"cut at an edge", resized("a", damagePiece), "a short, b unverifiable, d unverifiable", "a short", false},
	{"cut before an edge", resized("a", damagePiece-1), "a short, b unverifiable, d unverifiable", "a short", false},
	{"cut after an edge", resized("a", damagePiece+1), "a short, b unverifiable, d unverifiable", "a short", false},
	{"cut to nothing", resized("a", 0), "a short, b unverifiable, d unverifiable", "a short", false},
	{"cut, and corrupt before", all(flipAt("a", 0), resized("a", 39_999)), "a short, b unverifiable, d unverifiable", "a short", false},
	{"one of one piece short by one", resized("e", damagePiece-1), "e short", "e short", false},
	{"one of two pieces cut at the edge", resized("f", damagePiece), "f short", "f short", false},
	{"the one byte cut", resized("l", 0), "j/k unverifiable, l short, m/é unverifiable", "l short", false},
	{"the last short by one", resized("m/é", 9), "j/k unverifiable, l unverifiable, m/é short", "m/é short", false},
	// Long.
	{"long by one", resized("a", 40_001), "a long", "a long", false},
	{"one of one piece long by one", resized("e", damagePiece+1), "e long", "e long", false},
	{"one of one piece long by a piece", resized("e", 2*damagePiece), "e long", "e long", false},
	{"an empty one long by one", resized("c", 1), "c long", "c long", false},
	{"the last long by one", resized("m/é", 11), "m/é long", "m/é long", false},
	{"long and corrupt", all(flipAt("e", 0), resized("e", damagePiece+1)), "e long", "e long", false},
	{"long and corrupt in a shared piece", all(flipAt("g", 0), resized("g", 6)), "g long, h corrupt, i corrupt, j/k corrupt", "g long", false},
	// Not a file.
	{"a directory", replacedBy("a", mkdir), "a not-a-file, b unverifiable, d unverifiable", "a not-a-file", false},
	{"a directory for an empty file", replacedBy("c", mkdir), "c not-a-file", "c not-a-file", false},
	{"a FIFO", replacedBy("e", mkfifo), "e not-a-file", "e not-a-file", false},
	{"a socket", replacedBy("e", socket), "e not-a-file", "e not-a-file", false},
	{"a device", linkTo("e", "/dev/zero"), "e not-a-file", "e not-a-file", false},
	{"a file for a directory", replacedBy("j", func(path string) error { return os.WriteFile(path, nil, 0o644) }),
		"g unverifiable, h unverifiable, i unverifiable, j/k missing, l unverifiable, m/é unverifiable", "j/k missing", false},
	{"a FIFO for a directory", replacedBy("j", mkfifo),
		"g unverifiable, h unverifiable, i unverifiable, j/k missing, l unverifiable, m/é unverifiable", "j/k missing", false},
	// Links.
	{"a link out of the root", linkOut("a"), "", "", false},
	{"a link of a directory out of the root", linkOut("j"), "", "", false},
	{"the root a link", linkOut("."), "", "", false},
	{"a link to a corrupt file", all(flipAt("e", 5), linkOut("e")), "e corrupt", "e corrupt", false},
	{"a link that leads nowhere", linkTo("e", "nowhere"), "e missing", "e missing", false},
	{"a link to itself", linkTo("e", "e"), "e unreadable", "e unreadable", false},
	{"a directory that leads nowhere", linkTo("j", "nowhere"),
		"g unverifiable, h unverifiable, i unverifiable, j/k missing, l unverifiable, m/é unverifiable", "j/k missing", false},
	{"a link to a directory", linkTo("e", "j"), "e not-a-file", "e not-a-file", false},
	{"a link to another file of the torrent", linkTo("e", "f"), "e long", "e long", false},
	{"a hard link to another file", replacedBy("h", func(path string) error { return os.Link(filepath.Join(filepath.Dir(path), "i"), path) }),
		"g corrupt, h long, i corrupt, j/k corrupt", "h long", false},
	// Names.
	{"another normal form", renamed("m/é", "m/e\u0301"), "", "", false},
	{"another normal form, and corrupt", all(flipAt("m/é", 0), renamed("m/é", "m/e\u0301")), inSeven, "m/é corrupt", false},
	{"an unfinished file", all(resized("a", damagePiece), renamed("a", "a.part")), "a short, b unverifiable, d unverifiable", "a short", false},
	{"a finished file with a suffix", renamed("e", "e.!qB"), "", "", false},
	{"a directory for a file, which has a suffix", all(renamed("e", "e.part"), replacedBy("e", mkdir)), "", "", false},
	{"pad files on disk", func(d damageDir) error {
		return cmp.Or(mkdir(d.path(".pad")), os.WriteFile(d.path(".pad/5"), []byte("xxxxx"), 0o644))
	}, "", "", false},
	// Rights.
	{"no right to read", mode("a", 0), "a unreadable, b unverifiable, d unverifiable", "a unreadable", true},
	{"no right to read an empty file", mode("c", 0), "", "", true},
	{"no right to search a directory", mode("j", 0),
		"g unverifiable, h unverifiable, i unverifiable, j/k unreadable, l unverifiable, m/é unverifiable", "j/k unreadable", true},
	{"no right to list a directory", mode("j", 0o111), "", "", true},
	{"no right to the root", mode(".", 0),
		"a unreadable, b unreadable, c unreadable, d unreadable, e unreadable, f unreadable, g unreadable, h unreadable, i unreadable, j/k unreadable, l unreadable, m/é unreadable", "=", true},
}

var damageSeconds = regexp.MustCompile(`,"seconds":[^}]*`)

// damageTorrents makes the tree and its torrents in dir.
func damageTorrents(t *testing.T, dir string) {
	t.Helper()
	files := make(map[string]string)
	for _, f := range damageFiles {
		files["tree/"+f.name] = string(damageData(f.name, f.size))
	}
	processTree(t, dir, files)
	for _, format := range []string{"v1", "v2", "hybrid"} {
		e, _, stderr := testEnv("make", filepath.Join(dir, "tree"), "--format", format, "-l", "16K", "-o", filepath.Join(dir, format+".torrent"), "--no-cache")
		if code := run(e); code != exitOK {
			t.Fatalf("exit code %d: %s", code, stderr)
		}
	}
}

// damageVerdict returns the output of bt verify, without the directory and the time. If
// bt is not nil, it makes the command to run.
func damageVerdict(t *testing.T, dir, format string, bt func(args ...string) *exec.Cmd) (out string, code int) {
	t.Helper()
	args := []string{"verify", filepath.Join(dir, format+".torrent"), "--jsonl", "--only-bad"}
	if bt == nil {
		e, stdout, _ := testEnv(args...)
		code, out = run(e), stdout.String()
	} else {
		cmd := bt(args...)
		b, err := cmd.Output()
		if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
			t.Fatal(err)
		}
		code, out = cmd.ProcessState.ExitCode(), string(b)
	}
	return damageSeconds.ReplaceAllString(strings.ReplaceAll(out, dir+"/", ""), ""), code
}

// damageStatuses returns the files in a document that are not ok, and checks its sums.
func damageStatuses(t *testing.T, out string) string {
	t.Helper()
	var doc struct {
		OK     bool
		Pieces map[string]int
		Files  []struct{ Path, Status string }
		Bad    []struct{ Index int } `json:"bad_pieces"`
	}
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sum := 0
	for key, n := range doc.Pieces {
		if key != "total" {
			sum += n
		}
	}
	if p := doc.Pieces; sum != p["total"] || p["total"]-p["good"] != len(doc.Bad) || doc.OK != (len(doc.Files) == 0) {
		t.Errorf("the sums are wrong: %s", out)
	}
	var list []string
	for _, f := range doc.Files {
		list = append(list, f.Path+" "+f.Status)
	}
	return strings.Join(list, ", ")
}

func TestVerifyDamage(t *testing.T) {
	testenv.Large(t)
	golden := filepath.Join("testdata", "damage.txt")
	other := processOther(t)
	var got strings.Builder
	for _, kind := range damageKinds {
		dir := testenv.OpenDir(t)
		damageTorrents(t, dir)
		if err := kind.do(damageDir(filepath.Join(dir, "tree"))); err != nil {
			t.Fatalf("%s: %v", kind.name, err)
		}
		bt := other
		if !kind.nobody {
			bt = nil
		}
		damageKind(t, &got, dir, kind.name, kind.v1, kind.v2, bt)
	}
	damageShortReads(t, &got)
	damageUnreadable(t, &got)
	damageBadDisk(t, &got)
	damageMeanwhile(t, &got)
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	wants, gots := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
	for i := range min(len(wants), len(gots)) {
		if wants[i] != gots[i] {
			t.Fatalf("line %d of %s is\n%s\nwant\n%s", i+1, golden, gots[i], wants[i])
		}
	}
	if len(wants) != len(gots) {
		t.Errorf("%d lines, want %d", len(gots), len(wants))
	}
}

// damageKind verifies the tree in dir against the three torrents.
func damageKind(t *testing.T, got *strings.Builder, dir, name, v1, v2 string, bt func(args ...string) *exec.Cmd) {
	t.Helper()
	if v2 == "=" {
		v2 = v1
	}
	got.WriteString("# " + name + "\n")
	for _, format := range []string{"v1", "v2", "hybrid"} {
		want := v2
		if format == "v1" {
			want = v1
		}
		damageFormat(t, got, dir, name, format, want, bt)
	}
	got.WriteString("\n")
}

// damageFormat verifies the tree in dir against one torrent.
func damageFormat(t *testing.T, got *strings.Builder, dir, name, format, want string, bt func(args ...string) *exec.Cmd) {
	t.Helper()
	out, code := damageVerdict(t, dir, format, bt)
	got.WriteString(out)
	exit := exitNo
	switch {
	case want == "":
		exit = exitOK
	case strings.Contains(want, "unreadable"):
		exit = exitRead
	}
	if statuses := damageStatuses(t, out); statuses != want || code != exit {
		t.Errorf("%s, %s: exit code %d: %s\nwant %d: %s", name, format, code, statuses, exit, want)
	}
}

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/internal/testenv"
)

// wideNames are names of files and directories that don't fit on a line of any terminal.
var wideNames = []string{
	strings.Repeat("a-name-without-a-blank", 11),
	strings.Repeat("a name of words ", 15) + "end",
	strings.Repeat("日本語", 28),
	"\x1b[2J\u202e" + strings.Repeat("evil ", 45),
}

// A widthForm is a command whose output for people fits the terminal. DIR stands for a new
// directory in which the files of widthTree are.
type widthForm []string

// widthForms are the commands whose output has names of files, or texts of torrents, and
// which are not in outputForms.
var widthForms = []widthForm{
	{"make", "--dry-run", "--no-cache", "DIR/content"},
	{"make", "--dry-run", "--no-cache", "DIR/content", "-o", "DIR/" + wideNames[1] + ".torrent"},
	{"make", "--dry-run", "--no-cache", "DIR/content", "--format", "v1,v2,hybrid", "--exclude", "*evil*", "-l", "16K"},
	{"make", "--dry-run", "--no-cache", "DIR/content/" + wideNames[0]},
	{"make", "--no-cache", "DIR/content", "-o", "DIR/" + wideNames[2][:180] + ".torrent", "-a", "http://t.example/" + wideNames[0]},
	{"retracker", "--dry-run", "DIR/a.torrent", "--comment", wideNames[1]},
	{"retracker", "--dry-run", "DIR/a.torrent", "--comment", wideNames[3], "--no-trackers", "--web-seed", "http://w.example/" + wideNames[0]},
	{"retracker", "--dry-run", "DIR/a.torrent", "DIR/" + wideNames[0] + ".torrent", "--add", "http://t.example/" + wideNames[0] + ",http://u.example/x", "--dedupe"},
	{"retracker", "--dry-run", "DIR/a.torrent", "--new-infohash", "--name", wideNames[2], "--source", wideNames[0], "--reveal"},
	{"retracker", "--dry-run", "DIR", "--passkey", "0123456789abcdef0123456789abcdef"},
	{"retracker", "DIR/" + wideNames[0] + ".torrent", "--new-infohash", "--source", "x", "--set", wideNames[2] + "=1"},
	{"retracker", "DIR/a.torrent", "--no-comment"},
	{"verify", "DIR/a.torrent", "DIR/content"},
	{"verify", "DIR/a.torrent", "DIR/content", "--quick"},
	{"verify", "DIR/a.torrent", "DIR/content", "--sample", "2", "--extra"},
	{"verify", "DIR/a.torrent", "DIR/other"},
	{"verify", "DIR/a.torrent", "DIR/damaged", "--extra", "--map"},
	{"verify", "DIR/a.torrent", "DIR/damaged", "--search", "DIR/content"},
	{"verify", "DIR/a.torrent", "DIR/damaged", "--repair", "--from", "DIR/content", "--dry-run"},
	{"verify", "DIR/a.torrent", "DIR/content", "--link", "copy", "--into", "DIR/other", "--dry-run"},
	{"verify", "DIR", "--data", "DIR/damaged"},
	{"verify", "DIR", "--data", "DIR/damaged", "--only-bad", "-v"},
	{"verify", "DIR", "--data", "DIR"},
	{"verify", "DIR/huge.torrent", "DIR/content"},
	{"verify", "DIR/huge.torrent", "DIR/a.torrent", "--data", "DIR/content"},
	{"info", "--stats", "DIR"},
	{"info", "0123456789abcdef0123456789abcdef01234567", "DIR/a.torrent"},
	{"help", "--man", "DIR/man"},
}

// widthTree makes content with long names and a damaged copy of it, torrents of it, and one
// with a name that no file can have.
func widthTree(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for i, name := range wideNames {
		data := bytes.Repeat([]byte{byte(i + 1)}, 40_000)
		for _, to := range []string{"content", "damaged"} {
			path := filepath.Join(dir, to, name)
			if i == 2 {
				path = filepath.Join(dir, to, "sub", name)
			}
			if to == "damaged" {
				data = slices.Clone(data)
				data[i*1000] ^= 1
				path += map[bool]string{true: ".extra"}[i == 3]
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "other"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", wideNames[0]} {
		e, _, stderr := testEnv("make", "--no-cache", filepath.Join(dir, "content"), "-l", "16K", "-o", filepath.Join(dir, name+".torrent"),
			"-a", "http://t.example/0123456789abcdef0123456789abcdea/announce", "--comment", "x")
		if code := run(e); code != exitOK {
			t.Fatalf("make: exit code %d: %s", code, stderr)
		}
	}
	huge := strings.Repeat("a name of a torrent ", 200)
	torrent := fmt.Sprintf("d4:infod6:lengthi5e4:name%d:%s12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee", len(huge), huge)
	if err := os.WriteFile(filepath.Join(dir, "huge.torrent"), []byte(torrent), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestOutputWidths is TestOutputForms for commands that need more than a torrent, or change
// files. In a pipe no line is cut.
func TestOutputWidths(t *testing.T) {
	testenv.Large(t)
	for _, form := range widthForms {
		t.Run(fmt.Sprintf("%.60q", strings.Join(form, " ")), func(t *testing.T) {
			t.Parallel()
			for _, width := range outputWidths {
				for _, color := range []string{"never", "always"} {
					text := form.run(t, width, "--color", color)
					if problem := terminalProblem(withoutMagnet(text), width); problem != "" {
						t.Errorf("at %d columns: %s\n%s", width, problem, text)
					}
				}
			}
			if slices.Contains(form, "--map") {
				return // a picture of 80 columns, below a list that has the names
			}
			pipe := form.run(t, 0)
			for line := range strings.Lines(pipe) {
				if strings.Contains(line, term.NewPalette(false).Ellipsis()) && !strings.Contains(line, "--json has all") {
					t.Errorf("in a pipe a line is cut: %s", line)
				}
			}
		})
	}
}

// withoutMagnet returns text without the lines of magnet links, which are not wrapped so
// that they can be copied.
func withoutMagnet(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.Contains(l, "magnet:?") }), "\n")
}

// run returns the output of the command in a terminal, or in a pipe if width is 0.
func (f widthForm) run(t *testing.T, width int, more ...string) string {
	t.Helper()
	dir := widthTree(t)
	var args []string
	for _, arg := range f {
		if rest, ok := strings.CutPrefix(arg, "DIR"); ok {
			arg = dir + rest
		}
		args = append(args, arg)
	}
	e, stdout, stderr := testEnv(append(args, more...)...)
	e.stdoutTerminal, e.width = width > 0, width
	if code := run(e); code == exitUsage || stdout.Len() == 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	return stdout.String()
}

// The result of verify in a pipe has the whole name of a torrent, and of its file.
func TestVerifyNamesInPipe(t *testing.T) {
	dir := widthTree(t)
	path := filepath.Join(dir, "huge.torrent")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	torrent, err := metainfo.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"verify", path, filepath.Join(dir, "content")}, torrent.Name + ": "},
		{[]string{"verify", filepath.Join(dir, wideNames[0]+".torrent"), path, "--data", filepath.Join(dir, "content")}, wideNames[0] + ".torrent: ok: "},
	} {
		e, stdout, _ := testEnv(tt.args...)
		run(e)
		if !strings.Contains(stdout.String(), tt.want) {
			t.Errorf("%q: %q is not in\n%s", tt.args, tt.want, stdout)
		}
		if n := strings.Count(stdout.String(), torrent.Name); strings.Contains(tt.want, torrent.Name) && n != 1 {
			t.Errorf("%q: the name is there %d times", tt.args, n)
		}
	}
}

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

func TestFoldCommand(t *testing.T) {
	for _, tt := range []struct {
		line  string
		width int
		want  string
	}{
		{"bt info x", 9, "bt info x"},
		{"bt info x.torrent", 10, "bt info \\|    x.tor\\|rent"},
		{"  bt info x y", 11, "  bt info \\|    x y"},
		{"bt info 'a b' c", 14, "bt info \\|    'a b' c"},
		{"bt 'a b c d e f'", 10, "bt \\|    'a b'\\|' c d e f'"},
		{`bt "a b c d e f"`, 10, `bt \|    "a b \|c d e f"`},
		{`bt a\ b\ c\ d`, 10, `bt \|    a\ b\|\ c\ d`},
		{"bt ümlautümlaut", 10, "bt \\|    ümla\\|utümlaut"},
		{"aa", 2, "aa"},
		{"aaaa", 2, "a\\|a\\|aa"},
		{"aaaa", 1, "aaaa"}, // no room for the backslash
		{"", 10, ""},
	} {
		if got := strings.Join(foldCommand(tt.line, tt.width), "|"); got != tt.want {
			t.Errorf("%q in %d columns: %s, want %s", tt.line, tt.width, got, tt.want)
		}
	}
}

// A shell reads the same command from the lines of every example.
func TestFoldedExamples(t *testing.T) {
	t.Parallel()
	shell := testenv.Program(t, "sh")
	lines := []string{`bt 'a  b' "c  'd'" "\"e\" \\" f\ g \\\" 'h\' "$HOME" --i='j k' l"m n"o`}
	for _, c := range commands(&env{}) {
		for _, x := range commandPage(c).blocks {
			lines = append(lines, x.lines...)
		}
	}
	if len(lines) < 20 {
		t.Fatalf("%d examples", len(lines))
	}
	for _, line := range lines {
		want := shellRuns(t, shell, line)
		if want == "" {
			t.Errorf("%s: the shell ran nothing", line)
		}
		for _, width := range []int{12, 20, 40, 80} {
			folded := foldCommand(line, width)
			if slices.ContainsFunc(folded, func(l string) bool { return len(l) > width }) {
				t.Errorf("in %d columns: %q", width, folded)
			}
			if got := shellRuns(t, shell, strings.Join(folded, "\n")); got != want {
				t.Errorf("%q: the shell ran %q, and of %s %q", folded, got, line, want)
			}
		}
	}
}

// shellRuns returns the arguments with which a shell runs bt and echo, and the files to
// which it redirects their output.
func shellRuns(t *testing.T, shell, text string) string {
	t.Helper()
	home := t.TempDir()
	for _, dir := range []string{".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "hashes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(shell, "-c", `ran() { printf '%s\n' "$(printf '<%s>' "$@")" >>"$RAN"; }; bt() { ran bt "$@"; }; echo() { ran echo "$@"; }; `+text)
	cmd.Dir = home
	ran := filepath.Join(t.TempDir(), "ran")
	cmd.Env = []string{"HOME=" + home, "RAN=" + ran, "PROFILE=profile"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", text, err, out)
	}
	b, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(home, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			b = append(b, strings.TrimPrefix(path, home)+"\n"...)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	list := strings.Split(strings.ReplaceAll(string(b), home, "~"), "\n")
	slices.Sort(list) // those of a pipeline run at the same time
	return strings.Join(list, "\n")
}

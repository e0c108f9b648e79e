package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

func TestCommandGetsFlags(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"fake"}, `a=[] o="" j=0 f=false q=false v=false args=[]`},
		{[]string{"fake", "x", "-f", "y", "-oz"}, `a=[] o="z" j=0 f=true q=false v=false args=["x" "y"]`},
		{[]string{"-q", "fake", "-v"}, `a=[] o="" j=0 f=false q=true v=true args=[]`},
		{[]string{"fake", "-qv"}, `a=[] o="" j=0 f=false q=true v=true args=[]`},
		{[]string{"-qv", "fake", "--quiet=false"}, `a=[] o="" j=0 f=false q=false v=true args=[]`},
		{[]string{"fake", "-j3", "--jobs", "4", "-o", "1", "--output=2"}, `a=[] o="2" j=4 f=false q=false v=false args=[]`},
		// Commas in a tier, blanks around a name, and "help" as an argument are
		// kept.
		{[]string{"fake", "-a", "1,2", "--announce", " 3 "}, `a=["1,2" " 3 "] o="" j=0 f=false q=false v=false args=[]`},
		{[]string{"fake", "help", "fake", "", " "}, `a=[] o="" j=0 f=false q=false v=false args=["help" "fake" "" " "]`},
		{[]string{"fake", "output", "--output=x"}, `a=[] o="x" j=0 f=false q=false v=false args=["output"]`},
		{[]string{"fake", "--", "--help", "-v", "--"}, `a=[] o="" j=0 f=false q=false v=false args=["--help" "-v" "--"]`},
	} {
		if d := diff(result{0, test.want, ""}, runFake(t, echo, test.args...)); d != "" {
			t.Errorf("bt %q (-want +got):\n%s", test.args, d)
		}
	}
}

func TestUsageErrorsPrintNothingOnStdout(t *testing.T) {
	for line, want := range map[string]string{
		"fake --bogus":                     "bt: error: unknown flag --bogus\nbt: hint: bt help fake lists its flags\n",
		"fake --jobs=x":                    "bt: error: --jobs: \"x\" is not a whole number\n",
		"fake --color=x":                   "bt: error: --color: \"x\" is none of auto, always, never\n",
		"fale":                             "bt: error: unknown command fale\nbt: hint: did you mean fake?\n",
		"--color=always fake --bogus=\x1b": "bt: \x1b[1m\x1b[31merror:\x1b[0m\x1b[1m\x1b[0m unknown flag --bogus\nbt: \x1b[1mhint:\x1b[0m bt help fake lists its flags\n",
		"fa\x1bke":                         "bt: error: unknown command fa\\x1bke\nbt: hint: did you mean fake?\n",
	} {
		got := runFake(t, echo, strings.Fields(line)...)
		if d := diff(result{2, "", want}, got); d != "" {
			t.Errorf("bt %s (-want +got):\n%s", line, d)
		}
	}
}

const fakeHelp = `usage: bt fake PATH
       bt fake --output FILE

do what the test says

flags:
  -a, --announce URL  URL of a tracker; again for each further tier, commas
                      inside one tier
  -o, --output PATH   write to PATH
      --a-name-that-is-really-very-long VALUE
                      any text
  -j, --jobs N        use N cores
  -f, --force         overwrite
      --json          print JSON
      --jsonl         print the result as JSON, one item per line

flags of every command:
  -q, --quiet       print the result only
  -v, --verbose     explain choices
      --color WHEN  colour the output: WHEN is auto, always or never
  -h, --help        show this help

examples:
  bt fake -o x y
  bt fake --json y
`

func TestHelpOfACommand(t *testing.T) {
	for _, line := range []string{"help fake", "fake --help", "fake x -f -h", "--help fake", "-h fake --json"} {
		if d := diff(result{0, fakeHelp, ""}, runFake(t, echo, strings.Fields(line)...)); d != "" {
			t.Errorf("bt %s (-want +got):\n%s", line, d)
		}
	}
	if got := runFake(t, echo, "help"); !strings.Contains(got.stdout, "\n  fake        do what the test says\n  completion  ") {
		t.Errorf("bt help does not list the command:\n%s", got.stdout)
	}
}

func TestHelpFits(t *testing.T) {
	e, _, _ := testEnv()
	app := newApp(e, append(commands(e), fakeCommand(e, echo)))
	for _, columns := range []int{20, 40, 60, 80, 100, 200} {
		texts := []string{appPage(app).text(columns)}
		for _, t := range topics {
			texts = append(texts, t.page().text(columns))
		}
		for _, c := range app.Commands {
			texts = append(texts, commandPage(c).text(columns))
		}
		full := 0
		for _, text := range texts {
			for line := range strings.Lines(text) {
				line = strings.TrimSuffix(line, "\n")
				full = max(full, len([]rune(line)))
				if len([]rune(line)) > columns {
					t.Errorf("longer than %d: %s", columns, line)
				}
			}
		}
		if full < columns-3 {
			t.Errorf("in %d columns no line has more than %d", columns, full)
		}
	}
}

func TestHelpColumns(t *testing.T) {
	for _, tt := range []struct {
		terminal      bool
		columns, want int
	}{{false, 0, 80}, {false, 40, 80}, {false, 200, 80}, {true, 0, 80}, {true, 40, 40}, {true, 99, 99}, {true, 200, 100}} {
		if got := helpColumns(tt.terminal, tt.columns); got != tt.want {
			t.Errorf("terminal %t of %d columns: %d, want %d", tt.terminal, tt.columns, got, tt.want)
		}
	}
	for _, args := range [][]string{{"help"}, {"help", "make"}, {"make", "--help"}, {"help", "findings"}, {"--help"}, {}} {
		e, out, errs := testEnv(args...)
		e.stdoutTerminal, e.stderrTerminal, e.width = true, true, 60
		e.stderrWidth = func() int { return 60 }
		run(e)
		longest := 0
		for line := range strings.Lines(out.String() + errs.String()) {
			longest = max(longest, len(line)-1)
		}
		if longest > 60 || longest < 50 {
			t.Errorf("bt %q in 60 columns: the longest line has %d", args, longest)
		}
	}
}

func TestExitCodes(t *testing.T) {
	hinted := withHint(failf(exitTorrent, "x.torrent: %w", os.ErrInvalid), "look elsewhere")
	for _, test := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""},
		{errNo, 1, ""},
		{fmt.Errorf("verify: %w", errNo), 1, ""},
		{fail(exitUsage, errors.New("no path")), 2, "bt: error: no path\n"},
		{hinted, 3, "bt: error: x.torrent: invalid argument\nbt: hint: look elsewhere\n"},
		{fail(exitWrite, hinted), 5, "bt: error: x.torrent: invalid argument\nbt: hint: look elsewhere\n"},
		{fmt.Errorf("again: %w", hinted), 3, "bt: error: again: x.torrent: invalid argument\nbt: hint: look elsewhere\n"},
		{withHint(hinted, "look here"), 3, "bt: error: x.torrent: invalid argument\nbt: hint: look here\n"},
		{os.ErrNotExist, 4, "bt: error: file does not exist\n"},
		{fail(exitNetwork, context.DeadlineExceeded), 6, "bt: error: context deadline exceeded\n"},
		{errors.Join(errors.New("a"), errors.New("b\x1b[0m")), 4, "bt: error: a\\nb\\x1b[0m\n"},
	} {
		got := runFake(t, func(context.Context, *ui, *fakeFlags) error { return test.err }, "fake")
		if d := diff(result{test.code, "", test.stderr}, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", test.err, d)
		}
	}
}

func TestFailNil(t *testing.T) {
	if err := fail(exitRead, nil); err != nil {
		t.Errorf("fail: %v", err)
	}
	if err := withHint(nil, "hint"); err != nil {
		t.Errorf("withHint: %v", err)
	}
}

func TestModuleVersion(t *testing.T) {
	for stamp, want := range map[string]string{
		"v1.2.3": "1.2.3", "v10.0.12": "10.0.12",
		"": nextVersion, "(devel)": nextVersion, "v1.2.3+dirty": nextVersion, "v1.2.3-rc1": nextVersion,
		"v0.0.0-20260102030405-0123456789ab": nextVersion, "v1.2.4-0.20260102030405-0123456789ab+dirty": nextVersion,
	} {
		if got := moduleVersion(stamp); got != want {
			t.Errorf("%q is version %s, want %s", stamp, got, want)
		}
	}
}

func TestRevision(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0123456789abcdef0123"}
	modified := debug.BuildSetting{Key: "vcs.modified", Value: "true"}
	for _, test := range []struct {
		settings []debug.BuildSetting
		want     string
	}{
		{nil, ""},
		{[]debug.BuildSetting{modified}, ""},
		{[]debug.BuildSetting{commit, {Key: "vcs.modified", Value: "false"}}, " (0123456789ab)"},
		{[]debug.BuildSetting{commit, modified}, " (0123456789ab, modified)"},
		{[]debug.BuildSetting{{Key: "vcs.revision", Value: "12"}}, " (12)"},
	} {
		if got := revision(test.settings); got != test.want {
			t.Errorf("revision(%v) = %q, want %q", test.settings, got, test.want)
		}
	}
}

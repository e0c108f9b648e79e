package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// parseFake parses a command line with the flags of the fake command.
func parseFake(args []string) (*invocation, error) {
	e, _, _ := testEnv()
	app := newApp(e, []*cli.Command{fakeCommand(e, nil)})
	inv, err := parseArgs(args, app.Flags, app.Commands)
	if _, setErr := newContext(context.Background(), app, inv); err == nil {
		err = setErr
	}
	return inv, err
}

// canonical returns a command line with the same meaning: the command, the flags
// as --name=value, "--", the arguments.
func (inv *invocation) canonical() []string {
	line := []string{inv.command.Name}
	for _, f := range inv.flags {
		line = append(line, "--"+f.name+"="+f.value)
	}
	return append(append(line, "--"), inv.args...)
}

func TestParseArgs(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"fake", "fake --"},
		{"fake x -f y", "fake --force=true -- x y"},
		{"fake x y --output z", "fake --output=z -- x y"},
		{"fake --output=z x", "fake --output=z -- x"},
		{"fake --output=a=b x", "fake --output=a=b -- x"},
		{"fake --output= x", "fake --output= -- x"},
		{"fake -o z x", "fake --output=z -- x"},
		{"fake -oz x", "fake --output=z -- x"},
		{"fake -o=z x", "fake --output=z -- x"},
		{"fake -o -f x", "fake --output=-f -- x"},
		{"fake -o -- x", "fake --output=-- -- x"},
		{"fake --output --help", "fake --output=--help --"},
		{"fake -o - x", "fake --output=- -- x"},
		{"fake - x", "fake -- - x"},
		{"fake -- -f --bogus --", "fake -- -f --bogus --"},
		{"fake x -- -f", "fake -- x -f"},
		{"fake -fv x", "fake --force=true --verbose=true -- x"},
		{"fake -fo z x", "fake --force=true --output=z -- x"},
		{"fake -foz x", "fake --force=true --output=z -- x"},
		{"fake -f=false", "fake --force=false --"},
		{"fake --force=false --json=true", "fake --force=false --json=true --"},
		{"fake -a 1 -a2 --announce 3,4", "fake --announce=1 --announce=2 --announce=3,4 --"},
		{"fake -j 1 --jobs 2", "fake --jobs=1 --jobs=2 --"},
		{"fake -j -1", "fake --jobs=-1 --"},
		{"-q fake x", "fake --quiet=true -- x"},
		{"fake x -q", "fake --quiet=true -- x"},
		{"-qv --color never fake", "fake --quiet=true --verbose=true --color=never --"},
		{"--color=never fake --color always", "fake --color=never --color=always --"},
		{"-- fake -f", "fake -- -f"},
		{"help fake", "help -- fake"},
		{"--version=false fake", "fake --"},
		{"fake fake help", "fake -- fake help"},
	} {
		inv, err := parseFake(strings.Fields(test.line))
		if err != nil {
			t.Errorf("bt %s: %v", test.line, err)
			continue
		}
		if got := strings.Join(inv.canonical(), " "); got != test.want {
			t.Errorf("bt %s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}

func TestParseArgsHelpAndVersion(t *testing.T) {
	for line, want := range map[string]invocation{
		"--help":                  {help: true},
		"-h":                      {help: true},
		"-qh fake":                {help: true},
		"fake x --help":           {help: true},
		"fake --help --help=0":    {},
		"--version":               {version: true},
		"--version fake":          {version: true},
		"fake -- --help":          {},
		"fake -o --help -v":       {},
		"fake --output=--version": {},
	} {
		inv, err := parseFake(strings.Fields(line))
		if err != nil {
			t.Errorf("bt %s: %v", line, err)
		} else if inv.help != want.help || inv.version != want.version {
			t.Errorf("bt %s: help %t, version %t", line, inv.help, inv.version)
		}
	}
}

func TestParseArgsErrors(t *testing.T) {
	for _, test := range []struct{ line, err, hint string }{
		{"fake --anounce x", "unknown flag --anounce", "did you mean --announce?"},
		{"fake --anounce=x", "unknown flag --anounce", "did you mean --announce?"},
		{"fake --ann=x", "unknown flag --ann", "did you mean --announce?"},
		{"fake --zzzzzz", "unknown flag --zzzzzz", "bt help fake lists its flags"},
		{"fake -announce x", "unknown flag -announce", "did you mean --announce?"},
		{"fake -output=x", "unknown flag -output", "did you mean --output?"},
		{"fake -json", "unknown flag -json", "did you mean --json?"},
		{"fake --f", "unknown flag --f", "did you mean -f?"},
		{"fake -x", "unknown flag -x", "bt help fake lists its flags"},
		{"fake -vresoin", "unknown flag -r in -vresoin", "bt help fake lists its flags"},
		{"fake -vrebose=x", "unknown flag -r in -vrebose=x", "did you mean --verbose?"},
		{"fake -fx", "unknown flag -x in -fx", "bt help fake lists its flags"},
		{"fake --=x", "unknown flag --", "bt help fake lists its flags"},
		{"fake --version", "unknown flag --version", "bt --version prints the version"},
		{"--json fake", "unknown flag --json", "put the flags of a command after it: bt COMMAND --json"},
		{"-j fake", "unknown flag -j", "put the flags of a command after it: bt COMMAND -j"},
		{"--bogus fake", "unknown flag --bogus", "bt help lists the flags"},
		{"fale x", "unknown command fale", "did you mean fake?"},
		{"fa", "unknown command fa", "did you mean fake?"},
		{"frobnicate", "unknown command frobnicate", "bt help lists the commands"},
		{"fake x --output", "flag --output needs a value", ""},
		{"fake -fo", "flag -o needs a value", ""},
		{"--color", "flag --color needs a value", ""},
		{"fake --force=maybe", `--force: "maybe" is not true or false`, ""},
		{"fake -f=", `--force: "" is not true or false`, ""},
		{"fake -j many", `--jobs: "many" is not a whole number`, ""},
		{"fake --jobs=1.5", `--jobs: "1.5" is not a whole number`, ""},
		{"fake --help=x", `--help: "x" is not true or false`, ""},
	} {
		_, err := parseFake(strings.Fields(test.line))
		if err == nil {
			t.Errorf("bt %s: no error", test.line)
			continue
		}
		if got := err.Error(); got != test.err || hintOf(err) != test.hint || codeOf(err) != exitUsage {
			t.Errorf("bt %s: %s (hint %q, code %d)\nwant %s (hint %q)", test.line, got, hintOf(err), codeOf(err), test.err, test.hint)
		}
	}
}

// The flags that are parsed before an error decide how the error is printed.
func TestOptionsWithError(t *testing.T) {
	for line, want := range map[string]term.ColorMode{
		"fake":                              term.ColorAuto,
		"--color never fake --bogus":        term.ColorNever,
		"--color always fale":               term.ColorAlways,
		"--color always fake --color never": term.ColorNever,
		"fake -j x --color never":           term.ColorNever,
	} {
		e, _, _ := testEnv(strings.Fields(line)...)
		runWith(e, []*cli.Command{fakeCommand(e, echo)})
		if got := e.options.color.value; got != want {
			t.Errorf("bt %s: colour %d, want %d", line, got, want)
		}
	}
}

// FuzzParseArgs checks that no command line panics, and that its canonical form
// has the same meaning.
func FuzzParseArgs(f *testing.F) {
	for _, line := range []string{"fake x -f y", "-qv fake -a 1 -ofoo -- -x", "fake --output", "fake -fv=false", "fake --=", "fake -\xff", "fake help", "fake -a\xff"} {
		f.Add(strings.ReplaceAll(line, " ", "\n"))
	}
	f.Fuzz(func(t *testing.T, lines string) {
		args := strings.Split(lines, "\n")
		inv, err := parseFake(args)
		if err != nil {
			if codeOf(err) != exitUsage || err.Error() == "" {
				t.Fatalf("%q: %v has code %d", args, err, codeOf(err))
			}
			return
		}
		if inv.command == nil {
			return
		}
		again, err := parseFake(inv.canonical())
		if err != nil {
			t.Fatalf("%q became %q: %v", args, inv.canonical(), err)
		}
		if !slices.Equal(again.canonical(), inv.canonical()) {
			t.Fatalf("%q became %q became %q", args, inv.canonical(), again.canonical())
		}
	})
}

// FuzzArguments checks that arguments keep their order, wherever the flags are.
func FuzzArguments(f *testing.F) {
	f.Add("x\ny\nz", uint64(0b101))
	f.Add("-\n--bogus\n--", uint64(0b1111))
	f.Add("\n\xff\n ", uint64(0x1b))
	flags := [][]string{nil, {"-q"}, {"--output", "-x"}, {"-o-x"}, {"-fa", "--"}, {"--announce=x"}, {"-vj", "3"}, {"--force=false"}}
	f.Fuzz(func(t *testing.T, lines string, where uint64) {
		want := strings.Split(lines, "\n")
		args := []string{"fake"}
		ended := false
		for _, word := range want {
			if !ended {
				args = append(args, flags[where%8]...)
				where /= 8
				if strings.HasPrefix(word, "-") && word != "-" {
					args, ended = append(args, "--"), true
				}
			}
			args = append(args, word)
		}
		inv, err := parseFake(args)
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		if diff := cmp.Diff(want, inv.args); diff != "" {
			t.Errorf("%q: arguments (-want +got):\n%s", args, diff)
		}
	})
}

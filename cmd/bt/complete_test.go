package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// completeFor returns the lines that __complete prints for a shell.
func completeFor(t *testing.T, config string, args ...string) []string {
	t.Helper()
	e, stdout, stderr := testEnv(append([]string{"__complete"}, args...)...)
	e.dirs.config = config
	e.getenv = os.Getenv
	if code := run(e); code != exitOK || stderr.Len() > 0 {
		t.Errorf("bt __complete %q: exit code %d, %q", args, code, stderr)
	}
	return strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
}

// withoutDescriptions returns the values of the lines after the first.
func withoutDescriptions(lines []string) (values []string) {
	for _, line := range lines[1:] {
		value, _, _ := strings.Cut(line, "\t")
		values = append(values, value)
	}
	return values
}

func TestComplete(t *testing.T) {
	t.Chdir(t.TempDir())
	config := t.TempDir()
	processTree(t, config, map[string]string{
		"config.yaml": `
presets:
  default: {}
  movie: {announce: ["https://a.example/announce,udp://b.example:6969", "https://0123456789abcdef0123@c.example/x"], extends: default}
  secret: {+announce: "https://d.example/0123456789abcdef0123/announce"}
  env: {announce: "https://${env:HOST}/announce"}
  "bad\nname": {}
trackers: {rules.example: {source: x}}
`,
		"mkbrr.yaml":  "version: 1\npresets: {foreign: {nothing_known: 1}}\n",
		"broken.yaml": "presets: [",
		"jobs.yaml":   "jobs: [{path: x}]",
	})
	if err := os.Mkdir(filepath.Join(config, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		words  string // with blanks between them; a word is empty if it is ''
		header string
		has    string // values
		lacks  string
	}{
		{"''", "words\t", "make info completion help", "__complete --json findings"},
		{"-", "words\t", "-q --quiet -h --version --color", "--json -f"},
		{"-q --", "words\t", "--verbose --help", "--quiet"},
		{"--color always --", "words\t", "--verbose", "--color"},
		{"info -", "words\t", "-v --json --allow", "--version -a"},
		{"info --allow long-name --max-size 5M --", "words\t", "--allow --field", "--max-size"},
		{"make -a http://x/ --tracker http://y/ -f --", "words\t", "--announce --tracker --web-seed", "--force"},
		{"retracker --host a --with b --", "words\t", "--host --with", ""},
		{"info --no-such-flag -", "words\t", "--json", ""},
		{"info --json=", "words\t--json=", "true false", ""},
		{"retracker --backup=", "words\t", "", "true"},
		{"info -q", "words\t", "-q", ""},
		{"info -qv", "words\t", "-qv", ""},
		{"info -qz", "words\t", "", "-qz"},
		{"make -ohy", "files\t-o", "", ""},
		{"make -o=hy", "files\t-o=", "", ""},
		{"make -fo ''", "files\t", "", ""},
		{"make -lau", "words\t-l", "auto", ""},
		{"make --piece-length ''", "words\t", "auto", "now"},
		{"make --date ''", "words\t", "now", "auto"},
		{"retracker --tier ''", "words\t", "first", "auto"},
		{"seed --max-uploads=", "words\t--max-uploads=", "auto", ""},
		{"make --jobs ''", "words\t", "", "auto now first"},
		{"make --name ''", "words\t", "", "auto now first"},
		{"verify --link ''", "words\t", "hard sym reflink copy", ""},
		{"make --symlinks s", "words\t", "skip store", ""},
		{"make --format v1,v2,", "words\tv1,v2,", "hybrid", "v1 v2"},
		{"make --color v1,", "words\t", "auto", ""},
		{"info --field ''", "words\t", "name info_hash_v1 files.path findings.code info.", "files.0"},
		{"info --field info", "words\t", "info_hash_v1 info.", ""},
		{"info --field name,info.", "part\tname,", "info.", ""},
		{"info --bencode ''", "files\t", "", ""},
		{"make --allow ''", "words\t", "windows-name", ""},
		{"make --preset ''", "words\t", "default movie secret env", "bad foreign"},
		{"make --config CONFIG/mkbrr.yaml --preset ''", "words\t", "foreign", "movie"},
		{"make --config=CONFIG/mkbrr.yaml --preset ''", "words\t", "foreign", "movie"},
		{"make --preset '' --config CONFIG/mkbrr.yaml --preset ''", "words\t", "foreign", "movie"},
		{"make --config CONFIG/broken.yaml --preset ''", "words\t", "", "movie"},
		{"make --config CONFIG/jobs.yaml --preset ''", "words\t", "", "movie"},
		{"make --config CONFIG/dir --preset ''", "words\t", "", "movie"},
		{"make --config /dev/zero --preset ''", "words\t", "", "movie"},
		{"make --config - --preset ''", "words\t", "", "movie"},
		{"make -a ''", "words\t", "https://a.example/announce udp://b.example:6969 https://c.example/ https://d.example/ https://rules.example/ https://aither.cc/", "https:///"},
		{"make -a https://d", "part\t", "https://d.example/", ""},
		{"make --announce=udp://x,https://a.", "words\t--announce=udp://x,", "https://a.example/announce", ""},
		{"scrape x -a ''", "words\t", "https://a.example/announce", ""},
		{"scrape x --tracker ''", "words\t", "https://a.example/announce", ""},
		{"retracker x --add ''", "words\t", "https://a.example/announce", ""},
		{"retracker x --host ''", "words\t", "a.example b.example:6969 c.example d.example rules.example aither.cc", "https://a.example/announce"},
		{"retracker x --remove ''", "words\t", "a.example", ""},
		{"make -a @x", "files\t@", "", ""},
		{"retracker --passkey=@x", "files\t--passkey=@", "", ""},
		{"make --comment @x", "words\t", "", ""},
		{"info ''", "torrents\t", "", ""},
		{"info a b ''", "torrents\t", "", ""},
		{"verify ''", "torrents\t", "", ""},
		{"verify a ''", "files\t", "", ""},
		{"verify a --data d ''", "torrents\t", "", ""},
		{"seed a ''", "files\t", "", ""},
		{"make ''", "files\t", "", ""},
		{"make --dir ''", "directories\t", "", ""},
		{"make --file ''", "files\t", "", ""},
		{"verify a --into=", "directories\t--into=", "", ""},
		{"verify a --search x --search ''", "directories\t", "", ""},
		{"retracker --from ''", "torrents\t", "", ""},
		{"verify --from ''", "files\t", "", ""},
		{"info -- -", "torrents\t", "", ""},
		{"info -- --json", "torrents\t", "", ""},
		{"-- ''", "words\t", "make", ""},
		{"help ''", "words\t", "make completion findings config-schema", "__complete"},
		{"help make ''", "words\t", "", "make"},
		{"completion ''", "words\t", "bash zsh fish powershell", ""},
		{"completion bash ''", "words\t", "", "bash"},
		{"no-such-command ''", "words\t", "", "make"},
		{"no-such-command info --", "words\t", "", "--json"},
	} {
		var words []string
		for w := range strings.FieldsSeq(test.words) {
			words = append(words, strings.ReplaceAll(strings.Trim(w, "'"), "CONFIG", config))
		}
		lines := completeFor(t, config, slices.Concat([]string{"fish", "--"}, words)...)
		values := withoutDescriptions(lines)
		if lines[0] != test.header {
			t.Errorf("%s: %q, want %q", test.words, lines[0], test.header)
		}
		for v := range strings.FieldsSeq(test.has) {
			if !slices.Contains(values, v) {
				t.Errorf("%s: %s is not among %q", test.words, v, values)
			}
		}
		for v := range strings.FieldsSeq(test.lacks) {
			if slices.Contains(values, v) {
				t.Errorf("%s: %s is among %q", test.words, v, values)
			}
		}
		for _, line := range lines {
			if strings.Contains(line, "0123456789abcdef0123") || strings.Contains(line, "${") {
				t.Errorf("%s: a secret is in %q", test.words, line)
			}
		}
	}
	processNames(t, ".")
}

// Every flag that has a value is completed by what is known of it, not by chance: here
// are those of which nothing is known.
func TestCompletedFlags(t *testing.T) {
	free := strings.Fields(`
		backup bep15 bind collection comment created-by dht-node exclude field files for
		http-seed include ip jobs max-download-rate max-peers max-piece-length max-size max-time max-torrent-rate max-torrent-size
		max-upload-rate name node passkey peer port proxy replace replace-regex retries sample set source status
		status-host target-pieces timeout unset until-ratio update-url watch web-seed with`)
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	for _, command := range app.Commands {
		c := completer{env: e, app: app, inv: &invocation{command: command}}
		for _, f := range command.Flags {
			name := f.Names()[0]
			if isSwitch(f) || slices.Contains(free, name) {
				continue
			}
			if found := c.value(t.Context(), f, "", ""); found.kind == kindWords && found.values == nil {
				t.Errorf("bt %s --%s: no values", command.Name, name)
			}
		}
	}
}

// What the arguments of a command are is known for each.
func TestCompletedArguments(t *testing.T) {
	e, _, _ := testEnv()
	for _, command := range commands(e) {
		if argumentKinds[command.Name] == nil {
			t.Errorf("bt %s is not in argumentKinds", command.Name)
		}
	}
}

func TestSplitBash(t *testing.T) {
	const breaks = " \t\n\"'@><=;|&(:"
	for _, test := range []struct {
		line  string
		words []string
		kept  int
		open  byte
	}{
		{"bt ", []string{""}, 0, 0},
		{"bt", []string{"bt"}, 0, 0},
		{"bt ver", []string{"ver"}, 0, 0},
		{"bt  a\tb ", []string{"a", "b", ""}, 0, 0},
		{`bt a\ b 'c d' "e f"g`, []string{"a b", "c d", "e fg"}, 0, 0},
		{`bt 'a"b\`, []string{`a"b\`}, 0, '\''},
		{`bt "a'b\c\"d\$e`, []string{`a'b\c"d$e`}, 0, '"'},
		{`bt a\`, []string{"a"}, 0, 0},
		{"bt ''", []string{""}, 0, 0},
		{"bt '' x", []string{"", "x"}, 0, 0},
		{"bt --a=b", []string{"--a=b"}, 4, 0},
		{"bt --a=https://x", []string{"--a=https://x"}, 10, 0},
		{`bt --a="https://x`, []string{"--a=https://x"}, 4, '"'},
		{`bt a\:b`, []string{"a:b"}, 0, 0},
		{"bt a:b c", []string{"a:b", "c"}, 0, 0},
		{"bt @x", []string{"@x"}, 0, 0},
		{"bt --a=@x", []string{"--a=@x"}, 4, 0},
		{"bt x >f y", []string{"x", "y"}, 0, 0},
		{"bt x 2>f 3< g y", []string{"x", "y"}, 0, 0},
		{"bt x a2>f y", []string{"x", "a2", "y"}, 0, 0},
	} {
		l := splitBash(test.line, breaks)
		if !slices.Equal(l.words, test.words) || l.kept != test.kept || l.open != test.open || l.redirects {
			t.Errorf("%q: %q, kept %d, quote %q, redirects %t", test.line, l.words, l.kept, l.open, l.redirects)
		}
	}
	for _, line := range []string{"bt x >", "bt x > f", "bt x 2>f", "bt <'a b"} {
		if l := splitBash(line, breaks); !l.redirects {
			t.Errorf("%q: not a redirection: %q", line, l.words)
		}
	}
}

func FuzzSplitBash(f *testing.F) {
	for _, line := range []string{"bt ver", `bt "a b`, `bt 'x' \`, "bt --a=b:c@d", "bt >f 2>&1 x", "", "\x00\xff"} {
		f.Add(line, " \t\n\"'@><=;|&(:")
	}
	f.Fuzz(func(t *testing.T, line, breaks string) {
		l := splitBash(line, breaks)
		if len(l.words) == 0 {
			t.Fatal("no word")
		}
		if last := l.words[len(l.words)-1]; l.kept > len(last) {
			t.Fatalf("%d bytes of %q are kept", l.kept, last)
		}
		for _, word := range append(l.words, breaks) {
			if strings.ContainsAny(word, "\x00\n") {
				return // no argument has the first, and no value of a completion the second
			}
			// What is quoted is the same word again.
			quoted := "bt " + quoteBash(new(bashLine), word)
			if again := splitBash(quoted, ""); len(again.words) != 1 || again.words[0] != word {
				t.Fatalf("%q is quoted as %q, which is %q", word, quoted, again.words)
			}
		}
	})
}

// A completion of any words prints nothing that a terminal would interpret, and changes
// nothing.
func FuzzComplete(f *testing.F) {
	for _, words := range []string{"info\x00--field\x00a,", "make\x00--config\x00x\x00--preset\x00", "-q\x00-", "make\x00-a@\x00", "\x00"} {
		f.Add(words)
	}
	e, _, _ := testEnv()
	f.Fuzz(func(t *testing.T, text string) {
		words := strings.Split(text, "\x00")
		if slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "/") || strings.Contains(w, "@") }) {
			return // may name a file that is slow to read
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		app := newApp(e, []*cli.Command{makeCommand(e), infoCommand(e)})
		found := (&completer{env: e, app: app}).complete(ctx, words)
		e, stdout, stderr := testEnv()
		if err := found.print(e, words[len(words)-1], &shells[0], splitBash("bt "+text, ":=")); err != nil || stderr.Len() > 0 {
			t.Fatal(err, stderr)
		}
		for _, r := range stdout.String() {
			if r < ' ' && r != '\t' && r != '\n' || r == 0x7f {
				t.Fatalf("%q", stdout)
			}
		}
	})
}

func TestQuotePowerShell(t *testing.T) {
	for value, want := range map[string]string{"a": "a", "--a=b": "--a=b", "https://x/": "https://x/", "a b": "'a b'", "it's": "'it''s'", "$(x)": "'$(x)'", "a,b": "'a,b'"} {
		if got := quotePowerShell(nil, value); got != want {
			t.Errorf("%q is quoted as %s, want %s", value, got, want)
		}
	}
}

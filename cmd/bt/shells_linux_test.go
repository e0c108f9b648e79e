package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
)

// The tests named TestShell type into real shells. There bt is a function that writes
// its arguments to a file, so that a test sees what a completed line means to the shell;
// the scripts of bt completion call the program.

// A shellPane is a shell in a terminal.
type shellPane struct {
	*tmuxPane
	dir, home string
	args      string // file to which bt writes its arguments
}

// A shellStart is how a test starts a shell. $HOME in the command is the home directory.
type shellStart struct {
	name    string
	command []string
	file    string // that the shell reads first
	text    string
	old     bool // it has no compopt
}

var (
	bashCommand = []string{"bash", "--noprofile", "--rcfile", "$HOME/rc", "-i"}
	shellStarts = []shellStart{
		{"bash", bashCommand, "rc", bashStart + `eval "$(command bt completion bash)"`, false},
		// As bash 3.2, with which macOS comes.
		{"bash without compopt", bashCommand, "rc", bashStart + `set -u; enable -n compopt; eval "$(command bt completion bash)"`, true},
		// The package bash-completion loads the script when bt is completed first.
		{"bash with bash-completion", bashCommand, "rc", bashStart + `
mkdir -p ~/bash-completion/completions
command bt completion bash >~/bash-completion/completions/bt
. /usr/share/bash-completion/bash_completion`, false},
		{"zsh", []string{"zsh", "-i"}, ".zshrc", zshStart + `compinit -u -D; source <(command bt completion zsh)`, false},
		{"zsh with fpath", []string{"zsh", "-i"}, ".zshrc", zshStart + `mkdir ~/.zfunc; command bt completion zsh >~/.zfunc/_bt; fpath+=~/.zfunc; compinit -u -D`, false},
		{"fish", []string{"fish", "-i"}, "config/fish/config.fish", `
set -g fish_greeting
set -g fish_autosuggestion_enabled 0
function fish_prompt; echo 'ready '; end
function bt; printf '%s\0' $argv >$OUT.new; mv $OUT.new $OUT; end
command bt completion fish | source
`, false},
	}
)

const (
	bashStart = `
PS1='ready '
bt() { printf '%s\0' "$@" >"$OUT.new"; mv "$OUT.new" "$OUT"; }
`
	zshStart = bashStart + `
autoload -Uz compinit
`
)

// needs skips the test if the machine lacks what the shell needs.
func (x *shellStart) needs(t *testing.T) {
	testenv.Program(t, x.command[0])
	if x.name == "bash with bash-completion" {
		if _, err := os.Stat("/usr/share/bash-completion/bash_completion"); err != nil {
			testenv.Missing(t, "bash-completion")
		}
	}
}

// startShell starts a shell in a directory with files, which have no content.
func startShell(t *testing.T, start shellStart, files ...string) *shellPane {
	t.Helper()
	start.needs(t)
	home, dir := t.TempDir(), t.TempDir()
	s := &shellPane{dir: dir, home: home, args: filepath.Join(t.TempDir(), "args")}
	for _, f := range files {
		path := filepath.Join(dir, f)
		if strings.HasSuffix(f, "/") {
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	processTree(t, home, map[string]string{
		start.file:              start.text,
		"in home.torrent":       "",
		"config/bt/config.yaml": shellConfig,
		"other presets.yaml":    "presets: {elsewhere: {private: true}}\n",
		"nested/film.torrent":   "",
		// Without this directory fish runs a program in the background that writes to it.
		"fish/generated_completions/empty": "",
	})
	var command []string
	for _, word := range start.command {
		command = append(command, strings.ReplaceAll(word, "$HOME", home))
	}
	s.tmuxPane = startPane(t, dir, []string{
		"OUT=" + s.args, "HOME=" + home, "ZDOTDIR=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"XDG_DATA_HOME=" + home, "HISTFILE=/dev/null", "DIR=" + filepath.Join(home, "nested"),
		// With the race detector most of the time would be that of bt's start.
		"PATH=" + filepath.Dir(processPlain(t)) + string(os.PathListSeparator) + os.Getenv("PATH"),
	}, command...)
	s.above = true
	s.until("the prompt", func(lines []string) string {
		if !strings.HasPrefix(lines[len(lines)-1], "ready") {
			return "it is not there"
		}
		return ""
	})
	return s
}

const shellConfig = `
presets:
  default: {private: true}
  movie: {announce: "https://plain.example/announce"}
  "movies of $(touch pwned)": {}
  "it's": {announce: "https://secret.example/${env:PASSKEY}/announce"}
  "\e[31mred": {}
`

// run types keys, then Enter, and returns the arguments of bt.
func (s *shellPane) run(keys ...string) []string {
	s.t.Helper()
	for _, k := range keys {
		if k == tab {
			s.tmux("send-keys", "Tab")
		} else {
			s.tmux("send-keys", "-l", "--", k)
		}
	}
	s.tmux("send-keys", "Enter")
	for end := time.Now().Add(swarmTimeout); ; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(s.args)
		if err == nil {
			if err := os.Remove(s.args); err != nil {
				s.t.Fatal(err)
			}
			return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
		}
		if !errors.Is(err, fs.ErrNotExist) || time.Now().After(end) {
			s.t.Fatalf("%q never ran: %v\n%s", keys, err, strings.Join(s.lines(), "\n"))
		}
	}
}

const tab = "\t"

var shellFiles = []string{
	"my film.torrent", "notes.txt", "film.torrent", "film.nfo", "a:b.torrent", "it's.torrent", `q"q.torrent`, "$(touch pwned).torrent", "`touch pwned`2.torrent",
	"x;touch pwned.torrent", "--dash.torrent", "~tilde.torrent", "$HOME.torrent", "[b].torrent", "ümlaut.torrent", "UPPER.TORRENT",
	"v=1.torrent", "data dir/", "plan.json", "!bang.torrent", "back\\slash.torrent", "esc\x1b[31m.torrent", "e&.torrent", "find me",
}

func TestShellCompletion(t *testing.T) {
	t.Parallel()
	for _, start := range shellStarts {
		t.Run(start.name, func(t *testing.T) {
			t.Parallel()
			s := startShell(t, start, shellFiles...)
			for _, test := range []struct {
				keys []string
				want []string
				new  bool // it needs compopt
			}{
				{[]string{"bt ver", tab, "x"}, []string{"verify", "x"}, false},
				{[]string{"bt -q scr", tab, "x"}, []string{"-q", "scrape", "x"}, false},
				{[]string{"bt help config", tab}, []string{"help", "config-schema"}, false},
				{[]string{"bt completion f", tab}, []string{"completion", "fish"}, false},
				{[]string{"bt __comp", tab}, []string{"__comp"}, false},
				{[]string{"bt info --tr", tab, "x"}, []string{"info", "--tree", "x"}, false},
				{[]string{"bt info x --tree --tr", tab}, []string{"info", "x", "--tree", "--tr"}, false},
				{[]string{"bt info -- --tr", tab}, []string{"info", "--", "--tr"}, false},
				{[]string{"bt info --col", tab, "al", tab, "x"}, []string{"info", "--color", "always", "x"}, false},
				{[]string{"bt info --color=al", tab, "x"}, []string{"info", "--color=always", "x"}, false},
				{[]string{"bt --color n", tab, "inf", tab}, []string{"--color", "never", "info"}, false},
				{[]string{"bt make --format hy", tab, "x"}, []string{"make", "--format", "hybrid", "x"}, false},
				{[]string{"bt make --format=v1,hy", tab, "x"}, []string{"make", "--format=v1,hybrid", "x"}, false},
				{[]string{"bt make -l a", tab, "x"}, []string{"make", "-l", "auto", "x"}, false},
				{[]string{"bt info --field name,piece_l", tab, "x"}, []string{"info", "--field", "name,piece_length", "x"}, false},
				{[]string{"bt info --allow=unsorted-v", tab, "x"}, []string{"info", "--allow=unsorted-v2-keys", "x"}, false},
				{[]string{"bt seed x --encryption re", tab}, []string{"seed", "x", "--encryption", "require"}, false},
				// Presets and trackers of the config file. A passkey is not shown.
				{[]string{"bt make --preset def", tab, "x"}, []string{"make", "--preset", "default", "x"}, false},
				{[]string{"bt make --preset movies", tab, "x"}, []string{"make", "--preset", "movies of $(touch pwned)", "x"}, false},
				{[]string{"bt make --preset it", tab, "x"}, []string{"make", "--preset", "it's", "x"}, false},
				{[]string{"bt make --config ~/oth", tab, "--preset els", tab}, []string{"make", "--config", s.home + "/other presets.yaml", "--preset", "elsewhere"}, false},
				{[]string{"bt make --config=$HOME/other\\ presets.yaml --preset=els", tab}, []string{"make", "--config=" + s.home + "/other presets.yaml", "--preset=elsewhere"}, false},
				{[]string{"bt make -a https://pl", tab, "x"}, []string{"make", "-a", "https://plain.example/announce", "x"}, false},
				{[]string{"bt scrape x --tracker=https://sec", tab, "k"}, []string{"scrape", "x", "--tracker=https://secret.example/k"}, true},
				{[]string{"bt make -a udp://x,https://pl", tab, "x"}, []string{"make", "-a", "udp://x,https://plain.example/announce", "x"}, false},
				{[]string{"bt retracker x --host plain", tab, "x"}, []string{"retracker", "x", "--host", "plain.example", "x"}, false},
				// Files. Their names stay one argument, and are not run.
				{[]string{"bt info my", tab, "x"}, []string{"info", "my film.torrent", "x"}, false},
				{[]string{"bt info 'my", tab, "x"}, []string{"info", "my film.torrent", "x"}, false},
				{[]string{`bt info "my`, tab, "x"}, []string{"info", "my film.torrent", "x"}, false},
				{[]string{`bt info my\ `, tab, "x"}, []string{"info", "my film.torrent", "x"}, false},
				{[]string{"bt verify my", tab, "fin", tab}, []string{"verify", "my film.torrent", "find me"}, false},
				{[]string{"bt info a", tab, "x"}, []string{"info", "a:b.torrent", "x"}, false},
				{[]string{"bt info it", tab, "x"}, []string{"info", "it's.torrent", "x"}, false},
				{[]string{"bt info q", tab, "x"}, []string{"info", `q"q.torrent`, "x"}, false},
				{[]string{`bt info \$\(`, tab, "x"}, []string{"info", "$(touch pwned).torrent", "x"}, false},
				{[]string{"bt info '`", tab, "x"}, []string{"info", "`touch pwned`2.torrent", "x"}, false},
				{[]string{"bt info x", tab, "x"}, []string{"info", "x;touch pwned.torrent", "x"}, false},
				{[]string{"bt info -- --", tab, "x"}, []string{"info", "--", "--dash.torrent", "x"}, false},
				{[]string{`bt info \~t`, tab, "x"}, []string{"info", "~tilde.torrent", "x"}, false},
				{[]string{`bt info \$H`, tab, "x"}, []string{"info", "$HOME.torrent", "x"}, false},
				{[]string{`bt info \[`, tab, "x"}, []string{"info", "[b].torrent", "x"}, false},
				{[]string{"bt info ü", tab, "x"}, []string{"info", "ümlaut.torrent", "x"}, false},
				{[]string{"bt info UP", tab, "x"}, []string{"info", "UPPER.TORRENT", "x"}, false},
				{[]string{"bt info v", tab, "x"}, []string{"info", "v=1.torrent", "x"}, false},
				{[]string{`bt info back`, tab, "x"}, []string{"info", `back\slash.torrent`, "x"}, false},
				{[]string{"bt info ~/in", tab, "x"}, []string{"info", s.home + "/in home.torrent", "x"}, false},
				{[]string{"bt info $DIR/f", tab, "x"}, []string{"info", s.home + "/nested/film.torrent", "x"}, false},
				{[]string{"bt verify x --data d", tab, "x"}, []string{"verify", "x", "--data", "data dir/x"}, false},
				{[]string{"bt verify x --data=d", tab, "x"}, []string{"verify", "x", "--data=data dir/x"}, false},
				{[]string{"bt verify x --plan=pl", tab, "x"}, []string{"verify", "x", "--plan=plan.json", "x"}, false},
				{[]string{"bt verify x --plan pl", tab, "x"}, []string{"verify", "x", "--plan", "plan.json", "x"}, false},
				{[]string{"bt retracker x --passkey @pl", tab, "x"}, []string{"retracker", "x", "--passkey", "@plan.json", "x"}, true},
				{[]string{"bt make --reuse my", tab, "x"}, []string{"make", "--reuse", "my film.torrent", "x"}, false},
				{[]string{"bt make pl", tab, "x"}, []string{"make", "plan.json", "x"}, false},
				{[]string{"bt info film.", tab, "x"}, []string{"info", "film.torrent", "x"}, true},
				{[]string{"bt info no", tab, "x"}, []string{"info", "notes.txt", "x"}, false}, // as there is no torrent
				{[]string{"bt info plan.json >no", tab, "x"}, []string{"info", "plan.json", "x"}, false},
				{[]string{"true; bt inf", tab, "my", tab}, []string{"info", "my film.torrent"}, false},
			} {
				if test.new && start.old {
					continue
				}
				if got := s.run(test.keys...); !slices.Equal(got, test.want) {
					t.Errorf("%q: %q, want %q", test.keys, got, test.want)
				}
			}
			processNames(t, s.dir, sortedNames(shellFiles)...)
		})
	}
}

func sortedNames(names []string) []string {
	var list []string
	for _, n := range names {
		list = append(list, strings.TrimSuffix(n, "/"))
	}
	slices.Sort(list)
	return list
}

// A list of several values shows descriptions in zsh and fish, and in no shell control
// bytes, errors or secrets.
func TestShellList(t *testing.T) {
	t.Parallel()
	for _, start := range shellStarts {
		t.Run(start.name, func(t *testing.T) {
			t.Parallel()
			s := startShell(t, start, "a1\x1b[31m.torrent", "a2\x07\x08.torrent")
			describes := start.command[0] != "bash"
			shows := func(keys string, texts ...string) {
				t.Helper()
				s.tmux("send-keys", "-l", "--", keys)
				s.tmux("send-keys", "Tab")
				if !describes {
					s.tmux("send-keys", "Tab") // bash lists at the second
				}
				s.until(keys, func(lines []string) string {
					for _, text := range texts {
						if !strings.Contains(strings.Join(lines, "\n"), text) {
							return text + " is not shown"
						}
					}
					screen := s.tmux("capture-pane", "-p", "-e", "-S", "-")
					for _, text := range []string{"\x1b[31mred", "\x1b[31m.torrent", "error", "secret.example/$"} {
						if strings.Contains(screen, text) {
							return text + " is shown"
						}
					}
					return ""
				})
				s.tmux("send-keys", "C-u")
			}
			values := []string{"verify"}
			if describes {
				values = append(values, "check data on disk")
			}
			shows("bt ", values...)
			shows("bt make --preset ", "default", "movie")
			shows("bt info a", "a1", "a2")
			shows("bt make -a https://", "https:", "plain.example", "secret.example/")
			shows("bt make --config no-such-file --preset ")
		})
	}
}

// fish completes without a terminal too.
func TestShellFishScript(t *testing.T) {
	t.Parallel()
	fish := testenv.Program(t, "fish")
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"my film.torrent": "", "notes.txt": "", "sub/x": ""})
	for line, want := range map[string]string{
		"bt ver":                   "verify\tcheck data on disk against torrents, and show what is damaged\n",
		"bt info ":                 "my film.torrent\nsub/\n",
		"bt info --format=":        "",
		"bt make --format=v":       "--format=v1\n--format=v2\n",
		"bt info --color ":         "auto\nalways\nnever\n",
		"bt verify x --data=":      "--data=sub/\n",
		"bt --no-such-flag x":      "",
		"bt no-such-command --fie": "",
		"bt make --name ":          "",
	} {
		cmd := processCommand(t, fish, "-c", "command bt completion fish | source; complete -C "+shellQuote(line))
		cmd.Dir = dir
		cmd.Env = append(cmd.Env, "HOME="+t.TempDir())
		got := processStart(t, cmd)().exits(0)
		if got.stdout != want || got.stderr != "" {
			t.Errorf("%q: %q, want %q\n%s", line, got.stdout, want, got.stderr)
		}
	}
}

package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// toolFlags lists flags of other tools and the flags of bt that their hints name.
// They are from the manuals of mktorrent, transmission-create, -edit and -show,
// mkbrr, torrenttools, torf, imdl, py3createtorrent, aria2 and curl.
var toolFlags = []struct{ line, want string }{
	{"make --piece-size", "--piece-length"}, {"make --piece_size=1M", "--piece-length"}, {"make --piece_length", "--piece-length"},
	{"make --piecesize", "--piece-length"}, {"make --Piece-Length", "--piece-length"}, {"make -s", "--piece-length"},
	{"make --max-piece-size", "--max-piece-length"}, {"make -m", "--max-piece-length"},
	{"make --overwrite", "--force"}, {"make --outfile", "--output"}, {"make --out", "--output"}, {"make --target", "--output"},
	{"make --output-dir", "--output"}, {"make -t", "--announce"}, {"make -t4", "--jobs"}, {"make -thttp://t.example/a", "--announce"},
	{"make --threads", "--jobs"}, {"make --workers=4", "--jobs"}, {"make -p", "--private"}, {"make -P", "--private"},
	{"make -pa", "--private"}, {"make -c", "--comment"}, {"make -c=text", "--comment"}, {"make -n", "--name"}, {"make -d", "--no-date"},
	{"make -e", "--entropy"}, {"make --webseed", "--web-seed"}, {"make --web-seeds", "--web-seed"}, {"make --web_seed", "--web-seed"},
	{"make --web-seed-url", "--web-seed"}, {"retracker --dht-node", "--node"}, {"make --nodes", "--node"}, {"make --no-creation-date", "--no-date"},
	{"make --nodate", "--no-date"}, {"make --no_date", "--no-date"}, {"make --nocreator", "--no-created-by"}, {"make --no-creator", "--no-created-by"},
	{"make --creation-date", "--date"}, {"make --created_by", "--created-by"}, {"make --trackers", "--announce"}, {"make --announce-url", "--announce"},
	{"make --protocol", "--format"}, {"make --hybrid", "--format"}, {"make --glob", "--include"}, {"make --ignore", "--exclude"},
	{"make --exclude-regex", "--exclude"}, {"make --follow-symlinks", "--symlinks"}, {"make --print-json", "--json"}, {"make --silent", "--quiet"},
	{"make --yes", "never prompts"}, {"make -y", "never prompts"}, {"make -V", "bt --version"}, {"make --version", "bt --version"},
	{"info -m", "--magnet"}, {"info --scrape", "bt scrape"}, {"info -S", "--files"}, {"info --show-files", "--files"}, {"info --infohash", "--field"},
	{"verify --content", "verify TORRENT PATH"}, {"verify --input", "verify TORRENT"}, {"verify --threads", "--jobs"},
	{"retracker --tracker", "--add"}, {"retracker --tracker=x", "--announce"}, {"retracker -t", "--announce"}, {"retracker --delete", "--remove"},
	{"retracker -d", "--remove"}, {"retracker -r", "--replace"}, {"retracker --add-tracker", "--add"}, {"retracker --recurse", "--recursive"},
	{"retracker --clear-trackers", "--no-trackers"}, {"retracker --no-private", "--public"}, {"retracker -n", "--dry-run"},
	{"retracker -i", "in place"}, {"retracker --web_seed", "--web-seed"}, {"retracker --piece-size", "bt help retracker"},
	{"scrape --url", "--tracker"}, {"scrape --announce-url", "--tracker"}, {"scrape -k", "--insecure"}, {"scrape --interval", "--watch"},
	{"scrape --retry", "--retries"}, {"scrape -x", "--proxy"}, {"scrape --list-peers", "registers"},
	{"seed --upload-limit", "--max-upload-rate"}, {"seed --max-overall-upload-limit", "--max-upload-rate"}, {"seed --seed-ratio", "--until-ratio"},
	{"seed --seed-time", "--for"}, {"seed --listen-port", "--port"}, {"seed --dir", "--data"}, {"seed --save-path", "--data"},
	{"seed --disable-dht", "--no-dht"}, {"seed --bt-max-peers", "--max-peers"}, {"seed --interface", "--bind"}, {"seed --skip-check", "--check none"},
	{"get --dir", "--output"}, {"get -d", "--output"}, {"get --select-file", "--files"}, {"get --bt-metadata-only", "--metadata-only"}, {"get --seed-ratio", "--until-ratio"},
	{"get --max-overall-download-limit", "--max-download-rate"}, {"get --continue", "leave it out"}, {"get --listen-port", "--port"}, {"get --out", "--output"},
	{"make --dryrun", "--dry-run"}, {"make --simulate", "--dry-run"}, {"make --separate", "--each"}, {"make --rehash", "--no-cache"},
	{"retracker --overwrite", "--force"}, {"retracker --overwrite", "in place"}, {"retracker --clobber", "--force"}, {"retracker --dryrun", "--dry-run"},
	{"retracker --trackers", "--add"}, {"retracker --trackers", "--announce"}, {"retracker --announce-url", "--add"}, {"retracker --announce-url", "--announce"},
	{"retracker --set-tracker", "--add"}, {"retracker --set-tracker", "--announce"}, {"retracker --announce-list", "--add"}, {"retracker --tracker-list", "--add"},
	{"retracker --new-info-hash", "--new-infohash"}, {"retracker --unprivate", "--public"}, {"retracker --set-source", "--source"}, {"retracker --set-comment", "--comment"},
	{"scrape --list-peers", "registers"}, {"scrape --list-peers", "leave it out"}, {"scrape --jsonl", "--json"},
	{"seed --rate", "--max-upload-rate"}, {"seed --limit", "--max-upload-rate"}, {"seed --upload", "--max-upload-rate"}, {"seed --speed", "--max-upload-rate"},
	{"verify --fix", "--repair"}, {"verify --mirror", "--from"}, {"verify --hardlink", "--link hard"},
	{"stat", "bt info"}, {"diff", "bt info --diff A B"}, {"mkbrr", "bt make"}, {"transmission-show", "bt info"}, {"transmission-create", "bt make"}, {"transmission-edit", "bt retracker"},
	{"mktorrent", "bt make"}, {"torf", "bt make"}, {"torrenttools", "bt info"}, {"imdl", "bt verify"}, {"intermodal", "bt retracker"},
	{"create", "bt make"}, {"new", "bt make"}, {"mk", "bt make"}, {"build", "bt make"}, {"Create", "bt make"},
	{"show", "bt info"}, {"inspect", "bt info"}, {"print", "bt info"}, {"dump", "bt info --raw"}, {"magnet", "bt info --magnet"},
	{"check", "bt verify"}, {"recheck", "bt verify"}, {"hash", "bt verify"}, {"validate", "bt verify"}, {"repair", "bt verify"}, {"fix", "--repair"}, {"edit", "bt retracker"},
	{"modify", "bt retracker"}, {"change", "bt retracker"}, {"replace", "bt retracker"}, {"announce", "bt retracker"},
	{"download", "bt get"}, {"leech", "bt get"}, {"share", "bt make PATH --seed"}, {"upload", "bt seed"}, {"torrent create", "bt make"},
	{"--create", "bt make"}, {"--info", "bt info"}, {"--show", "bt info"}, {"-V", "bt --version"}, {"--yes", "never prompts"},
	{"help create", "bt make"}, {"--tracker x", "flags of a command after it"},
}

func parseReal(args []string) error {
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	inv, err := parseArgs(args, app.Flags, app.Commands)
	if err == nil && inv.command.Name == "help" {
		_, err = helpText(app, inv.args[0], 80)
	}
	return err
}

func TestOtherWordsHaveHints(t *testing.T) {
	for _, test := range toolFlags {
		if err := parseReal(strings.Fields(test.line)); codeOf(err) != exitUsage || !strings.Contains(hintOf(err), test.want) {
			t.Errorf("bt %s: %v, hint %q, want one with %q", test.line, err, hintOf(err), test.want)
		}
	}
}

// Each command and flag that a hint names exists. Each foreign word can be found
// and is not bt's own.
func TestHintsNameExistingFlags(t *testing.T) {
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	checkHints(t, app, "commands", otherCommands, app.Flags)
	checkForeign(t, "commands", otherCommands, func(word string) bool { return app.Command(word) != nil })
	for name, table := range otherFlags {
		command := app.Command(name)
		if command == nil {
			t.Fatalf("there is no command %s", name)
		}
		table = slices.Concat(table, everywhereWords)
		checkHints(t, app, name, table, command.Flags)
		checkForeign(t, name, table, func(word string) bool { return findFlag(command.Flags, word) != nil })
	}
}

// checkHints checks that the commands and flags in hints exist. flags are those of
// the command that the hints are for.
func checkHints(t *testing.T, app *cli.App, about string, table []otherWords, flags []cli.Flag) {
	t.Helper()
	named := regexp.MustCompile(`\bbt [a-z]+|--[a-z0-9-]+`)
	for _, row := range table {
		flags := flags
		for _, word := range named.FindAllString(row.hint, -1) {
			name, isCommand := strings.CutPrefix(word, "bt ")
			switch {
			case name == "never" || name == "writes": // bt is the subject of the sentence
			case isCommand && app.Command(name) == nil:
				t.Errorf("%s: there is no command %s: %s", about, name, row.hint)
			case isCommand:
				flags = app.Command(name).Flags // the following flags are of this command
			case findFlag(flags, strings.TrimPrefix(word, "--")) == nil && word != "--version":
				t.Errorf("%s: there is no flag %s: %s", about, word, row.hint)
			}
		}
	}
}

// checkForeign checks that the words of a table are not bt's own, are spelled as they are
// looked up, and occur only once.
func checkForeign(t *testing.T, about string, table []otherWords, isOwn func(word string) bool) {
	t.Helper()
	seen := make(map[string]bool)
	for _, row := range table {
		for _, word := range strings.Fields(row.words) {
			if isOwn(word) || spelling(word) != word {
				t.Errorf("%s: the word %q is bt's own, or can't be found", about, word)
			}
			if seen[word] {
				t.Errorf("%s: the word %q stands twice", about, word)
			}
			seen[word] = true
		}
	}
}

// A suggestion for an unknown flag never does more than the flag could mean, or
// the opposite.
func TestSuggestedFlagsAreSafe(t *testing.T) {
	e, _, _ := testEnv()
	app := newApp(e, commands(e))
	for _, c := range app.Commands {
		names := longNames(c.Flags)
		for _, name := range names {
			typed := []string{"x" + name, name + "x", name[:len(name)-1], name[1:], strings.Replace(name, "-", "", 1), "no-" + name, "no" + name, "un" + name,
				"non-" + name, "disable-" + name, "without-" + name, strings.TrimPrefix(name, "no-")}
			if first, _, more := strings.Cut(name, "-"); more {
				typed = append(typed, first)
			}
			for _, word := range typed {
				near := suggestFlag(c.Name, word, names)
				switch {
				case near == "":
				case isRisky(c.Name, near):
					t.Errorf("bt %s --%s leads to --%s", c.Name, word, near)
				case negates(word) != strings.HasPrefix(near, "no-") && near != "node" && near != "until-ratio":
					t.Errorf("bt %s --%s leads to its opposite, --%s", c.Name, word, near)
				}
			}
		}
	}
	for typed, want := range map[string]string{
		"make --unprivate": "", "make --nonprivate": "", "make --no-rivate": "", "make --nocomment": "", "make --forse": "", "make --revael": "",
		"make --no-dates": "no-date", "make --anounce": "announce", "make --piece-lenght": "piece-length", "make --outptu": "output", "make --priv": "private",
		"scrape --announce-f": "announce", "scrape --anounce": "announce", "scrape --availabilty": "", "scrape --insecur": "", "scrape --tracke": "tracker",
		"retracker --no-coment": "", "retracker --coment": "comment", "retracker --sorce": "", "retracker --from-jsn": "", "retracker --new-infohsh": "",
		"seed --max": "", "seed --max-peer": "max-peers", "seed --no-dth": "no-dht", "info --reveall": "", "info --fiels": "files",
	} {
		command, word, _ := strings.Cut(typed, " --")
		if got := suggestFlag(command, word, longNames(app.Command(command).Flags)); got != want {
			t.Errorf("bt %s leads to %q, want %q", typed, got, want)
		}
	}
}

// Every flag whose help mentions a risk is in riskyFlags.
func TestRiskyFlagsComplete(t *testing.T) {
	e, _, _ := testEnv()
	says := regexp.MustCompile(`register|passkeys and passwords|replace an existing|private torrents too|any certificate|info-hash|^remove (trackers that match|the trackers|all|.KEY)|serve it to peers|needs --new-infohash`)
	for _, c := range commands(e) {
		for _, f := range c.Flags {
			usage := f.(cli.DocGenerationFlag).GetUsage()
			if name := f.Names()[0]; says.MatchString(usage) && !isRisky(c.Name, name) {
				t.Errorf("bt %s --%s: %s", c.Name, name, usage)
			}
		}
	}
	for _, name := range riskyFlags {
		if !slices.ContainsFunc(commands(e), func(c *cli.Command) bool { return findFlag(c.Flags, name) != nil }) {
			t.Errorf("no command has --%s", name)
		}
	}
}

// --announce and --tracker are one flag in all commands that have them; in scrape
// neither registers.
func TestAnnounceAndTracker(t *testing.T) {
	e, _, _ := testEnv()
	for _, c := range commands(e) {
		announce, tracker := findFlag(c.Flags, "announce"), findFlag(c.Flags, "tracker")
		want := c.Name == "make" || c.Name == "scrape" || c.Name == "seed" || c.Name == "get"
		if (announce != nil && announce == tracker) != want {
			t.Errorf("bt %s: --announce and --tracker are one: %v", c.Name, !want)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for name, want := range map[string]string{
		"a": "a", "a b": "'a b'", "": "''", "it's": `'it'\''s'`, "-d.torrent": "./-d.torrent", "- x": "'./- x'", "dir/x.torrent": "dir/x.torrent",
		"$HOME": "'$HOME'", "~": "'~'", "a;b": "'a;b'", "ä": "'ä'", "*": "'*'", "a\nb": "'a\nb'",
	} {
		if got := shellQuote(name); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

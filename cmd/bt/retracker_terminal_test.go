package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// runOnTerminal runs bt with stdout and stderr on one terminal.
func runOnTerminal(args ...string) (code int, stdout, stderr string) {
	e, out, errs := testEnv(args...)
	e.stdoutTerminal, e.stderrTerminal, e.width = true, true, 80
	code = run(e)
	return code, out.String(), errs.String()
}

// retrackerTorrent writes a torrent with outer keys in bencode, some before and
// some after info, and returns its path.
func retrackerTorrent(t *testing.T, before, after string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.torrent")
	data := "d" + before + "4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae" + after + "e"
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	red, green, off = "\x1b[31m", "\x1b[32m", "\x1b[0m"

	retrackerSecret = "8:announce48:http://t.example/0123456789abcdef0123456789/anno" +
		"13:announce-listll48:http://t.example/0123456789abcdef0123456789/annoel18:http://u.example/aee"
)

// On a terminal, removed lines are red and added lines are green.
func TestRetrackerDifferenceOnTerminal(t *testing.T) {
	path := retrackerTorrent(t, "8:announce18:http://t.example/a7:comment3:old", "8:url-list17:http://w.example/")
	args := []string{"retracker", path, "--dry-run", "--announce", "udp://u.example:1", "--announce", "udp://v.example:2", "--comment", "new", "--no-web-seeds"}
	code, stdout, stderr := runOnTerminal(args...)
	for _, want := range []string{
		red + "- announce  http://t.example/a" + off + "\n", green + "+ announce  udp://u.example:1" + off + "\n",
		green + "+ announce-list, tier 1  udp://u.example:1" + off + "\n", green + "+ announce-list, tier 2  udp://v.example:2" + off + "\n",
		red + "- comment  old" + off + "\n", green + "+ comment  new" + off + "\n", red + "- url-list  http://w.example/" + off + "\n",
	} {
		if strings.Count(stdout, want) != 1 {
			t.Errorf("stdout has not %q:\n%q", want, stdout)
		}
	}
	if code != exitOK || stderr != "" || strings.Contains(stdout, "info-hash") {
		t.Errorf("exit code %d, stderr %q, stdout %q", code, stderr, stdout)
	}
	e, out, _ := testEnv(args...)
	plain := strings.NewReplacer(red, "", green, "", off, "", "\x1b[1m", "").Replace(stdout)
	if run(e); out.String() != plain {
		t.Errorf("elsewhere it is %q, want %q", out, plain)
	}
}

// Every change is shown: the order of trackers in a tier, a tracker that was
// listed twice, a passkey among other changes.
func TestRetrackerDifferenceShowsAll(t *testing.T) {
	const twoTiers = "8:announce18:http://a.example/a13:announce-list" +
		"ll18:http://a.example/a18:http://b.example/ael18:http://c.example/a18:http://d.example/aee"
	const again = "8:announce18:http://a.example/a13:announce-listll18:http://a.example/a18:http://b.example/a18:http://a.example/aee"
	for name, test := range map[string]struct {
		torrent string
		flags   []string
		want    []string // texts in a line that begins with "- ", "+ " or "~ "
	}{
		"order in a tier": {twoTiers, []string{"--announce", "http://a.example/a,http://b.example/a", "--announce", "http://d.example/a,http://c.example/a"}, []string{"announce-list"}},
		"twice in a tier": {again, []string{"--dedupe"}, []string{"announce-list"}},
		"a passkey alone": {retrackerSecret, []string{"--passkey", "abcdefabcdefabcdefabcd"}, []string{"announce  ", "announce-list"}},
		"a passkey and a tracker": {retrackerSecret, []string{"--passkey", "abcdefabcdefabcdefabcd", "--add", "udp://v.example:1"},
			[]string{"announce-list, tier 1", "announce-list, tier 3  udp://v.example:1"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := retrackerTorrent(t, test.torrent, "")
			code, stdout, stderr := runOnTerminal(append([]string{"retracker", path, "--dry-run", "--color", "never"}, test.flags...)...)
			var lines []string
			for line := range strings.Lines(stdout) {
				if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "+ ") || strings.HasPrefix(line, "~ ") {
					lines = append(lines, line[2:])
				}
			}
			shown := strings.Join(lines, "")
			for _, want := range test.want {
				if !strings.Contains(shown, want) {
					t.Errorf("%q is not shown:\n%s%s", want, stdout, stderr)
				}
			}
			if code != exitOK || strings.Contains(stdout, "0123456789abcdef") || strings.Contains(stdout, "abcdefabcdef") {
				t.Errorf("exit code %d, or a passkey is shown:\n%s", code, stdout)
			}
		})
	}
}

// Passkeys are masked on a terminal and in errors, unless --reveal is set. They
// are not masked in JSON and in an edited magnet link, which is a result.
func TestRetrackerMasks(t *testing.T) {
	path := retrackerTorrent(t, retrackerSecret, "")
	link := "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&tr=http%3A%2F%2Ft.example%2F0123456789abcdef0123456789%2Fa"
	for _, test := range []struct {
		args   []string
		code   int
		secret bool
	}{
		{[]string{path, "--dry-run", "--no-trackers"}, exitOK, false},
		{[]string{path, "--dry-run", "--no-trackers", "--reveal"}, exitOK, true},
		{[]string{path, "--dry-run", "--no-trackers", "--json"}, exitOK, true},
		{[]string{path, "--replace", "http:", "--with", "gopher:"}, exitWrite, false},
		{[]string{path, "--set", "k=http://t.example/0123456789abcdef0123456789/a", "--dry-run"}, exitOK, false},
		{[]string{path, "--add", "http://t.example:x/0123456789abcdef0123456789/a"}, exitUsage, false},
		{[]string{path, "--dry-run", "--passkey", "fedcba9876543210"}, exitOK, false},
		{[]string{path, "--replace", "http:", "--with", "gopher:", "--json"}, exitWrite, false},
		{[]string{link, "--add", "udp://t.example:1"}, exitOK, true},
		{[]string{link, "--add", "udp://t.example:1", "--json"}, exitOK, true},
		{[]string{link, "--comment", "x"}, exitUsage, false},
		{[]string{"magnet:?tr=http://t/0123456789abcdef0123456789/a&xt=x", "--add", "udp://t.example:1"}, exitTorrent, false},
		{[]string{"http://t.example/0123456789abcdef0123456789/a.torrent", "--add", "udp://t.example:1"}, exitRead, false},
	} {
		code, stdout, stderr := runOnTerminal(append([]string{"retracker"}, test.args...)...)
		if got := strings.Contains(stdout+stderr, "0123456789abcdef"); code != test.code || got != test.secret {
			t.Errorf("bt retracker %q: exit code %d, want %d; a passkey is shown: %t\n%s%s", test.args, code, test.code, got, stdout, stderr)
		}
	}
	e, stdout, _ := testEnv("retracker", link, "--add", "udp://t.example:1")
	if run(e); stdout.String() != link+"&tr=udp%3A%2F%2Ft.example%3A1\n" {
		t.Errorf("the link is %q", stdout)
	}
}

// Text of a torrent or a rules file can't move the cursor.
func TestRetrackerEscapes(t *testing.T) {
	path := retrackerTorrent(t, "8:announce22:http://t.example/\x1b[2J\r7:comment9:a\x1b[31m\n\xe2\x80\xae3:\x1b[Ji1e", "7:\x1b]0;x\x07yi1e")
	rules := filepath.Join(t.TempDir(), "\x1brules.yaml")
	if err := os.WriteFile(rules, []byte("rules:\n  - {match: a, \"b\\e[31m\": c}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--no-comment", "--unset", "\x1b[J", "--unset", "\x1b]0;x\ay", "--no-trackers", "--dry-run", "--color", "never"},
		{"--no-comment", "--unset", "\x1b[J", "--dry-run", "--json"},
		{"--replace", "http", "--with", "x\x1b"},
		{"--rules", rules},
		{"--replace-regex", "(\x1b", "--with", "x"},
		{"--comment", "x\x1b", "--set", "\x1bk=\x1bv", "--color", "never"},
	} {
		_, stdout, stderr := runOnTerminal(append([]string{"retracker", path}, args...)...)
		interopHarmless(t, stdout)
		interopHarmless(t, strings.NewReplacer(red, "", "\x1b[1m", "", "\x1b[33m", "", off, "").Replace(stderr))
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// On a terminal, a magnet link is printed without the URLs that hold secrets,
// with a note; elsewhere it is unchanged.
func TestMagnetOnTerminal(t *testing.T) {
	const whole = "magnet:?xt=urn:btih:5ec7e80713fcbb1ddca6a9f21d4eafa86fda4a6c&dn=x&xl=1&tr=http%3A%2F%2Ft.example%2F%3Fk%3Ds3cret"
	path := retrackerTorrent(t, "8:announce26:http://t.example/?k=s3cret", "")
	open := retrackerTorrent(t, "8:announce17:http://t.example/", "")
	content := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(content, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	const says = "1 tracker with secrets left out of the magnet link; --reveal shows all"
	for _, test := range []struct {
		args         []string
		secret, says bool
	}{
		{[]string{"info", "--magnet", path}, false, true},
		{[]string{"info", "--magnet", path, "-q"}, false, false},
		{[]string{"info", "--magnet", path, "--reveal"}, true, false},
		{[]string{"info", "--magnet", open}, false, false},
		{[]string{"info", "--magnet", whole}, false, true},
		{[]string{"info", "--field", "name,magnet", path}, false, true},
		{[]string{"info", "--field", "name,trackers", path}, false, false},
		{[]string{"info", "--field", "magnet", path, "--reveal"}, true, false},
		{[]string{"info", "--json", path}, true, false},
		{[]string{"info", path}, false, false},
		{[]string{"make", content, "--no-date", "-f", "-a", "http://t.example/?k=s3cret"}, false, true},
		{[]string{"make", content, "--no-date", "-f", "-a", "http://t.example/?k=s3cret", "--reveal"}, true, false},
		{[]string{"make", content, "--no-date", "-f", "-a", "http://t.example/"}, false, false},
		{[]string{"make", content, "--no-date", "-f", "-a", "http://t.example/?k=s3cret", "--json"}, true, false},
	} {
		code, stdout, stderr := runOnTerminal(test.args...)
		all := stdout + stderr
		unwrapped := strings.Join(strings.Fields(all), " ")
		if code != exitOK || strings.Contains(all, "s3cret") != test.secret || strings.Contains(unwrapped, says) != test.says {
			t.Errorf("bt %q: exit code %d\n%s%s", test.args, code, stdout, stderr)
		}
	}
	text := retrackerTorrent(t, "7:comment26:http://t.example/?k=s3cret", "")
	if code, stdout, _ := runOnTerminal("info", "--field", "comment", text); code != exitOK || stdout != "http://t.example/?k=****\n" {
		t.Errorf("a comment: exit code %d\n%s", code, stdout)
	}
	for _, args := range [][]string{{"info", "--magnet", path}, {"info", "--field", "magnet", path}} {
		e, stdout, stderr := testEnv(args...)
		if code := run(e); code != exitOK || !strings.Contains(stdout.String(), "%3Ds3cret\n") || stderr.Len() > 0 {
			t.Errorf("bt %q in a pipe: exit code %d\n%s%s", args, code, stdout, stderr)
		}
	}
}

// The text around a masked part of an error is unchanged.
func TestShownText(t *testing.T) {
	const hash = "magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a"
	for in, want := range map[string]string{
		"":                         "",
		"a_long/file_name/without": "a_long/file_name/without",
		"A_Very_Long_Directory_Name/0123456789abcdef0123.torrent: no such file": "A_Very_Long_Directory_Name/0123456789abcdef0123.torrent: no such file",
		`the URL "http://t.example/?k=abc" is bad`:                              `the URL "http://t.example/?k=****" is bad`,
		"http://t.example/0123456789abcdef: not here":                           "http://t.example/****: not here",
		"(udp://u:p@t.example:1), ftp://t.example/x.":                           "(udp://****:****@t.example:1), ftp://t.example/x.",
		hash + ": bad": hash + ": bad",
		hash + "&tr=http%3A%2F%2Ft%2F%3Fk%3Dabc: bad": hash + "&tr=http%3A%2F%2Ft%2F%3Fk%3D%2A%2A%2A%2A: bad",
	} {
		got := shownText(in, false)
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if again := shownText(got, false); again != got {
			t.Errorf("%q became %q, then %q", in, got, again)
		}
		if whole := shownText(in, true); whole != in {
			t.Errorf("%q is revealed as %q", in, whole)
		}
	}
}

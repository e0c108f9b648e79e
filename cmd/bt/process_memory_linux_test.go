package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// processBound is the maximum memory of a command for an input.
func processBound(size int64) int64 { return 32<<20 + 4*size }

// processBencode encodes a string.
func processBencode(s string) string { return strconv.Itoa(len(s)) + ":" + s }

const (
	processInfo   = "6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa"
	processSmall  = "4:infod" + processInfo + "e"
	processV2     = "e12:meta versioni2e4:name1:x12:piece lengthi16384e"
	processPieces = "e4:name1:x12:piece lengthi16384e6:pieces"
)

// processV1 returns a v1 torrent with the entries of files.
func processV1(files string, bytes int) string {
	return "d4:infod5:filesl" + files + processPieces + processBencode(strings.Repeat("aaaaaaaaaaaaaaaaaaaa", (bytes+16383)/16384)) + "ee"
}

func processEach(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// processHostile returns torrents that are large, unusual, or expensive to
// process. Each has about 10 MB, so that memory above the bound is detectable.
var processHostile = []struct {
	name    string
	torrent func() string
}{
	{"files", func() string { return processV1(processEach(400_000, "d6:lengthi1e4:pathl4:name6:%06dee"), 400_000) }},
	{"short paths", func() string { return processV1(processEach(500_000, "d6:lengthi1e4:pathl6:%06dee"), 500_000) }},
	{"empty entries", func() string { return processV1(strings.Repeat("de", 5_000_000), 1) }},
	{"one piece", func() string {
		return "d4:infod5:filesl" + processEach(500_000, "d6:lengthi1e4:pathl6:%06dee") + "e4:name1:x12:piece lengthi67108864e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	}},
	{"one long path", func() string { return processV1("d6:lengthi1e4:pathl"+strings.Repeat("1:a", 4_000_000)+"ee", 1) }},
	{"odd paths", func() string { return processV1(strings.Repeat("d6:lengthi1e4:pathl1:.1:aee", 400_000), 400_000) }},
	{"attributes", func() string { return processV1(processEach(350_000, "d4:attr1:x6:lengthi1e4:pathl6:%06dee"), 350_000) }},
	{"symlinks", func() string {
		return processV1(processEach(250_000, "d4:attr1:l6:lengthi0e4:pathl6:%06de12:symlink pathl1:aee")+"d6:lengthi1e4:pathl1:aee", 1)
	}},
	{"v2 files", func() string {
		return "d4:infod9:file treed" + processEach(150_000, "7:%07[1]dd0:d6:lengthi1e11:pieces root32:%032[1]dee") + processV2 + "ee"
	}},
	{"v2, deep", func() string {
		return "d4:infod9:file treed" + strings.Repeat("1:ad", 90) + processEach(400_000, "7:%07dd0:d6:lengthi0eee") + strings.Repeat("e", 90) + processV2 + "ee"
	}},
	{"v2, names of nothing", func() string {
		return "d4:infod9:file treed" + strings.Repeat("0:0:", 2_500_000) + "1:ad0:d6:lengthi0eee" + processV2 + "ee"
	}},
	{"piece layers", func() string {
		return "d4:infod9:file treed1:ad0:d6:lengthi1e11:pieces root32:" + strings.Repeat("r", 32) + "eee12:meta versioni2e4:name1:x12:piece lengthi16384ee" +
			"12:piece layersd" + processEach(150_000, "32:%032d32:"+strings.Repeat("h", 32)) + "ee"
	}},
	{"tiny strings", func() string { return "d" + processSmall + "1:xl" + strings.Repeat("0:", 5_000_000) + "ee" }},
	{"integers", func() string { return "d" + processSmall + "1:xl" + strings.Repeat("i1e", 4_000_000) + "ee" }},
	{"lists", func() string { return "d" + processSmall + "1:xl" + strings.Repeat("le", 5_000_000) + "ee" }},
	{"nesting", func() string {
		return "d" + processSmall + "1:xl" + strings.Repeat(strings.Repeat("l", 97)+strings.Repeat("e", 97), 30_000) + "ee"
	}},
	{"irregular integers", func() string { return "d" + processSmall + "1:xl" + strings.Repeat("i00e", 2_500_000) + "ee" }},
	{"a long comment", func() string {
		return "d7:comment" + processBencode(strings.Repeat("c", 12_000_000)) + processSmall + "e"
	}},
	{"a comment of control characters", func() string {
		return "d7:comment" + processBencode(strings.Repeat("\x01", 12_000_000)) + processSmall + "e"
	}},
	{"a name of bytes", func() string {
		return "d4:infod6:lengthi1e4:name" + processBencode(strings.Repeat("\xff", 10_000_000)) + "12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	}},
	{"a long number", func() string {
		return "d4:infod6:lengthi" + strings.Repeat("9", 10_000_000) + "e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	}},
	{"trackers", func() string {
		return "d13:announce-listl" + strings.Repeat("l1:ae", 2_000_000) + "e" + processSmall + "e"
	}},
	{"trackers in one tier", func() string {
		return "d13:announce-listll" + strings.Repeat("1:a", 4_000_000) + "ee" + processSmall + "e"
	}},
	{"long trackers", func() string {
		return "d13:announce-listl" + strings.Repeat("l"+processBencode("http://t.example/"+strings.Repeat("%", 100_000))+"e", 100) + "e" + processSmall + "e"
	}},
	{"web seeds", func() string { return "d" + processSmall + "8:url-listl" + strings.Repeat("1:a", 4_000_000) + "ee" }},
	{"nodes", func() string { return "d" + processSmall + "5:nodesl" + strings.Repeat("l1:ai1ee", 1_500_000) + "ee" }},
	{"unknown keys", func() string { return "d4:infod" + processInfo + processEach(1_000_000, "8:k%07d0:") + "ee" }},
	{"a long unknown key", func() string {
		return "d4:infod" + processInfo + processBencode(strings.Repeat("k", 12_000_000)) + "0:ee"
	}},
	{"a key many times", func() string { return "d" + processSmall + "1:xd" + strings.Repeat("1:a0:", 2_000_000) + "ee" }},
	{"trailing bytes", func() string { return "d" + processSmall + "e" + strings.Repeat("\xff", 12_000_000) }},
}

// processMeasured runs a command and returns how it ended and its peak memory in bytes.
//
// ProcessState.SysUsage would include the memory of the parent, here the test, before
// exec. GNU time is small when it forks.
func processMeasured(t *testing.T, cmd *exec.Cmd) (end *processEnd, peak int64) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "rss")
	cmd.Path = testenv.Program(t, "time")
	cmd.Args = append([]string{"time", "-q", "-f", "%M", "-o", report}, cmd.Args...)
	cmd.Env = append(cmd.Env, recordVariable+"=") // which would take memory
	end = processStart(t, cmd)()
	b, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	kib, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return end, kib << 10
}

// processMaxRSS runs a program and returns its peak memory in bytes, ignoring its
// exit code and output.
func processMaxRSS(t *testing.T, stdin string, name string, args ...string) int64 {
	t.Helper()
	cmd := processCommand(t, name, args...)
	in, err := os.Open(stdin)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd.Stdin, cmd.Stdout = in, io.Discard
	_, peak := processMeasured(t, cmd)
	return peak
}

// The memory for any torrent is bounded by its size, for all commands and flags. Each torrent
// is tested with a third of them, or with all where BT_SOAK is set.
func TestProcessMemoryOfHostile(t *testing.T) {
	testenv.Large(t)
	t.Parallel()
	bt := processPlain(t)
	dir := t.TempDir()
	out := filepath.Join(dir, "out.torrent")
	for i, h := range processHostile {
		path := filepath.Join(dir, "x.torrent")
		data := h.torrent()
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		most := processBound(int64(len(data)))
		processStart(t, processCommand(t, bt, "info", "--no-files", "-q", path))().exits(exitOK)
		commands := [][]string{
			{"info", "--strict", "-q", path}, {"info", "--json", path}, {"info", "--raw", path}, {"retracker", path, "--comment", "new", "--output", out, "--force"},
		}
		if i < 5 || h.name == "v2, deep" || h.name == "a name of bytes" || strings.HasPrefix(h.name, "trackers") {
			commands = append(commands, []string{"info", "--files", path}, []string{"info", "--tree", path}, []string{"info", "--field", "name,size,unknown_keys", path},
				[]string{"info", "--magnet", path}, []string{"info", "--no-files", path}, []string{"retracker", path, "--dry-run", "--no-comment", "--announce", "http://t.example/"},
				[]string{"retracker", path, "--dry-run", "--json", "--add", "http://t.example/"}, []string{"scrape", path, "--tracker", "http://127.0.0.1:1/announce", "--retries", "0"})
		}
		commands = append(commands, []string{"verify", "--json", path, dir})
		if i < 5 {
			commands = append(commands, []string{"seed", path, dir, "--port", "0", "--bind", "127.0.0.1"})
		}
		every := min(6, len(commands)) // one command in every, another one for each torrent
		for k, args := range commands {
			if k%every != i%every && os.Getenv("BT_SOAK") == "" {
				continue
			}
			most := most
			if h.name == "short paths" || h.name == "one piece" {
				// verify and seed need 40 bytes more per file; this torrent has
				// the shortest entries.
				most += most / 10
			}
			program := bt
			if args[0] == "seed" { // it waits for the data
				program, args = "timeout", slices.Concat([]string{"--signal=INT", "2", bt}, args)
			}
			peak := processMaxRSS(t, os.DevNull, program, args...)
			for tries := 0; tries < 2 && peak > most; tries++ { // on a busy machine the garbage collector may be late
				peak = min(peak, processMaxRSS(t, os.DevNull, program, args...))
			}
			if peak > most {
				t.Errorf("%s, %d bytes: bt %s took %d MiB, more than %d", h.name, len(data), strings.Join(args, " "), peak>>20, most>>20)
			}
		}
	}
}

// A small rules file may need much memory when parsed. A file that is accepted
// stays below a fixed bound, and a file that is rejected costs little.
func TestProcessMemoryOfRules(t *testing.T) {
	t.Parallel()
	const most = 68 << 20
	bt := processPlain(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.torrent"), []byte("d"+processSmall+"e"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		code       int
	}{
		{"many.toml", processEach(20_000, "[[rules]]\nmatch = 'h%d.example'\nremove = ['*']\n"), exitOK},
		{"many.yaml", "rules:\n" + processEach(10_000, "  - match: h%d.example\n    remove: ['*']\n"), exitOK},
		{"numbers.toml", "rules=[" + strings.Repeat("1,", 159_000) + "]", exitUsage},
		{"more numbers.toml", "rules=[" + strings.Repeat("1,", 300_000) + "]", exitUsage},
		{"dots.toml", strings.Repeat("[[rules]]\n"+strings.Repeat("a.", 90)+"a=1\n", 600), exitUsage},
		{"keys.toml", strings.Repeat("[[rules]]\n"+processEach(900, "k%d=1\n"), 100), exitUsage},
		{"items.yaml", "rules:\n" + strings.Repeat("- match: a\n", 22_900), exitUsage},
		{"keys.yaml", "rules: {" + processEach(30_500, "k%d: 1,") + "}", exitUsage},
		{"text.yaml", "rules: \"" + strings.Repeat("x", 1_000_000) + "\"", exitUsage},
		{"ampersands.yaml", strings.Repeat("&", 1_000_000), exitUsage},
		{"quotes.yaml", strings.Repeat("\"", 1_000_000), exitUsage},
		{"large.yaml", "rules: \"" + strings.Repeat("x", 30_000_000) + "\"", exitRead},
	} {
		path := filepath.Join(dir, tt.name)
		if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := []string{"retracker", filepath.Join(dir, "x.torrent"), "--rules", path, "--dry-run"}
		processStart(t, processCommand(t, bt, args...))().exits(tt.code)
		peak := processMaxRSS(t, os.DevNull, bt, args...)
		for tries := 0; tries < 2 && peak > most; tries++ { // on a busy machine the garbage collector may be late
			peak = min(peak, processMaxRSS(t, os.DevNull, bt, args...))
		}
		if peak > most {
			t.Errorf("%s: %d MiB", tt.name, peak>>20)
		}
	}
}

// The memory for many info-hashes is bounded by their number, for all output
// formats.
func TestProcessMemoryOfHashes(t *testing.T) {
	t.Parallel()
	bt := processPlain(t)
	list := filepath.Join(t.TempDir(), "hashes")
	const n = 100_000
	if err := os.WriteFile(list, []byte(processEach(n, "%040x\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"--csv", "--json", "-q"} {
		const most = 32<<20 + n*720
		args := []string{"scrape", "-", form, "--tracker", "udp://127.0.0.1:1/announce", "--retries", "0"}
		peak := processMaxRSS(t, list, bt, args...)
		for tries := 0; tries < 2 && peak > most; tries++ { // on a busy machine the garbage collector may be late
			peak = min(peak, processMaxRSS(t, list, bt, args...))
		}
		if peak > most {
			t.Errorf("%s: %d MiB", form, peak>>20)
		}
	}
}

// A long value is cut to a line, and complete in JSON.
func TestProcessLongValues(t *testing.T) {
	dir := t.TempDir()
	comment := strings.Repeat("comment ", 4_000_000)
	processTree(t, dir, map[string]string{"x.torrent": "d7:comment" + processBencode(comment) + processSmall + "e"})
	p := processRun(t, dir, "info", "x.torrent").exits(exitOK)
	if len(p.stdout) > 4000 || !strings.Contains(p.stdout, "comment comm… (32,000,000 bytes; --json has all of it)\n") {
		t.Errorf("%d bytes: %.1000q", len(p.stdout), p.stdout)
	}
	var doc struct{ Comment string }
	if processRun(t, dir, "info", "--json", "x.torrent").exits(exitOK).document(&doc); doc.Comment != comment {
		t.Errorf("%d bytes of comment", len(doc.Comment))
	}
	p = processRun(t, dir, "retracker", "x.torrent", "--comment", "new", "--dry-run").exits(exitOK)
	if len(p.stdout) > 4000 || !strings.Contains(p.stdout, "… (32,000,000 bytes; --json has all of it)\n+ comment  new\n") {
		t.Errorf("%d bytes: %.1000q", len(p.stdout), p.stdout)
	}
}

// The process is not killed when a control group enforces the bound.
func TestProcessMemoryControlGroup(t *testing.T) {
	testenv.Root(t)
	const root = "/sys/fs/cgroup/memory"
	if _, err := os.Stat(filepath.Join(root, "memory.limit_in_bytes")); errors.Is(err, fs.ErrNotExist) {
		t.Skip("needs control groups of version 1, which this kernel has not mounted")
	}
	group := filepath.Join(root, "bt-test-"+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(group, 0o755); err != nil {
		testenv.Missing(t, fmt.Sprint("a memory control group that can be made: ", err))
	}
	t.Cleanup(func() {
		if err := os.Remove(group); err != nil {
			t.Error(err)
		}
	})
	bt := processPlain(t)
	dir := t.TempDir()
	for _, h := range processHostile[:4] {
		path := filepath.Join(dir, "x.torrent")
		data := h.torrent()
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
		limit := strconv.FormatInt(processBound(int64(len(data))), 10)
		if err := os.WriteFile(filepath.Join(group, "memory.limit_in_bytes"), []byte(limit), 0o644); err != nil {
			testenv.Missing(t, fmt.Sprint("a memory control group with a limit: ", err))
		}
		for _, args := range []string{"info --json", "info --raw", "retracker --comment new --force --output " + filepath.Join(dir, "out.torrent")} {
			script := "echo $$ > " + filepath.Join(group, "cgroup.procs") + " && exec " + bt + " " + args + " " + path + " > /dev/null"
			processStart(t, processCommand(t, "sh", "-c", script))().exits(exitOK)
		}
	}
}

// Of an input that can't be a torrent only the beginning is read, and an input
// that is too large is not read.
func TestProcessEndlessInput(t *testing.T) {
	bt := processPlain(t)
	dir := t.TempDir()
	zero := "/dev/zero"
	for _, args := range [][]string{
		{"info", zero}, {"info", "--json", zero}, {"info", "-"}, {"verify", zero, dir}, {"verify", "-", dir}, {"retracker", zero, "--comment", "x"},
		{"retracker", "-", "--comment", "x", "--output", filepath.Join(dir, "x")}, {"scrape", zero}, {"scrape", "-"}, {"seed", zero, dir},
		{"retracker", "x", "--rules", zero}, {"retracker", "x", "--from-json", zero}, {"retracker", "x", "--drop-dead", zero}, {"retracker", "x", "--from", zero},
	} {
		if peak := processMaxRSS(t, zero, bt, args...); peak > 40<<20 {
			t.Errorf("%q took %d MiB", args, peak>>20)
		}
	}
	large := filepath.Join(dir, "large.torrent")
	if err := os.WriteFile(large, []byte("d4:infod"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, 3<<30); err != nil {
		t.Fatal(err)
	}
	if peak := processMaxRSS(t, os.DevNull, bt, "info", large); peak > 40<<20 {
		t.Errorf("a file of 3 GiB took %d MiB", peak>>20)
	}
	p := processRun(t, dir, "info", large).exits(exitRead)
	if !bytes.Contains([]byte(p.stderr), []byte("it is larger than 256.0 MiB\nbt: hint: --max-size SIZE reads what is larger\n")) {
		t.Errorf("stderr %q", p.stderr)
	}
}

package main

import (
	"errors"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bt/internal/testenv"
)

var update = flag.Bool("update", false, "write the golden files inside testdata/script anew")

const multicastVariable = "BT_TEST_MULTICAST"

// TestMain makes this binary act as bt, and as btwait of fake_test.go, in
// processes that the tests start. If $BT_TEST_DNS is set, bt asks that name server, and
// without $BT_TEST_MULTICAST it sends nothing to the local network.
func TestMain(m *testing.M) {
	commands := map[string]func(){
		"bt": func() {
			if server := os.Getenv("BT_TEST_DNS"); server != "" {
				net.DefaultResolver = testenv.Resolver(server)
			}
			multicasts = os.Getenv(multicastVariable) != ""
			recordingMain()
		},
		"btwait": waitMain,
	}
	if commands[filepath.Base(os.Args[0])] == nil {
		defer leaveHome()()
	}
	testscript.Main(recordedTests{m}, commands)
}

// leaveHome gives the tests and the processes that they start empty directories for
// configuration, cache and state, instead of those of the user, and no public nodes of the
// DHT. The function that it returns deletes them.
func leaveHome() func() {
	dir, err := os.MkdirTemp("", "bt-home-")
	if err != nil {
		panic(err)
	}
	if cache, err := os.UserCacheDir(); err == nil && os.Getenv("GOCACHE") == "" {
		os.Setenv("GOCACHE", filepath.Join(cache, "go-build")) // or processPlain compiles all packages again
	}
	os.Setenv(dhtNodesVariable, "none")
	for _, name := range []string{"CONFIG", "CACHE", "STATE"} {
		os.Setenv("XDG_"+name+"_HOME", filepath.Join(dir, strings.ToLower(name)))
	}
	return func() { os.RemoveAll(dir) }
}

func TestScripts(t *testing.T) {
	t.Parallel()
	first := ""
	if testenv.Race {
		first = withoutRaceDetector(t) + string(os.PathListSeparator)
	}
	again, err := filepath.Abs(filepath.Join("testdata", "again.sh"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", first+env.Getenv("PATH"))
			env.Setenv("AGAIN", again)
			for _, name := range []string{recordVariable, dhtNodesVariable} {
				env.Setenv(name, os.Getenv(name))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      runAndCheckExit,
			"writefile":  writeFile,
			"waitfor":    waitFor,
			"tracker":    startTracker,
			"dht":        startDHTNodes,
			"trackerlog": trackerLog,
			"names":      startDNS,
			"webserver":  startWebServer,
			"seed":       startSeed,
		},
	})
}

// withoutRaceDetector builds this binary without the race detector, and returns a directory
// in which it is bt. Scripts run thousands of programs for what they print, and with the
// detector most of the time is that of their start. Tests of processes run with it.
func withoutRaceDetector(t *testing.T) (dir string) {
	dir = t.TempDir()
	cmd := exec.Command("go", "test", "-c", "-race=false", "-buildvcs=false", "-o", filepath.Join(dir, "bt"), ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go test -c: %v\n%s", err, out)
	}
	return dir
}

// runAndCheckExit is the script command "exits CODE PROGRAM [ARG...]": it runs
// the program and checks its exit code.
func runAndCheckExit(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// writeFile is the script command "writefile FILE TEXT". TEXT has the escapes of
// a Go string, for bytes that a script can't contain.
func writeFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: writefile FILE TEXT")
	}
	text, err := strconv.Unquote(`"` + args[1] + `"`)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

// waitFor is the script command "waitfor FILE REGEXP...": it waits until a file, to which a
// program in the background writes, matches the expressions.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: waitfor FILE REGEXP...")
	}
	for _, expression := range args[1:] {
		re, err := regexp.Compile("(?m)" + expression)
		ts.Check(err)
		for end := time.Now().Add(2 * time.Minute); ; time.Sleep(20 * time.Millisecond) {
			b, err := os.ReadFile(ts.MkAbs(args[0])) // it need not exist yet
			if re.Match(b) {
				break
			}
			if time.Now().After(end) {
				ts.Fatalf("%s never matches %s: %v\n%s", args[0], expression, err, b)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	null, err := os.Open(os.DevNull) // not a terminal, so COLUMNS is used
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for value, want := range map[string]int{"": 0, "72": 72, "-3": 0, "wide": 0} {
		if got := columns(null, func(string) string { return value }); got != want {
			t.Errorf("COLUMNS=%q: %d columns, want %d", value, got, want)
		}
	}
}

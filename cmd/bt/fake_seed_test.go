package main

import (
	"bufio"
	"encoding/json"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// startSeed is the script command "seed NAME TORRENT [DATA] [FLAG]...": it starts bt seed at
// 127.0.0.1 until the script ends, and sets $NAME to its host and port once it seeds.
func startSeed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: seed NAME TORRENT [DATA] [FLAG]...")
	}
	// The bt of a script is the first one in its PATH.
	dir, _, _ := strings.Cut(ts.Getenv("PATH"), ":")
	cmd := exec.Command(dir+"/bt", append([]string{"seed", "--json", "--bind", "127.0.0.1", "--port", "0"}, args[1:]...)...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(cmd.Environ(), "XDG_CACHE_HOME="+ts.MkAbs("cache of "+args[0]), "XDG_STATE_HOME="+ts.MkAbs("state of "+args[0]))
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // no effect if it has ended
		_ = cmd.Wait()
	})
	addr := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e struct{ Event, Addr, Error string }
		ts.Check(json.Unmarshal(lines.Bytes(), &e))
		switch e.Event {
		case "listening":
			if e.Addr != "" {
				addr = e.Addr
			}
		case "seeding":
			ts.Setenv(args[0], addr)
			return
		case "error":
			ts.Fatalf("bt seed: %s", e.Error)
		}
	}
	ts.Fatalf("bt seed ended before it seeded")
}

// Command bt makes, shows, edits, checks, seeds and downloads torrents, and asks
// trackers for the numbers of peers. It is a toolkit for people who publish with
// BitTorrent.
//
// Only this package prints, reads flags and exits. Results are printed to stdout,
// everything else to stderr (see ui.go). The exit codes are listed in exit.go.
package main

import (
	"io"
	"log"
	"os"
	"runtime/debug"
)

func main() {
	setUp()
	os.Exit(run(osEnv()))
}

// setUp prepares the process.
func setUp() {
	// Torrents with millions of files need much memory. Let garbage take half of
	// that in addition, instead of as much again.
	debug.SetGCPercent(50)
	// Discard the log of net/http about unexpected data from servers.
	log.SetOutput(io.Discard)
}

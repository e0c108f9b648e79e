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
	"runtime"
	"runtime/debug"
)

func main() {
	setUp()
	os.Exit(run(osEnv()))
}

// setUp prepares the process.
func setUp() {
	// Torrents with millions of files need much memory. Let garbage take half of
	// that in addition, instead of as much again. SetGCPercent causes a collection
	// if it is called now, so it is called after the first one: a command that
	// needs little memory ends before.
	runtime.AddCleanup(new([64]byte), func(percent int) { debug.SetGCPercent(percent) }, 50)
	// Discard the log of net/http about unexpected data from servers.
	log.SetOutput(io.Discard)
}

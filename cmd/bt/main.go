// Command bt makes, shows, edits, checks and seeds torrents, and asks trackers
// about them: the toolkit of people who publish with BitTorrent.
//
// This package is the only one that prints, reads flags and exits. What it
// prints where is the contract of the files beside it: stdout carries data
// (ui.go), stderr everything else, and the exit code says how it went
// (exit.go).
package main

import (
	"io"
	"log"
	"os"
	"runtime/debug"
)

func main() {
	// Of millions of files there is much to remember: this much garbage beside it,
	// in per cent, and not as much again.
	debug.SetGCPercent(50)
	// net/http logs what a server says unasked; what bt has to say, it prints.
	log.SetOutput(io.Discard)
	os.Exit(run(osEnv()))
}

// Command bt makes, shows and checks torrents: the toolkit of people who
// publish with BitTorrent.
//
// This package is the only one that prints, reads flags and exits. What it
// prints where is the contract of the files beside it: stdout carries data
// (ui.go), stderr everything else, and the exit code says how it went
// (exit.go).
package main

import (
	"os"
	"runtime/debug"
)

func main() {
	// Of millions of files there is much to remember: this much garbage beside it,
	// in per cent, and not as much again.
	debug.SetGCPercent(50)
	os.Exit(run(osEnv()))
}

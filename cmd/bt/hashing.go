package main

import (
	"github.com/urfave/cli/v2"

	"bt/maketorrent"
)

// hashingOptions holds the flags of the commands that hash content.
type hashingOptions struct {
	jobs option[int]
	read option[maketorrent.ReadMode]
}

func (o *hashingOptions) flags() []cli.Flag {
	return []cli.Flag{
		valueFlag(&o.jobs, numberFrom(1), "jobs", "hash with `N` workers, 64 at most (default: one per CPU, 16 at most)"),
		valueFlag(&o.read, oneOf(
			choice[maketorrent.ReadMode]{"auto", maketorrent.ReadAuto},
			choice[maketorrent.ReadMode]{"sequential", maketorrent.ReadSequential},
			choice[maketorrent.ReadMode]{"parallel", maketorrent.ReadParallel},
		), "read", "read files in `WAY`: auto, sequential (one reader, for spinning disks) or parallel (default auto)"),
	}
}

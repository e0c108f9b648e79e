package main

import (
	"github.com/urfave/cli/v2"

	"bt/maketorrent"
)

// The flags of the commands that hash content.

func hashingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "jobs", Usage: "hash with `N` workers, 64 at most (default: one per CPU, 16 at most)"},
		&cli.StringFlag{Name: "read", Usage: "read files in `WAY`: auto, sequential (one reader, for spinning disks) or parallel (default auto)"},
	}
}

// hashingChoices reads them.
func hashingChoices(c *cli.Context) (jobs int, read maketorrent.ReadMode, err error) {
	jobs = c.Int("jobs")
	if c.IsSet("jobs") && jobs < 1 {
		return 0, 0, failf(exitUsage, "--jobs: %d is not a number from 1", jobs)
	}
	switch way := c.String("read"); way {
	case "", "auto":
		read = maketorrent.ReadAuto
	case "sequential":
		read = maketorrent.ReadSequential
	case "parallel":
		read = maketorrent.ReadParallel
	default:
		return 0, 0, failf(exitUsage, "--read: %q is none of auto, sequential, parallel", way)
	}
	return jobs, read, nil
}

// jsonFlags are those of every command that has a result.
func jsonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Usage: "print the result as one JSON document"},
		&cli.BoolFlag{Name: "jsonl", Usage: "print the result as JSON, one item per line"},
	}
}

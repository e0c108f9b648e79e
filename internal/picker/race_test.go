//go:build race

package picker

func init() { simSeeds = 1 }

package main

import (
	"bufio"
	"bytes"
	"testing"
)

// --no-pex reaches the seed and the download.
func TestNoPEX(t *testing.T) {
	for _, given := range []bool{false, true} {
		e, _, _ := testEnv()
		u := &ui{env: e, out: bufio.NewWriter(new(bytes.Buffer))}
		var s seedFlags
		var g getFlags
		s.peers.noPEX, g.peers.noPEX = given, given
		seeding, err := s.options(u)
		if err != nil {
			t.Fatal(err)
		}
		getting, err := g.options(u)
		if err != nil {
			t.Fatal(err)
		}
		if seeding.NoPEX != given || getting.NoPEX != given {
			t.Errorf("--no-pex %v: NoPEX of the seed is %v, of the download %v", given, seeding.NoPEX, getting.NoPEX)
		}
	}
}

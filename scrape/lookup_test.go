package scrape

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover/dht"
)

// Many lookups take no longer than one if no node of the DHT answers.
func TestLookupsWithoutNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		swarms := make([]*Swarm, 5*maxLookups)
		for i := range swarms {
			swarms[i] = &Swarm{Hash: &Hash{InfoHash: [20]byte{byte(i)}}}
		}
		lookups := make(chan lookup, len(swarms))
		began := time.Now()
		l := looker{node: dht.New(dht.Options{ReadOnly: true})}
		l.run(t.Context(), swarms, lookups)
		if d := time.Since(began); d != lookupTimeout {
			t.Errorf("the lookups took %v, want %v", d, lookupTimeout)
		}
		for range swarms {
			if got := <-lookups; got.answer.Nodes != 0 || !errors.Is(got.answer.Err, errNoNodes) || got.answer.Counts.Known() {
				t.Fatalf("%+v", got.answer)
			}
		}
	})
}

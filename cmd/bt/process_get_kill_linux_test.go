package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// swarmStatus is the address of the status page of a seed that has one, on its host.
const swarmStatus = "127.0.0.1:8080"

// A download that is killed at any moment is finished by a second run: no byte is wrong, and
// at most 64 MiB are fetched twice. There are 5 moments, or 50 where BT_SOAK is set.
func TestProcessGetKilled(t *testing.T) {
	t.Parallel()
	const most = 64 << 20
	moments := 5
	if os.Getenv("BT_SOAK") != "" {
		moments = 50
	}
	s := swarmPlan{piece: 256 << 10}.of(t, 100<<20, 10, 50<<20)
	seed := s.seed("--max-upload-rate", "100MiB/s", "--status", swarmStatus).starts()

	began := time.Now()
	s.get(s.torrent).succeeds()
	usual := time.Since(began)
	t.Logf("a download takes %v", usual)
	r := rand.New(rand.NewPCG(uint64(began.UnixNano()), 0))
	for i := range moments {
		dir := t.TempDir()
		var moment time.Duration
		var before int64
		for killed := false; !killed; {
			if err := os.RemoveAll(filepath.Join(dir, "content")); err != nil {
				t.Fatal(err)
			}
			before, moment = seed.sent(), time.Duration(r.Int64N(int64(usual)))
			g := s.getTo(dir, s.torrent)
			select {
			case <-g.ended: // it was faster than usual
				usual = usual * 9 / 10
			case <-time.After(moment):
			}
			g.kill()
			killed = !g.cmd.ProcessState.Exited()
		}
		had := seed.sent() - before
		s.getTo(dir, s.torrent).succeeds()
		twice := seed.sent() - before - s.size
		t.Logf("kill %d after %v and %d MiB: %d MiB were fetched twice", i, moment, had>>20, twice>>20)
		if twice > most {
			t.Errorf("killed after %v: %d bytes were fetched twice, want %d at most", moment, twice, most)
		}
	}
}

// sent returns how many bytes the seed has sent, once it has no more peers.
func (p swarmSeed) sent() int64 {
	p.t.Helper()
	client := http.Client{Timeout: swarmTimeout, Transport: &http.Transport{DialContext: p.a.DialContext, DisableKeepAlives: true}}
	var status struct {
		Uploaded int64
		Peers    int
	}
	p.until("the seed has no peers", func() bool {
		res, err := client.Get("http://" + swarmStatus + "/status.json?limit=0")
		if err != nil {
			p.t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&status); err != nil {
			p.t.Fatal(err)
		}
		return status.Peers == 0
	})
	return status.Uploaded
}

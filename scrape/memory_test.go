package scrape

import (
	"runtime"
	"testing"
	"time"
	"weak"
)

// Rows do not keep the jobs in memory, which have more than they do.
func TestRowsKeepNoJob(t *testing.T) {
	table, jobs := plan([]Target{{Hashes: make([]Hash, 1), Trackers: [][]string{{"udp://127.0.0.1:1/announce"}}}}, nil)
	events := make(chan event)
	go func() {
		defer close(events)
		jobs[0].scrape(t.Context(), &Options{Client: &Client{Retries: -1}}, events)
	}()
	table.fill(events, nil)
	job := weak.Make(jobs[0])
	jobs = nil
	for end := time.Now().Add(time.Minute); job.Value() != nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
		runtime.GC() // the goroutine may still be ending
	}
	if row := &table.Torrents[0].Swarms[0].Rows[0]; job.Value() != nil || len(row.Families()) != 1 {
		t.Errorf("%+v keeps its job", row)
	}
}

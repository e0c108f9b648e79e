package scrape_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"bt/inspect"
	"bt/scrape"
)

func ExampleRun() {
	const infoHash = "949a27dfd6224aba3e00a8cd2f8ea350195d70b7"
	tracker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/scrape" {
			fmt.Fprintf(w, "d5:filesd20:%sd8:completei41e10:downloadedi1203e10:incompletei7eeee", r.URL.Query().Get("info_hash"))
			return
		}
		http.NotFound(w, r)
	}))
	defer tracker.Close()

	link, err := inspect.ParseMagnet("magnet:?xt=urn:btih:" + infoHash)
	if err != nil {
		log.Fatal(err)
	}
	target := scrape.MagnetTarget(link)
	target.Trackers = [][]string{{tracker.URL + "/announce"}, {tracker.URL + "/gone/announce"}, {"ftp://t.example/announce"}}
	table := scrape.Run(context.Background(), []scrape.Target{target}, scrape.Options{})

	for _, swarm := range table.Torrents[0].Swarms {
		fmt.Printf("%x (%s)\n", swarm.InfoHash, swarm.Kind)
		for _, row := range swarm.Rows {
			switch {
			case row.Status == scrape.StatusOK:
				fmt.Println("tier", row.Tier, "has", row.Counts.Seeders, "seeders and", row.Counts.Leechers, "leechers")
			case errors.Is(row.Err, scrape.ErrScheme):
				fmt.Println("tier", row.Tier, "is not a tracker")
			default:
				fmt.Println("tier", row.Tier, "failed:", row.Status)
			}
		}
	}
	// Output:
	// 949a27dfd6224aba3e00a8cd2f8ea350195d70b7 (v1)
	// tier 1 has 41 seeders and 7 leechers
	// tier 2 failed: http-404
	// tier 3 is not a tracker
}

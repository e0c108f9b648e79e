// Package scrape asks trackers how many seeders and leechers torrents have.
//
// [Run] scrapes all trackers of all torrents concurrently. It asks each tracker about
// all of its torrents together. It returns a [Table] with a row for each tracker of each
// torrent. A row has the numbers, or a [Status] that describes the error. A tracker that
// has addresses of both families is asked over each of them:
//
//	torrent, err := inspect.ReadFile("release.torrent")
//	if err != nil {
//		return err
//	}
//	table := scrape.Run(ctx, []scrape.Target{scrape.TorrentTarget(torrent)}, scrape.Options{})
//	for _, s := range table.Torrents[0].Swarms {
//		for _, row := range s.Rows {
//			fmt.Println(row.URL, row.Status, row.Counts.Seeders)
//		}
//	}
//
// With Options.Availability, Run also asks the peers of each swarm which pieces they have,
// and counts the copies of each piece.
//
// A [Client] sends requests to a single tracker.
package scrape

import (
	"time"

	"bt/internal/tracker/client"
)

// Options are the choices of [Run]. The zero value only scrapes.
type Options struct {
	Client *Client // nil means a zero Client that is closed at the end

	// AnnounceFallback announces to trackers that have no scrape, as a peer that has
	// no data: started, then stopped.
	AnnounceFallback bool

	// Peers announces to every tracker, to get its list of peers.
	Peers bool

	// Availability announces to every tracker, as Peers does, and asks the peers of each
	// swarm which pieces they have: those of the trackers, of the DHT and of Target.Peers. At most
	// 200 peers of a swarm are asked, and fewer of more than 100 swarms.
	Availability bool

	// DHT, if not nil, also looks up the swarms in the DHT. Private torrents are never
	// looked up there (BEP 27), whatever Force says. The lookups register nothing.
	DHT *DHT

	// Force also announces private torrents (BEP 27), which otherwise are never
	// announced.
	Force bool

	// Tick, if not nil, is called ten times a second with the table so far, from the
	// goroutine that called Run.
	Tick func(*Table)

	// PeerTimeout limits the time to connect to a peer, and then to listen to it; 0 means
	// 5 seconds.
	PeerTimeout time.Duration

	// Previous is the table of an earlier run for the same targets, or nil. Trackers that
	// asked to wait longer are not asked again; their rows are copied from it.
	Previous *Table
}

// A Table holds the answers of trackers.
type Table struct {
	Torrents []TableTorrent // one for each target, in the same order

	visits map[string]visit // by tracker URL
}

// A TableTorrent is one target with its swarms.
type TableTorrent struct {
	*Target
	Swarms []Swarm // one for each hash, in the same order
}

// A Swarm is an info-hash, and the answer of each tracker for it.
type Swarm struct {
	*Hash
	Rows []Row // one for each tracker, in the order of the tiers

	// DHT is nil unless Options.DHT is set, the torrent is not private, and the lookup has
	// ended.
	DHT *DHTAnswer

	// Availability is nil unless Options.Availability is set and the peers were asked.
	Availability *Availability
}

// Best returns the maximum of each number over all trackers. Trackers know the same
// peers, so a sum would count peers twice.
func (s *Swarm) Best() Counts {
	best := unknown
	for _, r := range s.Rows {
		if r.Status == client.StatusOK {
			best = maxCounts(best, r.Counts)
		}
	}
	return best
}

// Limit returns how many torrents the tracker at a URL was asked about at once because it
// does not answer longer scrapes, or answers them in part; 0 if it has no such limit.
func (t *Table) Limit(url string) int { return t.visits[url].limit }

// Answered returns the number of rows with StatusOK, and of all rows.
func (t *Table) Answered() (ok, all int) {
	for _, torrent := range t.Torrents {
		for _, s := range torrent.Swarms {
			for _, r := range s.Rows {
				if all++; r.Status == client.StatusOK {
					ok++
				}
			}
		}
	}
	return ok, all
}

// A visit is the time of a request to a tracker, and the time to wait until the next.
type visit struct {
	at    time.Time
	wait  time.Duration
	limit int // see Table.Limit
}

package announce

import (
	"context"
	"testing"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// Where more peers are needed, trackers are asked again as soon as they allow, but not
// those that fail, and not without need.
func TestHurry(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			switch c.url {
			case two:
				return &tracker.AnnounceResponse{Interval: time.Hour, MinInterval: 10 * time.Minute}, nil
			case three:
				return nil, failed(client.StatusRefused)
			}
			return hour, nil
		})
		a, stop := n.run()
		defer stop()
		e := a.Add(hashNumber(1), [][]string{{one}, {two}, {three}}, new(fakeSwarm))
		e.Serve(true)
		refused := n.count("4", three, tracker.EventStarted)
		for range 30 * 60 {
			time.Sleep(time.Second)
			e.Hurry()
		}
		if got := n.count("4", one, tracker.EventNone); got < 13 || got > 15 {
			t.Errorf("%d further announces in half an hour, want one every two minutes", got)
		}
		if got := n.count("4", two, tracker.EventNone); got < 2 || got > 3 {
			t.Errorf("%d further announces in half an hour, want one every ten minutes", got)
		}
		if got := n.count("4", three, tracker.EventStarted); got > refused+12 {
			t.Errorf("%d announces to a tracker that refuses connections", got)
		}
		before := n.count("4", one, tracker.EventNone)
		time.Sleep(30 * time.Minute)
		if got := n.count("4", one, tracker.EventNone); got > before+1 {
			t.Errorf("%d announces in half an hour without need", got-before)
		}
	})
}

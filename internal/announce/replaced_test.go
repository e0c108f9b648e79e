package announce

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
)

// A swarm is removed while a tracker, which may have registered it, does not answer, and is
// added again. The stopped event for the old registration must not end the new one.
func TestAddedBeforeStopped(t *testing.T) {
	for range 20 { // the order of what is due at the same time is random
		synctest.Test(t, func(t *testing.T) {
			n := new(fakeNet)
			n.set(func(context.Context, call) (*tracker.AnnounceResponse, error) { return hour, nil })
			a, stop := n.run(Family{Network: "4"})
			tiers := [][]string{{one, two}}
			old := a.Add(hashNumber(1), tiers, new(fakeSwarm))
			old.Serve(true)
			time.Sleep(time.Minute)
			n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
				if c.url == one {
					return nil, failed("refused")
				}
				return hang(ctx)
			})
			for n.count("4", two, tracker.EventStarted) == 0 {
				time.Sleep(time.Second)
			}
			old.Remove()
			a.Add(hashNumber(1), tiers, new(fakeSwarm)).Serve(true)
			n.set(func(_ context.Context, c call) (*tracker.AnnounceResponse, error) {
				if c.url == one {
					return nil, failed("refused")
				}
				return hour, nil
			})
			time.Sleep(30 * time.Minute)
			there := false
			for _, c := range n.all() {
				if c.url == two {
					there = c.Event != tracker.EventStopped
				}
			}
			if !there {
				t.Errorf("the tracker believes that we have left: %+v", n.all())
			}
			stop()
		})
	}
}

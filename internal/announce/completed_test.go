package announce

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// events returns the events that a tracker was sent over an address family.
func (n *fakeNet) events(family, url string) (list []string) {
	for _, c := range n.seen(func(c call) bool { return c.family == family && c.url == url }) {
		list = append(list, fmt.Sprint(c.Event, " ", c.Left))
	}
	return list
}

// isClosed reports whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	synctest.Wait()
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Each tracker that has registered the swarm is sent one completed event, soon, and no
// other tracker. Regular announces follow, and then stopped events.
func TestComplete(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			if c.url == three {
				return nil, failed(client.StatusRefused)
			}
			return later(ctx, time.Second, hour)
		})
		a, stop := n.run()
		s := new(fakeSwarm)
		s.left.Store(7)
		e := a.Add(hashNumber(1), [][]string{{one}, {two}, {three}}, s)
		e.Serve(true)
		time.Sleep(10 * time.Minute)
		s.left.Store(0)
		done := e.Complete()
		if isClosed(done) {
			t.Error("it is done before a tracker has answered")
		}
		time.Sleep(1100 * time.Millisecond)
		if !isClosed(done) || e.Complete() != done {
			t.Errorf("done: %v", isClosed(done))
		}
		time.Sleep(90 * time.Minute)
		stop()
		for _, url := range []string{one, two} {
			for _, family := range []string{"4", "6"} {
				if got := n.events(family, url); !slices.Equal(got, []string{"started 7", "completed 0", " 0", "stopped 0"}) {
					t.Errorf("%s over IPv%s: %q", url, family, got)
				}
			}
		}
		if got := n.count("4", three, tracker.EventCompleted) + n.count("6", three, tracker.EventCompleted); got > 0 {
			t.Errorf("%d completed events to a tracker that refuses connections", got)
		}
	})
}

// A completed event that fails is sent again, before a regular announce.
func TestCompleteFails(t *testing.T) {
	for name, fail := range map[string]func(ctx context.Context) (*tracker.AnnounceResponse, error){
		"refused": func(context.Context) (*tracker.AnnounceResponse, error) { return nil, failed(client.StatusRefused) },
		"no": func(context.Context) (*tracker.AnnounceResponse, error) {
			return nil, &client.Error{Status: client.StatusFailed, Sent: true}
		},
		"hangs": hang,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *fakeNet) {
				n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
					if c.Event == tracker.EventCompleted && n.count("4", one, tracker.EventCompleted) < 3 {
						return fail(ctx)
					}
					return hour, nil
				})
				a, stop := n.run(Family{Network: "4"})
				e := a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm))
				e.Serve(true)
				time.Sleep(time.Minute)
				done := e.Complete()
				time.Sleep(time.Second)
				if isClosed(done) {
					t.Error("it is done after a failure")
				}
				time.Sleep(10 * time.Minute)
				if !isClosed(done) {
					t.Error("it is not done")
				}
				time.Sleep(time.Hour)
				stop()
				want := []string{"started 0", "completed 0", "completed 0", "completed 0", " 0", "stopped 0"}
				if got := n.events("4", one); !slices.Equal(got, want) {
					t.Errorf("%q", got)
				}
			})
		})
	}
}

// An announce that is under way when the download completes decides whether the tracker
// needs the event.
func TestCompleteWhileAnnouncing(t *testing.T) {
	for name, test := range map[string]struct {
		answer error
		want   []string
	}{
		"registered":     {nil, []string{"started 7", "completed 0", " 0"}},
		"not registered": {failed(client.StatusRefused), []string{"started 7", "started 0", " 0"}},
		"perhaps":        {&client.Error{Status: client.StatusTimeout, Sent: true}, []string{"started 7", "started 0", " 0"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *fakeNet) {
				n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
					if c.Left > 0 {
						time.Sleep(10 * time.Second)
						return hour, test.answer
					}
					return hour, nil
				})
				a, stop := n.run(Family{Network: "4"})
				s := new(fakeSwarm)
				s.left.Store(7)
				e := a.Add(hashNumber(1), [][]string{{one}}, s)
				e.Serve(true)
				time.Sleep(5 * time.Second)
				s.left.Store(0)
				done := e.Complete()
				if isClosed(done) {
					t.Error("it is done before the answer")
				}
				time.Sleep(65 * time.Minute)
				if !isClosed(done) {
					t.Error("it is not done")
				}
				if got := n.events("4", one); !slices.Equal(got, test.want) {
					t.Errorf("%q", got)
				}
				stop()
			})
		})
	}
}

// If another tracker of the tier takes over, it is registered with nothing left, and needs
// no completed event.
func TestCompleteTakeover(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			if c.url == one && c.Event != tracker.EventStarted {
				return nil, failed(client.StatusRefused)
			}
			return hour, nil
		})
		a, stop := n.run(Family{Network: "4"})
		e := a.Add(hashNumber(1), [][]string{{one, two}}, new(fakeSwarm))
		e.tiers[0].urls = []string{one, two}
		e.Serve(true)
		time.Sleep(time.Minute)
		done := e.Complete()
		time.Sleep(time.Second)
		if !isClosed(done) {
			t.Error("it is not done")
		}
		if got := n.events("4", two); !slices.Equal(got, []string{"started 0"}) {
			t.Errorf("%q", got)
		}
		stop()
	})
}

// The end of an entry, or of the announcer, ends the wait for a tracker that does not
// answer. The stopped event follows all the same.
func TestCompleteEnds(t *testing.T) {
	for name, end := range map[string]func(e *Entry, stop func() time.Duration){
		"removed":    func(e *Entry, stop func() time.Duration) { e.Remove() },
		"not served": func(e *Entry, stop func() time.Duration) { e.Serve(false) },
		"end":        func(e *Entry, stop func() time.Duration) { stop() },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *fakeNet) {
				n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
					if c.Event == tracker.EventCompleted {
						return hang(ctx)
					}
					return hour, nil
				})
				a, stop := n.run(Family{Network: "4"})
				e := a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm))
				if name == "end" {
					idle := a.Add(hashNumber(2), [][]string{{two}}, new(fakeSwarm))
					if !isClosed(idle.Complete()) {
						t.Error("an entry that is not served is not done")
					}
				}
				e.Serve(true)
				time.Sleep(time.Minute)
				done := e.Complete()
				time.Sleep(time.Second)
				if isClosed(done) {
					t.Error("it is done without an answer")
				}
				end(e, stop)
				if !isClosed(done) {
					t.Error("it is not done")
				}
				time.Sleep(time.Minute)
				if name != "end" {
					stop()
				}
				if got := n.events("4", one); !slices.Equal(got, []string{"started 0", "completed 0", "stopped 0"}) {
					t.Errorf("%q", got)
				}
				if !isClosed(a.Add(hashNumber(3), [][]string{{one}}, new(fakeSwarm)).Complete()) {
					t.Error("an entry after the end is not done")
				}
			})
		})
	}
}

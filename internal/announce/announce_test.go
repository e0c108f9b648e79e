package announce

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

const (
	one   = "http://one.example/announce"
	two   = "http://two.example/announce"
	three = "http://three.example/announce"
)

// Whatever the failure of one address family, all swarms are announced over the other
// within seconds, no error is reported, and the tracker receives stopped events for
// all.
func TestOneFamilyFails(t *testing.T) {
	const swarms = 400
	for _, bad := range []string{"4", "6"} {
		for name, fail := range map[string]func(ctx context.Context) (*tracker.AnnounceResponse, error){
			"hangs":       hang,
			"refuses":     func(context.Context) (*tracker.AnnounceResponse, error) { return nil, failed(client.StatusRefused) },
			"unreachable": func(context.Context) (*tracker.AnnounceResponse, error) { return nil, failed(client.StatusNoRoute) },
			"empty":       func(context.Context) (*tracker.AnnounceResponse, error) { return nil, failed(client.StatusEmpty) },
			"http":        func(context.Context) (*tracker.AnnounceResponse, error) { return nil, failed("http-502") },
			"slow":        func(ctx context.Context) (*tracker.AnnounceResponse, error) { return later(ctx, 40*time.Second, hour) },
			"stops": func(ctx context.Context) (*tracker.AnnounceResponse, error) {
				time.Sleep(time.Millisecond)
				if time.Now().After(time.Date(2000, 1, 1, 0, 2, 0, 0, time.UTC)) {
					return hang(ctx)
				}
				return hour, nil
			},
		} {
			t.Run(name+" "+bad, func(t *testing.T) {
				bubble(t, func(t *testing.T, n *fakeNet) {
					n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
						if c.family == bad {
							return fail(ctx)
						}
						return later(ctx, 20*time.Millisecond, hour)
					})
					good := map[string]string{"4": "6", "6": "4"}[bad]
					a, stop := n.run()
					all, entries := serveMany(a, swarms)
					time.Sleep(5 * time.Second)
					if got := n.count(good, one, tracker.EventStarted); got != swarms {
						t.Errorf("%d of %d were announced in 5 s", got, swarms)
					}
					time.Sleep(10 * time.Minute)
					for i, s := range all {
						if s.answers() == 0 || len(s.errors()) > 0 || entries[i].Status()[0].Failed {
							t.Fatalf("swarm %d: %+v, %+v", i, s.all(), entries[i].Status())
						}
					}
					if d := stop(); d > stopTimeout+2*time.Second {
						t.Errorf("the end took %v", d)
					}
					if got := n.count(good, one, tracker.EventStopped); got != swarms {
						t.Errorf("%d of %d received a stopped event", got, swarms)
					}
				})
			})
		}
	}
}

// If both families work, the tracker receives an announce over each, and the user
// gets one answer.
func TestBothFamilies(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			return later(ctx, time.Millisecond, hour)
		})
		a, stop := n.run(Family{Network: "4", IP: netip.MustParseAddr("192.0.2.1")}, Family{Network: "6", IP: netip.MustParseAddr("2001:db8::1")})
		s := new(fakeSwarm)
		a.Add(hashNumber(1), [][]string{{one}, {two}}, s).Serve(true)
		time.Sleep(150 * time.Minute) // an announce each hour, to two trackers
		if got := s.answers(); got != 2*3 || len(s.errors()) > 0 {
			t.Errorf("%d answers: %+v", got, s.all())
		}
		stop()
		for _, url := range []string{one, two} {
			for family, ip := range map[string]string{"4": "192.0.2.1", "6": "2001:db8::1"} {
				calls := n.seen(func(c call) bool { return c.family == family && c.url == url })
				var events []tracker.Event
				for _, c := range calls {
					events = append(events, c.Event)
					if c.IP.String() != ip {
						t.Errorf("over IPv%s the address %v", family, c.IP)
					}
				}
				if want := []tracker.Event{tracker.EventStarted, tracker.EventNone, tracker.EventNone, tracker.EventStopped}; !slices.Equal(events, want) {
					t.Errorf("%s over IPv%s: %v", url, family, events)
				}
			}
		}
	})
}

// If both families fail, one error at a time is reported: the more specific one.
func TestErrorsOfBothFamilies(t *testing.T) {
	for _, test := range []struct{ v4, v6, want string }{
		{"refused", "refused", "refused"},
		{"refused", "no-route", "refused"},
		{"no-route", "refused", "refused"},
		{"no-route", "no-route", "no-route"},
		{"timeout", "no-route", "no answer in time"},
		{"no-route", "timeout", "no answer in time"},
		{"dns", "http-502", "http-502"},
	} {
		t.Run(test.v4+" "+test.v6, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *fakeNet) {
				n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
					status := map[string]string{"4": test.v4, "6": test.v6}[c.family]
					if status == "timeout" {
						return hang(ctx)
					}
					return nil, failed(client.Status(status))
				})
				a, stop := n.run()
				s := new(fakeSwarm)
				e := a.Add(hashNumber(1), [][]string{{one}}, s)
				e.Serve(true)
				time.Sleep(announceTimeout + 5*time.Second)
				got := s.errors()
				for _, text := range got {
					if text != one+": "+test.want {
						t.Error(text)
					}
				}
				if status := e.Status()[0]; len(got) < 1 || len(got) > 4 || !status.Failed || status.Message != test.want {
					t.Errorf("%d errors %q, %+v", len(got), got, status)
				}
				stop()
			})
		})
	}
}

// The next tracker of a tier is asked soon if the first works over no family, and
// only then.
func TestFallback(t *testing.T) {
	type outcome map[string]string // by family: ok or a status
	for name, test := range map[string]struct {
		first  outcome
		within time.Duration // 0: the second is not asked
	}{
		"both work":              {outcome{"4": "ok", "6": "ok"}, 0},
		"one works":              {outcome{"4": "ok", "6": "refused"}, 0},
		"the other works":        {outcome{"4": "no-route", "6": "ok"}, 0},
		"one works, one hangs":   {outcome{"4": "ok", "6": "timeout"}, 0},
		"both refuse":            {outcome{"4": "refused", "6": "refused"}, time.Second},
		"one refuses, one hangs": {outcome{"4": "refused", "6": "timeout"}, familyWait + time.Second},
		"both hang":              {outcome{"4": "timeout", "6": "timeout"}, hastyTimeout + familyWait + time.Second},
		"one hangs, no IPv6":     {outcome{"4": "timeout", "6": "no-route"}, hastyTimeout + time.Second},
		"one refuses, no IPv6":   {outcome{"4": "refused", "6": "no-route"}, time.Second},
		"no IPv4, one hangs":     {outcome{"4": "no-route", "6": "timeout"}, hastyTimeout + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *fakeNet) {
				n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
					if c.url != one {
						if test.first[c.family] == "no-route" {
							return nil, failed(client.StatusNoRoute)
						}
						return later(ctx, time.Millisecond, hour)
					}
					switch o := test.first[c.family]; o {
					case "ok":
						return later(ctx, 100*time.Millisecond, hour)
					case "timeout":
						return hang(ctx)
					default:
						return nil, failed(client.Status(o))
					}
				})
				a, stop := n.run()
				s := new(fakeSwarm)
				e := a.Add(hashNumber(1), [][]string{{one, two}}, s)
				e.tiers[0].urls = []string{one, two}
				e.Serve(true)
				time.Sleep(59 * time.Minute)
				calls := n.seen(func(c call) bool { return c.url == two && test.first[c.family] != "no-route" })
				for _, text := range s.errors() {
					if strings.HasPrefix(text, two) {
						t.Error("an error of a tracker that works: ", text)
					}
				}
				switch {
				case test.within == 0 && len(calls) > 0:
					t.Errorf("the second was asked: %+v", calls)
				case test.within > 0 && (len(calls) == 0 || calls[0].after > test.within):
					t.Errorf("the second was not asked in %v: %+v", test.within, calls)
				}
				if e.Status()[0].Failed {
					t.Errorf("%+v", e.Status())
				}
				stop()
			})
		})
	}
}

// A tracker that is slow to respond works. At the end it receives stopped events for
// all swarms, and its responses are not awaited.
func TestSlowTracker(t *testing.T) {
	for _, takes := range []time.Duration{stopTimeout + time.Second, 40 * time.Second} {
		for _, swarms := range []int{30, 400} {
			for _, end := range []string{"end", "remove", "stop serving"} {
				t.Run(fmt.Sprint(takes, " ", swarms, " ", end), func(t *testing.T) {
					bubble(t, func(t *testing.T, n *fakeNet) {
						n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
							return later(ctx, takes, hour)
						})
						a, stop := n.run(Family{Network: "4"})
						all, entries := serveMany(a, swarms)
						time.Sleep(takes + time.Second)
						if all[0].answers() != 1 {
							t.Errorf("%+v", all[0].all())
						}
						time.Sleep(takes * time.Duration(2+swarms/maxPerHost))
						for i, s := range all {
							if s.answers() != 1 || len(s.errors()) > 0 {
								t.Errorf("swarm %d: %+v", i, s.all())
							}
						}
						for _, e := range entries {
							switch end {
							case "remove":
								e.Remove()
							case "stop serving":
								e.Serve(false)
							}
						}
						if end != "end" {
							time.Sleep(stopTimeout + time.Second)
						}
						if d := stop(); d > stopTimeout+time.Second {
							t.Errorf("the end took %v", d)
						}
						stopped := make(map[[20]byte]bool)
						for _, c := range n.seen(func(c call) bool { return c.Event == tracker.EventStopped }) {
							stopped[c.InfoHash] = true
						}
						if n.count("4", one, tracker.EventStarted) != swarms || len(stopped) != swarms {
							t.Errorf("started %d, stopped %d", n.count("4", one, tracker.EventStarted), len(stopped))
						}
					})
				})
			}
		}
	}
}

// A tracker that stops responding before the end still receives stopped events for
// all swarms.
func TestHangsAtTheEnd(t *testing.T) {
	const swarms = 400
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			return later(ctx, time.Millisecond, hour)
		})
		a, stop := n.run()
		for i := range swarms {
			a.Add(hashNumber(i), [][]string{{one}}, new(fakeSwarm)).Serve(true)
		}
		time.Sleep(time.Minute)
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) { return hang(ctx) })
		if d := stop(); d > stopTimeout+2*time.Second {
			t.Errorf("the end took %v", d)
		}
		for _, family := range []string{"4", "6"} {
			if got := n.count(family, one, tracker.EventStopped); got != swarms {
				t.Errorf("%d of %d received a stopped event over IPv%s", got, swarms, family)
			}
		}
	})
}

// After a stopped event, uploaded and downloaded count from 0 again, over each family and
// in each tier.
func TestTrafficOfSessions(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			return later(ctx, time.Millisecond, hour)
		})
		a, stop := n.run()
		s := new(fakeSwarm)
		s.uploaded.Store(7) // before it was served
		s.downloaded.Store(9)
		e := a.Add(hashNumber(1), [][]string{{one}, {two}}, s)
		for range 3 {
			e.Serve(true)
			time.Sleep(time.Minute)
			s.uploaded.Add(1000)
			s.downloaded.Add(2000)
			time.Sleep(90 * time.Minute)
			s.uploaded.Add(500)
			s.downloaded.Add(100)
			e.Serve(false)
			time.Sleep(time.Minute)
			s.uploaded.Add(50) // by nothing that a tracker should hear of
			s.downloaded.Add(50)
		}
		stop()
		for _, url := range []string{one, two} {
			for _, family := range []string{"4", "6"} {
				var got []string
				for _, c := range n.seen(func(c call) bool { return c.family == family && c.url == url }) {
					got = append(got, fmt.Sprint(c.Event, " ", c.Uploaded, " ", c.Downloaded))
				}
				run := []string{"started 0 0", " 1000 2000", "stopped 1500 2100"}
				if want := slices.Concat(run, run, run); !slices.Equal(got, want) {
					t.Errorf("%s over IPv%s: %q", url, family, got)
				}
			}
		}
	})
}

// A tracker that was replaced by another receives a stopped event, at once or when it
// is back, and delays nothing.
func TestTakeover(t *testing.T) {
	for _, down := range []time.Duration{time.Millisecond, 20 * time.Second, 5 * time.Minute} {
		for _, known := range []bool{true, false} {
			t.Run(fmt.Sprint(down, " ", known), func(t *testing.T) {
				bubble(t, func(t *testing.T, n *fakeNet) {
					var from, to time.Time // when one is down
					n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
						if now := time.Now(); c.url == one && !now.Before(from) && now.Before(to) {
							return hang(ctx)
						}
						return later(ctx, time.Millisecond, hour)
					})
					a, stop := n.run(Family{Network: "4"})
					s := new(fakeSwarm)
					e := a.Add(hashNumber(1), [][]string{{one, two}}, s)
					e.tiers[0].urls = []string{one, two}
					if known {
						from = time.Now().Add(30 * time.Minute)
						to = from.Add(35 * time.Minute) // over the next announce
					} else {
						from = time.Now()
						to = from.Add(hastyTimeout)
					}
					to = to.Add(down)
					e.Serve(true)
					time.Sleep(time.Until(to) - down)
					time.Sleep(20 * time.Second)
					if n.count("4", two, tracker.EventStarted) != 1 {
						t.Fatalf("it did not take over: %+v", n.all())
					}
					time.Sleep(2*down + 10*time.Minute)
					stopped := n.seen(func(c call) bool {
						return c.url == one && c.Event == tracker.EventStopped && !n.began.Add(c.after).Before(to)
					})
					if len(stopped) != 1 {
						t.Errorf("%d stopped events: %+v", len(stopped), n.all())
					}
					if d := stop(); d > time.Second {
						t.Errorf("the end took %v", d)
					}
					if n.count("4", two, tracker.EventStopped) != 1 {
						t.Errorf("%+v", n.all())
					}
				})
			})
		}
	}
}

// A failing tracker is left alone for as long as it asks, up to a day.
func TestRetryIn(t *testing.T) {
	for retry, want := range map[time.Duration]time.Duration{10 * time.Minute: 10 * time.Minute, tracker.Never: 24 * time.Hour, 100 * time.Hour: 24 * time.Hour} {
		bubble(t, func(t *testing.T, n *fakeNet) {
			n.set(func(context.Context, call) (*tracker.AnnounceResponse, error) {
				return nil, &client.Error{Status: client.StatusFailed, Msg: "busy", RetryIn: retry}
			})
			a, stop := n.run(Family{Network: "4"})
			a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm)).Serve(true)
			time.Sleep(want - time.Second)
			if got := n.count("4", one, tracker.EventStarted); got != 1 {
				t.Errorf("%v: asked %d times", retry, got)
			}
			time.Sleep(2 * time.Second)
			if got := n.count("4", one, tracker.EventStarted); got != 2 {
				t.Errorf("%v: asked %d times after it", retry, got)
			}
			stop()
		})
	}
}

// The same holds for stopped events.
func TestRetryInOfStopped(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(_ context.Context, c call) (*tracker.AnnounceResponse, error) {
			if c.Event == tracker.EventStopped && n.count("4", one, tracker.EventStopped) == 1 {
				return nil, &client.Error{Status: "http-503", Msg: "busy", RetryIn: 10 * time.Minute, Sent: true}
			}
			return hour, nil
		})
		a, stop := n.run(Family{Network: "4"})
		e := a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm))
		e.Serve(true)
		time.Sleep(time.Minute)
		e.Serve(false)
		time.Sleep(10*time.Minute - time.Second)
		if got := n.count("4", one, tracker.EventStopped); got != 1 {
			t.Errorf("%d announces too soon", got)
		}
		time.Sleep(time.Hour)
		if got := n.count("4", one, tracker.EventStopped); got != 2 {
			t.Errorf("%d announces", got)
		}
		stop()
	})
}

// A swarm that is removed and added again is not announced before the old entry has
// left. One family does not wait for the other.
func TestRemovedAndAddedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			if c.family == "6" {
				return hang(ctx)
			}
			return later(ctx, time.Second, hour)
		})
		a, stop := n.run()
		e := a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm))
		e.Serve(true)
		time.Sleep(10 * time.Second)
		for range 3 {
			e.Remove()
			e = a.Add(hashNumber(1), [][]string{{one}}, new(fakeSwarm))
			e.Serve(true)
			time.Sleep(10 * time.Second)
		}
		stop()
		var events []tracker.Event
		for _, c := range n.seen(func(c call) bool { return c.family == "4" }) {
			events = append(events, c.Event)
		}
		if want := slices.Repeat([]tracker.Event{tracker.EventStarted, tracker.EventStopped}, 4); !slices.Equal(events, want) {
			t.Errorf("%v", events)
		}
	})
}

// Dead trackers delay no others, however many there are.
func TestDeadTrackers(t *testing.T) {
	bubble(t, func(t *testing.T, n *fakeNet) {
		n.set(func(ctx context.Context, c call) (*tracker.AnnounceResponse, error) {
			if c.url == one {
				return later(ctx, 20*time.Millisecond, hour)
			}
			return hang(ctx)
		})
		a, stop := n.run()
		var tiers [][]string
		for i := range 100 {
			tiers = append(tiers, []string{fmt.Sprintf("http://dead%d.example/announce", i)})
		}
		tiers = append(tiers, []string{two, one})
		for i := range 100 {
			a.Add(hashNumber(i), tiers, new(fakeSwarm)).Serve(true)
		}
		time.Sleep(hastyTimeout + 5*time.Second)
		if got := n.count("4", one, tracker.EventStarted); got != 100 {
			t.Errorf("%d of 100 were announced", got)
		}
		if d := stop(); d > stopTimeout+time.Second {
			t.Errorf("the end took %v", d)
		}
		if got := n.count("4", one, tracker.EventStopped); got != 100 {
			t.Errorf("%d of 100 received a stopped event", got)
		}
	})
}

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/seed"
)

// seedScreen runs a seed and shows what it does: on a terminal one live screen,
// else a line an event, as JSON or for people.
type seedScreen struct {
	*ui
	torrent *seed.Torrent
	limits  seedLimits
	reveal  bool

	mu       sync.Mutex // over what follows and all printing
	live     *term.Live // nil: no terminal
	state    string
	message  string // the last of a tracker, or what went wrong
	next     time.Time
	peers    int
	uploaded int64
	last     int64   // uploaded, at the last second
	rate     float64 // bytes a second, smoothed
	printErr error
}

func (s *seedScreen) run(ctx context.Context, o seed.Options, in seed.Input) error {
	if s.env.stdoutTerminal && !s.json {
		s.live = term.NewLive(s.env.stdout)
		defer s.live.Close()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	o.Event = s.event
	seeder := seed.New(o)
	if err := seeder.Add(ctx, in); err != nil {
		o.Listener.Close()
		return usable(err)
	}
	s.event(seed.Event{Time: s.env.now(), Kind: seed.Listening, Addr: addrOf(o.Listener.Addr().String())})
	var wg sync.WaitGroup
	wg.Go(func() { s.eachSecond(ctx, seeder, stop) })
	err := seeder.Serve(ctx)
	stop(nil)
	wg.Wait()
	s.event(seed.Event{Time: s.env.now(), Kind: seed.Stopped, Torrent: s.torrent, Uploaded: seeder.Uploaded()})
	if s.printErr != nil {
		return s.printErr
	}
	if errors.Is(context.Cause(ctx), errSeedDone) {
		return nil
	}
	return err
}

// errSeedDone is why a seed stops that has done what was asked for.
var errSeedDone = errors.New("the seed has done its work")

// usable says of a torrent that can't be used that it is the torrent's fault.
func usable(err error) error {
	if _, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		return fail(exitTorrent, err)
	}
	return err
}

func addrOf(s string) netip.AddrPort {
	addr, _ := netip.ParseAddrPort(s)
	return addr
}

// eachSecond shows the figures, and stops when the limits are reached.
func (s *seedScreen) eachSecond(ctx context.Context, seeder *seed.Seeder, stop context.CancelCauseFunc) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var over <-chan time.Time
	if s.limits.time > 0 {
		over = time.After(s.limits.time)
	}
	size := float64(s.torrent.Size())
	for {
		s.figures(seeder)
		if s.limits.ratio > 0 && float64(seeder.Uploaded()) >= s.limits.ratio*size {
			stop(errSeedDone)
		}
		select {
		case <-second.C:
		case <-over:
			stop(errSeedDone)
		case <-ctx.Done():
			return
		}
	}
}

func (s *seedScreen) figures(seeder *seed.Seeder) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uploaded, s.peers = seeder.Uploaded(), seeder.Peers()
	now := float64(s.uploaded - s.last)
	if s.rate = 0.7*s.rate + 0.3*now; s.rate < 1 {
		s.rate = 0
	}
	changed := s.last != s.uploaded
	s.last = s.uploaded
	switch {
	case s.live != nil:
		s.draw()
	case s.json && changed:
		s.print(seed.Event{Time: s.env.now(), Kind: seed.Stats, Uploaded: s.uploaded, Rate: int64(s.rate), Peers: s.peers})
	}
}

// event takes note of what happened, and shows it.
func (s *seedScreen) event(e seed.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case seed.Checking:
		s.state = fmt.Sprintf("checking: %s of %s", term.Size(e.Done), term.Size(e.Total))
	case seed.Seeding:
		s.state = "seeding"
		if all := s.torrent.PieceCount(); e.Pieces < all {
			s.state = fmt.Sprintf("seeding %s of %s", term.Count(int64(e.Pieces)), count(all, "piece"))
		}
	case seed.Announce:
		s.message = s.announceText(e)
		s.next = time.Now().Add(e.Next)
	case seed.Failed, seed.Warning:
		if e.Kind == seed.Failed {
			s.state = "stopped, waiting for the data"
		}
		s.message = e.Err.Error()
	}
	if s.live != nil {
		s.draw()
		return
	}
	s.print(e)
}

func (s *seedScreen) shownURL(url string) string {
	if s.reveal {
		return url
	}
	return metainfo.MaskURL(url)
}

func (s *seedScreen) announceText(e seed.Event) string {
	var b strings.Builder
	b.WriteString(s.shownURL(e.Tracker))
	switch {
	case e.Err != nil:
		fmt.Fprintf(&b, ": %s", metainfo.MaskText(e.Err.Error(), e.Tracker))
	default:
		fmt.Fprintf(&b, ": ok, next in %s", term.Duration(e.Next))
		if e.Seeders >= 0 && e.Leechers >= 0 {
			fmt.Fprintf(&b, ", %s, %s", count(int(e.Seeders), "seeder"), count(int(e.Leechers), "leecher"))
		}
		if e.Message != "" {
			fmt.Fprintf(&b, "; it says: %s", metainfo.MaskText(e.Message, e.Tracker))
		}
	}
	return b.String()
}

// draw draws the live screen.
func (s *seedScreen) draw() {
	columns, rows := s.env.width, 0
	if s.env.size != nil {
		columns, rows = s.env.size()
	}
	ratio := 0.0
	if size := s.torrent.Size(); size > 0 {
		ratio = float64(s.uploaded) / float64(size)
	}
	fields := [][2]string{
		{"state", s.pal.Green(cmp.Or(s.state, "starting"))},
		{"rate", term.Rate(s.rate)},
		{"peers", term.Count(int64(s.peers))},
		{"uploaded", fmt.Sprintf("%s (ratio %.2f)", term.Size(s.uploaded), ratio)},
	}
	if left := time.Until(s.next); left > 0 {
		fields = append(fields, [2]string{"next announce", "in " + term.Duration(left.Round(time.Second))})
	}
	if s.message != "" {
		fields = append(fields, [2]string{"last message", term.Safe(s.message)})
	}
	var b strings.Builder
	b.WriteString(s.pal.Bold(term.Safe(s.torrent.Name)) + "\n")
	_ = term.Fields(&b, s.pal, columns, fields) // a Builder makes no errors
	_ = s.live.Draw(columns, rows, b.String())
}

// seedEvent is an event as JSON.
type seedEvent struct {
	Time       time.Time `json:"time"`
	Event      string    `json:"event"`
	Name       string    `json:"name,omitempty"`
	InfoHashV1 string    `json:"info_hash_v1,omitempty"`
	InfoHashV2 string    `json:"info_hash_v2,omitempty"`
	Magnet     string    `json:"magnet,omitempty"`
	Addr       string    `json:"addr,omitempty"`
	Done       *int64    `json:"done,omitempty"`
	Total      *int64    `json:"total,omitempty"`
	Pieces     *int      `json:"pieces,omitempty"`
	Known      *bool     `json:"known,omitempty"`
	Tracker    string    `json:"tracker,omitempty"`
	Error      string    `json:"error,omitempty"`
	Message    string    `json:"message,omitempty"`
	Seeders    *int64    `json:"seeders,omitempty"`
	Leechers   *int64    `json:"leechers,omitempty"`
	Next       string    `json:"next,omitempty"`
	Client     string    `json:"client,omitempty"`
	State      string    `json:"state,omitempty"`
	Uploaded   *int64    `json:"uploaded,omitempty"`
	Rate       *int64    `json:"rate,omitempty"`
	Peers      *int      `json:"peers,omitempty"`
}

// print prints an event: what fails keeps the error of the first.
func (s *seedScreen) print(e seed.Event) {
	var err error
	if s.json {
		err = s.printJSON(s.eventDocument(e))
	} else if text := s.eventText(e); text != "" && !s.quiet {
		fmt.Fprintf(s.out, "%s %s\n", e.Time.Format(time.TimeOnly), term.Safe(text))
		err = stdoutError(s.out.Flush())
	}
	if s.printErr == nil {
		s.printErr = err
	}
}

func (s *seedScreen) eventDocument(e seed.Event) seedEvent {
	d := seedEvent{Time: e.Time.UTC(), Event: string(e.Kind)}
	if e.Err != nil {
		d.Error = metainfo.MaskText(e.Err.Error(), e.Tracker)
	}
	if e.Addr.IsValid() {
		d.Addr = e.Addr.String()
	}
	switch e.Kind {
	case seed.Seeding:
		d.Name, d.InfoHashV1, d.InfoHashV2 = s.torrent.Name, s.torrent.HexV1(), s.torrent.HexV2()
		d.Magnet = s.torrent.Magnet().String()
		if !s.reveal {
			d.Magnet = s.torrent.Magnet().Masked().String()
		}
		d.Pieces, d.Known = &e.Pieces, &e.Known
	case seed.Checking:
		d.Done, d.Total = &e.Done, &e.Total
	case seed.Announce:
		d.Tracker, d.Message = s.shownURL(e.Tracker), metainfo.MaskText(e.Message, e.Tracker)
		if e.Err == nil {
			d.Next = e.Next.Round(time.Second).String()
			if e.Seeders >= 0 {
				d.Seeders = &e.Seeders
			}
			if e.Leechers >= 0 {
				d.Leechers = &e.Leechers
			}
		}
	case seed.Peer:
		d.Client, d.Uploaded, d.State = e.Client, &e.Uploaded, "left"
		if e.Joined {
			d.State, d.Uploaded = "joined", nil
		}
	case seed.Stats:
		d.Uploaded, d.Rate, d.Peers = &e.Uploaded, &e.Rate, &e.Peers
	case seed.Stopped:
		d.Uploaded = &e.Uploaded
	}
	return d
}

// eventText is an event for people; empty: they need not know.
func (s *seedScreen) eventText(e seed.Event) string {
	switch e.Kind {
	case seed.Listening:
		return fmt.Sprintf("listening on %s", e.Addr)
	case seed.Seeding:
		return fmt.Sprintf("%s: %s", s.torrent.Name, s.state)
	case seed.Announce:
		return s.announceText(e)
	case seed.Failed, seed.Warning:
		return e.Err.Error()
	case seed.Stopped:
		return fmt.Sprintf("stopped, %s uploaded", term.Size(e.Uploaded))
	case seed.Peer:
		who := fmt.Sprintf("%s (%s)", e.Addr, cmp.Or(e.Client, "unknown client"))
		switch {
		case !s.verbose:
		case e.Joined:
			return who + " joined"
		case e.Err != nil:
			return who + " was dropped: " + e.Err.Error()
		default:
			return fmt.Sprintf("%s left, %s sent", who, term.Size(e.Uploaded))
		}
	}
	return ""
}

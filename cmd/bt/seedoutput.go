package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"bt/internal/term"
	"bt/seed"
)

// seedScreen runs a seed and shows what it does: on a terminal one live screen,
// else a line an event, as JSON or for people.
type seedScreen struct {
	*ui
	page *statusPage // nil: none

	seeder *seed.Seeder
	only   *seed.Torrent   // nil: there may be many
	dir    *seed.Directory // of many
	began  time.Time
	stop   context.CancelCauseFunc

	log     *seedLog        // nil: there is a live screen
	failing map[string]bool // of log: trackers by URL, of many torrents

	last seed.Event // the last Stats

	mu      sync.Mutex // over what follows
	live    *term.Live // nil: no terminal
	message message    // the last
}

// A message is what the live screen shows of an event.
type message struct {
	tracker string // its URL, if it is of one
	text    string
}

// errSeedDone is why a seed stops that has done what was asked for.
var errSeedDone = errors.New("the seed has done its work")

// runOne seeds one torrent until it is done.
func (s *seedScreen) runOne(ctx context.Context, o seed.Options, in seed.Input) error {
	return s.run(ctx, o, func(context.Context) error {
		t, err := s.seeder.Add(in)
		s.only = t
		return usable(in.Torrent.Name, err)
	})
}

// run seeds what add adds before the first peer comes.
func (s *seedScreen) run(ctx context.Context, o seed.Options, add func(context.Context) error) error {
	s.began = s.env.now()
	if s.env.stdoutTerminal && !s.json {
		s.live = term.NewLive(s.env.stdout)
		s.live.Palette = s.pal
		defer s.live.Close()
	}
	ctx, s.stop = context.WithCancelCause(ctx)
	defer s.stop(nil)
	if s.live == nil {
		s.log = startLog(s.print, s.stop)
	}
	o.Event = s.event
	s.seeder = seed.New(o)
	if s.page != nil {
		defer s.page.serve(s)()
	}
	if err := add(ctx); err != nil {
		o.Listener.Close()
		if s.log != nil {
			_ = s.log.end() // the first error counts
		}
		return err
	}
	s.event(seed.Event{Time: s.env.now(), Kind: seed.Listening, Addr: addrOf(o.Listener.Addr().String())})
	if s.page != nil {
		s.event(seed.Event{Time: s.env.now(), Kind: seed.Listening, Message: s.page.url()})
	}
	tellSystemd(daemon.SdNotifyReady)
	defer context.AfterFunc(ctx, func() { tellSystemd(daemon.SdNotifyStopping) })()
	var wg sync.WaitGroup
	wg.Go(func() { s.eachSecond(ctx) })
	err := s.seeder.Serve(ctx)
	s.stop(nil)
	wg.Wait()
	stopped := seed.Event{Time: s.env.now(), Kind: seed.Stopped, Torrent: s.only, Uploaded: s.seeder.Uploaded()}
	if s.log != nil {
		s.log.put(stopped)
		if err := s.log.end(); err != nil {
			return err
		}
	} else {
		_ = s.live.Close()
		if !s.quiet {
			fmt.Fprintln(s.out, s.eventText(stopped))
		}
	}
	s.ended = true
	if errors.Is(context.Cause(ctx), errSeedDone) {
		return nil
	}
	return err
}

func addrOf(s string) netip.AddrPort {
	addr, _ := netip.ParseAddrPort(s)
	return addr
}

// eachSecond shows the figures.
func (s *seedScreen) eachSecond(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		s.figures()
		select {
		case <-second.C:
		case <-ctx.Done():
			s.mu.Lock()
			s.message = message{text: "telling the trackers that we leave"}
			s.mu.Unlock()
			s.figures()
			return
		}
	}
}

func (s *seedScreen) figures() {
	tellSystemd(daemon.SdNotifyWatchdog) // whoever can tell its figures is alive
	if s.live != nil {
		status := s.seeder.Status()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.draw(status)
		return
	}
	e := seed.Event{Time: s.env.now(), Kind: seed.Stats, Uploaded: s.seeder.Uploaded(), Rate: s.seeder.Rate(), Peers: s.seeder.Peers()}
	if s.json && (e.Uploaded != s.last.Uploaded || e.Rate != s.last.Rate || e.Peers != s.last.Peers) {
		s.last = e
		s.log.put(e)
	}
}

// event takes note of what happened, and shows it.
func (s *seedScreen) event(e seed.Event) {
	if e.Kind == seed.Seeding || e.Kind == seed.Failed {
		freeMemory()
	}
	if e.Kind == seed.Stopped && s.only != nil {
		s.stop(errSeedDone)
		return // the end is told when all is over
	}
	if s.log != nil {
		s.log.put(e)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e.Kind {
	case seed.Announce:
		s.message = message{e.Tracker, s.answerText(e, false)}
	case seed.Failed, seed.Warning:
		s.message = message{text: s.eventText(e)}
	}
}

// answerText is what came of an announce; with the time until the next if next is
// set: on a screen it would stand still.
func (s *seedScreen) answerText(e seed.Event, next bool) string {
	if e.Err != nil {
		text := s.errorText(e)
		if meaning := e.Meaning(); meaning != "" {
			text += " (" + meaning + ")"
		}
		return text
	}
	text := "ok"
	if next {
		text += ", next in " + term.Duration(e.Next)
	}
	if e.Seeders >= 0 && e.Leechers >= 0 {
		text += fmt.Sprintf(", %s, %s", count(int(e.Seeders), "seeder"), count(int(e.Leechers), "leecher"))
	}
	if e.Message != "" {
		text += "; it says: " + s.shownWords(e.Message, e.Tracker)
	}
	return text
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
	Status     string    `json:"status,omitempty"` // URL of the status page
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

// print prints an event.
func (s *seedScreen) print(e seed.Event) error {
	if s.json {
		return s.printJSON(s.eventDocument(e))
	}
	text := s.eventText(e)
	if text == "" || s.quiet {
		return nil
	}
	fmt.Fprintf(s.out, "%s %s\n", e.Time.Format(time.TimeOnly), term.Safe(text))
	return stdoutError(s.out.Flush())
}

func (s *seedScreen) eventDocument(e seed.Event) seedEvent {
	d := seedEvent{Time: e.Time.UTC(), Event: string(e.Kind)}
	if e.Torrent != nil {
		d.Name, d.InfoHashV1, d.InfoHashV2 = e.Torrent.Name(), e.Torrent.HexV1(), e.Torrent.HexV2()
	}
	if e.Err != nil {
		d.Error = s.errorText(e)
	}
	if e.Addr.IsValid() {
		d.Addr = e.Addr.String()
	}
	switch e.Kind {
	case seed.Listening:
		d.Status = e.Message
	case seed.Seeding:
		d.Pieces, d.Known = &e.Pieces, &e.Known
		if meta, err := e.Torrent.Metainfo(); err == nil {
			d.Magnet, d.Message = s.shownMagnet(meta.Magnet().String())
		}
	case seed.Checking:
		d.Done, d.Total = &e.Done, &e.Total
	case seed.Announce:
		d.Tracker, d.Message = s.shownURL(e.Tracker), s.shownWords(e.Message, e.Tracker)
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

// errorText is the error of an event as it may be shown: of a tracker, or about
// files and peers.
func (s *seedScreen) errorText(e seed.Event) string {
	if e.Tracker != "" {
		return s.shownWords(e.Err.Error(), e.Tracker)
	}
	return s.shownText(withFormHint(e.Err))
}

// eventText is an event for people; empty: they need not know.
func (s *seedScreen) eventText(e seed.Event) string {
	text := ""
	switch e.Kind {
	case seed.Listening:
		if e.Message != "" {
			return "status page: " + e.Message
		}
		return fmt.Sprintf("listening on %s", e.Addr)
	case seed.Seeding:
		text = "seeding"
		if all := e.Torrent.Pieces(); e.Pieces < all {
			text = fmt.Sprintf("seeding %s of %s", term.Count(int64(e.Pieces)), count(all, "piece"))
		}
		return e.Torrent.Name() + ": " + text
	case seed.Announce:
		if text = s.shownURL(e.Tracker) + ": " + s.answerText(e, true); s.only == nil && !s.verbose {
			return s.trackerNews(e, text)
		}
	case seed.Failed, seed.Warning:
		text = s.errorText(e)
	case seed.Stopped:
		text = s.stoppedText(e)
	case seed.Peer:
		who := fmt.Sprintf("%s (%s)", e.Addr, cmp.Or(e.Client, "unknown client"))
		switch {
		case !s.verbose:
			return ""
		case e.Joined:
			text = who + " joined"
		case e.Err != nil:
			text = who + " was dropped: " + s.errorText(e)
		default:
			text = fmt.Sprintf("%s left, %s sent", who, term.Size(e.Uploaded))
		}
	}
	if text != "" && s.only == nil && e.Torrent != nil {
		text = e.Torrent.Name() + ": " + text
	}
	return text
}

// stoppedText says how a torrent ended, or the seed.
func (s *seedScreen) stoppedText(e seed.Event) string {
	size, since := int64(0), s.began
	if s.only == nil && e.Torrent != nil {
		size, since = e.Torrent.Size(), e.Torrent.Since()
	} else {
		for _, t := range s.seeder.Status().Torrents {
			size += t.Size
		}
	}
	ratio := ""
	if size > 0 {
		ratio = fmt.Sprintf(" (ratio %s)", ratioText(e.Uploaded, size))
	}
	return fmt.Sprintf("stopped: %s uploaded%s in %s", term.Size(e.Uploaded), ratio, term.Duration(e.Time.Sub(since)))
}

// trackerNews is what is told of an announce where there may be thousands: that a
// tracker fails which did not, or answers again.
func (s *seedScreen) trackerNews(e seed.Event, text string) string {
	failed := e.Err != nil
	if s.failing[e.Tracker] == failed {
		return ""
	}
	if !failed {
		delete(s.failing, e.Tracker)
		return s.shownURL(e.Tracker) + ": answers again"
	}
	if s.failing == nil {
		s.failing = make(map[string]bool)
	}
	s.failing[e.Tracker] = true
	return text
}

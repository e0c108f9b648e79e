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

// seedScreen runs a seed and shows its state: on a terminal as a live screen,
// else as one line per event, in JSON or as text.
type seedScreen struct {
	*ui
	page *statusPage // nil if there is none

	seeder *seed.Seeder
	single *seed.Torrent   // the torrent of a single-torrent seed, else nil
	dir    *seed.Directory // nil for a single torrent
	began  time.Time
	stop   context.CancelCauseFunc

	log     *eventLog       // nil if there is a live screen
	failing map[string]bool // trackers that fail, by URL, when there are many torrents

	exit    bool     // stop when every torrent has stopped
	stopped logEntry // the final event
	why     error    // why single has stopped

	link string // the magnet link of single that was shown last; used by event

	mu      sync.Mutex // guards the fields below
	live    *term.Live // nil without a terminal
	above   string     // what draw prints above the live screen next
	message message    // the last one
}

// errSeedDone is the cause of the end if the seed has done what the flags ask
// for.
var errSeedDone = errors.New("the seed has done its work")

// runOne seeds one torrent until it is done.
func (s *seedScreen) runOne(ctx context.Context, o seed.Options, in seed.Input) error {
	return s.run(ctx, o, func(context.Context) error {
		t, err := s.seeder.Add(in)
		s.single = t
		return usable(in.Torrent.Name, err)
	})
}

// run runs the seed. It calls add to add torrents before it accepts peers.
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
		defer catchClosedPipe()()
		s.log = startLog(s.print, isMinorSeedEvent, s.stop)
	}
	o.Event = s.event
	s.seeder = seed.New(o)
	if s.page != nil {
		defer s.page.serve(s)()
	}
	if err := add(ctx); err != nil {
		closeNetwork(o.Listener, o.DHT)
		if s.log != nil {
			_ = s.log.end() // err takes precedence
		}
		return err
	}
	notifySystemd(daemon.SdNotifyReady)
	defer context.AfterFunc(ctx, func() { notifySystemd(daemon.SdNotifyStopping) })()
	var wg sync.WaitGroup
	wg.Go(func() { s.eachSecond(ctx) })
	err := s.seeder.Serve(ctx)
	s.stop(nil)
	wg.Wait()
	if s.log != nil {
		if err := s.log.end(); err != nil {
			return err
		}
	} else if !s.quiet {
		fmt.Fprintln(s.out, s.eventText(s.stopped))
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

// eachSecond shows the figures every second.
func (s *seedScreen) eachSecond(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		s.figures()
		select {
		case <-second.C:
		case <-ctx.Done():
			s.mu.Lock()
			s.message = message{text: "announcing the stop to trackers"}
			s.mu.Unlock()
			s.figures()
			s.mu.Lock()
			_ = s.live.Close() // a second signal ends the process at once, and must not leave the cursor hidden
			s.mu.Unlock()
			return
		}
	}
}

// status returns the status of the seed, with the files of a directory that can't
// be seeded.
func (s *seedScreen) status() seed.Status {
	if s.dir != nil {
		return s.dir.Status()
	}
	return s.seeder.Status()
}

func (s *seedScreen) figures() {
	notifySystemd(daemon.SdNotifyWatchdog) // reached once a second unless the seed hangs
	if s.page != nil {
		s.page.page.Sample(s.env.now(), s.seeder.Uploaded(), s.seeder.Rate())
	}
	if s.live == nil && !s.exit {
		return
	}
	status := s.status()
	if s.exit && allDone(&status) {
		s.stop(errSeedDone)
	}
	if s.live != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.printAbove()
		s.draw(status)
	}
}

// allDone reports whether at least one torrent is done and all others are done or
// have failed.
func allDone(s *seed.Status) bool {
	done := 0
	for i := range s.Torrents {
		switch s.Torrents[i].State {
		case seed.StateDone:
			done++
		case seed.StateError:
		default:
			return false
		}
	}
	return done > 0
}

// A pageListening is the event that the status page is available.
type pageListening struct{ url string }

func (p pageListening) String() string { return "status page: " + p.url }

// event handles an event of the seed and shows it.
func (s *seedScreen) event(at time.Time, e seed.Event) {
	entry := logEntry{at, e}
	switch e := e.(type) {
	case seed.EventSeeding, seed.EventFailed:
		freeMemory()
	case seed.EventStopped:
		if e.Torrent == nil {
			e.Why = s.why
			entry.event, s.stopped = e, logEntry{at, e}
		} else if s.single != nil {
			s.why = e.Why
			s.stop(errSeedDone)
			return // printed when the seed ends
		}
	}
	link := s.newLink(e)
	if s.log != nil {
		s.log.put(entry)
		if link != nil && !s.json {
			s.log.put(logEntry{at, link})
		}
		if _, ok := e.(seed.EventListening); ok && s.page != nil {
			s.log.put(logEntry{at, pageListening{s.page.url()}})
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if link != nil {
		s.above = link.lines(s.pal)
	}
	switch e := e.(type) {
	case seed.EventAnnounce:
		s.message = message{e.Tracker, s.announceText(seedAnnounce(e), false)}
	case seed.EventFailed, seed.EventWarning:
		s.message = message{text: s.eventText(entry)}
	}
}

// isMinorSeedEvent reports whether a log may drop an event before others.
func isMinorSeedEvent(event any) bool {
	switch event.(type) {
	case seed.EventPeer, seed.EventStats:
		return true
	}
	return false
}

// seedAnnounce returns the result of an announce.
func seedAnnounce(e seed.EventAnnounce) announceResult {
	return announceResult{e.Tracker, e.Err, e.Message, e.Seeders, e.Leechers, e.Next}
}

// print prints an event.
func (s *seedScreen) print(e logEntry) error {
	if s.json {
		return s.printJSON(s.eventDocument(e))
	}
	text := s.eventText(e)
	if text == "" || s.quiet {
		return nil
	}
	fmt.Fprintf(s.out, "%s %s\n", e.time.Format(time.TimeOnly), term.Safe(text))
	return stdoutError(s.out.Flush())
}

// eventDocument returns the JSON of an event.
func (s *seedScreen) eventDocument(entry logEntry) (d jsonEvent) {
	switch e := entry.event.(type) {
	case seed.EventListening:
		d = jsonEvent{Event: "listening", Addr: e.Addr.String()}
	case pageListening:
		d = jsonEvent{Event: "listening", Status: e.url}
	case seed.EventAddress:
		d = s.linkEvent("address", s.single)
		d.Addr = e.Addr.String()
	case seed.EventChecking:
		d = s.torrentEvent("checking", e.Torrent)
		d.Done, d.Total = &e.Done, &e.Total
	case seed.EventSeeding:
		d = s.linkEvent("seeding", e.Torrent)
		d.Pieces, d.Known = &e.Pieces, &e.Known
	case seed.EventAnnounce:
		d = s.announceEvent(s.torrentEvent("announce", e.Torrent), seedAnnounce(e))
	case seed.EventPeer:
		d = s.peerEvent(e)
	case seed.EventStats:
		d = jsonEvent{Event: "stats", Uploaded: &e.Uploaded, Rate: &e.Rate, Peers: &e.Peers}
	case seed.EventWarning:
		d = s.torrentEvent("warning", e.Torrent)
		d.Error = s.errorText(e.Err)
	case lostEvents:
		d = jsonEvent{Event: "warning", Error: e.Error()}
	case seed.EventFailed:
		d = s.torrentEvent("error", e.Torrent)
		d.Error = s.errorText(e.Err)
	case seed.EventStopped:
		d = s.torrentEvent("stopped", cmp.Or(e.Torrent, s.single))
		d.Uploaded, d.Message = &e.Uploaded, s.errorText(e.Why)
	}
	d.Time = entry.time.UTC()
	return d
}

// linkEvent returns an event with the magnet link of t, if t is non-nil.
func (s *seedScreen) linkEvent(kind string, t *seed.Torrent) jsonEvent {
	d := s.torrentEvent(kind, t)
	if t != nil {
		if link, err := t.Magnet(); err == nil {
			d.Magnet, d.Message = s.shownMagnet(link)
		}
	}
	return d
}

func (s *seedScreen) peerEvent(e seed.EventPeer) jsonEvent {
	d := s.torrentEvent("peer", e.Torrent)
	d.Addr, d.Client, d.Error = e.Addr.String(), e.Client, s.errorText(e.Err)
	if e.Joined {
		d.State = "joined"
	} else {
		d.State, d.Uploaded = "left", &e.Uploaded
	}
	return d
}

// torrentEvent returns an event with the name and info-hashes of t, if t is
// non-nil.
func (s *seedScreen) torrentEvent(kind string, t *seed.Torrent) jsonEvent {
	if t == nil {
		return jsonEvent{Event: kind}
	}
	return jsonEvent{Event: kind, Name: t.Name(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2()}
}

// eventText returns an event as text, or "" if it is not printed.
func (s *seedScreen) eventText(entry logEntry) string {
	switch e := entry.event.(type) {
	case seed.EventListening:
		return fmt.Sprintf("listening on %s", e.Addr)
	case fmt.Stringer: // of this package
		return e.String()
	case seed.EventAddress:
		return fmt.Sprintf("peers reach this seed at %s", e.Addr)
	case seed.EventSeeding:
		if all := e.Torrent.Pieces(); e.Pieces < all {
			return fmt.Sprintf("%s: seeding %s of %s", e.Torrent.Name(), term.Count(int64(e.Pieces)), count(all, "piece"))
		}
		return e.Torrent.Name() + ": seeding"
	case seed.EventAnnounce:
		text := s.shownURL(e.Tracker) + ": " + s.announceText(seedAnnounce(e), true)
		if s.single == nil && !s.verbose {
			return s.trackerChange(e, text)
		}
		return s.about(e.Torrent, text)
	case seed.EventPeer:
		if !s.verbose {
			return ""
		}
		return s.about(e.Torrent, s.peerText(e))
	case seed.EventWarning:
		return s.about(e.Torrent, s.errorText(e.Err))
	case lostEvents:
		return e.Error()
	case seed.EventFailed:
		return s.about(e.Torrent, s.errorText(e.Err))
	case seed.EventStopped:
		return s.about(e.Torrent, s.stoppedText(e, entry.time))
	}
	return ""
}

func (s *seedScreen) peerText(e seed.EventPeer) string {
	who := fmt.Sprintf("%s (%s)", e.Addr, cmp.Or(e.Client, "unknown client"))
	switch {
	case e.Joined:
		return who + " joined"
	case e.Err != nil:
		return who + " was dropped: " + s.errorText(e.Err)
	}
	return fmt.Sprintf("%s left, %s sent", who, term.Size(e.Uploaded))
}

// about puts the name of the torrent before a text if there are several torrents.
func (s *seedScreen) about(t *seed.Torrent, text string) string {
	if t == nil || s.single != nil {
		return text
	}
	return t.Name() + ": " + text
}

// stoppedText describes the end of a torrent or of the seed.
func (s *seedScreen) stoppedText(e seed.EventStopped, at time.Time) string {
	size, since := int64(0), s.began
	if e.Torrent != nil {
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
	text := fmt.Sprintf("stopped: %s uploaded%s in %s", term.Size(e.Uploaded), ratio, term.Duration(at.Sub(since)))
	if e.Why != nil {
		text += ", for " + e.Why.Error()
	}
	return text
}

// trackerChange returns the text for an announce if there are many torrents: only
// the first failure of a tracker and its next success are printed.
func (s *seedScreen) trackerChange(e seed.EventAnnounce, text string) string {
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

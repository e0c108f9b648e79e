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

	log     *seedLog        // nil if there is a live screen
	failing map[string]bool // trackers that fail, by URL, when there are many torrents

	exit    bool      // stop when every torrent has stopped
	stopped seedEntry // the final event
	why     error     // why single has stopped

	mu      sync.Mutex // guards the fields below
	live    *term.Live // nil without a terminal
	message message    // the last one
}

// A message is the last event in the form in which the live screen shows it.
type message struct {
	tracker string // URL of the tracker, if any
	text    string
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

// event handles an event of the seed and shows it.
func (s *seedScreen) event(at time.Time, e seed.Event) {
	entry := seedEntry{at, e}
	switch e := e.(type) {
	case seed.EventSeeding, seed.EventFailed:
		freeMemory()
	case seed.EventStopped:
		if e.Torrent == nil {
			e.Why = s.why
			entry.event, s.stopped = e, seedEntry{at, e}
		} else if s.single != nil {
			s.why = e.Why
			s.stop(errSeedDone)
			return // printed when the seed ends
		}
	}
	if s.log != nil {
		s.log.put(entry)
		if _, ok := e.(seed.EventListening); ok && s.page != nil {
			s.log.put(seedEntry{at, pageListening{s.page.url()}})
		}
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case seed.EventAnnounce:
		s.message = message{e.Tracker, s.answerText(e, false)}
	case seed.EventFailed, seed.EventWarning:
		s.message = message{text: s.eventText(entry)}
	}
}

// answerText returns the result of an announce as text. With next it includes the
// time until the next announce, which on a live screen would not count down.
func (s *seedScreen) answerText(e seed.EventAnnounce, next bool) string {
	if e.Err != nil {
		text := s.shownWords(e.Err.Error(), e.Tracker)
		if failure, ok := errors.AsType[*seed.TrackerError](e.Err); ok {
			if meaning := statusMeaning(failure.Status); meaning != "" {
				text += " (" + meaning + ")"
			}
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
		text += "; message: " + s.shownWords(e.Message, e.Tracker)
	}
	return text
}

// seedEvent is the JSON of an event.
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
func (s *seedScreen) print(e seedEntry) error {
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
func (s *seedScreen) eventDocument(entry seedEntry) (d seedEvent) {
	switch e := entry.event.(type) {
	case seed.EventListening:
		d = seedEvent{Event: "listening", Addr: e.Addr.String()}
	case pageListening:
		d = seedEvent{Event: "listening", Status: e.url}
	case seed.EventChecking:
		d = s.torrentEvent("checking", e.Torrent)
		d.Done, d.Total = &e.Done, &e.Total
	case seed.EventSeeding:
		d = s.torrentEvent("seeding", e.Torrent)
		d.Pieces, d.Known = &e.Pieces, &e.Known
		if meta, err := e.Torrent.Metainfo(); err == nil {
			d.Magnet, d.Message = s.shownMagnet(meta.Magnet().String())
		}
	case seed.EventAnnounce:
		d = s.announceEvent(e)
	case seed.EventPeer:
		d = s.peerEvent(e)
	case seed.EventStats:
		d = seedEvent{Event: "stats", Uploaded: &e.Uploaded, Rate: &e.Rate, Peers: &e.Peers}
	case seed.EventWarning:
		d = s.torrentEvent("warning", e.Torrent)
		d.Error = s.errorText(e.Err)
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

func (s *seedScreen) announceEvent(e seed.EventAnnounce) seedEvent {
	d := s.torrentEvent("announce", e.Torrent)
	d.Tracker, d.Message = s.shownURL(e.Tracker), s.shownWords(e.Message, e.Tracker)
	if e.Err != nil {
		d.Error = s.shownWords(e.Err.Error(), e.Tracker)
		return d
	}
	d.Next = e.Next.Round(time.Second).String()
	if e.Seeders >= 0 {
		d.Seeders = &e.Seeders
	}
	if e.Leechers >= 0 {
		d.Leechers = &e.Leechers
	}
	return d
}

func (s *seedScreen) peerEvent(e seed.EventPeer) seedEvent {
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
func (s *seedScreen) torrentEvent(kind string, t *seed.Torrent) seedEvent {
	if t == nil {
		return seedEvent{Event: kind}
	}
	return seedEvent{Event: kind, Name: t.Name(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2()}
}

// errorText returns the text of an error about files or peers, with secrets
// masked, or "".
func (s *seedScreen) errorText(err error) string {
	if err == nil {
		return ""
	}
	return s.shownText(withFormHint(err))
}

// eventText returns an event as text, or "" if it is not printed.
func (s *seedScreen) eventText(entry seedEntry) string {
	switch e := entry.event.(type) {
	case seed.EventListening:
		return fmt.Sprintf("listening on %s", e.Addr)
	case pageListening:
		return "status page: " + e.url
	case seed.EventSeeding:
		if all := e.Torrent.Pieces(); e.Pieces < all {
			return fmt.Sprintf("%s: seeding %s of %s", e.Torrent.Name(), term.Count(int64(e.Pieces)), count(all, "piece"))
		}
		return e.Torrent.Name() + ": seeding"
	case seed.EventAnnounce:
		text := s.shownURL(e.Tracker) + ": " + s.answerText(e, true)
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

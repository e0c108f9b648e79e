package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"bt/get"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// A getScreen runs a download and shows its state: on a terminal as a live screen, else as
// one line per event, in JSON or as text. If stdout is for content, a torrent or a list, it
// shows a progress bar on stderr instead.
type getScreen struct {
	*ui
	onStderr bool
	lasting  bool // with bt get --seed: the end of the download is not that of the command

	// fetched, if non-nil, is called with the torrent when Run has ended without an error.
	fetched func(*metainfo.Torrent) error

	began    time.Time
	status   func() get.Status
	log      *eventLog // nil unless events are printed
	logged   time.Time // when the last line about progress was printed
	complete *get.EventComplete
	stopped  logEntry

	printing sync.Mutex // to stderr; guards peers, which are connected
	peers    int

	mu      sync.Mutex // guards the fields below
	known   *metainfo.Torrent
	title   string     // name of the torrent, or what the user has named
	v1, v2  string     // info-hashes in hex, or ""
	live    *term.Live // nil unless there is a live screen
	message message    // the last one
}

// newGetScreen returns the screen of a download.
func newGetScreen(u *ui, in *getInput, f *getFlags) *getScreen {
	s := &getScreen{ui: u, onStderr: (f.toStdout() || f.list || f.metadataOnly) && !u.json, lasting: f.seed, title: in.name}
	if in.torrent != nil {
		s.know(in.torrent)
		return s
	}
	if m := in.magnet; m.HasV1 {
		s.v1 = hex.EncodeToString(m.V1[:])
	}
	if m := in.magnet; m.HasV2 {
		s.v2 = hex.EncodeToString(m.V2[:])
	}
	return s
}

// know sets what the events say of the torrent.
func (s *getScreen) know(t *metainfo.Torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.title, s.v1, s.v2 = t, t.Name, t.HexV1(), t.HexV2()
}

// about returns an event about the torrent.
func (s *getScreen) about(kind string) jsonEvent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return jsonEvent{Event: kind, Name: s.title, InfoHashV1: s.v1, InfoHashV2: s.v2}
}

// run runs the download until it is done, and returns its error or that of the output.
func (s *getScreen) run(ctx context.Context, o get.Options) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s.began = s.env.now()
	o.Event = s.event
	getter, err := get.New(o)
	if err != nil {
		closeNetwork(o.Listener, o.DHT)
		return getError(s.title, o, err)
	}
	s.status = getter.Status
	var wg sync.WaitGroup
	switch {
	case s.onStderr:
		s.progress(s.title)
	case s.env.stdoutTerminal && !s.json:
		s.live = term.NewLive(s.env.stdout)
		s.live.Palette = s.pal
		defer s.live.Close()
		wg.Go(func() { s.eachSecond(ctx) })
	default:
		defer catchClosedPipe()()
		s.log = startLog(s.print, isMinorGetEvent, stop)
	}
	err = getter.Run(ctx)
	if err == nil && s.fetched != nil {
		err = s.fetched(s.torrent())
	}
	err = getError(s.title, o, err)
	stop(nil)
	wg.Wait()
	return cmp.Or(s.end(err), err)
}

// end prints the last events, and returns the error of the output. err is that of the
// download.
func (s *getScreen) end(err error) error {
	_, interrupted := errors.AsType[*signalError](err)
	switch {
	case s.onStderr:
		s.bar.Finish()
	case s.log == nil && interrupted && !s.quiet:
		return s.printText(term.Safe(s.eventText(s.stopped)))
	case s.log != nil:
		if err != nil && !interrupted {
			s.log.put(logEntry{s.stopped.time, getFailure{err}})
		}
		if err != nil || !s.lasting {
			s.log.put(s.stopped)
		}
		return s.log.end()
	}
	return nil
}

// eachSecond draws the live screen every second until ctx ends.
func (s *getScreen) eachSecond(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		s.refresh()
		select {
		case <-second.C:
		case <-ctx.Done():
			if interruption(ctx) != nil {
				s.note(message{text: "writing what has arrived, and announcing the stop to trackers"})
			}
			s.refresh()
			s.mu.Lock()
			_ = s.live.Close() // a second signal ends the process at once, and must not leave the cursor hidden
			s.mu.Unlock()
			return
		}
	}
}

func (s *getScreen) refresh() {
	status := s.status()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(&status)
}

// note sets the message of the live screen.
func (s *getScreen) note(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.message = m
}

// torrent returns the torrent, or nil while it is not known.
func (s *getScreen) torrent() *metainfo.Torrent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known
}

// show prints an event that has no text. The download has ended.
func (s *getScreen) show(d jsonEvent) {
	if s.log != nil {
		s.log.put(logEntry{s.stopped.time, d})
	}
}

// A getFailure is the event that the download has failed.
type getFailure struct{ err error }

// isMinorGetEvent reports whether a log may drop an event before others.
func isMinorGetEvent(event any) bool {
	switch event.(type) {
	case get.EventPeer, get.EventProgress, get.EventChecking:
		return true
	}
	return false
}

// event handles an event of the download and shows it.
func (s *getScreen) event(at time.Time, e get.Event) {
	entry := logEntry{at, e}
	switch e := e.(type) {
	case get.EventMetadata:
		freeMemory()
		s.know(e.Torrent)
	case get.EventComplete:
		s.complete = &e
	case get.EventStopped:
		s.stopped = entry // printed at the end
		return
	}
	switch {
	case s.log != nil:
		s.log.put(entry)
	case s.onStderr:
		s.stderrEvent(e)
	default:
		s.screenEvent(e)
	}
}

// screenEvent sets the message of the live screen.
func (s *getScreen) screenEvent(e get.Event) {
	switch e := e.(type) {
	case get.EventAnnounce:
		s.note(message{e.Tracker, s.announceText(announceResult(e), false)})
	case get.EventWarning:
		s.note(message{text: s.errorText(e.Err)})
	case get.EventWebSeed:
		if e.Err != nil {
			s.note(message{text: s.eventText(logEntry{event: e})})
		}
	}
}

// stderrEvent shows an event on stderr.
func (s *getScreen) stderrEvent(e get.Event) {
	s.printing.Lock()
	defer s.printing.Unlock()
	switch e := e.(type) {
	case get.EventPeer:
		if e.Joined {
			s.peers++
		} else {
			s.peers--
		}
		if s.torrent() == nil {
			s.bar.UpdateText("fetching the torrent from " + count(max(s.peers, 0), "peer")) // events of peers may be dropped
		}
	case get.EventProgress:
		s.bar.Update(e.Done, e.Size)
	case get.EventWebSeed:
		if text := s.eventText(logEntry{event: e}); e.Err != nil {
			s.warn("%s", text)
		} else {
			s.explain("%s", text)
		}
	case get.EventWarning:
		s.warn("%s", s.errorText(e.Err))
	case get.EventAnnounce:
		if e.Err != nil {
			s.explain("%s: %s", e.Tracker, s.announceText(announceResult(e), false))
		}
	}
}

// warning shows a warning of the command during the download.
func (s *getScreen) warning(format string, args ...any) {
	s.event(s.env.now(), get.EventWarning{Err: fmt.Errorf(format, args...)})
}

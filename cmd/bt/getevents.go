package main

import (
	"cmp"
	"fmt"
	"time"

	"bt/get"
	"bt/internal/term"
)

// print prints an event.
func (s *getScreen) print(e logEntry) error {
	if s.json {
		return s.printJSON(s.eventDocument(e))
	}
	if s.quiet {
		return nil
	}
	text := s.eventText(e)
	if text == "" {
		return nil
	}
	fmt.Fprintf(s.out, "%s %s\n", e.time.Format(time.TimeOnly), term.Safe(text))
	return stdoutError(s.out.Flush())
}

// eventDocument returns the JSON of an event.
func (s *getScreen) eventDocument(entry logEntry) (d jsonEvent) {
	switch e := entry.event.(type) {
	case get.EventListening:
		d = jsonEvent{Event: "listening", Addr: e.Addr.String()}
	case get.EventMetadata:
		d = s.about("metadata")
	case get.EventChecking:
		d = s.about("checking")
		d.Done, d.Total = &e.Done, &e.Total
	case get.EventAnnounce:
		d = s.announceEvent(s.about("announce"), announceResult(e))
	case get.EventPeer:
		d = s.peerEvent(e)
	case get.EventWebSeed:
		d = s.webSeedEvent(e)
	case get.EventProgress:
		d = s.about("progress")
		d.Done, d.Size, d.Rate, d.Uploaded, d.Peers, d.WebSeeds = &e.Done, &e.Size, &e.Rate, &e.Uploaded, &e.Peers, &e.WebSeeds
	case get.EventFile:
		d = s.about("file")
		d.Path, d.Size = e.Path, &e.Size
	case get.EventWarning:
		d = s.about("warning")
		d.Error = s.errorText(e.Err)
	case lostEvents:
		d = jsonEvent{Event: "warning", Error: e.Error()}
	case getFailure:
		d = s.about("error")
		d.Error = s.errorText(e.err)
	case get.EventComplete:
		seconds := e.Elapsed.Seconds()
		d = s.about("complete")
		d.Path, d.Seconds = e.Path, &seconds
	case jsonEvent:
		d = e
	case get.EventStopped:
		d = s.about("stopped")
		d.Downloaded, d.FromWebSeeds, d.Uploaded = &e.Downloaded, &e.FromWebSeeds, &e.Uploaded
	}
	d.Time = entry.time.UTC()
	return d
}

func (s *getScreen) peerEvent(e get.EventPeer) jsonEvent {
	d := s.about("peer")
	d.Addr, d.Client, d.Error = e.Addr.String(), e.Client, s.errorText(e.Err)
	if d.State = "joined"; !e.Joined {
		d.State, d.Downloaded, d.Uploaded = "left", &e.Downloaded, &e.Uploaded
	}
	return d
}

const (
	// progressEvery is the interval of lines about progress.
	progressEvery = 10 * time.Second

	// listedFiles is the maximum number of files of a torrent for which a line says that
	// each is complete, unless the user asks for it.
	listedFiles = 50
)

// eventText returns an event as text, or "" if it is not printed.
func (s *getScreen) eventText(entry logEntry) string {
	switch e := entry.event.(type) {
	case get.EventListening:
		return fmt.Sprintf("listening on %s", e.Addr)
	case get.EventMetadata:
		t := e.Torrent
		return fmt.Sprintf("%s: %s in %s, %s", t.Name, term.Size(t.Size()), count(t.FileCount(), "file"), s.pieces(t.PieceCount(), t.PieceLength))
	case get.EventAnnounce:
		return s.shownURL(e.Tracker) + ": " + s.announceText(announceResult(e), true)
	case get.EventPeer:
		if s.verbose {
			return s.peerText(e)
		}
	case get.EventWebSeed:
		return "the web seed " + s.webSeedText(e.URL, e.State, e.Err)
	case get.EventWarning:
		return s.errorText(e.Err)
	case lostEvents:
		return e.Error()
	case get.EventStopped:
		if s.complete == nil { // else the result follows
			return s.stoppedText(e)
		}
	default:
		return s.progressText(entry)
	}
	return ""
}

// progressText returns an event about progress as text, or "" if it is not printed.
func (s *getScreen) progressText(entry logEntry) string {
	switch e := entry.event.(type) {
	case get.EventChecking:
		if s.isDue(entry.time) {
			return fmt.Sprintf("checking what is there: %s of %s", term.Size(e.Done), term.Size(e.Total))
		}
	case get.EventProgress:
		if e.Size > 0 && s.isDue(entry.time) {
			text := fmt.Sprintf("%s, %s, %s", doneText(e.Done, e.Size, e.Rate), term.Rate(float64(e.Rate)), count(e.Peers, "peer"))
			if e.WebSeeds > 0 {
				text += ", " + count(e.WebSeeds, "web seed")
			}
			return text
		}
	case get.EventFile:
		if t := s.torrent(); s.verbose || t != nil && t.FileCount() <= listedFiles {
			return e.Path + ": complete" + map[bool]string{true: ", it was there already"}[e.Found]
		}
	}
	return ""
}

// isDue reports whether a line about progress is due, and then notes that it is printed.
func (s *getScreen) isDue(now time.Time) bool {
	if s.logged.IsZero() {
		s.logged = now // the first one is due after the interval
	}
	if now.Sub(s.logged) < progressEvery {
		return false
	}
	s.logged = now
	return true
}

func (s *getScreen) peerText(e get.EventPeer) string {
	peer := fmt.Sprintf("%s (%s)", e.Addr, cmp.Or(e.Client, "unknown client"))
	switch {
	case e.Joined:
		return peer + " joined"
	case e.Err != nil:
		return peer + " was dropped: " + s.errorText(e.Err)
	}
	return fmt.Sprintf("%s left, %s received, %s sent", peer, term.Size(e.Downloaded), term.Size(e.Uploaded))
}

// stoppedText describes the end of the command.
func (s *getScreen) stoppedText(e get.EventStopped) string {
	text := fmt.Sprintf("stopped: %s downloaded, %s uploaded", term.Size(e.Downloaded), term.Size(e.Uploaded))
	if status := s.status(); status.Size > 0 {
		text += fmt.Sprintf("; %s of %s are there, and %s", term.Size(status.Done), term.Size(status.Size), goesOn)
	}
	return text
}

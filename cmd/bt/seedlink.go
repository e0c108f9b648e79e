package main

import (
	"io"

	"bt/internal/term"
	"bt/seed"
)

// A magnetLink is the event that the magnet link of the only torrent is known, or has
// changed. left says what was left out of it.
type magnetLink struct{ link, left string }

// newLink returns the magnet link of the only torrent if a seed's event has changed it, or
// nil.
func (s *seedScreen) newLink(e seed.Event) *magnetLink {
	switch e.(type) {
	case seed.EventSeeding, seed.EventAddress:
	default:
		return nil
	}
	if s.single == nil {
		return nil
	}
	link, err := s.single.Magnet()
	if err != nil || link == s.link {
		return nil
	}
	s.link = link
	shown, left := s.shownMagnet(link)
	return &magnetLink{shown, left}
}

// String returns the line of a log.
func (m *magnetLink) String() string {
	text := "magnet link: " + m.link
	if m.left != "" {
		text += " (" + m.left + ")"
	}
	return text
}

// lines returns what is printed above the live screen: the link is a line of its own, so
// that it can be copied.
func (m *magnetLink) lines(p term.Palette) string {
	text := term.Safe(m.link) + "\n"
	if m.left != "" {
		text += p.Dim(m.left) + "\n"
	}
	return text
}

// printAbove prints what is to be shown above the live screen. s.mu is locked.
func (s *seedScreen) printAbove() {
	if s.above == "" {
		return
	}
	_ = s.live.Clear()
	_, _ = io.WriteString(s.env.stdout, s.above)
	s.above = ""
}

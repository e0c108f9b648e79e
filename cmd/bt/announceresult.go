package main

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"bt/internal/term"
	"bt/seed"
)

// An announceResult is the result of an announce, of bt seed or bt get. It has the fields
// of their events.
type announceResult struct {
	Tracker           string // URL
	Err               error
	Message           string
	Seeders, Leechers int64 // -1 if unknown
	Next              time.Duration
}

// announceText returns the result of an announce as text. With next it includes the time
// until the next announce, which on a live screen would not count down.
func (u *ui) announceText(r announceResult, next bool) string {
	if r.Err != nil {
		text := u.shownWords(r.Err.Error(), r.Tracker)
		if failure, ok := errors.AsType[*seed.TrackerError](r.Err); ok {
			if meaning := statusMeaning(failure.Status); meaning != "" {
				text += " (" + meaning + ")"
			}
		}
		return text
	}
	text := "ok"
	if next {
		text += ", next in " + term.Duration(r.Next)
	}
	if r.Seeders >= 0 && r.Leechers >= 0 {
		text += fmt.Sprintf(", %s, %s", count(int(r.Seeders), "seeder"), count(int(r.Leechers), "leecher"))
	}
	if r.Message != "" {
		text += "; message: " + u.shownWords(r.Message, r.Tracker)
	}
	return text
}

// announceEvent adds the result of an announce to its event.
func (u *ui) announceEvent(d jsonEvent, r announceResult) jsonEvent {
	d.Tracker, d.Message = u.shownURL(r.Tracker), u.shownWords(r.Message, r.Tracker)
	if r.Err != nil {
		d.Error = u.shownWords(r.Err.Error(), r.Tracker)
		return d
	}
	d.Next = r.Next.Round(time.Second).String()
	if r.Seeders >= 0 {
		d.Seeders = &r.Seeders
	}
	if r.Leechers >= 0 {
		d.Leechers = &r.Leechers
	}
	return d
}

// A message is the last event in the form in which a live screen shows it.
type message struct {
	tracker string // URL of the tracker, if any
	text    string
}

// messageFields returns the field of a live screen that shows the last message, if there
// is one.
func (u *ui) messageFields(columns int, m message) [][2]string {
	if m.text == "" {
		return nil
	}
	text := term.Safe(m.text)
	if m.tracker != "" {
		room := columns - len("next announce  : ") - utf8.RuneCountInString(text)
		text = shortURL(term.Safe(u.shownURL(m.tracker)), room) + ": " + text
	}
	return [][2]string{{"last message", text}}
}

// nextAnnounce returns the field of a live screen that shows the time until the next
// announce, the earliest of times, if there is one.
func nextAnnounce(times []time.Time) [][2]string {
	var next time.Time
	for _, t := range times {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if next.IsZero() {
		return nil
	}
	return [][2]string{{"next announce", countdown(time.Until(next))}}
}

// countdown formats a remaining time in whole seconds, so that it changes every second.
func countdown(left time.Duration) string {
	if left = left.Round(time.Second); left <= 0 {
		return "now"
	}
	return "in " + left.String()
}

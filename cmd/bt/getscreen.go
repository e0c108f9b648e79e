package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bt/get"
	"bt/internal/term"
)

// draw draws the live screen. s.mu is locked.
func (s *getScreen) draw(status *get.Status) {
	columns, rows := s.env.window()
	_ = s.live.Draw(columns, rows, s.text(status, columns, rows))
}

// text returns the live screen: the figures and, where they leave room in the window, the
// picture of the pieces.
func (s *getScreen) text(status *get.Status, columns, rows int) string {
	var b strings.Builder
	b.WriteString(s.pal.Bold(s.pal.CutMiddle(term.Safe(s.title), columns)) + "\n")
	fields := append([][2]string{{"state", s.pal.Green(getStateText(status))}}, getFigures(status)...)
	var times []time.Time
	for _, t := range status.Trackers {
		times = append(times, t.Next)
	}
	fields = slices.Concat(fields, s.webSeedFields(status.WebSeeds), nextAnnounce(times), s.messageFields(columns, s.message))
	_ = term.Fields(&b, s.pal, columns, fields) // a Builder returns no errors
	// Two lines are not for the picture: a blank one, and that of the cursor.
	b.WriteString(piecePicture(s.pal, status.Pieces, columns, rows-strings.Count(b.String(), "\n")-2))
	return b.String()
}

// getStateText describes the state of a download.
func getStateText(status *get.Status) string {
	switch {
	case status.State == get.StateStopped && status.Size > 0 && status.Done == status.Size:
		return string(get.StateComplete)
	case status.State == get.StateMetadata:
		return "fetching the torrent from peers"
	case status.State == get.StateChecking && status.ToCheck > 0:
		return fmt.Sprintf("checking what is there: %s of %s", term.Size(status.Checked), term.Size(status.ToCheck))
	}
	return string(status.State)
}

// getFigures returns the figures of the live screen.
func getFigures(status *get.Status) (fields [][2]string) {
	if status.Size > 0 {
		fields = append(fields, [2]string{"done", doneText(status.Done, status.Size, status.DownloadRate)})
	}
	sending := 0
	for i := range status.Peers {
		if status.Peers[i].DownloadRate > 0 {
			sending++
		}
	}
	peers := term.Count(int64(len(status.Peers)))
	if len(status.Peers) > 0 {
		peers += fmt.Sprintf(", %s sending", term.Count(int64(sending)))
	}
	return append(fields,
		[2]string{"rate", fmt.Sprintf("%s down, %s up", term.Rate(float64(status.DownloadRate)), term.Rate(float64(status.UploadRate)))},
		[2]string{"peers", peers},
		[2]string{"uploaded", fmt.Sprintf("%s (ratio %s)", term.Size(status.Uploaded), ratioText(status.Uploaded, status.Downloaded))},
	)
}

// doneText describes how much of size, which is above 0, is done.
func doneText(done, size, rate int64) string {
	text := fmt.Sprintf("%d %%, %s of %s", term.Percent(done, size), term.Size(done), term.Size(size))
	if left := term.TimeLeft(size-done, float64(rate)); left != "" {
		text += ", " + left
	}
	return text
}

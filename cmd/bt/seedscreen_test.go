package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bt/seed"
)

func TestCountdown(t *testing.T) {
	for left, want := range map[time.Duration]string{
		-time.Hour: "now", 0: "now", 499 * time.Millisecond: "now", time.Second: "in 1s", 59 * time.Second: "in 59s",
		30 * time.Minute: "in 30m0s", 2*time.Hour - time.Second: "in 1h59m59s", 49 * time.Hour: "in 49h0m0s",
	} {
		if got := countdown(left); got != want {
			t.Errorf("%v: %q, want %q", left, got, want)
		}
	}
}

func TestShortState(t *testing.T) {
	const size = 1 << 40
	for _, tt := range []struct {
		t    seed.TorrentStatus
		want string
	}{
		{seed.TorrentStatus{State: seed.StateSeeding, Size: size}, "seeding"},
		{seed.TorrentStatus{State: seed.StateSeeding, Size: size, Left: 1}, "seeding 99 %"},
		{seed.TorrentStatus{State: seed.StateSeeding, Size: size, Left: size / 4 * 3}, "seeding 25 %"},
		{seed.TorrentStatus{State: seed.StateChecking, Done: size / 2, Total: size}, "checking 50 %"},
		{seed.TorrentStatus{State: seed.StateChecking}, "checking"},
		{seed.TorrentStatus{State: seed.StateSuperSeeding}, "super-seeding"},
		{seed.TorrentStatus{State: seed.StateWaiting, Size: size, Left: size}, "waiting"},
	} {
		if got := shortState(&tt.t); got != tt.want || len(got) > 13 {
			t.Errorf("%+v: %q, want %q", tt.t, got, tt.want)
		}
	}
}

// Torrents with problems come first, with the reason; then the active ones; then
// the rest by name.
func TestSeedRows(t *testing.T) {
	e, _, _ := testEnv()
	s := &seedScreen{ui: &ui{env: e}}
	const url = "http://t.example:6969/0123456789abcdef0123/announce"
	fails := seed.TrackerStatus{URL: url, Failed: true, Message: "no answer from " + url}
	status := &seed.Status{Torrents: []seed.TorrentStatus{
		{Name: "quiet 10", State: seed.StateSeeding},
		{Name: "quiet 2", State: seed.StateSeeding},
		{Name: "done", State: seed.StateDone, Message: "its time is over"},
		{Name: "busy", State: seed.StateSeeding, Rate: 1000},
		{Name: "one of two", State: seed.StateSeeding, Trackers: []seed.TrackerStatus{fails, {URL: url}}},
		{Name: "to be told", State: seed.StateSeeding, Trackers: []seed.TrackerStatus{{URL: url, Failed: true}}},
		{Name: "deaf", State: seed.StateSeeding, Trackers: []seed.TrackerStatus{fails, fails}},
		{Name: "waiting", State: seed.StateWaiting, Message: "none of the data is there"},
	}}
	var got []string
	for _, r := range s.rows(status) {
		trouble := ""
		if r.trouble != nil {
			trouble = r.trouble()
		}
		got = append(got, r.name+": "+trouble)
	}
	want := []string{
		"waiting: none of the data is there", "deaf: t.example:6969: no answer from http://t.example:6969/****/announce",
		"busy: ", "done: ", "one of two: ", "quiet 2: ", "quiet 10: ", "to be told: ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// For every width and all figures, the table fits, and columns are either
// complete or left out.
func TestSeedTable(t *testing.T) {
	e, _, _ := testEnv()
	s := &seedScreen{ui: &ui{env: e}}
	idle := seedRow{state: "super-seeding", ratio: "0.00"}
	busy := seedRow{state: "super-seeding", ratio: "100.25", rate: 1<<50 - 1, uploaded: 1<<50 - 1, peers: 2000}
	for _, figures := range []seedRow{idle, busy} {
		list := manySeedRows(figures)
		for columns := 16; columns <= 200; columns++ {
			for _, room := range []int{1, 2, 3, 10, 40} {
				checkSeedTable(t, s.seedTable(list, columns, room), columns, room, figures)
			}
		}
		text := s.seedTable(list, 80, 10)
		for _, want := range []string{"State", "Rate", "Peers", "Uploaded", "Ratio"} {
			if !strings.Contains(text, want) {
				t.Errorf("in 80 columns is no %s:\n%s", want, text)
			}
		}
	}
}

// manySeedRows returns rows with the same figures. Some have a reason, and all have
// a long name.
func manySeedRows(figures seedRow) []seedRow {
	var list []seedRow
	for i := range 30 {
		r := figures
		r.name = fmt.Sprintf("日本 Release.%d with a name that is too long for most windows", i)
		if i%3 == 0 {
			r.trouble = func() string {
				return "a reason that is rather long: no answer from tracker.example within fifteen seconds"
			}
		}
		list = append(list, r)
	}
	return list
}

// checkSeedTable checks that a table fits into the columns and lines, and that each
// row has the figures that the header names.
func checkSeedTable(t *testing.T, table string, columns, room int, figures seedRow) {
	t.Helper()
	header, rest, _ := strings.Cut(strings.TrimSuffix(table, "\n"), "\n")
	lines := strings.Split(rest, "\n")
	if len(lines) > room && room > 1 {
		t.Fatalf("%d columns: %d lines, room for %d", columns, len(lines), room)
	}
	for _, line := range append(lines, header) {
		if utf8.RuneCountInString(line) > columns {
			t.Fatalf("%d columns: %q", columns, line)
		}
	}
	for _, line := range lines {
		if line == "" || strings.HasPrefix(line, "  ") {
			continue // the line of a reason
		}
		for name, figure := range map[string]string{"State": figures.state, "Rate": "/s", "Uploaded": "B", "Ratio": figures.ratio} {
			if strings.Contains(header, name) != strings.Contains(line, figure) {
				t.Fatalf("%d columns: %q below %q", columns, line, header)
			}
		}
	}
}

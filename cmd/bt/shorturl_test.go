package main

import (
	"testing"
	"unicode/utf8"
)

func TestShortURL(t *testing.T) {
	for _, tt := range []struct {
		url   string
		steps []string // results for a decreasing limit
	}{
		{"http://tracker.example:6969/announce", []string{"tracker.example:6969/announce", "tracker.example:6969"}},
		{"udp://tracker.example:6969", []string{"tracker.example:6969"}},
		{"https://t.example/****/announce", []string{"t.example/****/announce", "t.example/announce", "t.example"}},
		{"https://t.example/announce.php?passkey=****", []string{"t.example/announce.php?passkey=****", "t.example/announce.php", "t.example"}},
		{"https://****@t.example:8443/a/announce?x=1&key=****", []string{"****@t.example:8443/a/announce?x=1&key=****", "t.example:8443/a/announce", "t.example:8443/a", "t.example:8443"}},
		{"https://u:secret@t.example:8443/announce?passkey=secret", []string{"u:secret@t.example:8443/announce?passkey=secret", "t.example:8443/announce", "t.example:8443"}},
		{"udp://[2001:db8::1]:80/announce", []string{"[2001:db8::1]:80/announce", "[2001:db8::1]:80"}},
		{"wss://t.example/****", []string{"t.example/****", "t.example"}},
		{"no URL", nil},
		{"", nil},
	} {
		want := append([]string{tt.url}, tt.steps...)
		at := 0
		for limit := utf8.RuneCountInString(tt.url) + 1; limit >= 0; limit-- {
			for at+1 < len(want) && utf8.RuneCountInString(want[at]) > limit {
				at++
			}
			if got := shortURL(tt.url, limit); got != want[at] {
				t.Errorf("%s in %d columns: %q, want %q", tt.url, limit, got, want[at])
			}
		}
		if got, want := trackerName(tt.url), want[len(want)-1]; got != want {
			t.Errorf("the name of %s is %q, want %q", tt.url, got, want)
		}
	}
}

// URLs with the same host and port keep their schemes, which differ.
func TestShortURLs(t *testing.T) {
	short := shortURLs([]string{
		"http://t.example:80/announce", "udp://t.example:80/announce", "wss://t.example:80/****/announce", "udp://u.example:1", "udp://u.example:1/announce", "no URL",
	})
	for _, tt := range []struct {
		url   string
		limit int
		want  string
	}{
		{"http://t.example:80/announce", 28, "http://t.example:80/announce"},
		{"http://t.example:80/announce", 27, "http://t.example:80"},
		{"udp://t.example:80/announce", 20, "udp://t.example:80"},
		{"wss://t.example:80/****/announce", 28, "wss://t.example:80/announce"},
		{"wss://t.example:80/****/announce", 0, "wss://t.example:80"},
		{"udp://u.example:1", 0, "u.example:1"},
		{"udp://u.example:1/announce", 0, "u.example:1"},
		{"no URL", 0, "no URL"},
	} {
		if got := short(tt.url, tt.limit); got != tt.want {
			t.Errorf("%s in %d columns: %q, want %q", tt.url, tt.limit, got, tt.want)
		}
	}
}

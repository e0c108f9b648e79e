package main

import (
	"strings"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// Passkeys, passwords and the like are hidden wherever a person may see them,
// unless --reveal is given. What is data stays whole: JSON, CSV and --raw, a
// torrent or an edited magnet link on stdout, --field and --magnet where stdout
// is no terminal. The JSON of bt seed and bt verify goes into logs, so it is no
// data in this sense.

// shownURL returns a URL as it may be shown.
func (u *ui) shownURL(url string) string {
	if u.reveal {
		return url
	}
	return metainfo.MaskURL(url)
}

// shownArg returns an argument as it may be shown.
func (u *ui) shownArg(arg string) string {
	if u.reveal {
		return arg
	}
	return shown(arg)
}

// shownText returns a text as it may be shown: errors and warnings quote
// arguments, and values of torrents.
func (u *ui) shownText(text string) string { return shownText(text, u.reveal) }

func shownText(text string, reveal bool) string {
	if reveal {
		return text
	}
	return metainfo.MaskWords(text, shown)
}

// shownWords returns a tracker's words, or an error about it, as they may be
// shown.
func (u *ui) shownWords(text, tracker string) string {
	if u.reveal {
		return text
	}
	return metainfo.MaskText(text, tracker)
}

// shownMagnet returns a link that people pass on as it may be shown: without the
// URLs that hold a secret, because a masked one is of no use. left says what is
// left out; empty: nothing.
func (u *ui) shownMagnet(link string) (shown, left string) {
	m, err := metainfo.ParseMagnet(link)
	if u.reveal || err != nil { // it is one of ours, which can be read
		return link, ""
	}
	public, trackers, others := m.WithoutSecrets()
	var parts []string
	if trackers > 0 {
		parts = append(parts, count(trackers, "tracker"))
	}
	if others > 0 {
		parts = append(parts, count(others, "web seed"))
	}
	if len(parts) == 0 {
		return link, ""
	}
	return public.String(), strings.Join(parts, " and ") + " with secrets left out of the magnet link; --reveal shows all"
}

// magnetFields shows a link that people pass on, with what is left out below it,
// so that the link can be copied.
func (u *ui) magnetFields(link string) [][2]string {
	link, left := u.shownMagnet(link)
	fields := [][2]string{{"magnet", term.Safe(link)}}
	if left != "" {
		fields = append(fields, [2]string{"", left})
	}
	return fields
}

package main

import (
	"strings"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// Passkeys, passwords and other secrets are masked in all output that people
// read, unless --reveal is set. Data is not masked: JSON, CSV and --raw, a
// torrent or an edited magnet link on stdout, and --field and --magnet if stdout
// is not a terminal. The JSON of bt seed and bt verify often ends up in logs, and
// the reports of bt verify are passed on, so they are masked too.

// shownURL returns a URL, masked unless --reveal is set.
func (u *ui) shownURL(url string) string {
	if u.reveal {
		return url
	}
	return metainfo.MaskURL(url)
}

// shownArg returns an argument, masked unless --reveal is set.
func (u *ui) shownArg(arg string) string {
	if u.reveal {
		return arg
	}
	return shown(arg)
}

// shownText returns a text in which arguments and values of torrents may be
// quoted, masked unless --reveal is set.
func (u *ui) shownText(text string) string { return shownText(text, u.reveal) }

func shownText(text string, reveal bool) string {
	if reveal {
		return text
	}
	return metainfo.MaskWords(text, shown)
}

// shownWords returns the message of a tracker, or an error about it, masked
// unless --reveal is set.
func (u *ui) shownWords(text, tracker string) string {
	if u.reveal {
		return text
	}
	return metainfo.MaskText(text, tracker)
}

// shownMagnet returns a magnet link without the URLs that hold secrets, unless
// --reveal is set: users pass links on, and a masked URL would be useless. left
// says what was left out, or is "".
func (u *ui) shownMagnet(link string) (shown, left string) {
	m, err := metainfo.ParseMagnet(link)
	if u.reveal || err != nil { // bt made the link, so it parses
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

// magnetFields returns the fields that show a magnet link. The note about what
// was left out is a field of its own, so that the link can be copied.
func (u *ui) magnetFields(link string) [][2]string {
	link, left := u.shownMagnet(link)
	fields := [][2]string{{"magnet", term.Safe(link)}}
	if left != "" {
		fields = append(fields, [2]string{"", left})
	}
	return fields
}

package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"bt/internal/config"
	"bt/internal/term"
)

// shownConfig is the JSON of bt make --show-config.
type shownConfig struct {
	Path     string         `json:"path,omitempty"`   // of a job of a batch file
	Config   string         `json:"config,omitempty"` // the file
	Values   []shownValue   `json:"values"`
	Trackers []shownTracker `json:"trackers"`
}

type shownValue struct {
	Key   string   `json:"key"`
	Value any      `json:"value,omitempty"` // true or false, a text, or a list of texts
	From  []string `json:"from"`            // several if a list was added to
	usual string   // describes the default where there is no value
}

type shownTracker struct {
	Host   string      `json:"host"`
	From   string      `json:"from"`
	Source string      `json:"source,omitempty"`
	Limits shownLimits `json:"limits"`
}

type shownLimits struct {
	MaxPieceLength    int64      `json:"max_piece_length,omitempty"`
	PieceLengthBySize [][2]int64 `json:"piece_length_by_size"`
	MinPieces         int        `json:"min_pieces,omitempty"`
	MaxPieces         int        `json:"max_pieces,omitempty"`
	MaxTorrentSize    int64      `json:"max_torrent_size,omitempty"`
	Formats           []string   `json:"formats"`
	Private           *bool      `json:"private,omitempty"`
	Source            string     `json:"source,omitempty"`
}

// show prints the effective values and the limits of the trackers, and where they are
// from. Secrets are masked in JSON too. An environment variable is never shown.
func (c *makeConfig) show(u *ui) error {
	doc := c.document(u)
	if u.json {
		return u.printJSON(doc)
	}
	table := term.Table{Palette: u.pal, Least: []int{0, 20, 20}}
	if u.env.stdoutTerminal {
		table.Width = u.env.width
	}
	for _, v := range doc.Values {
		if text := v.text(); text != "" {
			table.Rows = append(table.Rows, []string{u.pal.Dim(v.Key), text, term.Safe(strings.Join(v.From, ", "))})
		}
	}
	for _, t := range doc.Trackers {
		for _, l := range limitRows(&t.Limits) {
			table.Rows = append(table.Rows, []string{u.pal.Dim("limit " + l[0]), l[1], term.Safe(t.From)})
		}
	}
	return stdoutError(table.Write(u.out))
}

func (c *makeConfig) document(u *ui) shownConfig {
	doc := shownConfig{Values: []shownValue{}, Trackers: []shownTracker{}}
	if c.file != nil {
		doc.Config = c.file.Name
	}
	for i := range c.vocabulary.Keys {
		k := &c.vocabulary.Keys[i]
		doc.Values = append(doc.Values, c.shown(u, k))
	}
	for _, t := range c.trackers {
		doc.Trackers = append(doc.Trackers, shownTracker{t.Host, trackerOrigin(t), u.shownText(t.Source), limitsDocument(&t.Limits)})
	}
	return doc
}

// shown returns the effective value of a key.
func (c *makeConfig) shown(u *ui, k *config.Key) shownValue {
	v := shownValue{Key: k.Name}
	i := c.index(k.Name)
	if i < 0 {
		v.From = []string{fromDefault}
		v.usual = defaultOf(k)
		switch {
		case k.Form == config.FormSwitch:
			v.Value = false
		case slices.Contains(k.Words, v.usual):
			v.Value = v.usual
		case c.isOn("no-" + k.Name):
			v.usual = ""
		}
		return v
	}
	s := &c.settings[i]
	texts := []string{}
	for _, text := range s.Texts() {
		texts = append(texts, u.shownText(text))
	}
	switch {
	case k.Form == config.FormSwitch:
		v.Value = texts[0] == "true"
	case k.List:
		v.Value = texts
	default:
		v.Value = texts[0]
	}
	v.From = s.From()
	return v
}

func limitsDocument(l *config.Limits) shownLimits {
	doc := shownLimits{l.MaxPieceLength, [][2]int64{}, l.MinPieces, l.MaxPieces, l.MaxTorrentSize, append([]string{}, l.Formats...), l.Private, l.Source}
	for _, s := range l.PieceLengthBySize {
		doc.PieceLengthBySize = append(doc.PieceLengthBySize, [2]int64{s.Size, s.Length})
	}
	return doc
}

// index returns the index of a key in the settings, or -1.
func (c *makeConfig) index(key string) int {
	return slices.IndexFunc(c.settings, func(s config.Setting) bool { return s.Key == key })
}

// isOn reports whether a switch is on.
func (c *makeConfig) isOn(key string) bool {
	i := c.index(key)
	return i >= 0 && slices.Equal(c.settings[i].Texts(), []string{"true"})
}

// text formats the value for the terminal.
func (v *shownValue) text() string {
	switch value := v.Value.(type) {
	case bool:
		return strconv.FormatBool(value)
	case string:
		return cmp.Or(term.Safe(value), `""`)
	case []string:
		var lines []string
		for _, text := range value {
			lines = append(lines, term.Safe(text))
		}
		return cmp.Or(strings.Join(lines, "\n"), "none")
	}
	return v.usual
}

// limitRows returns the limits and their values as texts.
func limitRows(l *shownLimits) [][2]string {
	var rows [][2]string
	add := func(name, text string, isSet bool) {
		if isSet {
			rows = append(rows, [2]string{name, text})
		}
	}
	var steps []string
	for i, s := range l.PieceLengthBySize {
		if i == len(l.PieceLengthBySize)-1 {
			steps = append(steps, term.Size(s[1])+" for larger content")
			break
		}
		steps = append(steps, term.Size(s[1])+" up to "+term.Size(s[0]))
	}
	add("max-piece-length", term.Size(l.MaxPieceLength), l.MaxPieceLength > 0)
	add("piece-length-by-size", strings.Join(steps, "\n"), len(steps) > 0)
	add("min-pieces", term.Count(int64(l.MinPieces)), l.MinPieces > 0)
	add("max-pieces", term.Count(int64(l.MaxPieces)), l.MaxPieces > 0)
	add("max-torrent-size", term.Size(l.MaxTorrentSize), l.MaxTorrentSize > 0)
	add("formats", strings.Join(l.Formats, ", "), len(l.Formats) > 0)
	if l.Private != nil {
		add("private", strconv.FormatBool(*l.Private), true)
	}
	add("source", term.Safe(l.Source), l.Source != "")
	return rows
}

package main

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"bt/internal/config"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

// findTrackers finds the rules of the trackers, those of the config file before those
// that are built in, and checks that they don't exclude each other.
func (c *makeConfig) findTrackers(tiers [][]string) error {
	lists := [][]config.Tracker{c.builtIn}
	if c.file != nil {
		lists = [][]config.Tracker{c.file.Trackers, c.builtIn}
	}
	for _, tier := range tiers {
		for _, tracker := range tier {
			u, err := url.Parse(tracker)
			if err != nil {
				continue // --announce accepts what clients accept
			}
			host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
			if t := config.FindTracker(host, lists...); t != nil && !slices.Contains(c.trackers, t) {
				c.trackers = append(c.trackers, t)
			}
		}
	}
	return conflictError(config.CheckConflicts(c.trackers))
}

// trackerLayers returns the defaults of the trackers, those of the first one as the
// last. It warns where trackers differ in what no layer above decides.
func (c *makeConfig) trackerLayers(u *ui, above []config.Setting) []config.Layer {
	var layers []config.Layer
	first := map[string]*config.Tracker{}
	texts := map[string][]string{}
	for _, t := range c.trackers {
		layers = slices.Insert(layers, 0, config.Layer{From: trackerOrigin(t), Values: t.Defaults})
		for _, v := range t.Defaults {
			decided := slices.ContainsFunc(above, func(s config.Setting) bool { return s.Key == v.Key })
			switch {
			case first[v.Key] == nil:
				first[v.Key], texts[v.Key] = t, v.Texts
			case !decided && !slices.Equal(texts[v.Key], v.Texts):
				u.warn("the trackers %s and %s have different defaults of %s; that of %s is used", first[v.Key].Host, t.Host, v.Key, first[v.Key].Host)
			}
		}
	}
	return layers
}

// trackerOrigin says where the rules of a tracker are from.
func trackerOrigin(t *config.Tracker) string {
	if t.File == "" {
		return "tracker " + t.Host + " (built in)"
	}
	return "tracker " + t.Host + " in " + t.File
}

const conflictHint = "--piece-length SIZE chooses one, or make a torrent for each tracker"

// limit passes the limits of the trackers to maketorrent, for the piece length that it
// chooses.
func (c *makeConfig) limit(o *maketorrent.Options) {
	o.MaxPieceLength = config.MaxPieceLength(c.trackers, o.MaxPieceLength)
	for _, t := range c.trackers {
		o.Rules.MinPieces = max(o.Rules.MinPieces, t.Limits.MinPieces)
		o.Rules.MaxPieces = smallest(o.Rules.MaxPieces, t.Limits.MaxPieces)
		o.Rules.MaxTorrentSize = smallest(o.Rules.MaxTorrentSize, t.Limits.MaxTorrentSize)
	}
	o.Rules.Conflict = func(measure maketorrent.Measure) error {
		return withHint(conflictError(config.CheckContent(c.trackers, measure)), conflictHint)
	}
	bySize := func(t *config.Tracker) bool { return len(t.Limits.PieceLengthBySize) > 0 }
	if slices.ContainsFunc(c.trackers, bySize) {
		o.Rules.PieceLength = func(size int64) (int64, error) {
			n, err := config.PieceLength(c.trackers, size)
			return n, withHint(conflictError(err), conflictHint)
		}
	}
}

// smallest returns the smaller of two limits, of which 0 is none.
func smallest[T int | int64](a, b T) T {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// conflictError gives an error about limits that exclude each other its exit code.
func conflictError(err error) error {
	if _, ok := errors.AsType[*config.ConflictError](err); ok {
		return fail(exitUsage, err)
	}
	return err
}

// check returns a finding for each limit of a tracker that a torrent breaks.
func (c *makeConfig) check(t *metainfo.Torrent, why maketorrent.Choice) []metainfo.Finding {
	var findings []metainfo.Finding
	for _, tracker := range c.trackers {
		for _, broken := range brokenLimits(&tracker.Limits, t, why) {
			findings = append(findings, metainfo.NewFinding(metainfo.CodeTrackerLimit, "the tracker %s accepts %s", tracker.Host, broken))
		}
	}
	return findings
}

// brokenLimits describes what is accepted instead. If other rules changed the piece
// length that is for the size of the content, that breaks none.
func brokenLimits(l *config.Limits, t *metainfo.Torrent, why maketorrent.Choice) []string {
	return slices.Concat(brokenLength(l, t, why), brokenSizes(l, t), brokenFields(l, t))
}

func brokenLength(l *config.Limits, t *metainfo.Torrent, why maketorrent.Choice) []string {
	wanted, length := l.PieceLength(t.Size()), term.SizeDistinct(t.PieceLength)
	switch {
	case l.MaxPieceLength > 0 && t.PieceLength > l.MaxPieceLength:
		return []string{fmt.Sprintf("pieces of %s at most; these have %s", term.SizeDistinct(l.MaxPieceLength), length)}
	case wanted > 0 && t.PieceLength != wanted && why != maketorrent.ChoiceRule:
		return []string{fmt.Sprintf("pieces of %s for content of this size; these have %s", term.SizeDistinct(wanted), length)}
	}
	return nil
}

func brokenSizes(l *config.Limits, t *metainfo.Torrent) (broken []string) {
	pieces, size := t.PieceCount(), int64(len(t.Bytes()))
	if l.MinPieces > 0 && pieces < l.MinPieces {
		broken = append(broken, fmt.Sprintf("%s at least; there are %s", count(l.MinPieces, "piece"), term.Count(int64(pieces))))
	}
	if l.MaxPieces > 0 && pieces > l.MaxPieces {
		broken = append(broken, fmt.Sprintf("%s at most; there are %s", count(l.MaxPieces, "piece"), term.Count(int64(pieces))))
	}
	if l.MaxTorrentSize > 0 && size > l.MaxTorrentSize {
		broken = append(broken, fmt.Sprintf("torrent files of %s at most; this one has %s", term.SizeExact(l.MaxTorrentSize), term.SizeExact(size)))
	}
	return broken
}

func brokenFields(l *config.Limits, t *metainfo.Torrent) (broken []string) {
	if len(l.Formats) > 0 && !slices.Contains(l.Formats, t.Format()) {
		broken = append(broken, fmt.Sprintf("%s torrents, not %s", strings.Join(l.Formats, " and "), t.Format()))
	}
	if l.Private != nil && t.Private != *l.Private {
		broken = append(broken, map[bool]string{true: "private torrents only", false: "no private torrents"}[*l.Private])
	}
	if l.Source != "" && t.Source != l.Source {
		broken = append(broken, fmt.Sprintf("the source %q only; this one has %q", l.Source, t.Source))
	}
	return broken
}

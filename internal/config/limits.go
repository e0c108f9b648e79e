package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits are what a tracker accepts. The zero value of each field is no limit.
type Limits struct {
	MaxPieceLength       int64 // bytes
	PieceLengthBySize    []Step
	MinPieces, MaxPieces int
	MaxTorrentSize       int64    // of the .torrent, in bytes
	Formats              []string // of formatNames
	Private              *bool
	Source               string
}

// A Step gives the piece length for content of at most Size bytes. The last step is
// also for larger content.
type Step struct{ Size, Length int64 }

// formatNames are the formats of torrents.
var formatNames = []string{"v1", "v2", "hybrid"}

// limitKeys lists the keys of limits.
var limitKeys = []string{"max-piece-length", "piece-length-by-size", "min-pieces", "max-pieces", "max-torrent-size", "formats", "private", "source"}

func (r *reader) readLimits(l *Limits, v any, path []string) error {
	table, err := r.table(v, path...)
	for _, key := range sortedKeys(table) {
		at, value := append(slices.Clip(path), key), table[key]
		switch key {
		case "max-piece-length":
			l.MaxPieceLength, err = r.size(value, at)
		case "piece-length-by-size":
			l.PieceLengthBySize, err = r.steps(value, at)
		case "min-pieces":
			l.MinPieces, err = r.number(value, at)
		case "max-pieces":
			l.MaxPieces, err = r.number(value, at)
		case "max-torrent-size":
			l.MaxTorrentSize, err = r.size(value, at)
		case "formats":
			l.Formats, err = r.formats(value, at)
		case "private":
			l.Private, err = r.boolean(value, at)
		case "source":
			if l.Source, err = r.text(value, at...); hasEnv(l.Source) {
				err = r.errorf(at, "want a text without ${env:NAME}")
			}
		default:
			err = r.unknown("key", key, limitKeys, at...)
		}
		if err != nil {
			return err
		}
	}
	if l.MaxPieces > 0 && l.MinPieces > l.MaxPieces {
		return r.errorf(path, "min-pieces is more than max-pieces")
	}
	return err
}

func (r *reader) formats(v any, path []string) ([]string, error) {
	k := Key{Form: FormWord, Words: formatNames, List: true}
	formats, err := k.texts(v)
	if err != nil || slices.ContainsFunc(formats, hasEnv) {
		return nil, r.errorf(path, "want %s", k.want())
	}
	return formats, nil
}

func (r *reader) boolean(v any, path []string) (*bool, error) {
	b, ok := v.(bool)
	if !ok {
		return nil, r.errorf(path, "want true or false")
	}
	return &b, nil
}

// size reads a number of bytes.
func (r *reader) size(v any, path []string) (int64, error) {
	k := Key{Form: FormSize}
	text, ok := k.text(v)
	if !ok || hasEnv(text) {
		return 0, r.errorf(path, "want a size such as 256K")
	}
	n, err := r.vocabulary.Size(text)
	if err != nil {
		return 0, &Error{r.place(path...), err}
	}
	return n, nil
}

// number reads a number of pieces.
func (r *reader) number(v any, path []string) (int, error) {
	text, ok := wholeNumber(v)
	n, err := strconv.ParseInt(text, 10, 32)
	if !ok || err != nil {
		return 0, r.errorf(path, "want a whole number")
	}
	return int(n), nil
}

// steps reads a list of pairs of a size of content and a piece length.
func (r *reader) steps(v any, path []string) ([]Step, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, r.errorf(path, "want a list of [SIZE, LENGTH]")
	}
	var steps []Step
	for i, item := range list {
		at := append(slices.Clip(path), strconv.Itoa(i+1))
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return nil, r.errorf(at, "want [SIZE, LENGTH]")
		}
		size, err := r.size(pair[0], at)
		if err != nil {
			return nil, err
		}
		length, err := r.size(pair[1], at)
		if err != nil {
			return nil, err
		}
		if i > 0 && size <= steps[i-1].Size {
			return nil, r.errorf(at, "the sizes must ascend")
		}
		steps = append(steps, Step{size, length})
	}
	return steps, nil
}

// PieceLength returns the piece length for content of size bytes, or 0 if there is no
// rule for it.
func (l *Limits) PieceLength(size int64) int64 {
	if len(l.PieceLengthBySize) == 0 {
		return 0
	}
	i := slices.IndexFunc(l.PieceLengthBySize, func(s Step) bool { return size <= s.Size })
	if i < 0 {
		i = len(l.PieceLengthBySize) - 1
	}
	n := l.PieceLengthBySize[i].Length
	if l.MaxPieceLength > 0 {
		n = min(n, l.MaxPieceLength)
	}
	return n
}

// A ConflictError reports two trackers whose limits no torrent can meet.
type ConflictError struct {
	A, B   *Tracker
	Reason string
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("the limits of %s and %s exclude each other: %s", e.A.Host, e.B.Host, e.Reason)
}

// CheckConflicts returns a *[ConflictError] if the limits of two trackers exclude each
// other, whatever the content is.
func CheckConflicts(trackers []*Tracker) error {
	for i, a := range trackers {
		for _, b := range trackers[i+1:] {
			if reason := conflict(&a.Limits, &b.Limits); reason != "" {
				return &ConflictError{a, b, reason}
			}
		}
	}
	return nil
}

func conflict(a, b *Limits) string {
	common := func(format string) bool { return slices.Contains(b.Formats, format) }
	switch {
	case a.MaxPieces > 0 && b.MinPieces > a.MaxPieces:
		return fmt.Sprintf("%d pieces at most, %d at least", a.MaxPieces, b.MinPieces)
	case b.MaxPieces > 0 && a.MinPieces > b.MaxPieces:
		return fmt.Sprintf("%d pieces at least, %d at most", a.MinPieces, b.MaxPieces)
	case len(a.Formats) > 0 && len(b.Formats) > 0 && !slices.ContainsFunc(a.Formats, common):
		return fmt.Sprintf("formats %v, %v", a.Formats, b.Formats)
	case a.Private != nil && b.Private != nil && *a.Private != *b.Private:
		return fmt.Sprintf("private %t, %t", *a.Private, *b.Private)
	case a.Source != "" && b.Source != "" && a.Source != b.Source:
		return fmt.Sprintf("source %q, %q", a.Source, b.Source)
	}
	return ""
}

// CheckContent returns a *[ConflictError] if the limits of two trackers exclude each other
// for some content, though either could be met. measure returns the number of pieces of
// its torrent, and of bytes of its file, at a piece length.
func CheckContent(trackers []*Tracker, measure func(pieceLength int64) (pieces int, size int64)) error {
	const least, most = 16 << 10, 128 << 20
	accepted := make([][]bool, len(trackers)) // for each piece length that can be chosen
	for n := int64(least); n <= most; n *= 2 {
		pieces, size := measure(n)
		for i, t := range trackers {
			accepted[i] = append(accepted[i], t.Limits.accept(n, pieces, size))
		}
	}
	for i, a := range trackers {
		for j, b := range trackers[:i] {
			common := false
			for k := range accepted[i] {
				common = common || accepted[i][k] && accepted[j][k]
			}
			if !common && slices.Contains(accepted[i], true) && slices.Contains(accepted[j], true) {
				return &ConflictError{b, a, "for this content, " + b.Limits.sizes() + ", " + a.Limits.sizes()}
			}
		}
	}
	return nil
}

// accept reports whether a torrent meets the limits of sizes.
func (l *Limits) accept(pieceLength int64, pieces int, size int64) bool {
	return (l.MaxPieceLength == 0 || pieceLength <= l.MaxPieceLength) && pieces >= l.MinPieces &&
		(l.MaxPieces == 0 || pieces <= l.MaxPieces) && (l.MaxTorrentSize == 0 || size <= l.MaxTorrentSize)
}

// sizes describes the limits of sizes.
func (l *Limits) sizes() string {
	var list []string
	add := func(n int64, format string) {
		if n > 0 {
			list = append(list, fmt.Sprintf(format, n))
		}
	}
	add(l.MaxPieceLength, "pieces of %d bytes at most")
	add(int64(l.MinPieces), "%d pieces at least")
	add(int64(l.MaxPieces), "%d pieces at most")
	add(l.MaxTorrentSize, "a torrent of %d bytes at most")
	return strings.Join(list, " and ")
}

// PieceLength returns the piece length that trackers want for content of size bytes,
// or 0 if they have no rule for it. The error is a *[ConflictError] if they want
// different ones.
func PieceLength(trackers []*Tracker, size int64) (int64, error) {
	var by *Tracker
	var n int64
	for _, t := range trackers {
		own := t.Limits.PieceLength(size)
		switch {
		case own == 0:
		case by == nil:
			by, n = t, own
		case own != n:
			return 0, &ConflictError{by, t, fmt.Sprintf("for content of this size, pieces of %d bytes, %d bytes", n, own)}
		}
	}
	for _, t := range trackers {
		if limit := t.Limits.MaxPieceLength; limit > 0 && n > limit {
			return 0, &ConflictError{by, t, fmt.Sprintf("for content of this size, pieces of %d bytes, %d bytes at most", n, limit)}
		}
	}
	return n, nil
}

// MaxPieceLength returns the smallest limit of the trackers and of limit, in bytes; 0
// means none.
func MaxPieceLength(trackers []*Tracker, limit int64) int64 {
	for _, t := range trackers {
		if own := t.Limits.MaxPieceLength; own > 0 && (limit == 0 || own < limit) {
			limit = own
		}
	}
	return limit
}

// FindTracker returns the rules for a host: those of the host itself or of the nearest
// domain that it is in. The first list that has any decides. FindTracker returns nil
// if none has.
func FindTracker(host string, lists ...[]Tracker) *Tracker {
	for _, list := range lists {
		for domain := host; domain != ""; {
			i := slices.IndexFunc(list, func(t Tracker) bool { return t.Host == domain })
			if i >= 0 {
				return &list[i]
			}
			_, domain, _ = strings.Cut(domain, ".")
		}
	}
	return nil
}

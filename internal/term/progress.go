package term

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barDelay    = 500 * time.Millisecond // shorter jobs get no bar
	barInterval = 100 * time.Millisecond
	lineEvery   = 10 * time.Second

	// Room for "1023.9 GiB of ...", so that the end of the bar does not move as the
	// numbers grow.
	barFiguresWidth = 44
	minBarWidth     = 4
	maxBarWidth     = 40
)

// A Progress shows the progress of a job. It is not safe for concurrent use. A nil
// *Progress shows nothing.
type Progress struct {
	w       io.Writer
	palette Palette
	columns func() int // nil: not a terminal
	label   string
	start   time.Time
	shown   time.Time // when the last line was written; zero if none was
	pace    pace

	drawn    int // width of the line on the terminal
	bar      *progressbar.ProgressBar
	barWidth int
}

// NewProgress returns a Progress for a job that begins now. On a terminal it draws a
// line of the width that columns returns (0 means 80). If columns is nil, it writes a
// line every ten seconds.
func NewProgress(w io.Writer, p Palette, columns func() int, label string) *Progress {
	progress := &Progress{w: w, palette: p, columns: columns, label: Safe(label), start: time.Now()}
	progress.pace.add(progress.start, 0)
	return progress
}

// Update sets the number of bytes done, and the total, which is 0 if it is unknown. It
// is cheap to call often.
func (p *Progress) Update(done, total int64) {
	if p == nil {
		return
	}
	now := time.Now()
	p.pace.add(now, done)
	p.show(now, func(room int) string { return p.frame(room, done, total) }, func() string { return p.texts(p.label, done, total)[0] })
}

// UpdateText is Update for a job that counts other things than bytes: text has the number
// and the things, such as "12 files".
func (p *Progress) UpdateText(text string) {
	if p == nil {
		return
	}
	line := func(label string) string { return label + ": " + text }
	p.show(time.Now(), func(room int) string {
		for _, s := range []string{line(p.label), line(p.palette.CutMiddle(p.label, room/4)), text} {
			if width(s) <= room {
				return s
			}
		}
		return ""
	}, func() string { return line(p.label) })
}

// show shows a frame on a terminal, or a line, if it is time.
func (p *Progress) show(now time.Time, frame func(room int) string, text func() string) {
	if p.columns != nil {
		if now.Sub(p.start) >= barDelay && now.Sub(p.shown) >= barInterval {
			p.shown = now
			columns := cmp.Or(p.columns(), 80)
			p.draw(columns, frame(columns-1))
		}
		return
	}
	last := p.shown
	if last.IsZero() {
		last = p.start
	}
	if now.Sub(last) >= lineEvery {
		p.shown = now
		fmt.Fprintln(p.w, text())
	}
}

// Finish clears the line.
func (p *Progress) Finish() {
	if p == nil || p.drawn == 0 {
		return
	}
	p.draw(cmp.Or(p.columns(), 80), "")
	p.shown = time.Time{}
}

// draw replaces the line. As in Live, the cursor is kept at its beginning, and lines
// don't wrap.
func (p *Progress) draw(columns int, frame string) {
	line := frame + clearRight
	if p.drawn > columns {
		line = clearRows + frame // the old line may have been wrapped
	}
	// Write once, to avoid flicker.
	io.WriteString(p.w, "\r"+wrapOff+line+wrapOn+"\r")
	p.drawn = width(frame)
}

// frame returns the line for a width: with a bar if there is room, else with the most
// important figures.
func (p *Progress) frame(room int, done, total int64) string {
	label := p.palette.CutMiddle(p.label, room/4)
	if total > 0 {
		if line := p.withBar(room, label, done, total); line != "" && width(line) <= room {
			return line
		}
	}
	for _, text := range p.texts(label, done, total) {
		if width(text) <= room {
			return text
		}
	}
	return ""
}

// withBar returns the line with a bar, or "" if the bar would be too short.
func (p *Progress) withBar(room int, label string, done, total int64) string {
	const frame = len(" 100% || ") + len(": ")
	columns := min(room-frame-width(label)-barFiguresWidth, maxBarWidth)
	if columns < minBarWidth {
		return ""
	}
	if columns != p.barWidth {
		// The library draws the bar only. The figures are passed as its description, as
		// its own forecast is wrong at a rate of 0. It gets percents below 100, because
		// at 100 it would be finished, and a total may still grow.
		theme := progressbar.ThemeDefault
		if p.palette.ascii {
			theme = progressbar.ThemeASCII
		}
		p.bar = progressbar.NewOptions(100,
			progressbar.OptionSetWriter(io.Discard), // only its String method is used
			progressbar.OptionSetWidth(columns),
			progressbar.OptionSetTheme(theme),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionShowDescriptionAtLineEnd(),
		)
		p.barWidth = columns
	}
	p.bar.Set(min(Percent(done, total), 99))
	p.bar.Describe(label + ": " + figures(Size(done)+" of "+Size(total), p.rate(), p.left(done, total)))
	return strings.TrimSpace(p.bar.String())
}

// texts returns the line without a bar, from the longest ("hashing: 1.2 GiB of 4.0 GiB
// (30 %), 1.1 GiB/s, 3s left") to the shortest.
func (p *Progress) texts(label string, done, total int64) []string {
	label += ": "
	if total <= 0 {
		return []string{label + figures(Size(done), p.rate()), label + Size(done), Size(done)}
	}
	part := fmt.Sprintf("%d %%", Percent(done, total))
	sizes := fmt.Sprintf("%s of %s (%s)", Size(done), Size(total), part)
	left := p.left(done, total)
	return []string{
		label + figures(sizes, p.rate(), left),
		label + figures(sizes, left),
		label + figures(part, left),
		label + part,
		part,
	}
}

// figures joins the figures that are not empty.
func figures(list ...string) string {
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	return strings.Join(list, ", ")
}

func (p *Progress) rate() string { return Rate(p.pace.rate()) }

func (p *Progress) left(done, total int64) string { return TimeLeft(total-done, p.pace.rate()) }

// TimeLeft returns the time that a number of bytes takes at a rate in bytes per second, as
// "3m05s left", or "" if it is unknown.
func TimeLeft(bytes int64, rate float64) string {
	left, ok := timeLeft(bytes, rate)
	if !ok {
		return ""
	}
	return Duration(left) + " left"
}

// Percent returns how many percent of total, which is above 0, are done, rounded down.
func Percent(done, total int64) int {
	done = min(max(done, 0), total)
	hi, lo := bits.Mul64(uint64(done), 100)
	quotient, _ := bits.Div64(hi, lo, uint64(total))
	return int(quotient)
}

// timeLeft returns the remaining time in whole seconds, at least one. It returns false
// without a rate, or if it is more than a hundred days.
func timeLeft(bytes int64, rate float64) (time.Duration, bool) {
	const longest = 100 * 24 * time.Hour
	if bytes <= 0 || rate <= 0 {
		return 0, false
	}
	seconds := float64(bytes) / rate
	if seconds > longest.Seconds() {
		return 0, false
	}
	return time.Duration(max(math.Round(seconds), 1)) * time.Second, true
}

// A pace measures the rate of the last seconds. An average over the whole job would
// hide that a disk has slowed down.
type pace struct {
	marks []mark // oldest first, half a second or more apart
	now   mark
}

type mark struct {
	at   time.Time
	done int64
}

const (
	paceStep  = 500 * time.Millisecond
	paceMarks = 16
)

func (p *pace) add(at time.Time, done int64) {
	p.now = mark{at, done}
	if n := len(p.marks); n > 0 && at.Sub(p.marks[n-1].at) < paceStep {
		return
	}
	if len(p.marks) == paceMarks {
		copy(p.marks, p.marks[1:])
		p.marks = p.marks[:paceMarks-1]
	}
	p.marks = append(p.marks, p.now)
}

// rate returns the rate in bytes per second. It is not called at the very start, so
// some time has passed since the oldest mark.
func (p *pace) rate() float64 {
	first := p.marks[0]
	return max(float64(p.now.done-first.done)/p.now.at.Sub(first.at).Seconds(), 0)
}

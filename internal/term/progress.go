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
	barDelay    = 500 * time.Millisecond // a job shorter than this gets no bar
	barInterval = 100 * time.Millisecond
	lineEvery   = 10 * time.Second

	// The room that a line leaves for "1023.9 GiB of ...", so that the end of
	// the bar does not move as the numbers grow.
	barFiguresWidth = 44
	minBarWidth     = 4
	maxBarWidth     = 40
)

// Progress shows how far a job has come. One goroutine may use it; a nil
// *Progress shows nothing.
type Progress struct {
	w       io.Writer
	palette Palette
	columns func() int // nil: no terminal
	label   string
	start   time.Time
	shown   time.Time // when the last line was written; zero: never
	pace    pace

	drawn    int // columns that the line on the terminal takes
	bar      *progressbar.ProgressBar
	barWidth int
}

// NewProgress starts the clock of a job. On a terminal it draws a line, as wide
// as columns says at that moment (0: 80); where columns is nil it writes a line
// every ten seconds.
func NewProgress(w io.Writer, p Palette, columns func() int, label string) *Progress {
	progress := &Progress{w: w, palette: p, columns: columns, label: Safe(label), start: time.Now()}
	progress.pace.add(progress.start, 0)
	return progress
}

// Update tells how many bytes of the total are done; a total of 0 is not known.
// It may be called as often as one likes.
func (p *Progress) Update(done, total int64) {
	if p == nil {
		return
	}
	now := time.Now()
	p.pace.add(now, done)
	if p.columns != nil {
		if now.Sub(p.start) >= barDelay && now.Sub(p.shown) >= barInterval {
			p.shown = now
			columns := cmp.Or(p.columns(), 80)
			p.draw(columns, p.frame(columns-1, done, total))
		}
		return
	}
	last := p.shown
	if last.IsZero() {
		last = p.start
	}
	if now.Sub(last) >= lineEvery {
		p.shown = now
		fmt.Fprintln(p.w, p.texts(p.label, done, total)[0])
	}
}

// Finish clears the line, so that the result stands alone.
func (p *Progress) Finish() {
	if p == nil || p.drawn == 0 {
		return
	}
	p.draw(cmp.Or(p.columns(), 80), "")
	p.shown = time.Time{}
}

// draw replaces the line. As with Live the cursor waits at its beginning, and no
// line wraps.
func (p *Progress) draw(columns int, frame string) {
	line := frame + clearRight
	if p.drawn > columns {
		line = clearRows + frame // it may have been wrapped
	}
	// In one write, so that nothing flickers.
	io.WriteString(p.w, "\r"+wrapOff+line+wrapOn+"\r")
	p.drawn = width(frame)
}

// frame is the line for so many columns: with a bar where there is room for one,
// and then without what is needed least.
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

// withBar is the line with a bar; empty: it would be too short.
func (p *Progress) withBar(room int, label string, done, total int64) string {
	const frame = len(" 100% || ") + len(": ")
	columns := min(room-frame-width(label)-barFiguresWidth, maxBarWidth)
	if columns < minBarWidth {
		return ""
	}
	if columns != p.barWidth {
		// The library draws the bar; the figures are the description, as its
		// own forecast goes wrong at a rate of 0. It counts percent and never
		// reaches 100: then it would be finished, and a total may still grow.
		theme := progressbar.ThemeDefault
		if p.palette.ascii {
			theme = progressbar.ThemeASCII
		}
		p.bar = progressbar.NewOptions(100,
			progressbar.OptionSetWriter(io.Discard), // it is asked for its String
			progressbar.OptionSetWidth(columns),
			progressbar.OptionSetTheme(theme),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionShowDescriptionAtLineEnd(),
		)
		p.barWidth = columns
	}
	p.bar.Set(min(percent(done, total), 99))
	p.bar.Describe(label + ": " + figures(Size(done)+" of "+Size(total), p.rate(), p.left(done, total)))
	return strings.TrimSpace(p.bar.String())
}

// texts are the line without a bar, from all there is to say ("hashing: 1.2 GiB
// of 4.0 GiB (30 %), 1.1 GiB/s, 3s left") to what is needed most.
func (p *Progress) texts(label string, done, total int64) []string {
	label += ": "
	if total <= 0 {
		return []string{label + figures(Size(done), p.rate()), label + Size(done), Size(done)}
	}
	part := fmt.Sprintf("%d %%", percent(done, total))
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

// figures joins those that are known.
func figures(list ...string) string {
	list = slices.DeleteFunc(list, func(s string) bool { return s == "" })
	return strings.Join(list, ", ")
}

func (p *Progress) rate() string { return Rate(p.pace.rate()) }

// left is the time that is left; empty: it is not known.
func (p *Progress) left(done, total int64) string {
	left, ok := timeLeft(total-done, p.pace.rate())
	if !ok {
		return ""
	}
	return Duration(left) + " left"
}

// percent wants a total above 0.
func percent(done, total int64) int {
	done = min(max(done, 0), total)
	hi, lo := bits.Mul64(uint64(done), 100)
	quotient, _ := bits.Div64(hi, lo, uint64(total))
	return int(quotient)
}

// timeLeft is in whole seconds, one at least. It is not known without a rate,
// and not worth saying beyond a hundred days.
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

// pace measures the rate of the last seconds: an average over the whole job
// would hide a disk that has slowed down.
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

// rate returns bytes a second. Nobody asks at the very start, so that some time
// has passed since the oldest mark.
func (p *pace) rate() float64 {
	first := p.marks[0]
	return max(float64(p.now.done-first.done)/p.now.at.Sub(first.at).Seconds(), 0)
}

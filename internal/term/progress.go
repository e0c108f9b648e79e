package term

import (
	"fmt"
	"io"
	"math"
	"math/bits"
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
	w        io.Writer
	terminal bool
	width    int // of what may be written: a full line would wrap in some terminals
	label    string
	bar      *progressbar.ProgressBar // nil: no terminal, or one too narrow
	start    time.Time
	shown    time.Time // when the last line was written; zero: never
	pace     pace
}

// NewProgress starts the clock of a job. On a terminal of that many columns (0:
// 80) it draws a bar, elsewhere a line every ten seconds.
func NewProgress(w io.Writer, isTerminal bool, columns int, label string) *Progress {
	if columns <= 0 {
		columns = 80
	}
	p := &Progress{w: w, terminal: isTerminal, width: columns - 1, start: time.Now()}
	p.label = Safe(label)
	p.pace.add(p.start, 0)
	if !isTerminal {
		return p
	}
	p.label = cutMiddle(p.label, p.width/4)
	const frame = len(" 100% || ") + len(": ")
	if room := p.width - frame - width(p.label) - barFiguresWidth; room >= minBarWidth {
		// The library draws the bar; the figures are the description, as its
		// own forecast goes wrong at a rate of 0. It counts percent and never
		// reaches 100: then it would be finished, and a total may still grow.
		p.bar = progressbar.NewOptions(100,
			progressbar.OptionSetWriter(io.Discard), // it is asked for its String
			progressbar.OptionSetWidth(min(room, maxBarWidth)),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionShowDescriptionAtLineEnd(),
		)
	}
	return p
}

// Update tells how many bytes of the total are done; a total of 0 is not known.
// It may be called as often as one likes.
func (p *Progress) Update(done, total int64) {
	if p == nil {
		return
	}
	now := time.Now()
	p.pace.add(now, done)
	if p.terminal {
		if now.Sub(p.start) >= barDelay && now.Sub(p.shown) >= barInterval {
			p.shown = now
			p.draw(done, total)
		}
		return
	}
	last := p.shown
	if last.IsZero() {
		last = p.start
	}
	if now.Sub(last) >= lineEvery {
		p.shown = now
		fmt.Fprintln(p.w, p.line(done, total, true))
	}
}

// Finish clears the bar, so that the result stands alone.
func (p *Progress) Finish() {
	if p == nil || !p.terminal || p.shown.IsZero() {
		return
	}
	// Blanks and not an escape sequence: every terminal knows them.
	io.WriteString(p.w, "\r"+strings.Repeat(" ", p.width)+"\r")
	p.shown = time.Time{}
}

func (p *Progress) draw(done, total int64) {
	frame := p.line(done, total, true)
	if p.bar != nil && total > 0 {
		p.bar.Set(min(percent(done, total), 99))
		p.bar.Describe(p.line(done, total, false))
		frame = strings.TrimSpace(p.bar.String())
	}
	frame = cutMiddle(frame, p.width)
	// In one write, blanks included, so that nothing flickers.
	io.WriteString(p.w, "\r"+frame+strings.Repeat(" ", max(p.width-width(frame), 0)))
}

// line says all there is to say: "hashing: 1.2 GiB of 4.0 GiB (30 %), 1.1 GiB/s,
// 3s left".
func (p *Progress) line(done, total int64, withPercent bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.label, Size(done))
	if total > 0 {
		fmt.Fprintf(&b, " of %s", Size(total))
		if withPercent {
			fmt.Fprintf(&b, " (%d %%)", percent(done, total))
		}
	}
	rate := p.pace.rate()
	fmt.Fprintf(&b, ", %s", Rate(rate))
	if left, ok := timeLeft(total-done, rate); ok {
		fmt.Fprintf(&b, ", %s left", Duration(left))
	}
	return b.String()
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

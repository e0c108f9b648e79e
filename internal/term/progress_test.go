package term

import (
	"cmp"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
)

const mib = 1 << 20

func columnsOf(n int) func() int { return func() int { return n } }

// run does a job at a steady rate, and calls Update at every step.
func run(p *Progress, from, to, total int64, rate int64, step time.Duration) {
	for done := from; done < to; {
		time.Sleep(step)
		done += int64(float64(rate) * step.Seconds())
		p.Update(min(done, to), total)
	}
}

func TestProgressLines(t *testing.T) {
	tests := []struct {
		name        string
		done, total int64
		rate        int64
		want        string
	}{
		{"shorter than ten seconds", 99 * mib, 99 * mib, 10 * mib, ""},
		{
			"a line every ten seconds", 250 * mib, 1000 * mib, 10 * mib, "" +
				"hashing: 100.0 MiB of 1000.0 MiB (10 %), 10.0 MiB/s, 1m30s left\n" +
				"hashing: 200.0 MiB of 1000.0 MiB (20 %), 10.0 MiB/s, 1m20s left\n",
		},
		{"total not known", 150 * mib, 0, 10 * mib, "hashing: 100.0 MiB, 10.0 MiB/s\n"},
		{"done at last", 100 * mib, 100 * mib, 10 * mib, "hashing: 100.0 MiB of 100.0 MiB (100 %), 10.0 MiB/s\n"},
		{"more than the total", 100 * mib, 50 * mib, 10 * mib, "hashing: 100.0 MiB of 50.0 MiB (100 %), 10.0 MiB/s\n"},
		{"centuries left", 100, math.MaxInt64, 10, "hashing: 100 B of 8.0 EiB (0 %), 10 B/s\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b strings.Builder
				p := NewProgress(&b, Palette{}, nil, "hashing")
				run(p, 0, tt.done, tt.total, tt.rate, 100*time.Millisecond)
				p.Finish()
				if diff := gocmp.Diff(tt.want, b.String()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Other things than bytes: a line every ten seconds or, on a terminal after half a second,
// a line that is replaced.
func TestProgressText(t *testing.T) {
	count := func(p *Progress, seconds int) {
		for i := range 10 * seconds {
			time.Sleep(100 * time.Millisecond)
			p.UpdateText(Count(int64(i*1000)) + " files")
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, Palette{}, nil, "listing \x1b[2J")
		count(p, 25)
		p.Finish()
		if got, want := b.String(), `listing \x1b[2J: 99,000 files`+"\n"+`listing \x1b[2J: 199,000 files`+"\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
		count(nil, 1)
	})
	for columns, want := range map[int]string{80: "listing the disk: 9,000 files", 20: "li…k: 9,000 files", 14: "9,000 files", 5: ""} {
		synctest.Test(t, func(t *testing.T) {
			var b strings.Builder
			p := NewProgress(&b, Palette{}, columnsOf(columns), "listing the disk")
			count(p, 1)
			if got := b.String(); strings.Contains(got, " 2,000 files") || !strings.Contains(got, "\r"+wrapOff+want+clearRight) {
				t.Errorf("%d columns: %q", columns, got)
			}
		})
	}
}

func TestProgressStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, Palette{}, nil, "checking \x1b[2J")
		for range 25 {
			time.Sleep(time.Second)
			p.Update(0, mib)
		}
		p.Finish()
		want := strings.Repeat(`checking \x1b[2J: 0 B of 1.0 MiB (0 %), 0 B/s`+"\n", 2)
		if diff := gocmp.Diff(want, b.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// The rate is that of the last seconds, without a fast beginning.
func TestProgressRateSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, Palette{}, nil, "hashing")
		run(p, 0, 900*mib, 1000*mib, 100*mib, 100*time.Millisecond)
		run(p, 900*mib, 911*mib, 1000*mib, mib, 100*time.Millisecond)
		lines := strings.Split(b.String(), "\n")
		want := "hashing: 911.0 MiB of 1000.0 MiB (91 %), 1.0 MiB/s, 1m29s left"
		if got := lines[len(lines)-2]; got != want {
			t.Errorf("the last line is %q, want %q", got, want)
		}
	})
}

func TestProgressBar(t *testing.T) {
	tests := []struct {
		name  string
		total int64
		width int
		label string
		want  string // the last frame
	}{
		{"80 columns", 100 * mib, 80, "hashing", "30% |█████            |  hashing: 30.0 MiB of 100.0 MiB, 10.0 MiB/s, 7s left"},
		{"0 is 80", 100 * mib, 0, "hashing", "30% |█████            |  hashing: 30.0 MiB of 100.0 MiB, 10.0 MiB/s, 7s left"},
		{"too narrow for a bar", 100 * mib, 60, "hashing", "hashing: 30.0 MiB of 100.0 MiB (30 %), 10.0 MiB/s, 7s left"},
		{"hardly too narrow for the figures", 100 * mib, 58, "hashing", "hashing: 30.0 MiB of 100.0 MiB (30 %), 7s left"},
		{"40 columns", 100 * mib, 40, "hashing", "hashing: 30 %, 7s left"},
		{"20 columns", 100 * mib, 20, "hashing", "ha…g: 30 %, 7s left"},
		{"15 columns", 100 * mib, 15, "hashing", "h…g: 30 %"},
		{"10 columns", 100 * mib, 10, "hashing", "h…: 30 %"},
		{"5 columns", 100 * mib, 5, "hashing", "30 %"},
		{"total not known, 25 columns", 0, 25, "hashing", "has…ng: 30.0 MiB"},
		{"hardly a terminal", 100 * mib, 1, "hashing", ""},
		{"long label", 100 * mib, 80, "日本語の\nとても長い名前です", "30% |█     |  日本語の\\…名前です: 30.0 MiB of 100.0 MiB, 10.0 MiB/s, 7s left"},
		{"total not known", 0, 80, "hashing", "hashing: 30.0 MiB, 10.0 MiB/s"},
		{"full", 30 * mib, 80, "hashing", "99% |████████████████ |  hashing: 30.0 MiB of 30.0 MiB, 10.0 MiB/s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b strings.Builder
				p := NewProgress(&b, Palette{}, columnsOf(tt.width), tt.label)
				run(p, 0, 30*mib, tt.total, 10*mib, 100*time.Millisecond)
				columns := cmp.Or(tt.width, 80) - 1
				frames := strings.Split(strings.TrimSuffix(strings.TrimPrefix(b.String(), "\r"), "\r"), "\r\r")
				for i, f := range frames {
					f = strings.TrimPrefix(strings.TrimSuffix(f, clearRight+wrapOn), wrapOff)
					if w := displayWidth(f); w > columns {
						t.Errorf("a frame has %d columns, want %d at most: %q", w, columns, f)
					}
					if i == len(frames)-1 && f != tt.want {
						t.Errorf("the last frame is %q, want %q", f, tt.want)
					}
				}
				if n := len(frames); n != 26 { // from 0.5 s to 3 s
					t.Errorf("%d frames, want 26", n)
				}

				b.Reset()
				p.Finish()
				want := ""
				if tt.want != "" {
					want = "\r" + wrapOff + clearRight + wrapOn + "\r"
				}
				if got := b.String(); got != want {
					t.Errorf("Finish writes %q, want %q", got, want)
				}
			})
		})
	}
}

func TestProgressBarOnlyAfterHalfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, Palette{}, columnsOf(80), "hashing")
		p.Update(mib, 10*mib)
		time.Sleep(499 * time.Millisecond)
		p.Update(2*mib, 10*mib)
		p.Finish()
		if b.String() != "" {
			t.Errorf("a short job writes %q", b.String())
		}
	})
}

// A growing total, or a decreasing count, must not end the bar.
func TestProgressBarGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		p := NewProgress(&b, Palette{}, columnsOf(80), "x")
		for _, u := range []struct{ done, total int64 }{{10, 10}, {10, 20}, {0, 0}, {5, 20}, {-1, 20}, {3, -1}, {15, 20}} {
			time.Sleep(time.Second)
			p.Update(u.done, u.total)
		}
		if got := b.String(); !strings.Contains(got[strings.LastIndex(got, "\r\r"):], "75% |") {
			t.Errorf("frames %q", got)
		}
	})
}

// In a window that gets narrower and wider, there is one line below the earlier text, and
// none after Finish.
func TestProgressInWindow(t *testing.T) {
	for _, p := range []Palette{{}, Palette{}.ASCII()} {
		synctest.Test(t, func(t *testing.T) {
			s := newScreen(t, 200, 10)
			above := strings.Repeat("above\n", 12)
			s.Write([]byte(strings.ReplaceAll(above, "\n", "\r\n")))
			progress := NewProgress(s, p, func() int { return s.columns }, "hashing a rather long name")
			done := int64(0)
			for _, columns := range []int{200, 80, 60, 40, 20, 6, 5, 40, 200, 41, 80, 30} {
				s.resize(columns, 10)
				for range 10 {
					time.Sleep(100 * time.Millisecond)
					done += mib
					progress.Update(done, 200*mib)
				}
				line, ok := strings.CutPrefix(s.text(), above)
				line = strings.TrimRight(strings.TrimSuffix(line, "_"), " ")
				if !ok || strings.Contains(line, "\n") || width(line) >= columns || columns >= 6 && !strings.Contains(line, "%") {
					t.Errorf("at %d columns: %q", columns, s.text())
				}
			}
			s.resize(11, 10)
			progress.Finish()
			s.want(above + "_")
		})
	}
}

func TestProgressNil(t *testing.T) {
	var p *Progress
	p.Update(1, 2)
	p.Finish()
}

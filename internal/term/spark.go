package term

import (
	"math"
	"strings"
)

var (
	sparkBars = []rune("▁▂▃▄▅▆▇█")
	asciiBars = []rune("_.:-=+*#")
)

// Sparkline draws the last width values, oldest first, with one character per value.
// The lowest bar is the minimum of these values and the highest the maximum, not 0, so
// that a change from 1000 seeders to 990 is visible. If all values are equal, it draws
// a low line. A negative value is unknown and drawn as a blank.
func (p Palette) Sparkline(values []int64, width int) string {
	bars := sparkBars
	if p.ascii {
		bars = asciiBars
	}
	values = values[max(len(values)-max(width, 0), 0):]
	least, greatest := int64(math.MaxInt64), int64(-1)
	for _, v := range values {
		if v >= 0 {
			least, greatest = min(least, v), max(greatest, v)
		}
	}

	var b strings.Builder
	for _, v := range values {
		switch {
		case v < 0:
			b.WriteByte(' ')
		case least == greatest:
			b.WriteRune(bars[0])
		default:
			// Floating point, as the product may overflow an int64.
			height := float64(v-least) / float64(greatest-least) * float64(len(bars)-1)
			b.WriteRune(bars[int(math.Round(height))])
		}
	}
	return b.String()
}

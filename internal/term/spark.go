package term

import (
	"math"
	"strings"
)

var (
	sparkBars = []rune("▁▂▃▄▅▆▇█")
	asciiBars = []rune("_.:-=+*#")
)

// Sparkline draws the last width values, oldest first, one character each; of
// fewer values it is as much shorter. The lowest bar is the least value shown
// and the highest the greatest, not 0: a swarm that goes from 1000 seeders to
// 990 should be seen to change, and the number beside the line says by how
// much. Values that are all equal are a low line. A negative value is not known
// and leaves a blank.
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
			// In floating point, as the product may not fit an int64.
			height := float64(v-least) / float64(greatest-least) * float64(len(bars)-1)
			b.WriteRune(bars[int(math.Round(height))])
		}
	}
	return b.String()
}

package term

import "strings"

// eighths are bars of one to eight eighths of a column.
var eighths = []rune("▏▎▍▌▋▊▉█")

// Bar draws a number as a bar: most has limit columns, and 0 none. In Unicode it is exact
// to an eighth of a column. A number above 0 always has a visible bar.
func (p Palette) Bar(n, most int64, limit int) string {
	if n <= 0 || most <= 0 || limit <= 0 {
		return ""
	}
	share := min(float64(n)/float64(most), 1) // floating point, as the product may overflow
	if p.ascii {
		return strings.Repeat("#", max(int(share*float64(limit)+0.5), 1))
	}
	parts := max(int(share*float64(8*limit)+0.5), 1)
	bar := strings.Repeat(string(eighths[7]), parts/8)
	if rest := parts % 8; rest > 0 {
		bar += string(eighths[rest-1])
	}
	return bar
}

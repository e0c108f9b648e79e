package term

import (
	"math"
	"testing"
)

func TestSparkline(t *testing.T) {
	tests := []struct {
		name   string
		values []int64
		width  int
		want   string
	}{
		{"none", nil, 8, ""},
		{"no room", []int64{1, 2}, 0, ""},
		{"less than no room", []int64{1, 2}, -1, ""},
		{"every bar", []int64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{"falling", []int64{70, 60, 50, 40, 30, 20, 10, 0}, 8, "█▇▆▅▄▃▂▁"},
		{"fewer than the width", []int64{5, 9}, 8, "▁█"},
		{"the last ones", []int64{1000, 1, 2, 3}, 2, "▁█"},
		{"scaled by what is shown", []int64{0, 1000, 990, 995}, 3, "█▁▅"},
		{"small change of much", []int64{1000, 1000, 999, 1000}, 4, "██▁█"},
		{"nearest bar", []int64{0, 7, 8, 100}, 4, "▁▁▂█"},
		{"one", []int64{17}, 8, "▁"},
		{"all equal", []int64{17, 17, 17}, 8, "▁▁▁"},
		{"all 0", []int64{0, 0}, 8, "▁▁"},
		{"not known", []int64{-1, 3, -1, 5, math.MinInt64}, 8, " ▁ █ "},
		{"none known", []int64{-1, -1}, 8, "  "},
		{"equal but for one not known", []int64{4, -1, 4}, 8, "▁ ▁"},
		{"the greatest", []int64{0, math.MaxInt64/2 + 1, math.MaxInt64}, 8, "▁▅█"},
		{"near the greatest", []int64{math.MaxInt64 - 2, math.MaxInt64 - 1, math.MaxInt64}, 8, "▁▅█"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Palette{}).Sparkline(tt.values, tt.width); got != tt.want {
				t.Errorf("Sparkline(%d, %d) = %q, want %q", tt.values, tt.width, got, tt.want)
			}
		})
	}
}

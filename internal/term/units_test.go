package term

import (
	"math"
	"testing"
	"time"
)

func TestSizeDistinct(t *testing.T) {
	for _, test := range []struct {
		n    int64
		want string
	}{
		{0, "0 B"},
		{8, "8 B"},
		{1023, "1023 B"},
		{1024, "1.0 KiB"},
		{1536, "1.5 KiB"},
		{1537, "1,537 bytes"},
		{16385, "16,385 bytes"},
		{32767, "32,767 bytes"},
		{32768, "32.0 KiB"},
		{1<<20 - 1, "1,048,575 bytes"},
		{1 << 20, "1.0 MiB"},
		{1<<20 + 1<<10, "1,049,600 bytes"},
		{1536 << 10, "1.5 MiB"},
		{1 << 60, "1.0 EiB"},
		{1<<60 + 1, "1,152,921,504,606,846,977 bytes"},
		{math.MaxInt64, "9,223,372,036,854,775,807 bytes"},
	} {
		if got := SizeDistinct(test.n); got != test.want {
			t.Errorf("%d: %q, want %q", test.n, got, test.want)
		}
	}
}

func TestSize(t *testing.T) {
	const k, m, g, e = 1 << 10, 1 << 20, 1 << 30, 1 << 60
	tests := []struct {
		n           int64
		size, exact string
	}{
		{0, "0 B", "0 bytes"},
		{1, "1 B", "1 byte"},
		{17, "17 B", "17 bytes"},
		{999, "999 B", "999 bytes"},
		{1023, "1023 B", "1,023 bytes"},
		{1024, "1.0 KiB", "1.0 KiB (1,024 bytes)"},
		{1536 * k, "1.5 MiB", "1.5 MiB (1,572,864 bytes)"},
		{1258291, "1.2 MiB", "1.2 MiB (1,258,291 bytes)"},
		{m - 52, "1023.9 KiB", "1023.9 KiB (1,048,524 bytes)"},
		{m - 51, "1.0 MiB", "1.0 MiB (1,048,525 bytes)"},
		{m - 1, "1.0 MiB", "1.0 MiB (1,048,575 bytes)"},
		{g - 1, "1.0 GiB", "1.0 GiB (1,073,741,823 bytes)"},
		{e - 1, "1.0 EiB", "1.0 EiB (1,152,921,504,606,846,975 bytes)"},
		{math.MaxInt64, "8.0 EiB", "8.0 EiB (9,223,372,036,854,775,807 bytes)"},
		{-1, "-1 B", "-1 byte"},
		{-1536, "-1.5 KiB", "-1.5 KiB (-1,536 bytes)"},
		{math.MinInt64, "-8.0 EiB", "-8.0 EiB (-9,223,372,036,854,775,808 bytes)"},
	}
	for _, tt := range tests {
		if got := Size(tt.n); got != tt.size {
			t.Errorf("Size(%d) = %q, want %q", tt.n, got, tt.size)
		}
		if got := SizeExact(tt.n); got != tt.exact {
			t.Errorf("SizeExact(%d) = %q, want %q", tt.n, got, tt.exact)
		}
	}
}

func TestCount(t *testing.T) {
	tests := []struct {
		n    int64
		want string
	}{
		{0, "0"}, {7, "7"}, {999, "999"}, {1000, "1,000"}, {12345, "12,345"}, {123456, "123,456"},
		{1234567, "1,234,567"}, {-999, "-999"}, {-1000, "-1,000"}, {-123456, "-123,456"},
	}
	for _, tt := range tests {
		if got := Count(tt.n); got != tt.want {
			t.Errorf("Count(%d) = %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestRate(t *testing.T) {
	tests := []struct {
		rate float64
		want string
	}{
		{0, "0 B/s"}, {0.4, "0 B/s"}, {12.6, "13 B/s"}, {12.3 * (1 << 20), "12.3 MiB/s"},
		{-2048, "-2.0 KiB/s"}, {math.NaN(), "0 B/s"},
		{math.Inf(1), "8.0 EiB/s"}, {math.Inf(-1), "-8.0 EiB/s"}, {math.MaxInt64, "8.0 EiB/s"},
	}
	for _, tt := range tests {
		if got := Rate(tt.rate); got != tt.want {
			t.Errorf("Rate(%v) = %q, want %q", tt.rate, got, tt.want)
		}
	}
}

func TestDuration(t *testing.T) {
	const ms, s, m, h, day = time.Millisecond, time.Second, time.Minute, time.Hour, 24 * time.Hour
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{300 * time.Microsecond, "0s"},
		{500 * time.Microsecond, "1ms"},
		{850 * ms, "850ms"},
		{s - 501*time.Microsecond, "999ms"},
		{s - 500*time.Microsecond, "1s"},
		{4 * s, "4s"},
		{4200 * ms, "4.2s"},
		{42350 * ms, "42.4s"},
		{m - 51*ms, "59.9s"},
		{m - 50*ms, "1m00s"},
		{3*m + 5*s, "3m05s"},
		{h - 501*ms, "59m59s"},
		{h - 500*ms, "1h00m"},
		{2*h + 10*m, "2h10m"},
		{day - 31*s, "23h59m"},
		{day - 30*s, "1d00h"},
		{3*day + 4*h, "3d04h"},
		{400 * day, "400d00h"},
		{-4200 * ms, "-4.2s"},
		{math.MaxInt64, "106751d23h"},
		{math.MinInt64, "-106751d23h"},
	}
	for _, tt := range tests {
		if got := Duration(tt.d); got != tt.want {
			t.Errorf("Duration(%d) = %q, want %q", tt.d, got, tt.want)
		}
	}
}

package term

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Size formats a number of bytes in IEC units with one decimal: "999 B", "1.0 KiB", up
// to EiB.
func Size(n int64) string {
	if n < 0 {
		// As uint64, because -n overflows for the least int64.
		return "-" + size(-uint64(n))
	}
	return size(uint64(n))
}

func size(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	prefix, unit := 0, uint64(1024)
	for tenths(n, unit) >= 10240 {
		prefix++
		unit *= 1024
	}
	t := tenths(n, unit)
	return fmt.Sprintf("%d.%d %ciB", t/10, t%10, "KMGTPE"[prefix])
}

// tenths rounds n to tenths of a unit. It computes whole units and the rest separately,
// so that no product overflows.
func tenths(n, unit uint64) uint64 {
	return n/unit*10 + (n%unit*10+unit/2)/unit
}

// Count formats a number with commas between the thousands.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}

// SizeExact formats a size with the exact number of bytes: "1.2 MiB (1,258,291 bytes)",
// or only the bytes below 1 KiB.
func SizeExact(n int64) string {
	exact := plural(n, "byte")
	if n > -1024 && n < 1024 {
		return exact
	}
	return Size(n) + " (" + exact + ")"
}

// SizeDistinct formats a size that is not negative, such that different sizes differ: "32.0
// KiB", but "32,767 bytes".
func SizeDistinct(n int64) string {
	unit := uint64(1)
	for range "KMGTPE" {
		if uint64(n)/unit >= 1024 {
			unit *= 1024
		}
	}
	if uint64(n)%unit*10%unit != 0 {
		return plural(n, "byte")
	}
	return Size(n)
}

func plural(n int64, noun string) string {
	if n == 1 || n == -1 {
		return Count(n) + " " + noun
	}
	return Count(n) + " " + noun + "s"
}

// Rate formats a rate in bytes per second: "12.3 MiB/s". NaN is 0, and a number that
// overflows an int64 is math.MaxInt64.
func Rate(bytesPerSecond float64) string {
	switch {
	case math.IsNaN(bytesPerSecond):
		bytesPerSecond = 0
	case bytesPerSecond >= math.MaxInt64:
		return Size(math.MaxInt64) + "/s"
	case bytesPerSecond <= math.MinInt64:
		return Size(math.MinInt64) + "/s"
	}
	return Size(int64(math.Round(bytesPerSecond))) + "/s"
}

// Duration formats a time with two units: "850ms", "4.2s", "3m05s", "2h10m", "3d04h".
// It rounds, and formats whole seconds as "4s".
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 0 {
		if d == math.MinInt64 {
			d++ // otherwise -d overflows
		}
		return "-" + Duration(-d)
	}
	// Each limit is where rounding reaches the next unit.
	switch {
	case d < 500*time.Microsecond:
		return "0s"
	case d < time.Second-500*time.Microsecond:
		return fmt.Sprintf("%dms", d.Round(time.Millisecond)/time.Millisecond)
	case d < time.Minute-50*time.Millisecond:
		tenths := d.Round(100*time.Millisecond) / (100 * time.Millisecond)
		if tenths%10 == 0 {
			return fmt.Sprintf("%ds", tenths/10)
		}
		return fmt.Sprintf("%d.%ds", tenths/10, tenths%10)
	case d < time.Hour-time.Second/2:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day-time.Minute/2:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	d = d.Round(time.Hour)
	return fmt.Sprintf("%dd%02dh", d/day, d%day/time.Hour)
}

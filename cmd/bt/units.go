package main

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"bt/internal/metainfo"
)

// sizeUnits maps units of sizes, in lower case, to factors. A single letter means
// a power of 1024, as in dd and rclone.
var sizeUnits = map[string]int64{
	"": 1, "b": 1,
	"k": 1 << 10, "ki": 1 << 10, "kib": 1 << 10, "kb": 1e3,
	"m": 1 << 20, "mi": 1 << 20, "mib": 1 << 20, "mb": 1e6,
	"g": 1 << 30, "gi": 1 << 30, "gib": 1 << 30, "gb": 1e9,
	"t": 1 << 40, "ti": 1 << 40, "tib": 1 << 40, "tb": 1e12,
}

const sizesAccepted = "want bytes (262144), 256K or 256KiB (of 1024), 256KB (of 1000), likewise M, G and T, or 2^18"

// parseSize parses a number of bytes, which is at least 0.
func parseSize(s string) (int64, error) {
	if exponent, ok := strings.CutPrefix(s, "2^"); ok {
		n, err := strconv.ParseUint(exponent, 10, 32)
		switch {
		case errors.Is(err, strconv.ErrRange) || err == nil && n > 62:
			return 0, fmt.Errorf("size %q is too large", s)
		case err != nil:
			return 0, fmt.Errorf("%q is not a size: %s", s, sizesAccepted)
		}
		return 1 << n, nil
	}

	end := len(s) - len(strings.TrimLeft(s, "0123456789."))
	unit, ok := sizeUnits[strings.ToLower(s[end:])]
	number, valid := decimal(s[:end])
	if !ok || !valid {
		return 0, fmt.Errorf("%q is not a size: %s", s, sizesAccepted)
	}
	number.Mul(number, new(big.Rat).SetInt64(unit))
	if !number.IsInt() {
		return 0, fmt.Errorf("size %q is not a whole number of bytes", s)
	}
	if !number.Num().IsInt64() {
		return 0, fmt.Errorf("size %q is too large", s)
	}
	return number.Num().Int64(), nil
}

// decimal parses a decimal number exactly: 1.1KB is 1100 bytes, not
// 1100.0000000000001.
func decimal(s string) (*big.Rat, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if whole == "" || point && fraction == "" || strings.Contains(fraction, ".") {
		return nil, false
	}
	return new(big.Rat).SetString(s)
}

const timesAccepted = "want 2026-01-31T12:00:00Z, 2026-01-31, seconds since 1970, or now"

// timeReader returns a parseTime that uses the clock now.
func timeReader(now func() time.Time) func(string) (time.Time, error) {
	return func(s string) (time.Time, error) { return parseTime(s, now()) }
}

// parseTime parses a time, and returns it in UTC and whole seconds, which is the
// precision of a torrent's creation date. A date means its beginning in UTC.
func parseTime(s string, now time.Time) (time.Time, error) {
	t, err := readTime(s, now)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time: %s", s, timesAccepted)
	}
	if t.Unix() < 0 || t.Unix() > metainfo.LastDate {
		return time.Time{}, fmt.Errorf("time %q is not between the years 1970 and 9999", s)
	}
	return t.UTC().Truncate(time.Second), nil
}

func readTime(s string, now time.Time) (time.Time, error) {
	if s == "now" {
		return now, nil
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0), nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

// parseDuration parses a duration in the format of Go, or in days: 90s, 1h30m,
// 2d. It must be more than 0.
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n float64
		n, err = strconv.ParseFloat(days, 64)
		d = time.Duration(n * 24 * float64(time.Hour))
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not a length of time: want 30s, 1h30m or 2d", s)
	}
	return d, nil
}

// parseRate parses a rate in bytes per second, as a size with or without /s, or
// in bits per second as 16mbit or 1gbit, in powers of 1000. It returns bytes per
// second.
func parseRate(s string) (int64, error) {
	text := strings.TrimSuffix(strings.ToLower(s), "/s")
	n, err := int64(0), error(nil)
	if bits, ok := strings.CutSuffix(text, "bit"); ok {
		if strings.HasSuffix(bits, "k") || strings.HasSuffix(bits, "m") || strings.HasSuffix(bits, "g") {
			bits += "b" // kbit, mbit and gbit are powers of 1000
		}
		n, err = parseSize(bits)
		n /= 8
	} else {
		n, err = parseSize(text)
	}
	if err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not a rate: want bytes a second such as 512K or 2MiB/s, or bits such as 16mbit", s)
	}
	return n, nil
}

package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{
		"0": 0, "262144": 262144, "7b": 7, "7B": 7, "2^18": 262144, "2^0": 1, "2^62": 1 << 62,
		"256K": 262144, "256k": 262144, "256Ki": 262144, "256KiB": 262144, "256kib": 262144,
		"256KB": 256000, "256kb": 256000, "1M": 1 << 20, "1MiB": 1 << 20, "1MB": 1000000,
		"3g": 3 << 30, "3GB": 3000000000, "2TiB": 2 << 40, "2tb": 2e12,
		"1.5GiB": 3 << 29, "1.1KB": 1100, "0.5K": 512, "2.0": 2,
		"9223372036854775807": 1<<63 - 1, "8388607T": 8388607 << 40,
	} {
		if got, err := parseSize(s); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v; want %d", s, got, err, want)
		}
	}
}

func TestParseSizeErrors(t *testing.T) {
	const notSize, notWhole, tooLarge = "is not a size: want bytes", "whole number of bytes", "is too large"
	for s, want := range map[string]string{
		"": notSize, "K": notSize, "-1": notSize, "+1": notSize, " 1": notSize, "1 K": notSize, "1P": notSize,
		"1KK": notSize, "0x10": notSize, "1e3": notSize, "1/2": notSize, "1_000": notSize, ".5K": notSize, "1.K": notSize,
		"1.2.3K": notSize, ".": notSize, "2^": notSize, "2^-1": notSize, "2^+1": notSize, "2^1K": notSize, "3^2": notSize, "auto": notSize, "1\xff": notSize,
		"1.5": notWhole, "1.0001KiB": notWhole, "0.1K": notWhole,
		"2^63": tooLarge, "2^99999999999999999999": tooLarge,
		"9223372036854775808": tooLarge, "8388608T": tooLarge, strings.Repeat("9", 99) + "T": tooLarge,
	} {
		if got, err := parseSize(s); err == nil || !strings.Contains(err.Error(), want) || got != 0 {
			t.Errorf("parseSize(%q) = %d, %v; want an error saying %q", s, got, err, want)
		}
	}
}

func TestParseTime(t *testing.T) {
	now := time.Date(2026, 7, 1, 12, 0, 0, 5, time.FixedZone("", 7200))
	for s, want := range map[string]string{
		"now":                       "2026-07-01T10:00:00Z",
		"2026-01-31":                "2026-01-31T00:00:00Z",
		"2026-01-31T12:30:00Z":      "2026-01-31T12:30:00Z",
		"2026-01-31T12:30:00+02:00": "2026-01-31T10:30:00Z",
		"2026-01-31T12:30:00.9Z":    "2026-01-31T12:30:00Z",
		"0":                         "1970-01-01T00:00:00Z",
		"1700000000":                "2023-11-14T22:13:20Z",
		"253402300799":              "9999-12-31T23:59:59Z",
	} {
		got, err := parseTime(s, now)
		if err != nil || got.Format(time.RFC3339Nano) != want {
			t.Errorf("parseTime(%q) = %v, %v; want %s", s, got, err, want)
		}
	}
}

func TestParseTimeErrors(t *testing.T) {
	const notTime, outside = "is not a time: want 2026-01-31T12:00:00Z", "is not between"
	for s, want := range map[string]string{
		"": notTime, "yesterday": notTime, "2026-02-30": notTime, "2026-01-31T12:00:00": notTime, "31.1.2026": notTime,
		"1.5": notTime, "99999999999999999999": notTime,
		"-1": outside, "1969-12-31": outside, "253402300800": outside, "9223372036854775807": outside, "9999-12-31T23:59:59-01:00": outside,
	} {
		if got, err := parseTime(s, time.Now()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("parseTime(%q) = %v, %v; want an error saying %q", s, got, err, want)
		}
	}
}

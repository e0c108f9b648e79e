package main

import (
	"cmp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

// Flags --strict and --allow of make and info. --strict counts warnings and
// errors, except those of the codes that --allow names.

type strictness struct {
	on      bool
	allowed []metainfo.Code
}

func (s *strictness) flags(refusal string) []cli.Flag {
	return []cli.Flag{
		switchFlag(&s.on, "strict", refusal),
		listFlag(&s.allowed, findingCodes, "allow", "exclude findings of `CODE` from --strict; again for more, or separated by commas (bt help findings lists them)"),
	}
}

// findingCodes parses codes of findings, separated by commas.
func findingCodes(s string) (codes []metainfo.Code, err error) {
	for code := range strings.SplitSeq(s, ",") {
		code = strings.TrimSpace(code)
		if !slices.ContainsFunc(metainfo.Kinds, func(k metainfo.Kind) bool { return string(k.Code) == code }) {
			return nil, unknownCode(code)
		}
		codes = append(codes, metainfo.Code(code))
	}
	return codes, nil
}

func unknownCode(code string) error {
	var codes []string
	for _, k := range metainfo.Kinds {
		codes = append(codes, string(k.Code))
	}
	hint := "bt help findings lists them"
	if near := suggest(code, codes); near != "" {
		hint = "did you mean " + near + "?"
	}
	return withHint(failf(exitUsage, "there is no finding %q", code), hint)
}

func (s *strictness) allows(code metainfo.Code) bool { return slices.Contains(s.allowed, code) }

// refuses reports whether --strict counts a finding.
func (s *strictness) refuses(code metainfo.Code, severity metainfo.Severity) bool {
	return s.on && severity != metainfo.SeverityNote && !s.allows(code)
}

// refusal returns the error for the findings that --strict counts, or nil.
func refusal(path string, findings []maketorrent.Finding, strict *strictness) error {
	var codes []string
	first := ""
	for _, f := range findings {
		if code := string(f.Code); strict.refuses(f.Code, f.Severity) && !slices.Contains(codes, code) {
			codes = append(codes, code)
			first = cmp.Or(first, f.Message)
		}
	}
	switch len(codes) {
	case 0:
		return nil
	case 1:
		first += " (" + codes[0] + ")"
	default:
		first += " (all: " + strings.Join(codes, ", ") + ")"
	}
	return withHint(failf(exitNo, "%s: refused by --strict: %s", path, first), "nothing was written; --allow CODE excludes one")
}

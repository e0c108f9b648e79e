package config

import (
	"fmt"
	"strconv"
	"strings"
)

// testVocabulary has a key of each form.
var testVocabulary = &Vocabulary{
	Keys: []Key{
		{Name: "announce", List: true, NotTracker: true},
		{Name: "exclude", List: true},
		{Name: "source"},
		{Name: "comment"},
		{Name: "output", NotTracker: true},
		{Name: "date", Form: FormTime},
		{Name: "no-date", Form: FormSwitch},
		{Name: "private", Form: FormSwitch},
		{Name: "entropy", Form: FormSwitch},
		{Name: "created-by"},
		{Name: "no-created-by", Form: FormSwitch},
		{Name: "format", Form: FormWord, Words: formatNames, Usage: "make a torrent of FORMAT"},
		{Name: "read", Form: FormWord, Words: []string{"auto", "parallel"}, List: true},
		{Name: "piece-length", Form: FormSize, Words: []string{"auto"}},
		{Name: "max-piece-length", Form: FormSize},
		{Name: "jobs", Form: FormNumber},
		{Name: "web-seed", List: true},
		{Name: "include", List: true},
	},
	Size: func(s string) (int64, error) {
		shift := 0
		switch {
		case strings.HasPrefix(s, "2^"):
			n, err := strconv.Atoi(s[2:])
			if err != nil || n > 62 {
				return 0, fmt.Errorf("no size: %q", s)
			}
			return 1 << n, nil
		case strings.HasSuffix(s, "M"):
			shift = 20
		case strings.HasSuffix(s, "K"):
			shift = 10
		}
		n, err := strconv.ParseInt(strings.TrimRight(s, "MK"), 10, 40)
		if err != nil || n > 1<<40 {
			return 0, fmt.Errorf("no size: %q", s)
		}
		return n << shift, nil
	},
}

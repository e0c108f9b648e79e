package main

import "testing"

func TestSuggest(t *testing.T) {
	names := []string{"make", "info", "verify", "retracker", "scrape", "seed", "get"}
	for typed, want := range map[string]string{
		"verfiy": "verify", "verify": "verify", "ifno": "info", "infos": "info", "see": "seed",
		"retraker": "retracker", "retr": "retracker", "se": "seed", "v": "", "scarpe": "scrape", "mkae": "make",
		"": "", "x": "", "s": "", "tree": "", "announce": "", "frobnicate-everything": "",
	} {
		if got := suggest(typed, names); got != want {
			t.Errorf("suggest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "abd", 1},
		{"abc", "acb", 1}, {"abcd", "badc", 2}, {"kitten", "sitting", 3},
	} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("distance(%q, %q) = %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

package rewrite

import (
	"errors"
	"regexp"
	"testing"
)

// Edits that are refused, and the errors.
func TestRefusals(t *testing.T) {
	in := "d" + announce(urlC) + info + "e"
	hash := "the edit changes the info dict: it would be another torrent, with another info-hash"
	inside := func(key string, value []byte) Edit { return Edit{Info: []KeyEdit{{key, value}}} }
	regex := trackerEdit(TrackerEdit{Replace: []Replacement{{How: HowRegexp, Regexp: regexp.MustCompile("^https:"), New: "gopher:"}}})
	for _, tt := range []struct {
		name, in string
		edit     Edit
		want     string
		hash     bool // the error has ErrInfo in it
	}{
		{"private", in, inside("private", Integer(1)), hash, true},
		{"source", in, inside("source", Text("A")), hash, true},
		{"name", in, inside("name", Text("y")), hash, true},
		{"entropy", in, inside("entropy", Text("y")), hash, true},
		{"name in a rule", in, Edit{Rules: []Rule{{Match: all, Edit: setInfo("name", Text("y"))}}}, hash, true},
		{"private beside a good edit", in, Edit{Info: []KeyEdit{{"private", Integer(1)}}, Keys: []KeyEdit{{"comment", Text("c")}}}, hash, true},
		{"JSON", in, Edit{Whole: whole(`{"info": {"length": 6, "name": "x"}}`)}, hash, true},
		{"JSON of the same info with its keys in another order", "d4:infod4:name1:x6:lengthi5eee", Edit{Whole: whole(`{"info": {"length": 5, "name": "x"}}`)}, hash, true},

		{"JSON of a v2 torrent", "d" + v2Info("x", v2Leaf("x")) + "e", Edit{Whole: jsonEdit("d"+v2Info("y", v2Leaf("y"))+"e", false).Whole}, hash, true},
		{"JSON of a hybrid that has the v1 half no more", "d" + hybridInfo("x", v2Leaf("x"), "6:lengthi5e") + "e", Edit{Whole: jsonEdit("d"+v2Info("x", v2Leaf("x"))+"e", false).Whole}, hash, true},

		{"JSON without a name and a size", in, Edit{Whole: whole(`{"info": {}}`), NewInfoHash: true}, "not a torrent: its info dict has neither a name nor a size", false},

		{"length", in, setInfo("length", Integer(6)), `the key "length" of the info dict can't be edited`, false},
		{"pieces", in, setInfo("pieces", nil), `the key "pieces" of the info dict can't be edited`, false},
		{"name.utf-8", in, setInfo("name.utf-8", Text("y")), `the key "name.utf-8" of the info dict can't be edited`, false},
		{"no name", in, setInfo("name", nil), "a torrent needs a name", false},
		{"name ..", in, setInfo("name", Text("..")), `the name ".." means another directory`, false},
		{"info", in, setKey("info", Text("y")), `the key "info" is the torrent itself`, false},
		{"announce", in, setKey("announce", nil), `the key "announce" belongs to announce-list: edit the trackers`, false},
		{"announce-list", in, setKey("announce-list", nil), `the key "announce-list" belongs to announce: edit the trackers`, false},
		{"piece layers", in, setKey("piece layers", nil), `the key "piece layers" belongs to the info dict`, false},
		{"piece layers in a rule", in, Edit{Rules: []Rule{{Match: all, Edit: setKey("piece layers", nil)}}}, `the key "piece layers" belongs to the info dict`, false},

		{"no scheme", in, replace(HowLiteral, "https://", ""), `the tracker "c.example/****/announce" has no scheme`, false},
		{"no host", in, replace(HowLiteral, "c.example", ""), `the tracker "https:///****/announce" has no host`, false},
		{"nothing left", in, replace(HowLiteral, urlC, ""), `the tracker "" has no scheme`, false},
		{"another scheme", in, regex, `the tracker "gopher://c.example/****/announce" does not begin with http:, https:, udp:, ws: or wss:`, false},
		{"a control character", in, replace(HowLiteral, "announce", "\x7f"), `the tracker "https://c.example/****/\x7f" holds a control character`, false},
		{"unreadable", in, replace(HowLiteral, "announce", "%zz"), `the tracker "https://c.example/****/%zz" can't be read`, false},
		{"in a rule", in, Edit{Rules: []Rule{{Match: all, Edit: replace(HowLiteral, "https://", "")}}}, `the tracker "c.example/****/announce" has no scheme`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Apply([]byte(tt.in), &tt.edit)
			if err == nil || err.Error() != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			var not *NotTorrentError
			if errors.Is(err, ErrInfo) != tt.hash || errors.As(err, &not) {
				t.Errorf("%v: ErrInfo in it %v, NotTorrentError %v", err, errors.Is(err, ErrInfo), not)
			}
		})
	}
}

// JSON that is not that of a torrent is an error of FromJSON.
func TestFromJSONRefuses(t *testing.T) {
	for in, want := range map[string]string{
		`{"comment": "c"}`: "the JSON is not a torrent: it has no info dict",
		`{"info": 1}`:      "the JSON is not a torrent: it has no info dict",
		`[]`:               "the JSON is not a torrent: it has no info dict",
		`1`:                "the JSON is not a torrent: it has no info dict",
		"{\n nonsense":     "line 2, column 2 of the JSON: expected a string, found 'n'",
		"":                 "line 1, column 1 of the JSON: expected a value, found the end of the text",
	} {
		if b, err := FromJSON([]byte(in)); b != nil || err == nil || err.Error() != want {
			t.Errorf("%q: %q, %v, want %s", in, b, err, want)
		}
	}
}

func TestNotATorrent(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "bad bencode at byte 0: nothing here",
		"d4:info":             "bad bencode at byte 7: input ends inside the dict that began at byte 0",
		"i1e":                 "not a torrent: it is an integer and not a dict",
		"de":                  "not a torrent: it has no info dict",
		"d11:file-format1:xe": "not a torrent: it has no info dict",
	} {
		for _, e := range []Edit{{}, setTo([]string{urlA}), {Whole: whole(`{"info": {"length": 5, "name": "x"}}`), NewInfoHash: true}} {
			r, err := Apply([]byte(in), &e)
			var not *NotTorrentError
			if r != nil || !errors.As(err, &not) || err.Error() != want || not.Unwrap() != not.Err {
				t.Errorf("%q: %v, %v", in, r, err)
			}
		}
	}
}

// If info is not a dict, a torrent can only be edited outside of it.
func TestInfoWithoutSense(t *testing.T) {
	for _, in := range []string{"d4:infoi1ee", "d4:infolee", "d4:infodee", "d4:info0:e", "d4:infod1:xi1eee"} {
		e := setTo([]string{urlA})
		if r := mustApply(t, in, &e); string(r.Bytes) != "d"+announce(urlA)+in[1:] || !r.Changed {
			t.Errorf("%q: %q", in, r.Bytes)
		}
		e = setInfo("source", Text("x"))
		if r, err := Apply([]byte(in), &e); in[7] != 'd' && err == nil {
			t.Errorf("%q: %q", in, r.Bytes)
		}
		if r, err := Apply([]byte(in), &Edit{Whole: whole(`{"info": {"length": 5, "name": "x"}}`)}); !errors.Is(err, ErrInfo) {
			t.Errorf("%q: %v, %v", in, r, err)
		}
	}
}

// A torrent with errors can be edited if the edit adds no error.
func TestBadTorrentsCanBeEdited(t *testing.T) {
	for _, in := range []string{
		"d4:infod6:lengthi-5e4:name2:..ee",
		"d4:infod4:name1:x6:pieces3:abcee",
		"d4:infod4:name1:xe4:infodee",
		"d" + hybridInfo("x", v2Leaf("y"), "6:lengthi7e") + "e",
	} {
		e := setTo([]string{urlA})
		if r := mustApply(t, in, &e); string(r.Bytes) != "d"+announce(urlA)+in[1:] || len(torrentOf(r.Bytes).Findings) == 0 {
			t.Errorf("%q became %q", in, r.Bytes)
		}
	}
}

func TestChecks(t *testing.T) {
	for _, u := range []string{urlA, urlB, urlC, "ws://a.example", "wss://[::1]:1/x", "http://u:p@a.example?passkey=a%3Db|c?d", "HTTP://A"} {
		if err := checkTracker(u); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
	for u, want := range map[string]string{
		"ftp://a.example/0123456789abcdef": `the tracker "ftp://a.example/****" does not begin with http:, https:, udp:, ws: or wss:`,
		"http://":                          `the tracker "http://" has no host`,
		"":                                 `the tracker "" has no scheme`,
	} {
		if err := checkTracker(u); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", u, err, want)
		}
	}
	for _, key := range []string{"comment", "comment.utf-8", "url-list", "Info", ""} {
		if err := CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func all(string) bool { return true }

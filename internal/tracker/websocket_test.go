package tracker

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"
)

// The info-hash and the peer id as JSON that Append writes.
const (
	hashJSON = `"\u00124Vx` + "\u009a\u00bc\u00de\u00f0" + ` +%\u0026=/?#\u0000` + "\u00ff" + `~z"`
	idJSON   = `"-bt0100-\u0000` + "\u0080\u00ff" + ` \u0026+%=0az9"`
	aJSON    = `"aaaaaaaaaaaaaaaaaaaa"`
)

type raw = json.RawMessage

// TestWSRequest has requests as they are written, which are read again as the
// same.
func TestWSRequest(t *testing.T) {
	const head = `{"action":"announce","info_hash":` + hashJSON + `,"peer_id":` + idJSON
	announce := func(r WSRequest) WSRequest {
		r.Action, r.Announce.InfoHash, r.Announce.PeerID = ActionAnnounce, testHash, testID
		return r
	}
	for want, r := range map[string]WSRequest{
		`{"action":"scrape","info_hash":[]}`:                                    {Action: ActionScrape},
		`{"action":"scrape","info_hash":[` + hashJSON + `]}`:                    {Action: ActionScrape, Hashes: [][20]byte{testHash}},
		`{"action":"scrape","info_hash":[` + aJSON + `,` + hashJSON + `]}`:      {Action: ActionScrape, Hashes: [][20]byte{fill('a'), testHash}},
		head + `,"uploaded":0,"downloaded":0,"left":0,"numwant":0}`:             announce(WSRequest{}),
		head + `,"uploaded":1,"downloaded":2,"left":3,"event":"started"}`:       announce(WSRequest{Announce: AnnounceRequest{Uploaded: 1, Downloaded: 2, Left: 3, Event: EventStarted, Want: DefaultWant}}),
		head + `,"uploaded":0,"downloaded":0,"left":9223372036854775807}`:       announce(WSRequest{Announce: AnnounceRequest{Left: math.MaxInt64, Want: DefaultWant}}),
		head + `,"uploaded":0,"downloaded":0,"left":0,"trackerid":"\u0000ü\""}`: announce(WSRequest{Announce: AnnounceRequest{TrackerID: "\x00ü\"", Want: DefaultWant}}),
		head + `,"uploaded":0,"downloaded":0,"left":0,"event":"stopped","numwant":1,"offers":[{"offer_id":"a","offer":{"sdp":"x"}},{}]}`: announce(WSRequest{
			Announce: AnnounceRequest{Event: EventStopped, Want: 1},
			Offers:   []WSOffer{{raw(`"a"`), raw(`{"sdp":"x"}`)}, {}},
		}),
		head + `,"uploaded":0,"downloaded":0,"left":0,"to_peer_id":` + aJSON + `,"offer_id":5,"answer":null}`: announce(WSRequest{
			Announce: AnnounceRequest{Want: DefaultWant},
			Reply:    &WSReply{someID, WSOffer{raw("5"), raw("null")}},
		}),
	} {
		if got := string(r.Append([]byte("before"))); got != "before"+want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		got, err := ParseWSRequest([]byte(want))
		checkParsed(t, want, got, err, &r, "")
	}
}

// TestParseWSRequest has requests as other clients write them.
func TestParseWSRequest(t *testing.T) {
	const least = `"action":"announce","info_hash":` + aJSON + `,"peer_id":` + aJSON
	announce := func(change func(r *WSRequest)) WSRequest {
		r := WSRequest{Action: ActionAnnounce, Announce: AnnounceRequest{InfoHash: fill('a'), PeerID: fill('a'), Left: math.MaxInt64, Want: DefaultWant}}
		change(&r)
		return r
	}
	plain := announce(func(*WSRequest) {})
	for _, tt := range []struct {
		frame string
		want  WSRequest
		err   string
	}{
		{`{"action":"scrape"}`, WSRequest{Action: ActionScrape}, ""},
		{`{"action":"scrape","info_hash":null}`, WSRequest{Action: ActionScrape}, ""},
		{`{"action":"scrape","info_hash":` + aJSON + `}`, WSRequest{Action: ActionScrape, Hashes: [][20]byte{fill('a')}}, ""},
		{" {\n" + least + "}\n", plain, ""},
		{`{` + least + `,"left":null,"uploaded":null,"numwant":null,"event":null,"offers":null,"to_peer_id":null,"x":[{}]}`, plain, ""},
		{`{` + least + `,"left":-1,"numwant":-5,"event":"update"}`, plain, ""},
		{`{` + least + `,"event":"paused"}`, plain, ""},
		{`{"action":"announce","info_hash":[` + aJSON + `],"peer_id":"\u0061aaaaaaaaaaaaaaaaaaa"}`, plain, ""},
		{`{` + least + `,"left":0,"numwant":50,"event":"completed"}`, announce(func(r *WSRequest) { r.Announce.Left, r.Announce.Want, r.Announce.Event = 0, 50, EventCompleted }), ""},
		{`{` + least + `,"offers":[{"offer_id":["hostile"],"offer":"€"},null]}`, announce(func(r *WSRequest) { r.Offers = []WSOffer{{raw(`["hostile"]`), raw(`"€"`)}, {}} }), ""},

		{``, WSRequest{}, "it is not JSON"},
		{`[]`, WSRequest{}, "the message is array"},
		{`{} {}`, WSRequest{}, "it is not JSON"},
		{`null`, WSRequest{}, `a request for action ""`},
		{`{"action":"connect\u001b"}`, WSRequest{}, `a request for action "connect\x1b"`},
		{`{"action":"scrape","info_hash":["a"]}`, WSRequest{}, "info_hash has 1 bytes, not 20"},
		{`{"action":"scrape","info_hash":"a"}`, WSRequest{}, "info_hash has 1 bytes, not 20"},
		{`{"action":"scrape","info_hash":["aaaaaaaaaaaaaaaaaaa` + "\u0100" + `"]}`, WSRequest{}, "a character that stands for no byte"},
		{`{"action":"scrape","info_hash":["aaaaaaaaaaaaaaaaaaa` + "\xff" + `"]}`, WSRequest{}, "a character that stands for no byte"},
		{`{"action":"scrape","info_hash":["aaaaaaaaaaaaaaaaaaa\ud800"]}`, WSRequest{}, "a character that stands for no byte"},
		{`{"action":"scrape","info_hash":5}`, WSRequest{}, "info_hash is neither"},
		{`{"action":"scrape","info_hash":[5]}`, WSRequest{}, "info_hash is neither"},
		{`{"action":"announce","peer_id":` + aJSON + `}`, WSRequest{}, "a message about 0 torrents"},
		{`{"action":"announce","info_hash":[` + aJSON + `,` + aJSON + `],"peer_id":` + aJSON + `}`, WSRequest{}, "a message about 2 torrents"},
		{`{"action":"announce","info_hash":` + aJSON + `}`, WSRequest{}, "peer_id has 0 bytes, not 20"},
		{`{` + least + `,"uploaded":-1}`, WSRequest{}, "uploaded is -1"},
		{`{` + least + `,"downloaded":-9223372036854775808}`, WSRequest{}, "downloaded is -9223372036854775808"},
		{`{` + least + `,"downloaded":"1"}`, WSRequest{}, "downloaded is string"},
		{`{` + least + `,"to_peer_id":"a"}`, WSRequest{}, "to_peer_id has 1 bytes, not 20"},
	} {
		r, err := ParseWSRequest([]byte(tt.frame))
		checkParsed(t, tt.frame, r, err, &tt.want, tt.err)
	}
}

// TestWSResponse has answers as they are written, which are read again as the
// same.
func TestWSResponse(t *testing.T) {
	const head = `{"action":"announce","info_hash":` + hashJSON
	announce := func(a AnnounceResponse) WSResponse {
		return WSResponse{Action: ActionAnnounce, InfoHash: testHash, Announce: &a}
	}
	scrape := func(s ScrapeResponse) WSResponse { return WSResponse{Action: ActionScrape, Scrape: &s} }
	for want, r := range map[string]WSResponse{
		head + `,"downloaded":0,"complete":0,"incomplete":0}`: announce(AnnounceResponse{}),
		head + `,"interval":120}`:                             announce(AnnounceResponse{Counts: unknownCounts, Interval: 2 * time.Minute}),
		head + `,"downloaded":3,"complete":1,"incomplete":2,"interval":120,"min interval":60,"warning message":"\u001b","tracker id":"\u0000"}`: announce(AnnounceResponse{
			Counts: Counts{1, 2, 3}, Interval: 2 * time.Minute, MinInterval: time.Minute, Warning: "\x1b", TrackerID: "\x00",
		}),
		`{"action":"scrape","files":{}}`: scrape(ScrapeResponse{}),
		`{"action":"scrape","files":{` + hashJSON + `:{"complete":1,"incomplete":2,"downloaded":3},` + aJSON + `:{}},"flags":{"min_request_interval":600}}`: scrape(ScrapeResponse{
			Files: []File{{testHash, Counts{1, 2, 3}}, {fill('a'), unknownCounts}}, MinInterval: 10 * time.Minute,
		}),
		`{"failure reason":""}`: {Action: ActionError, Failure: &Failure{}},
		`{"info_hash":` + hashJSON + `,"failure reason":"no\u001b"}`: {Action: ActionError, InfoHash: testHash, Failure: &Failure{Reason: "no\x1b"}},
		head + `,"peer_id":` + idJSON + `,"offer_id":"a","offer":{"type":"offer"}}`: {
			Action: ActionAnnounce, InfoHash: testHash, From: string(testID[:]), Offer: &WSOffer{raw(`"a"`), raw(`{"type":"offer"}`)},
		},
		head + `,"peer_id":` + idJSON + `,"offer_id":[],"answer":5}`: {
			Action: ActionAnnounce, InfoHash: testHash, From: string(testID[:]), Answer: &WSOffer{raw(`[]`), raw(`5`)},
		},
		head + `,"peer_id":` + idJSON + `}`: {Action: ActionAnnounce, InfoHash: testHash, From: string(testID[:]), Offer: &WSOffer{}},
	} {
		if got := string(r.Append([]byte("before"))); got != "before"+want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
		got, err := ParseWSResponse([]byte(want))
		checkParsed(t, want, got, err, &r, "")
	}
}

// TestParseWSResponse has answers as other trackers write them.
func TestParseWSResponse(t *testing.T) {
	const least = `"action":"announce","info_hash":` + aJSON
	announce := func(a AnnounceResponse) WSResponse {
		return WSResponse{Action: ActionAnnounce, InfoHash: fill('a'), Announce: &a}
	}
	from := func(offer, answer *WSOffer) WSResponse {
		return WSResponse{Action: ActionAnnounce, InfoHash: fill('a'), From: someID, Offer: offer, Answer: answer}
	}
	failed := WSResponse{Action: ActionError, Failure: &Failure{Reason: "no"}}
	for _, tt := range []struct {
		frame string
		want  WSResponse
		err   string
	}{
		{`{` + least + `,"interval":119.9,"min interval":0.5}`, announce(AnnounceResponse{Interval: 119 * time.Second, Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":1e300,"min interval":1e18,"complete":1}`, announce(AnnounceResponse{Interval: maxInterval, MinInterval: maxInterval, Counts: Counts{1, Unknown, Unknown}}), ""},
		{`{` + least + `,"interval":-1,"complete":0}`, announce(AnnounceResponse{Counts: Counts{0, Unknown, Unknown}}), ""},
		{`{` + least + `,"peer_id":` + aJSON + `,"complete":0,"offer":null}`, announce(AnnounceResponse{Counts: Counts{0, Unknown, Unknown}}), ""},
		{`{` + least + `,"failure reason":null,"interval":1}`, announce(AnnounceResponse{Interval: time.Second, Counts: unknownCounts}), ""},
		{`{"action":"scrape","files":{` + aJSON + `:null},"flags":null}`, WSResponse{Action: ActionScrape, Scrape: &ScrapeResponse{Files: []File{{fill('a'), unknownCounts}}}}, ""},
		{`{"action":"scrape","files":{},"flags":{"min_request_interval":-5}}`, WSResponse{Action: ActionScrape, Scrape: &ScrapeResponse{}}, ""},
		{`{"action":"announce","failure reason":"no","info_hash":"a"}`, failed, ""},
		{`{"action":"scrape","files":{},"failure reason":"no"}`, failed, ""},

		// Invalid data that the tracker relays from other peers is not an error.
		{`{` + least + `,"peer_id":` + aJSON + `,"offer_id":5,"offer":"€"}`, from(&WSOffer{raw(`5`), raw(`"€"`)}, nil), ""},
		{`{` + least + `,"peer_id":` + aJSON + `,"offer_id":"€"}`, from(&WSOffer{ID: raw(`"€"`)}, nil), ""},
		{`{` + least + `,"peer_id":` + aJSON + `,"answer":false,"offer":{}}`, from(nil, &WSOffer{Description: raw(`false`)}), ""},

		{``, WSResponse{}, "it is not JSON"},
		{`null`, WSResponse{}, `an answer of action ""`},
		{`{"action":"connect"}`, WSResponse{}, `an answer of action "connect"`},
		{`{"failure reason":5}`, WSResponse{}, "failure reason is number"},
		{`{"action":"announce","interval":120}`, WSResponse{}, "a message about 0 torrents"},
		{`{"action":"announce","info_hash":"a","interval":120}`, WSResponse{}, "info_hash has 1 bytes, not 20"},
		{`{` + least + `}`, WSResponse{}, "the answer has no numbers"},
		{`{` + least + `,"interval":0.9}`, announce(AnnounceResponse{Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":-5,"complete":-1}`, announce(AnnounceResponse{Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":60,"warning message":5}`, WSResponse{}, "warning message is number"},
		{`{` + least + `,"complete":-1}`, WSResponse{}, "the answer has no numbers"},
		{`{` + least + `,"interval":"120","complete":"5","incomplete":[],"downloaded":"many"}`, announce(AnnounceResponse{Interval: 2 * time.Minute, Counts: Counts{5, Unknown, Unknown}}), ""},
		{`{` + least + `,"interval":"nan","min interval":{},"complete":3}`, announce(AnnounceResponse{Counts: Counts{3, Unknown, Unknown}}), ""},
		{`{"action":"announce","failure reason":"no","interval":600,"min interval":900}`, WSResponse{Action: ActionError, Failure: &Failure{"no", 15 * time.Minute}}, ""},
		{`{` + least + `,"interval":60,"complete":-1}`, announce(AnnounceResponse{Interval: time.Minute, Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":60,"incomplete":-1}`, announce(AnnounceResponse{Interval: time.Minute, Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":60,"downloaded":-1}`, announce(AnnounceResponse{Interval: time.Minute, Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":60,"complete":9223372036854775808}`, announce(AnnounceResponse{Interval: time.Minute, Counts: unknownCounts}), ""},
		{`{` + least + `,"interval":60,"complete":1.5}`, announce(AnnounceResponse{Interval: time.Minute, Counts: unknownCounts}), ""},
		{`{` + least + `,"offer":{}}`, WSResponse{}, "peer_id has 0 bytes, not 20"},
		{`{"action":"scrape"}`, WSResponse{}, "the answer has no files"},
		{`{"action":"scrape","files":null}`, WSResponse{}, "the answer has no files"},
		{`{"action":"scrape","files":[]}`, WSResponse{}, "files is array"},
		{`{"action":"scrape","files":{"a":{}}}`, WSResponse{}, "info_hash has 1 bytes, not 20"},
		{`{"action":"scrape","files":{` + aJSON + `:{"complete":-1}}}`, WSResponse{}, "complete is -1"},
	} {
		r, err := ParseWSResponse([]byte(tt.frame))
		checkParsed(t, tt.frame, r, err, &tt.want, tt.err)
	}
}

func TestWide(t *testing.T) {
	var all strings.Builder
	for i := range 256 {
		all.WriteByte(byte(i))
	}
	if s, err := narrow(wide(all.String())); err != nil || s != all.String() {
		t.Errorf("%q, %v", s, err)
	}
	if got := wide("a\x80\xff"); got != "a\u0080\u00ff" {
		t.Errorf("%q", got)
	}
}

package tracker

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

// The fuzzers hold for every parser that a message that was read and written is
// read again as the same, and that nothing comes with an error.

// checkError checks that an error is of this package, and is returned without a value.
func checkError(t *testing.T, value any, err error) {
	t.Helper()
	_, isError := errors.AsType[*Error](err)
	_, isFailure := errors.AsType[*Failure](err)
	if !reflect.ValueOf(value).IsZero() || !isError && !isFailure {
		t.Fatalf("%+v, %#v", value, err)
	}
}

// checkSame checks that parsing an appended message gives the original.
func checkSame(t *testing.T, got any, err error, want any) {
	t.Helper()
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("written and read again: %v\n got %+v\nwant %+v", err, got, want)
	}
}

func checkCounts(t *testing.T, all ...Counts) {
	t.Helper()
	for _, c := range all {
		if min(c.Seeders, c.Leechers, c.Completed) < Unknown {
			t.Fatalf("%+v", c)
		}
	}
}

func checkIntervals(t *testing.T, all ...time.Duration) {
	t.Helper()
	for _, d := range all {
		if d < 0 || d > maxInterval || d%time.Second != 0 {
			t.Fatalf("an interval of %v", d)
		}
	}
}

func checkAnnounce(t *testing.T, r *AnnounceResponse) {
	t.Helper()
	checkCounts(t, r.Counts)
	checkIntervals(t, r.Interval, r.MinInterval)
	for _, p := range r.Peers {
		if ip := p.Addr.Addr(); ip.IsValid() == (p.Host != "") || ip.Zone() != "" || ip.Is4In6() || p.ID != "" && len(p.ID) != 20 {
			t.Fatalf("the peer %+v", p)
		}
	}
}

func FuzzHTTPAnswer(f *testing.F) {
	for _, s := range []string{
		"d8:completei1e10:downloadedi3e11:external ip4:abcd10:incompletei2e8:intervali1800e12:min intervali1e5:peers6:abcdef6:peers618:aaaaaaaaaaaaaaaaaa10:tracker id1:x15:warning message1:we",
		"d8:interval2:605:peersld2:ip3:::17:peer id" + twenty + "4:porti1eed2:ip1:h4:porti1eeee",
		"d5:peersd1:0d2:ip3:::14:port1:1eee",
		"d5:filesd" + twenty + "d8:completei1e10:downloadedi3e10:incompletei2ee40:6161616161616161616161616161616161616161dee5:flagsd20:min_request_intervali600eee",
		"d5:filesd21:aaaaaaaaaaaaaaaaaaa\u00ffdeee",
		"d14:failure reason4:full8:retry in5:nevere",
		"d14:failure reason4:full8:retry ini5ee",
		"d14:failure reason4:full8:intervali90ee",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := ParseHTTPAnnounce(body); err != nil {
			checkError(t, r, err)
			checkFailure(t, err)
		} else {
			checkAnnounce(t, r)
			dicts, err := ParseHTTPAnnounce(r.AppendHTTP(nil, true))
			checkSame(t, dicts, err, r)
			if compact, err := ParseHTTPAnnounce(r.AppendHTTP(nil, false)); err != nil || len(compact.Peers) > len(r.Peers) {
				t.Fatalf("%+v, %v", compact, err)
			}
		}
		if r, err := ParseHTTPScrape(body); err != nil {
			checkError(t, r, err)
		} else {
			checkIntervals(t, r.MinInterval)
			for _, file := range r.Files {
				checkCounts(t, file.Counts)
			}
			written := r.AppendHTTP(nil) // sorted, and nothing twice
			again, err := ParseHTTPScrape(written)
			if err != nil || again.MinInterval != r.MinInterval || len(again.Files) > len(r.Files) || !bytes.Equal(again.AppendHTTP(nil), written) {
				t.Fatalf("%q: %+v, %v", written, again, err)
			}
		}
	})
}

// checkFailure makes sure that a *Failure that is written is read as the same.
func checkFailure(t *testing.T, err error) {
	t.Helper()
	want, ok := errors.AsType[*Failure](err)
	if !ok {
		return
	}
	if want.RetryIn != Never {
		checkIntervals(t, want.RetryIn)
		want.RetryIn = (want.RetryIn + time.Minute - 1) / time.Minute * time.Minute // as it is written
	}
	_, err = ParseHTTPAnnounce(want.AppendHTTP(nil))
	if got, ok := errors.AsType[*Failure](err); !ok || *got != *want {
		t.Fatalf("%v, want %v", err, want)
	}
}

func FuzzQuery(f *testing.F) {
	f.Add(least)
	f.Add(least + "&uploaded=1&downloaded=2&left=3&compact=0&event=started&numwant=5&key=abc&ip=::1&ipv4=1.2.3.4:5&ipv6=[::1]&trackerid=x%20+")
	f.Add(hashQuery + "&x&" + hashQuery)
	f.Fuzz(func(t *testing.T, query string) {
		if r, err := ParseAnnounceQuery(query); err != nil {
			checkError(t, r, err)
		} else {
			if min(r.Uploaded, r.Downloaded, r.Left) < 0 || r.Want < DefaultWant {
				t.Fatalf("%+v", r)
			}
			again, err := ParseAnnounceQuery(string(r.AppendQuery(nil)))
			checkSame(t, again, err, r)
		}
		if hashes, err := ParseScrapeQuery(query); err != nil {
			checkError(t, hashes, err)
		} else {
			again, err := ParseScrapeQuery(string(AppendScrapeQuery(nil, hashes)))
			checkSame(t, again, err, hashes)
		}
	})
}

func FuzzUDP(f *testing.F) {
	for _, s := range []string{
		connectHex + "fedcba98",
		announceHex + "00000005" + hashHex + idHex + zeros8 + most8 + most8 + "00000002 c0000211 deadbeef ffffffff 1ae1 0204 2f613f62 01 00",
		scrapeHex + "00000001" + hashHex + hashHex,
		"00000000 fedcba98 01234567 89abcdef",
		"00000001 00000005 00000708 00000002 00000001 c00002111ae1 000000000000 000000000000",
		"00000001 00000005 00000708 00000002 00000001 00000000 00000000 0000ffff c0000211 1ae1",
		"00000002 00000000 00000001 00000002 00000003 00000000 00000000 00000000",
		"00000003 00000007 1b206e6fff00",
	} {
		b, _ := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		if r, err := ParseUDPRequest(packet); err != nil {
			checkError(t, r, err)
		} else {
			if a := &r.Announce; min(a.Uploaded, a.Downloaded, a.Left) < 0 || a.Want < DefaultWant {
				t.Fatalf("%+v", a)
			}
			again, err := ParseUDPRequest(r.Append(nil))
			checkSame(t, again, err, r)
		}
		for _, v6 := range []bool{false, true} {
			r, err := ParseUDPResponse(packet, v6)
			if err != nil {
				checkError(t, r, err)
				continue
			}
			if transaction, ok := TransactionOf(packet); !ok || transaction != r.Transaction {
				t.Fatalf("the transaction is %d, not %d", transaction, r.Transaction)
			}
			checkAnnounce(t, &r.Announce)
			checkCounts(t, r.Counts...)
			written := r.Append(nil, v6)
			again, err := ParseUDPResponse(written, v6)
			if r.Action == ActionAnnounce && v6 {
				// An IPv4 address in an IPv6 one is none of its family.
				if err != nil || !bytes.Equal(again.Append(nil, v6), written) {
					t.Fatalf("%+v, %v", again, err)
				}
				continue
			}
			// A packet can't say that a count is not known.
			known := func(c *Counts) {
				c.Seeders, c.Leechers = max(c.Seeders, 0), max(c.Leechers, 0)
			}
			if r.Action == ActionAnnounce {
				known(&r.Announce.Counts)
			}
			for i := range r.Counts {
				known(&r.Counts[i])
				r.Counts[i].Completed = max(r.Counts[i].Completed, 0)
			}
			checkSame(t, again, err, r)
		}
	})
}

func FuzzWebSocket(f *testing.F) {
	for _, s := range []string{
		`{"action":"scrape","info_hash":[` + hashJSON + `,` + aJSON + `]}`,
		`{"action":"announce","info_hash":` + aJSON + `,"peer_id":` + idJSON + `,"uploaded":1,"downloaded":2,"left":3,"event":"started","numwant":5,"trackerid":"x","offers":[{"offer_id":"a","offer":{"sdp":"<"}},{}]}`,
		`{"action":"announce","info_hash":` + aJSON + `,"peer_id":` + idJSON + `,"to_peer_id":` + aJSON + `,"offer_id":5,"answer":null}`,
		`{"action":"announce","info_hash":` + aJSON + `,"complete":1,"incomplete":2,"downloaded":3,"interval":120.5,"min interval":60,"warning message":"w","tracker id":"x"}`,
		`{"action":"announce","info_hash":` + aJSON + `,"peer_id":` + idJSON + `,"offer_id":"a","offer":{}}`,
		`{"action":"scrape","files":{` + aJSON + `:{"complete":1,"incomplete":2,"downloaded":3}},"flags":{"min_request_interval":600}}`,
		`{"info_hash":` + aJSON + `,"failure reason":"no"}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		// Raw JSON is written in a normalized form, so texts are compared.
		if r, err := ParseWSRequest(frame); err != nil {
			checkError(t, r, err)
		} else {
			if a := &r.Announce; min(a.Uploaded, a.Downloaded, a.Left) < 0 || a.Want < DefaultWant {
				t.Fatalf("%+v", a)
			}
			written := r.Append(nil)
			again, err := ParseWSRequest(written)
			if err != nil || !reflect.DeepEqual(again.Announce, r.Announce) || !bytes.Equal(again.Append(nil), written) {
				t.Fatalf("%s: %+v, %v", written, again, err)
			}
		}
		r, err := ParseWSResponse(frame)
		if err != nil {
			checkError(t, r, err)
			return
		}
		if a := r.Announce; a != nil {
			checkAnnounce(t, a)
			if a.Interval == 0 && a.MinInterval == 0 && a.Counts == unknownCounts {
				return // it had numbers that make no sense, which are not written
			}
		}
		if s := r.Scrape; s != nil {
			checkIntervals(t, s.MinInterval)
			for _, file := range s.Files {
				checkCounts(t, file.Counts)
			}
		}
		written := r.Append(nil)
		again, err := ParseWSResponse(written)
		if err != nil || !bytes.Equal(again.Append(nil), written) {
			t.Fatalf("%s: %+v, %v", written, again, err)
		}
		if r.Offer == nil && r.Answer == nil {
			checkSame(t, again, err, r)
		}
	})
}

func FuzzURL(f *testing.F) {
	for _, s := range []string{
		" HTTP://Us%20er:p@ss@Bücher.example.:8080/a b/%61{/announce.php?passkey=x/y&ü=%zz#f",
		"udp://[2001:DB8::1]:6969", "wss://my_tracker.example?x", "https://192.0.2.17:443/announce?", "http://xn--a.ü。:/announce/x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseURL(raw)
		if err != nil {
			if u != nil {
				t.Fatalf("%v, %v", u, err)
			}
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || again.String() != u.String() || again.HostPort() != u.HostPort() || again.Rest != u.Rest || u.Host == "" || u.Port == 0 {
			t.Fatalf("%q is %q, and that is %q, %v", raw, u, again, err)
		}
		if s, ok := u.Scrape(); ok {
			if again, err := ParseURL(s.String()); err != nil || again.Rest != s.Rest || u.IsHTTP() && len(s.Rest) != len(u.Rest)-len("announce")+len("scrape") {
				t.Fatalf("%q is scraped at %q, %v", u, s, err)
			}
		}
		r, err := http.NewRequest(http.MethodGet, u.With(least), nil)
		if err != nil {
			t.Fatal(err)
		}
		// The request contains the URL's bytes, unchanged.
		asked := strings.TrimPrefix(u.With(least), strings.TrimSuffix(u.String(), u.Rest))
		if r.URL.RequestURI() != "/"+strings.TrimPrefix(asked, "/") || r.URL.Hostname() != u.Host {
			t.Fatalf("%q is asked at %q for %q", u, r.URL.Host, r.URL.RequestURI())
		}
	})
}

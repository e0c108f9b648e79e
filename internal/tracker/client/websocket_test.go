package client

import (
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"bt/internal/tracker"
)

// wsUpgrade returns an HTTP handler that accepts a WebSocket and calls f with it.
func wsUpgrade(f func(ctx context.Context, conn *websocket.Conn)) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return true
		}
		defer conn.CloseNow()
		f(r.Context(), conn)
		return true
	}
}

// wsTracker returns the handler of a correct WebSocket tracker.
func wsTracker(swarms map[[20]byte]tracker.Counts) func(http.ResponseWriter, *http.Request) bool {
	return wsUpgrade(func(ctx context.Context, conn *websocket.Conn) {
		for {
			r := wsRead(ctx, conn)
			if r == nil {
				return
			}
			answer := &tracker.WSResponse{Action: r.Action}
			if r.Action == tracker.ActionScrape {
				answer.Scrape = &tracker.ScrapeResponse{MinInterval: time.Minute}
				for _, h := range r.Hashes {
					if c, ok := swarms[h]; ok {
						answer.Scrape.Files = append(answer.Scrape.Files, tracker.File{InfoHash: h, Counts: c})
					}
				}
			} else {
				answer.InfoHash = r.Announce.InfoHash
				answer.Announce = &tracker.AnnounceResponse{Interval: 2 * time.Minute, Counts: swarms[r.Announce.InfoHash], Warning: string(r.Announce.PeerID[:])}
			}
			if conn.Write(ctx, websocket.MessageText, answer.Append(nil)) != nil {
				return
			}
		}
	})
}

// wsRead reads a request, or returns nil at the end of the connection.
func wsRead(ctx context.Context, conn *websocket.Conn) *tracker.WSRequest {
	_, frame, err := conn.Read(ctx)
	if err != nil {
		return nil
	}
	r, err := tracker.ParseWSRequest(frame)
	if err != nil {
		_ = conn.Close(websocket.StatusPolicyViolation, err.Error())
		return nil
	}
	return r
}

// wsStart serves on loopback and returns the URL.
func wsStart(t *testing.T, s *httpTracker, secure bool) *tracker.URL {
	t.Helper()
	_, u := s.start(t, "127.0.0.1:0", secure)
	return httpURL(t, strings.Replace(u.String(), "http", "ws", 1)+"?passkey="+httpPasskey)
}

func TestWSAnnounce(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		s := &httpTracker{answer: wsTracker(httpSwarms)}
		u := wsStart(t, s, secure)
		c := &Client{UserAgent: "bt/1.0", Insecure: true}
		defer c.Close()
		r, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash, PeerID: [20]byte([]byte("-XX0000-            "))})
		if err != nil {
			t.Fatal(err)
		}
		if r.Counts != httpCounts || r.Interval != 2*time.Minute || r.Warning != "-XX0000-            " {
			t.Errorf("%+v", r)
		}
		if got := s.seen()[0].Header.Get("User-Agent"); got != "bt/1.0" {
			t.Errorf("asked by %q", got)
		}
	}
	u := wsStart(t, &httpTracker{answer: wsTracker(httpSwarms)}, true)
	c := new(Client)
	defer c.Close()
	_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
	if httpStatusOf(err) != StatusTLS {
		t.Errorf("with a certificate of nobody known: %v", err)
	}
}

// All batches of a scrape use one connection.
func TestWSScrape(t *testing.T) {
	t.Parallel()
	s := &httpTracker{answer: wsTracker(httpSwarms)}
	c := new(Client)
	defer c.Close()
	hashes := append(make([][20]byte, 200), httpHash, [20]byte{1})
	got := make(map[int]Answer)
	interval := c.Scrape(t.Context(), wsStart(t, s, false), hashes, func(i int, a Answer) { got[i] = a })
	if len(got) != 202 || got[200].Counts != httpCounts || got[200].Err != nil || got[201].Err == nil || got[201].Err.Status != StatusNotRegistered {
		t.Errorf("%+v %+v, %d answers", got[200], got[201], len(got))
	}
	if interval != time.Minute || len(s.seen()) != 1 || len(s.states()) != 1 {
		t.Errorf("again in %v; %d requests, %d connections", interval, len(s.seen()), len(s.states()))
	}
}

// A scrape continues if the tracker closes the connection after each answer.
func TestWSReconnect(t *testing.T) {
	t.Parallel()
	s := &httpTracker{}
	s.answer = wsUpgrade(func(ctx context.Context, conn *websocket.Conn) {
		if r := wsRead(ctx, conn); r != nil {
			answer := &tracker.WSResponse{Action: tracker.ActionScrape, Scrape: new(tracker.ScrapeResponse)}
			for _, h := range r.Hashes {
				answer.Scrape.Files = append(answer.Scrape.Files, tracker.File{InfoHash: h, Counts: httpCounts})
			}
			_ = conn.Write(ctx, websocket.MessageText, answer.Append(nil))
		}
	})
	c := new(Client)
	httpBubble(t, c, s, func(t *testing.T) {
		n := 0
		c.Scrape(t.Context(), httpURL(t, "ws://x/"), make([][20]byte, 120), func(_ int, a Answer) {
			if n++; a.Err != nil || a.Counts != httpCounts {
				t.Errorf("%+v", a)
			}
		})
		if n != 120 {
			t.Errorf("%d answers", n)
		}
		c.Close()
		synctest.Wait()
		for _, state := range s.states() {
			if state != http.StateHijacked && state != http.StateClosed {
				t.Errorf("a connection is %v", state)
			}
		}
	})
}

// Retries have the schedule of HTTP.
func TestWSRetries(t *testing.T) {
	t.Parallel()
	s := &httpTracker{}
	good := wsTracker(httpSwarms)
	s.answer = func(w http.ResponseWriter, r *http.Request) bool {
		switch len(s.seen()) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		case 2:
			return wsUpgrade(func(context.Context, *websocket.Conn) {})(w, r)
		}
		return good(w, r)
	}
	c := new(Client)
	httpBubble(t, c, s, func(t *testing.T) {
		began := time.Now()
		r, err := c.Announce(t.Context(), httpURL(t, "ws://x/"), tracker.AnnounceRequest{InfoHash: httpHash})
		if err != nil || r.Counts != httpCounts {
			t.Errorf("%v, %+v", err, r)
		}
		if took := time.Since(began); took != 6*time.Second || len(s.seen()) != 3 {
			t.Errorf("it took %v and %d requests", took, len(s.seen()))
		}
	})
}

// The timeout of a request includes the handshake.
func TestWSTimeout(t *testing.T) {
	t.Parallel()
	for _, header := range []string{"Upgrade: websocket\r\n", "Upgrade: h2c\r\n"} {
		c := &Client{Timeout: time.Second}
		httpBubble(t, c, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			fmt.Fprintf(conn, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\n%s\r\n", header)
			_, _ = conn.Read(make([]byte, 1))
			conn.Close()
		}), func(t *testing.T) {
			began := time.Now()
			_, err := c.Announce(t.Context(), httpURL(t, "ws://x/"), tracker.AnnounceRequest{})
			if took := time.Since(began); took != time.Second || httpStatusOf(err) != StatusMalformed {
				t.Errorf("%q: %v after %v", header, err, took)
			}
		})
	}
}

// wsAccept returns a behaviour that answers the handshake, with additional header lines.
func wsAccept(header string) func(*httpConn) {
	return func(c *httpConn) {
		sum := sha1.Sum([]byte(c.key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
			base64.StdEncoding.EncodeToString(sum[:]), header)
		_, _ = c.Read(make([]byte, 4096)) // the request
	}
}

const (
	wsMore   = 0x00 // a fragment that is neither the first nor the last
	wsBegin  = 0x01 // the first fragment
	wsText   = 0x81
	wsBinary = 0x82
	wsEnd    = 0x88
	wsPing   = 0x89
)

// wsFrame returns a frame that a server sends.
func wsFrame(kind byte, payload string) string {
	switch n := len(payload); {
	case n < 126:
		return string([]byte{kind, byte(n)}) + payload
	case n < 1<<16:
		return string([]byte{kind, 126, byte(n >> 8), byte(n)}) + payload
	default:
		return string(binary.BigEndian.AppendUint64([]byte{kind, 127}, uint64(n))) + payload
	}
}

// wsSay returns a behaviour that answers the handshake and sends messages.
func wsSay(messages ...string) func(*httpConn) {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString(wsFrame(wsText, m))
	}
	return httpThen(wsAccept(""), httpAnswer(b.String()), httpHang)
}

func wsClose(code websocket.StatusCode, reason string) func(*httpConn) {
	return httpThen(wsAccept(""), httpAnswer(wsFrame(wsEnd, string([]byte{byte(code >> 8), byte(code)})+reason)))
}

const (
	wsGood    = `{"action":"announce","info_hash":"aaaaaaaaaaaaaaaaaaaa","complete":1}`
	wsForeign = `{"action":"announce","info_hash":"bbbbbbbbbbbbbbbbbbbb","complete":1}`
	wsOffer   = `{"action":"announce","info_hash":"aaaaaaaaaaaaaaaaaaaa","peer_id":"bbbbbbbbbbbbbbbbbbbb","offer_id":"cccccccccccccccccccc","offer":{"type":"offer","sdp":"x"}}`
	wsFiles   = `{"action":"scrape","files":{"aaaaaaaaaaaaaaaaaaaa":{"complete":1}}}`
)

// wsHostile are behaviours of trackers that get an announce or a scrape of the info-hash
// of 20 times "a".
var wsHostile = []httpCase{
	// The handshake.
	{"404", httpCode(404, "no"), "http-404"},
	{"slow/404, dripping", httpThen(httpAnswer("HTTP/1.1 404 No\r\n\r\n"), httpSlowly("x")), "http-404"},
	{"200", httpOK("<html>"), "http-200"},
	{"503", httpCode(503, ""), "http-503"},
	{"407 without a proxy", httpCode(407, ""), "http-407"},
	{"never answers", httpHang, StatusTimeout},
	{"closes", httpAnswer(""), StatusEmpty},
	{"resets", httpReset, StatusEmpty},
	{"no HTTP", httpAnswer("\x1b[31mhello\r\n\r\n"), StatusMalformed},
	{"endless header", httpThen(httpAnswer("HTTP/1.1 101 X\r\n"), httpEndlessly("X: y\r\n")), StatusMalformed},
	{"wrong key", httpAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: \u202e\r\n\r\n"), StatusMalformed},
	{"slow/wrong key, silent", httpThen(httpAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"), httpHang), StatusMalformed},
	{"wrong key, endless", httpThen(httpAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), httpEndlessly("x")), StatusMalformed},
	{"slow/wrong key, dripping", httpThen(httpAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), httpSlowly("x")), StatusMalformed},
	{"slow/another protocol", httpThen(httpAnswer("HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"), httpHang), StatusMalformed},
	{"slow/an extension", httpThen(wsAccept("Sec-WebSocket-Extensions: permessage-deflate\r\n"), httpHang), StatusMalformed},
	{"slow/a subprotocol", httpThen(wsAccept("Sec-WebSocket-Protocol: x\r\n"), httpHang), StatusMalformed},
	{"redirect to a file", httpRedirect("file:///etc/passwd"), StatusRedirect},
	{"redirect in a circle", httpRedirect("/announce?passkey=" + httpPasskey), StatusRedirect},
	{"redirect to what is not a URL", httpRedirect("ws://[/?passkey=" + httpPasskey), StatusRedirect},
	{"redirect to nobody", httpRedirect("ws://127.0.0.1:1/?passkey=" + httpPasskey), StatusRefused},

	// Frames.
	{"never says a word", httpThen(wsAccept(""), httpHang), StatusTimeout},
	{"hangs up", wsAccept(""), StatusEmpty},
	{"hangs up within a frame", httpThen(wsAccept(""), httpAnswer(wsFrame(wsText, wsGood)[:9])), StatusTruncated},
	{"says goodbye", wsClose(websocket.StatusNormalClosure, "bye"), StatusEmpty},
	{"goes away", wsClose(websocket.StatusGoingAway, ""), StatusEmpty},
	{"closes without a reason", wsClose(websocket.StatusInternalError, ""), StatusEmpty},
	{"closes with a reason", wsClose(websocket.StatusPolicyViolation, "\x1b[31mtorrent\u202e not allowed"), StatusFailed},
	{"closes with a bad code", wsClose(7, ""), StatusMalformed},
	{"closes with a code only", httpThen(wsAccept(""), httpAnswer(wsFrame(wsEnd, ""))), StatusEmpty},
	{"a binary frame", httpThen(wsAccept(""), httpAnswer(wsFrame(wsBinary, wsGood)), httpHang), StatusOK},
	{"in parts", httpThen(wsAccept(""), httpAnswer(wsFrame(wsBegin, wsGood[:9])+wsFrame(wsPing, "?")+wsFrame(wsText&^1, wsGood[9:])), httpHang), StatusOK},
	{"a MiB and a byte", httpThen(wsAccept(""), httpAnswer(wsFrame(wsText, strings.Repeat(" ", MaxBody+1))), httpHang), StatusTooBig},
	{"a MiB", wsSay(strings.Repeat(" ", MaxBody-len(wsGood)) + wsGood), StatusOK},
	{"says 2^62 bytes", httpThen(wsAccept(""), httpAnswer("\x81\x7f\x40\x00\x00\x00\x00\x00\x00\x00"), httpEndlessly(" ")), StatusTooBig},
	{"says 2^63 bytes", httpThen(wsAccept(""), httpAnswer("\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00"), httpEndlessly(" ")), StatusMalformed},
	{"endless parts", httpThen(wsAccept(""), httpAnswer(wsFrame(wsBegin, " ")), httpEndlessly(wsFrame(wsMore, strings.Repeat(" ", 10_000)))), StatusTooBig},
	{"endless empty parts", httpThen(wsAccept(""), httpAnswer(wsFrame(wsBegin, " ")), httpSlowly(wsFrame(wsMore, ""))), StatusTimeout},
	{"endless pings", httpThen(wsAccept(""), httpSlowly(wsFrame(wsPing, ""))), StatusTimeout},
	{"a drip", httpThen(wsAccept(""), httpSlowly(wsFrame(wsText, strings.Repeat(" ", 60000)))), StatusTimeout},
	{"a masked frame", httpThen(wsAccept(""), httpAnswer("\x81\x85\x00\x00\x00\x00hello"), httpHang), StatusMalformed},
	{"no frame", httpThen(wsAccept(""), httpAnswer(strings.Repeat("\xff", 16)), httpHang), StatusMalformed},
	{"a part of nothing", httpThen(wsAccept(""), httpAnswer(wsFrame(wsMore, "x")), httpHang), StatusMalformed},

	// Messages.
	{"no JSON", wsSay("\x1b]0;owned\a\x00\xff"), StatusMalformed},
	{"nothing", wsSay(""), StatusMalformed},
	{"null", wsSay("null"), StatusMalformed},
	{"a list", wsSay("[]"), StatusMalformed},
	{"deeply nested", wsSay(strings.Repeat("[", 500_000)), StatusMalformed},
	{"a long number", wsSay(`{"action":"announce","complete":` + strings.Repeat("1", 1_000_000) + "}"), StatusMalformed},
	{"no action", wsSay("{}"), StatusMalformed},
	{"another action", wsSay(`{"action":"\u001b[31m"}`), StatusMalformed},
	{"a wide info-hash", wsSay(`{"action":"announce","info_hash":"aaaaaaaaaaaaaaaaaaa\u0100"}`), StatusMalformed},
	{"a short info-hash", wsSay(`{"action":"announce","info_hash":"aaaaaaaaaaaaaaaaaaa"}`), StatusMalformed},
	{"a negative number", wsSay(strings.Replace(wsGood, "1", "-1", 1)), StatusMalformed},
	{"a number of 100 bits", wsSay(strings.Replace(wsGood, "1", "1267650600228229401496703205376", 1)), StatusMalformed},
	{"a fraction", wsSay(strings.Replace(wsGood, "1", "1.5", 1)), StatusMalformed},
	{"failure", wsSay(`{"failure reason":"no\u0000\u001b[31m\u202e"}`), StatusFailed},
	{"failure without a reason", wsSay(`{"failure reason":""}`), StatusFailed},
	{"failure of a MB", wsSay(`{"failure reason":"` + strings.Repeat("\u202e", 300_000) + `"}`), StatusFailed},
	{"good", wsSay(wsGood), StatusOK},
	{"another torrent's", wsSay(wsForeign), StatusTimeout},
	{"another torrent's first", wsSay(wsForeign, wsFiles, wsGood), StatusOK},
	{"offers first", wsSay(append(slices.Repeat([]string{wsOffer}, 5000), wsGood)...), StatusOK},
	{"endless offers", httpThen(wsAccept(""), wsRepeat(wsFrame(wsText, wsOffer))), StatusTimeout},

	{"scrape/good", wsSay(wsFiles), StatusOK},
	{"scrape/offers first", wsSay(append(slices.Repeat([]string{wsOffer, wsGood}, 2000), wsFiles)...), StatusOK},
	{"scrape/no files", wsSay(`{"action":"scrape"}`), StatusMalformed},
	{"scrape/empty files", wsSay(`{"action":"scrape","files":{}}`), StatusNotRegistered},
	{"scrape/foreign torrents only", wsSay(strings.ReplaceAll(wsFiles, "a", "b")), StatusMalformed},
	{"scrape/a wide info-hash", wsSay(strings.Replace(wsFiles, "aaaaa", "\u0100aaaa", 1)), StatusMalformed},
	{"scrape/no numbers", wsSay(strings.Replace(wsFiles, `"complete":1`, "", 1)), StatusMalformed},
	{"scrape/negative numbers", wsSay(strings.Replace(wsFiles, "1", "-1", 1)), StatusMalformed},
	{"scrape/numbers as strings", wsSay(strings.Replace(wsFiles, "1", `"1"`, 1)), StatusMalformed},
	{"scrape/failure", wsSay(`{"failure reason":"no scrape"}`), StatusFailed},
	{"scrape/closes with a reason", wsClose(websocket.StatusPolicyViolation, "no scrape"), StatusFailed},
}

// wsRepeat returns a behaviour that sends a message every millisecond.
func wsRepeat(frame string) func(*httpConn) {
	return func(c *httpConn) {
		for {
			if _, err := c.Write([]byte(frame)); err != nil {
				return
			}
			time.Sleep(time.Millisecond)
		}
	}
}

func TestHostileWS(t *testing.T) {
	t.Parallel()
	httpParallel(t, wsHostile, func(c httpCase) string { return c.name }, func(t *testing.T, hc httpCase) {
		testHostileHTTP(t, "ws", hc)
	})
}

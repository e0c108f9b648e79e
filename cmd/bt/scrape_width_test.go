package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// hostileTracker answers in the worst words. The first part of the path selects them.
func hostileTracker(t *testing.T) string {
	nasty := "\x1b[2J\x1b]0;gone\x07 \u202e\u2066\x00\xff\r\n\t" + strings.Repeat("word 漢字 ", 50) + strings.Repeat("x", 500)
	counts := tracker.Counts{Seeders: 1<<63 - 1, Leechers: 1<<63 - 1, Completed: 1<<63 - 1}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hashes, _ := tracker.ParseScrapeQuery(r.URL.RawQuery)
		switch strings.Split(r.URL.Path, "/")[1] {
		case "reason":
			_, _ = w.Write((&tracker.Failure{Reason: nasty}).AppendHTTP(nil))
		case "page":
			fmt.Fprint(w, "<html>"+nasty)
		case "huge":
			_, _ = w.Write(make([]byte, 2<<20))
		case "loop":
			http.Redirect(w, r, r.URL.Path+"?"+r.URL.RawQuery, http.StatusFound)
		case "away":
			w.Header().Set("Location", "gopher://\x1b[2J")
			w.WriteHeader(http.StatusFound)
		case "number":
			fmt.Fprint(w, "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:complete30:99999999999999999999999999999910:incompletei-5eeee")
		default:
			answer := new(tracker.ScrapeResponse)
			for _, h := range hashes {
				answer.Files = append(answer.Files, tracker.File{InfoHash: h, Counts: counts})
			}
			if peer, err := tracker.ParseAnnounceQuery(r.URL.RawQuery); err == nil {
				_, _ = w.Write((&tracker.AnnounceResponse{Counts: counts, Peers: []tracker.Peer{{Host: strings.Repeat("h", 200) + "\x1b[2J", ID: string(peer.PeerID[:])}}}).AppendHTTP(nil, true))
				return
			}
			_, _ = w.Write(answer.AppendHTTP(nil))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// In every form of the output no line is wider than the terminal, and there is no raw
// control character, whatever trackers and torrents say.
func TestScrapeWidths(t *testing.T) {
	t.Parallel()
	base := hostileTracker(t)
	var urls []string
	for _, part := range []string{"reason", "page", "huge", "loop", "away", "number", "numbers/" + strings.Repeat("p", 200)} {
		urls = append(urls, base+"/"+part+"/announce")
	}
	urls = append(urls, "udp://127.0.0.1:1", "http://"+strings.Repeat("long-host.", 20)+"test:12345/announce", "http://[::1]:1/announce", "wss://127.0.0.1:1/"+strings.Repeat("漢", 40))
	magnet := "magnet:?xt=urn:btih:" + anyHash + "&dn=" + strings.Repeat("%1b%5b2J%E2%80%AE%E6%BC%A2", 40)
	v2 := "magnet:?xt=urn:btih:" + strings.Repeat("ab", 20) + "&xt=urn:btmh:1220" + strings.Repeat("cd", 32) + "&dn=hybrid"
	trackers := []string{"--tracker", strings.Join(urls, ","), "--retries", "0"}
	for name, args := range map[string][]string{
		"check":    {"scrape"},
		"fallback": {"scrape", "--announce-fallback"},
		"one":      {"scrape", magnet},
		"hybrid":   {"scrape", v2},
		"many":     {"scrape", magnet, v2, anyHash},
		"peers":    {"scrape", magnet, v2, "--peers"},
		"reveal":   {"scrape", magnet, "--reveal", "-v"},
		"copies":   {"scrape", magnet, v2, "--availability", "--peer", "127.0.0.1:1"},
		"copies 1": {"scrape", v2, "--availability", "--peer", "127.0.0.1:1"},
	} {
		for _, form := range []string{"text", "--csv", "--json"} {
			for _, width := range []int{40, 80, 200} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, form, width), func(t *testing.T) {
					t.Parallel()
					all := append(args[:len(args):len(args)], trackers...)
					if form != "text" {
						if width != 80 {
							return // such output has no width
						}
						all = append(all, form)
					}
					e, out, errs := testEnv(all...)
					e.width = width
					if code := run(e); code != exitOK {
						t.Errorf("exit code %d\n%s%s", code, out, errs)
					}
					wantPlain(t, out.String()+errs.String(), form == "text")
					if form == "text" {
						wantWidth(t, out.String(), width)
					}
				})
			}
		}
	}
}

// wantPlain checks that a text has no character that moves the cursor or hides others.
// strict forbids replacement characters too, which JSON has for invalid UTF-8.
func wantPlain(t *testing.T, text string, strict bool) {
	t.Helper()
	for _, r := range strings.ReplaceAll(text, "\n", "") {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar && strict {
			t.Fatalf("%q in\n%q", r, text)
		}
	}
}

// wantWidth checks that no line is wider than a number of columns.
func wantWidth(t *testing.T, text string, columns int) {
	t.Helper()
	for line := range strings.Lines(text) {
		if w := twwidth.WidthNoCache(strings.TrimSuffix(line, "\n")); w > columns {
			t.Errorf("%d columns: %s", w, line)
		}
	}
}

// The JSON documents are those of the schema, which allows no other key.
func TestScrapeSchema(t *testing.T) {
	t.Parallel()
	schema := jsonSchema{name: "scrape"}
	check := testenv.JSONSchema(t, []byte(schema.text()))
	base := hostileTracker(t)
	dir := t.TempDir()
	for name, args := range map[string][]string{
		"trackers":  {"scrape", "--announce-fallback"},
		"torrent":   {"scrape", anyHash},
		"peers":     {"scrape", anyHash, "--peers"},
		"an error":  {"scrape", anyHash, filepath.Join(dir, "missing.torrent")},
		"no answer": {"scrape", filepath.Join(dir, "missing.torrent")},
	} {
		all := append(args, "--json", "--retries", "0", "--tracker", base+"/numbers/announce,"+base+"/reason/announce,udp://127.0.0.1:1,http://nowhere.invalid/announce")
		e, out, errs := testEnv(all...)
		run(e)
		if err := check(out.Bytes()); err != nil {
			t.Errorf("%s: %v\n%s%s", name, err, out, errs)
		}
		var doc map[string]any
		if err := json.NewDecoder(bytes.NewReader(out.Bytes())).Decode(&doc); err != nil || doc["time"] == nil {
			t.Errorf("%s: %v, %v", name, err, doc)
		}
	}
}

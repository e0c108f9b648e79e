package scrape_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"bt/internal/tracker"
	"bt/scrape"
)

// serveWS starts a WebSocket tracker that ignores scrapes. If it announces, it has one seed
// of each torrent.
func serveWS(t *testing.T, announces bool) (url string) {
	var handlers sync.WaitGroup // Close does not wait for those of WebSockets
	t.Cleanup(handlers.Wait)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handlers.Add(1)
		defer handlers.Done()
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		for {
			_, frame, err := conn.Read(t.Context())
			if err != nil {
				return
			}
			request, err := tracker.ParseWSRequest(frame)
			if err != nil {
				t.Error(err)
			}
			if request.Action == tracker.ActionScrape || !announces {
				continue
			}
			answer := tracker.WSResponse{Action: request.Action, InfoHash: request.Announce.InfoHash, Announce: &tracker.AnnounceResponse{
				Interval: 2 * time.Minute, Counts: scrape.Counts{Seeders: 1, Leechers: 0, Completed: scrape.Unknown},
			}}
			if conn.Write(t.Context(), websocket.MessageText, answer.Append(nil)) != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http", "ws", 1) + "/"
}

// The error for a WebSocket tracker without scrape says that it opens a WebSocket. Only an
// announce can find out that it works.
func TestWebSocketWithoutScrape(t *testing.T) {
	t.Parallel()
	const silent = "it opens a WebSocket, and answers no scrape in time"
	for _, tt := range []struct {
		name                string
		announces, fallback bool
		status              scrape.Status
		msg                 string
		scrapes, unlisted   scrape.Answered
		seeders             int64
	}{
		{"scrape only", true, false, scrape.StatusTimeout, silent, scrape.AnsweredNot, scrape.AnsweredNot, scrape.Unknown},
		{"announced", true, true, scrape.StatusOK, "", scrape.AnsweredNo, scrape.AnsweredYes, 1},
		{"silent", false, false, scrape.StatusTimeout, silent, scrape.AnsweredNot, scrape.AnsweredNot, scrape.Unknown},
		{"silent, announced", false, true, scrape.StatusTimeout, "no answer in time", scrape.AnsweredNot, scrape.AnsweredNot, scrape.Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url := serveWS(t, tt.announces)
			message := func(err error) string {
				if err == nil {
					return ""
				}
				return err.Error()
			}
			var got scrape.Tracker
			var row scrape.Row
			for timeout := time.Second; timeout < 20*time.Second; timeout *= 2 {
				c := &scrape.Client{Timeout: timeout, Retries: -1}
				got = checkOne(t, url, scrape.CheckOptions{Client: c, AnnounceFallback: tt.fallback})
				table := scrape.Run(t.Context(), []scrape.Target{target([]string{url}, [20]byte{1})}, scrape.Options{Client: c, AnnounceFallback: tt.fallback})
				c.Close()
				row = table.Torrents[0].Swarms[0].Rows[0]
				// A slow machine may need longer for what is answered, such as the handshake.
				late := got.Status == scrape.StatusTimeout && message(got.Err) != tt.msg || row.Status == scrape.StatusTimeout && message(row.Err) != tt.msg
				if !late {
					break
				}
			}
			if got.Status != tt.status || message(got.Err) != tt.msg || got.Scrapes != tt.scrapes || got.Unlisted != tt.unlisted {
				t.Errorf("alone: %+v, %v", got, got.Err)
			}
			if row.Status != tt.status || message(row.Err) != tt.msg || row.Counts.Seeders != tt.seeders {
				t.Errorf("of a torrent: %+v, %v", row, row.Err)
			}
		})
	}
}

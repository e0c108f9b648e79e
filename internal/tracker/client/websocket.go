package client

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/coder/websocket"

	"bt/internal/tracker"
)

// dialWS opens a WebSocket to the tracker.
func (c *Client) dialWS(ctx context.Context, u *tracker.URL) (*websocket.Conn, error) {
	header := make(http.Header)
	header.Set("User-Agent", c.UserAgent)
	transport := &upgrading{guard: guard{c}}
	conn, resp, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		HTTPHeader: header,
	})
	transport.release()
	if err != nil {
		if resp != nil && resp.StatusCode != http.StatusSwitchingProtocols {
			if c.byProxy(resp) {
				return nil, proxyAnswer(resp.StatusCode)
			}
			return nil, statusError(resp)
		}
		return nil, misread(err, "it is not valid WebSocket")
	}
	conn.SetReadLimit(MaxBody)
	return conn, nil
}

// An upgrading transport closes the connection of a WebSocket if ctx ends before
// Dial does. http.Transport no longer does so once it has the header of the answer,
// and of an answer that it refuses Dial reads the body for three seconds.
type upgrading struct {
	guard
	stop func() bool
}

func (t *upgrading) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.guard.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		body := resp.Body
		t.stop = context.AfterFunc(r.Context(), func() { body.Close() })
	}
	return resp, err
}

// release stops the transport from closing the connection.
func (t *upgrading) release() {
	if t.stop != nil {
		t.stop()
	}
}

// exchangeWS sends a request and returns its answer. It skips other messages, because
// trackers may send offers of peers at any time.
func exchangeWS(ctx context.Context, conn *websocket.Conn, r *tracker.WSRequest) (*tracker.WSResponse, error) {
	noteSent(ctx)
	if err := conn.Write(ctx, websocket.MessageText, r.Append(nil)); err != nil {
		return nil, wsError(ctx, err)
	}
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return nil, wsError(ctx, err)
		}
		resp, err := tracker.ParseWSResponse(frame)
		switch {
		case err != nil:
			return nil, err
		case resp.Failure != nil:
			return nil, resp.Failure
		case resp.Action != r.Action:
		case r.Action == tracker.ActionScrape,
			resp.Announce != nil && resp.InfoHash == r.Announce.InfoHash:
			return resp, nil
		}
	}
}

// wsError returns the reason for the error of a connection.
func wsError(ctx context.Context, err error) error {
	switch closed, ok := errors.AsType[websocket.CloseError](err); {
	case ctx.Err() != nil:
		return ctx.Err() // err is that the library has closed the connection
	case errors.Is(err, websocket.ErrMessageTooBig):
		return &Error{Status: StatusTooBig, Msg: "the answer is longer than 1 MiB", Err: err}
	case ok && closed.Reason != "" && closed.Code != websocket.StatusNormalClosure && closed.Code != websocket.StatusGoingAway:
		return &tracker.Failure{Reason: closed.Reason}
	case ok:
		return io.EOF
	}
	return misread(err, "it is not valid WebSocket")
}

func (c *Client) announceWS(ctx context.Context, u *tracker.URL, r tracker.AnnounceRequest) (answer *tracker.AnnounceResponse, err error) {
	err = c.persist(ctx, c.retries(), func(ctx context.Context) error {
		conn, err := c.dialWS(ctx, u)
		if err != nil {
			return err
		}
		defer conn.CloseNow()
		resp, err := exchangeWS(ctx, conn, &tracker.WSRequest{Action: tracker.ActionAnnounce, Announce: r})
		if err != nil {
			return err
		}
		answer = resp.Announce
		return nil
	})
	return answer, err
}

// errNoScrape is the cause of the error of a WebSocket tracker that does not answer a scrape.
var errNoScrape = errors.New("no answer over WebSocket")

// MayLackScrape reports whether err is that a WebSocket tracker ignores scrapes, as those
// without scrape do.
func MayLackScrape(err error) bool { return errors.Is(err, errNoScrape) }

// scrapeWS returns an asker that uses one connection, which hangUp closes.
func (c *Client) scrapeWS(u *tracker.URL) (ask asker, hangUp func()) {
	var conn *websocket.Conn
	hangUp = func() {
		if conn != nil {
			conn.CloseNow()
			conn = nil
		}
	}
	ask = func(ctx context.Context, hashes [][20]byte, _ effort) (answer *tracker.ScrapeResponse, asked int, err error) {
		err = c.persist(ctx, c.retries(), func(ctx context.Context) error {
			for reused := conn != nil; ; reused = false {
				if conn == nil {
					fresh, err := c.dialWS(ctx, u)
					if err != nil {
						return err
					}
					conn = fresh
				}
				resp, err := exchangeWS(ctx, conn, &tracker.WSRequest{Action: tracker.ActionScrape, Hashes: hashes})
				if err == nil {
					answer = resp.Scrape
					return nil
				}
				hangUp()
				switch status := failure(err).Status; {
				case status == StatusTimeout:
					return &Error{Status: status, Msg: "it opens a WebSocket, and answers no scrape in time", Err: errNoScrape}
				case !reused || status != StatusEmpty: // some trackers close the connection after each answer
					return err
				}
			}
		})
		return answer, len(hashes), err
	}
	return ask, hangUp
}

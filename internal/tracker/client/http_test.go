package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/tracker"
)

func httpURL(t testing.TB, raw string) *tracker.URL {
	t.Helper()
	u, err := tracker.ParseURL(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// foreignWords are words of errors of libraries, which are for programmers.
var foreignWords = regexp.MustCompile(`net/http|https?:|tls:|x509|dial |tcp|context|deadline|i/o|EOF|JSON input|invalid character|malformed|protocol violation|failed to|chunk`)

// httpSentence fails the test unless the message of an error is safe to print.
func httpSentence(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := err.(*Error)
	if !ok {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	if e.Msg == "" || len(e.Msg) > 600 || !utf8.ValidString(e.Msg) {
		t.Errorf("a message of %d bytes: %.700q", len(e.Msg), e.Msg)
	}
	for _, r := range e.Msg {
		if !unicode.IsPrint(r) {
			t.Errorf("the message holds %q: %q", r, e.Msg)
			break
		}
	}
	if found := foreignWords.FindString(e.Msg); found != "" && e.Status != StatusFailed {
		t.Errorf("the message has words of a library, %q: %q", found, e.Msg)
	}
	if strings.Contains(e.Msg, httpPasskey) {
		t.Errorf("the message tells the passkey: %q", e.Msg)
	}
}

// httpParallel runs all cases at once, regardless of the number of CPUs, because most of
// them only wait.
func httpParallel[T any](t *testing.T, cases []T, name func(T) string, run func(*testing.T, T)) {
	var wg sync.WaitGroup
	for _, c := range cases {
		wg.Go(func() { t.Run(name(c), func(t *testing.T) { run(t, c) }) })
	}
	wg.Wait()
}

// httpStatusOf returns the status of an error that a request returned.
func httpStatusOf(err error) Status {
	if err == nil {
		return StatusOK
	}
	return err.(*Error).Status
}

var (
	httpHash   = [20]byte([]byte("a torrent's info-hash"))
	httpCounts = tracker.Counts{Seeders: 3, Leechers: 2, Completed: 70}
	httpSwarms = map[[20]byte]tracker.Counts{httpHash: httpCounts}
)

func TestHTTPAnnounce(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms}
	_, u := s.start(t, "127.0.0.1:0", false)
	c := &Client{UserAgent: "bt/1.0"}
	defer c.Close()
	u.Rest += "?passkey=1"
	r, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash, Port: 6881, Want: 9, PeerID: [20]byte([]byte("-XX0000-\x00\xff&=+%123456"))})
	if err != nil {
		t.Fatal(err)
	}
	if r.Counts != httpCounts || r.Interval != 30*time.Minute || r.Warning != `"-XX0000-\x00\xff&=+%123456" wants 9` ||
		len(r.Peers) != 1 || r.Peers[0].Addr.String() != "[::1]:6881" {
		t.Errorf("%+v", r)
	}
	got := s.seen()[0]
	if got.Header.Get("User-Agent") != "bt/1.0" || got.URL.Query().Get("passkey") != "1" || got.Method != "GET" {
		t.Errorf("%+v", got)
	}
	c = new(Client)
	defer c.Close()
	if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.seen()[1].Header); got != "map[Accept-Encoding:[gzip]]" {
		t.Errorf("more is told than is wanted: %v", got)
	}
}

func TestHTTPScrape(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms}
	_, u := s.start(t, "127.0.0.1:0", false)
	c := new(Client)
	defer c.Close()
	got := make(map[int]Answer)
	interval := c.Scrape(t.Context(), u, [][20]byte{{1}, httpHash}, func(i int, a Answer) { got[i] = a })
	if len(got) != 2 || got[1].Counts != httpCounts || got[1].Err != nil || got[0].Err == nil || got[0].Err.Status != StatusNotRegistered {
		t.Errorf("%+v", got)
	}
	if interval != 10*time.Minute {
		t.Errorf("again in %v", interval)
	}
	for _, a := range got {
		if a.Elapsed <= 0 {
			t.Errorf("it took %v", a.Elapsed)
		}
	}
	u.Rest = "/a.php"
	c.Scrape(t.Context(), u, [][20]byte{{1}}, func(i int, a Answer) { got[i] = a })
	if got[0].Err.Status != StatusUnsupported {
		t.Errorf("%+v", got[0])
	}
}

// A tracker gets at most Conns requests at once, over as many connections, which are
// reused.
func TestHTTPConnections(t *testing.T) {
	t.Parallel()
	var now, most atomic.Int32
	s := &httpTracker{swarms: httpSwarms}
	s.answer = func(http.ResponseWriter, *http.Request) bool {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(time.Millisecond)
		return false
	}
	_, u := s.start(t, "127.0.0.1:0", false)
	c := new(Client)
	defer c.Close()
	announce := func() {
		if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
			t.Error(err)
		}
	}
	for range 5 {
		announce()
	}
	if n := len(s.states()); n != 1 {
		t.Errorf("%d connections for requests one after the other", n)
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(announce)
	}
	wg.Wait()
	c.Scrape(t.Context(), u, make([][20]byte, 1000), func(int, Answer) {})
	if n := most.Load(); n > DefaultConns {
		t.Errorf("%d requests at once", n)
	}
	// A connection may become free while another is being opened.
	open := slices.DeleteFunc(s.states(), func(state http.ConnState) bool { return state == http.StateClosed })
	if n := len(open); n > 2*DefaultConns {
		t.Errorf("%d connections", n)
	}
}

// Close closes all connections.
func TestHTTPClose(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms}
	c := new(Client)
	httpBubble(t, c, s, func(t *testing.T) {
		var wg sync.WaitGroup
		for range DefaultConns {
			wg.Go(func() {
				if _, err := c.Announce(t.Context(), httpURL(t, "http://x/announce"), tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		c.Close()
		synctest.Wait()
		states := s.states()
		for _, state := range states {
			if state != http.StateClosed {
				t.Errorf("a connection is %v", state)
			}
		}
		if len(states) == 0 {
			t.Error("there was no connection")
		}
	})
	c.Close() // again
	new(Client).Close()
}

// Requests to overloaded trackers are repeated on a schedule.
func TestHTTPRetries(t *testing.T) {
	t.Parallel()
	const header, ever = "Retry-After", "ever"
	for _, test := range []struct {
		name    string
		client  *Client
		answers []string // status codes, some with a Retry-After
		at      string   // times of the requests
		ended   time.Duration
		want    Status
	}{
		{"at once", &Client{}, []string{"200"}, "[0s]", 0, StatusOK},
		{"once", &Client{}, []string{"503", "200"}, "[0s 2s]", 2 * time.Second, StatusOK},
		{"twice", &Client{}, []string{"503", "502", "200"}, "[0s 2s 6s]", 6 * time.Second, StatusOK},
		{"thrice", &Client{}, []string{"429", "500", "504"}, "[0s 2s 6s]", 6 * time.Second, "http-504"},
		{"empty answers", &Client{}, []string{"0", "0", "200"}, "[0s 2s 6s]", 6 * time.Second, StatusOK},
		{"never", &Client{Retries: -1}, []string{"503"}, "[0s]", 0, "http-503"},
		{"four times in 15 s", &Client{Retries: 4}, []string{"503", "503", "503", "503"}, "[0s 2s 6s 14s]", 14 * time.Second, "http-503"},
		{"what lasts", &Client{}, []string{"404"}, "[0s]", 0, "http-404"},
		{"as it says", &Client{}, []string{"503 5", "200"}, "[0s 5s]", 5 * time.Second, StatusOK},
		{"sooner than we would", &Client{}, []string{"503 1", "200"}, "[0s 2s]", 2 * time.Second, StatusOK},
		{"later than there is time", &Client{}, []string{"503 15"}, "[0s]", 0, "http-503"},
		{"later than a request waits", &Client{Timeout: time.Hour}, []string{"503 16"}, "[0s]", 0, "http-503"},
		{"next century", &Client{}, []string{"503 99999999999999999999"}, "[0s]", 0, "http-503"},
		{"last century", &Client{}, []string{"503 -99"}, "[0s 2s 6s]", 6 * time.Second, "http-503"},
		{"short of time", &Client{Timeout: time.Second}, []string{"503"}, "[0s]", 0, "http-503"},
		{"no answer", &Client{Timeout: 7 * time.Second}, []string{"503", ever}, "[0s 2s]", 7 * time.Second, StatusTimeout},
		{"no answer ever", &Client{}, []string{ever}, "[0s]", DefaultTimeout, StatusTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &httpTracker{swarms: httpSwarms}
			s.answer = func(w http.ResponseWriter, r *http.Request) bool {
				code, after, _ := strings.Cut(test.answers[min(len(s.seen()), len(test.answers))-1], " ")
				switch code {
				case "200":
					return false
				case "0":
					return true
				case ever:
					<-r.Context().Done()
					return true
				}
				w.Header().Set(header, after)
				var n int
				_, _ = fmt.Sscan(code, &n)
				w.WriteHeader(n)
				return true
			}
			c := test.client
			httpBubble(t, c, s, func(t *testing.T) {
				began := time.Now()
				_, err := c.Announce(t.Context(), httpURL(t, "http://x/announce"), tracker.AnnounceRequest{InfoHash: httpHash})
				if got := httpStatusOf(err); got != test.want {
					t.Errorf("%q (%v), want %q", got, err, test.want)
				}
				httpSentence(t, err)
				if took := time.Since(began); took != test.ended {
					t.Errorf("it took %v, want %v", took, test.ended)
				}
				var at []time.Duration
				for _, when := range s.seen() {
					at = append(at, when.at.Sub(began))
				}
				if got := fmt.Sprint(at); got != test.at {
					t.Errorf("requests after %v, want %v", got, test.at)
				}
			})
		})
	}
}

// A request returns as soon as its context is cancelled.
func TestHTTPStop(t *testing.T) {
	t.Parallel()
	c := new(Client)
	httpBubble(t, c, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "", http.StatusServiceUnavailable) }), func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := c.Announce(ctx, httpURL(t, "http://x/announce"), tracker.AnnounceRequest{})
		if took := time.Since(began); took > time.Second || httpStatusOf(err) != "http-503" {
			t.Errorf("%v after %v", err, took)
		}
		cancel()
		_, err = c.Announce(ctx, httpURL(t, "http://x/announce"), tracker.AnnounceRequest{})
		if httpStatusOf(err) != StatusTimeout {
			t.Error(err)
		}
		reports := 0
		c.Scrape(ctx, httpURL(t, "http://x/announce"), make([][20]byte, 1000), func(_ int, a Answer) {
			if reports++; a.Err == nil || a.Err.Status != StatusStopped {
				t.Fatalf("%+v", a)
			}
		})
		if reports != 1000 {
			t.Errorf("%d reports", reports)
		}
	})
}

// Requests go to the address of the URL, with the right Host header.
func TestHTTPHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ url, dialed, host string }{
		{"http://bücher.Example/announce", "tcp xn--bcher-kva.example:80", "xn--bcher-kva.example"},
		{"http://例え.テスト:8080/announce", "tcp xn--r8jz45g.xn--zckzah:8080", "xn--r8jz45g.xn--zckzah:8080"},
		{"http://TRACKER.example.:6969/announce", "tcp tracker.example:6969", "tracker.example:6969"},
		{"http://[::1]:80/announce", "tcp [::1]:80", "[::1]"},
	} {
		t.Run(test.url, func(t *testing.T) {
			t.Parallel()
			s := &httpTracker{swarms: httpSwarms}
			server, _ := s.start(t, "127.0.0.1:0", false)
			c := new(Client)
			defer c.Close()
			var dialed string
			c.http().DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
				dialed = network + " " + addr
				return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
			}
			if _, err := c.Announce(t.Context(), httpURL(t, test.url), tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
				t.Fatal(err)
			}
			if dialed != test.dialed || s.seen()[0].Host != test.host {
				t.Errorf("dialed %q for %q", dialed, s.seen()[0].Host)
			}
		})
	}
}

// Client.Network selects the address family.
func TestHTTPNetwork(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		for network, want := range map[string]map[string]Status{
			"":  {"127.0.0.1:0": StatusOK, "[::1]:0": StatusOK},
			"4": {"127.0.0.1:0": StatusOK, "[::1]:0": StatusNoRoute},
			"6": {"127.0.0.1:0": StatusNoRoute, "[::1]:0": StatusOK},
		} {
			t.Run(addr+" over IPv"+network, func(t *testing.T) {
				t.Parallel()
				s := &httpTracker{swarms: httpSwarms}
				_, u := s.start(t, addr, false)
				c := &Client{Network: network}
				defer c.Close()
				_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
				if got := httpStatusOf(err); got != want[addr] {
					t.Errorf("%q (%v), want %q", got, err, want[addr])
				}
			})
		}
	}
}

// Errors of dialing have the right status.
func TestHTTPDial(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want Status
	}{
		{&net.DNSError{Err: "no such host", Name: "x", IsNotFound: true}, StatusDNS},
		{&net.DNSError{Err: "server misbehaving", Name: "x", IsTemporary: true}, StatusNoRoute},
		{syscall.ECONNREFUSED, StatusRefused},
		{syscall.EHOSTUNREACH, StatusNoRoute},
		{syscall.ENETUNREACH, StatusNoRoute},
		{syscall.ETIMEDOUT, StatusTimeout},
		{syscall.ECONNRESET, StatusEmpty},
		{errors.New("what nobody\x1b[31m\u202e has seen yet"), StatusMalformed},
	} {
		c := &Client{Retries: -1}
		c.http().DialContext = func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: test.err}
		}
		for _, scheme := range []string{"http", "https", "ws", "wss"} {
			_, err := c.Announce(t.Context(), httpURL(t, scheme+"://x/announce?passkey="+httpPasskey), tracker.AnnounceRequest{})
			if got := httpStatusOf(err); got != test.want {
				t.Errorf("%s, %v: %q (%v), want %q", scheme, test.err, got, err, test.want)
			}
			httpSentence(t, err)
		}
		c.Close()
	}
}

// The intervals and failures in answers are parsed.
func TestHTTPIntervalsAndFailures(t *testing.T) {
	t.Parallel()
	const year = 366 * 24 * time.Hour
	for _, test := range []struct {
		body                         string
		interval, minInterval, retry time.Duration
		msg                          string
	}{
		{"d8:intervali1800e12:min intervali900ee", 30 * time.Minute, 15 * time.Minute, 0, ""},
		{"d8:intervali1ee", time.Second, 0, 0, ""},
		{"d8:completei1e8:intervali0e12:min intervali0ee", 0, 0, 0, ""},
		{"d8:completei1e8:intervali-1800e12:min intervali-1ee", 0, 0, 0, ""},
		{"d8:completei1e8:intervali9223372036854775807e12:min intervali9223372036ee", year, year, 0, ""},
		{"d8:completei1e8:intervali99999999999999999999999ee", year, 0, 0, ""},
		{"d8:completei1e8:interval4:1800e", 30 * time.Minute, 0, 0, ""},
		{"d8:completei1e8:intervallee", 0, 0, 0, ""},
		{"d14:failure reason2:noe", 0, 0, 0, `the tracker says "no"`},
		{"d14:failure reason2:no8:retry ini5ee", 0, 0, 5 * time.Minute, `the tracker says "no"`},
		{"d14:failure reason2:no8:retry in1:5e", 0, 0, 5 * time.Minute, `the tracker says "no"`},
		{"d14:failure reason2:no8:retry ini-5ee", 0, 0, 0, `the tracker says "no"`},
		{"d14:failure reason2:no8:retry ini9223372036854775807ee", 0, 0, year, `the tracker says "no"`},
		{"d14:failure reason2:no8:retry in5:nevere", 0, 0, tracker.Never, `the tracker says "no"`},
		{"d14:failure reason0:e", 0, 0, 0, "the tracker refuses and gives no reason"},
		{"d14:failure reason7:\x1b[1m\x00\xff\"e", 0, 0, 0, `the tracker says "\x1b[1m\x00\xff\""`},
	} {
		s := &httpTracker{answer: func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, test.body)
			return true
		}}
		_, u := s.start(t, "127.0.0.1:0", false)
		c := new(Client)
		defer c.Close()
		r, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{})
		switch e, _ := err.(*Error); {
		case test.msg == "" && err != nil:
			t.Errorf("%q: %v", test.body, err)
		case test.msg == "":
			if r.Interval != test.interval || r.MinInterval != test.minInterval {
				t.Errorf("%q: %v, %v", test.body, r.Interval, r.MinInterval)
			}
		case e == nil || e.Msg != test.msg || e.RetryIn != test.retry || e.Status != StatusFailed:
			t.Errorf("%q: %+v", test.body, e)
		}
	}
}

// Five redirects are followed, six are an error.
func TestHTTPRedirects(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms, answer: func(w http.ResponseWriter, r *http.Request) bool {
		n, _ := strconv.Atoi(r.URL.Query().Get("hops"))
		if n > 0 {
			q := strings.Replace(r.URL.RawQuery, fmt.Sprint("hops=", n), fmt.Sprint("hops=", n-1), 1)
			http.Redirect(w, r, "/announce?"+q, []int{301, 302, 303, 307, 308}[n%5])
		}
		return n > 0
	}}
	_, u := s.start(t, "127.0.0.1:0", false)
	c := new(Client)
	defer c.Close()
	for hops, want := range map[int]Status{1: StatusOK, maxRedirects: StatusOK, maxRedirects + 1: StatusRedirect, 1000: StatusRedirect} {
		u.Rest = fmt.Sprint("/announce?hops=", hops)
		_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
		if got := httpStatusOf(err); got != want {
			t.Errorf("%d hops: %q (%v), want %q", hops, got, err, want)
		}
	}
}

package client

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/tracker"
)

// Tests of HTTP servers that misbehave. In each case the request must end in time, with
// the right status, a message that is safe to print, and a limited number of bytes read.

const (
	httpPasskey = "5ecretpa55key"

	// httpTimeout is the timeout of requests that are expected to time out. httpSlack
	// is the time that any request may take on a loaded machine. The timeout of other
	// requests is longer.
	httpTimeout = 500 * time.Millisecond
	httpSlack   = 10 * time.Second

	// httpBytes is the maximum number of bytes that a server can send: those that the
	// client reads, and the buffers of two sockets.
	httpBytes = 16 << 20
)

// within runs a request, and again if it took too long, as it may on a busy machine.
func within(t *testing.T, most time.Duration, request func()) {
	t.Helper()
	for tries := 3; ; tries-- {
		began := time.Now()
		request()
		took := time.Since(began)
		if took <= most {
			return
		}
		if tries == 1 {
			t.Errorf("it took %v", took)
			return
		}
	}
}

// An httpConn is the server's end of a connection.
type httpConn struct {
	*net.TCPConn
	key  string // Sec-WebSocket-Key
	sent *atomic.Int64
}

func (c *httpConn) Write(b []byte) (int, error) {
	n, err := c.TCPConn.Write(b)
	c.sent.Add(int64(n))
	return n, err
}

// httpAnswer returns a behaviour that sends text and closes the connection.
func httpAnswer(text string) func(*httpConn) {
	return func(c *httpConn) { fmt.Fprint(c, text) }
}

// httpOK returns a behaviour that answers 200 with a body and headers.
func httpOK(body string, header ...string) func(*httpConn) { return httpCode(200, body, header...) }

func httpCode(n int, body string, header ...string) func(*httpConn) {
	var h strings.Builder
	for _, line := range header {
		h.WriteString(line + "\r\n")
	}
	return httpAnswer(fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Length: %d\r\n%s\r\n%s", n, len(body), &h, body))
}

// httpThen returns a behaviour that runs others one after another.
func httpThen(all ...func(*httpConn)) func(*httpConn) {
	return func(c *httpConn) {
		for _, f := range all {
			f(c)
		}
	}
}

// httpHang sends nothing until the client closes the connection.
func httpHang(c *httpConn) { _, _ = io.Copy(io.Discard, c) }

// httpEndlessly returns a behaviour that repeats text until the client closes the
// connection.
func httpEndlessly(text string) func(*httpConn) {
	block := []byte(strings.Repeat(text, 1+32<<10/len(text)))
	return func(c *httpConn) {
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	}
}

// httpSlowly returns a behaviour that repeats text, one byte every 20 ms.
func httpSlowly(text string) func(*httpConn) {
	return func(c *httpConn) {
		for i := 0; ; i++ {
			if _, err := c.Write([]byte{text[i%len(text)]}); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func httpReset(c *httpConn) { _ = c.SetLinger(0) }

func httpGzip(body []byte) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(body)
	_ = w.Close()
	return b.String()
}

// httpBomb returns almost a GiB of zeros, compressed to less than MaxBody. Each block but
// the first refers to the zeros before it, so these blocks are equal.
func httpBomb() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	block := make([]byte, 1<<20)
	_, _ = w.Write(block)
	_ = w.Flush()
	first := b.Len()
	_, _ = w.Write(block)
	_ = w.Flush()
	return httpFill(b.String(), b.String()[first:])
}

// httpFill returns head followed by more, repeated up to MaxBody.
func httpFill(head, more string) string {
	return head + strings.Repeat(more, (MaxBody-len(head))/len(more))
}

// serveHTTP serves on loopback until the test ends. It reads the request of each
// connection and then calls behave. It returns the address, and counts the bytes sent.
func serveHTTP(t *testing.T, behave func(*httpConn)) (addr string, sent *atomic.Int64) {
	t.Helper()
	return serveConns(t, func(c *httpConn) {
		r := bufio.NewReader(c)
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		c.key = request.Header.Get("Sec-WebSocket-Key")
		behave(c)
	})
}

// serveConns is serveHTTP without reading a request.
func serveConns(t *testing.T, behave func(*httpConn)) (addr string, sent *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	sent = new(atomic.Int64)
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				behave(&httpConn{TCPConn: c.(*net.TCPConn), sent: sent})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String(), sent
}

const httpChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

type httpCase struct {
	name   string
	behave func(*httpConn)
	want   Status
}

// httpAnnounces are behaviours of trackers that get an announce.
var httpAnnounces = []httpCase{
	// Broken connections.
	{"never answers", httpHang, StatusTimeout},
	{"closes without an answer", httpAnswer(""), StatusEmpty},
	{"resets", httpReset, StatusEmpty},
	{"half closed, silent", httpThen(func(c *httpConn) { _ = c.CloseWrite() }, httpHang), StatusEmpty},
	{"half closed after the answer", httpThen(httpOK("d8:completei1ee"), func(c *httpConn) { _ = c.CloseWrite() }, httpHang), StatusOK},
	{"closes within the header", httpAnswer("HTTP/1.1 200 OK\r\nX: y\r\n"), StatusTruncated},
	{"closes within a line of it", httpAnswer("HTTP/1.1 200 OK\r\nContent-"), StatusMalformed},
	{"drips the header", httpSlowly("HTTP/1.1 200 OK\r\nX: y\r\n"), StatusTimeout},
	{"drips the body", httpThen(httpAnswer("HTTP/1.1 200 OK\r\n\r\nd8:completei"), httpSlowly("1")), StatusTimeout},
	{"slow/drips the body of an error", httpThen(httpAnswer("HTTP/1.1 404 No\r\n\r\n"), httpSlowly("<")), "http-404"},
	{"endless body", httpThen(httpAnswer("HTTP/1.1 200 OK\r\n\r\n"), httpEndlessly("0")), StatusTooBig},
	{"endless body of an error", httpThen(httpAnswer("HTTP/1.1 503 No\r\n\r\n"), httpEndlessly("0")), "http-503"},
	{"endless first line", httpThen(httpAnswer("HTTP/1.1 200 "), httpEndlessly("O")), StatusMalformed},
	{"a header of 32 KiB", httpOK("d8:completei1ee", "X: "+strings.Repeat("y", 32<<10)), StatusOK},
	{"a header of 100 KiB", httpOK("d8:completei1ee", "X: "+strings.Repeat("y", 100<<10)), StatusMalformed},
	{"endless header", httpThen(httpAnswer("HTTP/1.1 200 OK\r\nX: "), httpEndlessly("0")), StatusMalformed},
	{"endless headers", httpThen(httpAnswer("HTTP/1.1 200 OK\r\n"), httpEndlessly("X: y\r\n")), StatusMalformed},
	{"endless answers 103", httpEndlessly("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), StatusMalformed},
	{"endless answers 100", httpEndlessly("HTTP/1.1 100 Continue\r\n\r\n"), StatusMalformed},
	{"103 and then the answer", httpThen(httpAnswer("HTTP/1.1 103 Early Hints\r\n\r\n"), httpOK("d8:completei1ee")), StatusOK},

	// Wrong lengths.
	{"a MiB", httpOK("d1:x" + fmt.Sprint(MaxBody-26) + ":" + strings.Repeat("x", MaxBody-26) + "8:completei1ee"), StatusOK},
	{"a MiB and a byte", httpOK("d1:x" + fmt.Sprint(MaxBody-25) + ":" + strings.Repeat("x", MaxBody-25) + "8:completei1ee"), StatusTooBig},
	{"a MiB and a byte, no length", httpAnswer("HTTP/1.0 200 OK\r\n\r\n" + strings.Repeat("x", MaxBody+1)), StatusTooBig},
	{"says 1 TiB", httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n"), StatusTooBig},
	{"longer than it is", httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nd8:completei1ee"), StatusTruncated},
	{"longer than it is, silent", httpThen(httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nd8:completei1ee"), httpHang), StatusTimeout},
	{"longer than it is, reset", httpThen(httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nd8:completei1ee"), httpPause, httpReset), StatusTruncated},
	{"shorter than it is", httpAnswer("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\nd8:completei1ee"), StatusMalformed},
	{"shorter than it is, silent", httpThen(httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\nd8:completei1eexyz\x1b"), httpHang), StatusOK},
	{"negative length", httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nd8:completei1ee"), StatusMalformed},
	{"two lengths", httpAnswer("HTTP/1.1 200 OK\r\nContent-Length: 15\r\nContent-Length: 3\r\n\r\nd8:completei1ee"), StatusMalformed},
	{"chunks", httpAnswer(httpChunked + "f\r\nd8:completei1ee\r\n0\r\n\r\n"), StatusOK},
	{"huge chunk", httpThen(httpAnswer(httpChunked+"7fffffffffffffff\r\n"), httpEndlessly("0")), StatusTooBig},
	{"huge chunk, closed", httpAnswer(httpChunked + "7fffffffffffffff\r\nd8:"), StatusTruncated},
	{"chunk of 17 digits", httpAnswer(httpChunked + "fffffffffffffffff\r\nd8:"), StatusMalformed},
	{"chunk of no digits", httpAnswer(httpChunked + "\x1b[31m\r\nd8:"), StatusMalformed},
	{"endless chunk size", httpThen(httpAnswer(httpChunked), httpEndlessly("0")), StatusMalformed},
	{"endless chunk extension", httpThen(httpAnswer(httpChunked), httpEndlessly("1;"+strings.Repeat("x", 100)+"\r\nd\r\n")), StatusMalformed},
	{"endless extension of a chunk", httpThen(httpAnswer(httpChunked+"1;"), httpEndlessly("x")), StatusMalformed},
	{"endless trailer", httpThen(httpAnswer(httpChunked+"f\r\nd8:completei1ee\r\n0\r\n"), httpEndlessly("X: y\r\n")), StatusMalformed},

	// Compression.
	{"gzip", httpOK(httpGzip([]byte("d8:completei1ee")), "Content-Encoding: gzip"), StatusOK},
	{"GZip", httpOK(httpGzip([]byte("d8:completei1ee")), "Content-Encoding: GZip"), StatusOK},
	{"gzip bomb", httpOK(httpBomb(), "Content-Encoding: gzip"), StatusTooBig},
	{"gzip bomb of many streams", httpOK(httpFill("", httpGzip(make([]byte, 1<<20))), "Content-Encoding: gzip"), StatusTooBig},
	{"gzip of empty streams", httpThen(httpAnswer("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"), httpEndlessly(httpGzip(nil))), StatusTooBig},
	{"gzip in gzip", httpOK(httpGzip([]byte(httpGzip([]byte("d8:completei1ee")))), "Content-Encoding: gzip"), StatusMalformed},
	{"gzip cut", httpOK(httpGzip([]byte("d8:completei1ee"))[:25], "Content-Encoding: gzip"), StatusTruncated},
	{"gzip that is none", httpOK("\x1b[31md8:completei1ee", "Content-Encoding: gzip"), StatusMalformed},
	{"gzip of bad bits", httpOK(httpGzip(nil)[:10]+"\xff\xff\xff\xff", "Content-Encoding: gzip"), StatusMalformed},
	{"gzip of bad sum", httpOK(httpGzip([]byte("d8:completei1ee"))[:33]+"\x00\x00\x00\x00\x00\x00\x00\x00", "Content-Encoding: gzip"), StatusMalformed},
	{"gzip of nothing", httpOK("", "Content-Encoding: gzip"), StatusEmpty},
	{"gzip that was not asked for", httpOK(httpGzip([]byte("d8:completei1ee"))), StatusMalformed},

	// Bodies.
	{"html with 200", httpOK("<html>bad gateway</html>"), StatusHTML},
	{"html behind blanks", httpOK(" \r\n\t<!DOCTYPE html>"), StatusHTML},
	{"html with 404", httpCode(404, "<html>"), "http-404"},
	{"empty 200", httpOK(""), StatusEmpty},
	{"blanks", httpOK(" \r\n\t \n"), StatusEmpty},
	{"204", httpCode(204, ""), StatusEmpty},
	{"no bencode", httpOK("\x1b]0;owned\a\x00"), StatusMalformed},
	{"JSON", httpOK(`{"complete":1}`), StatusMalformed},
	{"a list", httpOK("le"), StatusMalformed},
	{"an empty dict", httpOK("de"), StatusMalformed},
	{"a dict without an end", httpOK("d8:completei1e"), StatusMalformed},
	{"a string longer than the answer", httpOK("d5:peers9999999999999999999:x"), StatusMalformed},
	{"nested deeply", httpOK("d1:x" + strings.Repeat("l", 500_000)), StatusMalformed},
	{"a number of 100 bits", httpOK("d8:completei1267650600228229401496703205376ee"), StatusMalformed},
	{"a number of a MB", httpOK("d8:completei" + strings.Repeat("1", 1_000_000) + "ee"), StatusMalformed},
	{"negative", httpOK("d8:completei-1ee"), StatusMalformed},
	{"numbers as strings", httpOK("d8:complete1:7e"), StatusOK},
	{"numbers that are none", httpOK("d8:complete9:\x1b[31m7\x00\xff\ne"), StatusMalformed},
	{"a byte order mark", httpOK("\ufeffd8:completei1ee"), StatusOK},
	{"bencode with 404", httpCode(404, "d8:completei1ee"), StatusOK},
	{"failure with 500", httpCode(500, "d14:failure reason2:noe"), StatusFailed},
	{"failure", httpOK("d14:failure reason2:noe"), StatusFailed},
	{"failure without a reason", httpOK("d14:failure reason0:e"), StatusFailed},
	{"failure that is a number", httpOK("d14:failure reasoni1ee"), StatusFailed},
	{"failure of a terminal", httpOK("d14:failure reason22:\x1b[31mno\x1b[0m\x00\xff\xfe\r\n\u202etuve"), StatusFailed},
	{"failure of a MB", httpOK("d14:failure reason1000000:" + strings.Repeat("\x1b", 1_000_000) + "e"), StatusFailed},
	{"warning only", httpOK("d15:warning message3:hmme"), StatusMalformed},
	{"peers of 7 bytes", httpOK("d5:peers7:0123456e"), StatusOK},
	{"peers that are a number", httpOK("d5:peersi1ee"), StatusMalformed},

	// Violations of HTTP.
	{"http-410", httpCode(410, "gone"), "http-410"},
	{"http-299", httpCode(299, "d8:completei1ee"), StatusOK},
	{"http-999", httpCode(999, ""), "http-999"},
	{"http-000", httpAnswer("HTTP/1.1 000 X\r\n\r\n"), "http-0"},
	{"http-1000", httpAnswer("HTTP/1.1 1000 X\r\n\r\n"), StatusMalformed},
	{"an escape for a reason", httpAnswer("HTTP/1.1 404 \x1b[31m\x00\r\n\r\n"), "http-404"},
	{"101", httpThen(httpAnswer("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), httpHang), "http-101"},
	{"101, endless", httpThen(httpAnswer("HTTP/1.1 101 Switching Protocols\r\n\r\n"), httpEndlessly("0")), "http-101"},
	{"no HTTP", httpAnswer("d8:completei1ee"), StatusMalformed},
	{"no HTTP but escapes", httpAnswer("\x1b[31mhello\r\n\r\n"), StatusMalformed},
	{"escapes in a header", httpAnswer("HTTP/1.1 200 OK\r\n\x1b[31m\xff\r\n\r\n"), StatusMalformed},
	{"HTTP/2", httpAnswer("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"), StatusMalformed},
	{"a request", httpAnswer("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), StatusMalformed},
	{"binary", httpAnswer(strings.Repeat("\x00\xff", 5000)), StatusMalformed},
	{"TLS", httpAnswer("\x15\x03\x01\x00\x02\x02\x16"), StatusMalformed},
	{"407 without a proxy", httpCode(407, "", "Proxy-Authenticate: Basic"), "http-407"},

	// Redirects.
	{"to a file", httpRedirect("file:///etc/passwd"), StatusRedirect},
	{"to FTP", httpRedirect("ftp://127.0.0.1/x"), StatusRedirect},
	{"to a script", httpRedirect("javascript:alert(1)"), StatusRedirect},
	{"to a UDP tracker", httpRedirect("udp://127.0.0.1:1/x"), StatusRedirect},
	{"to nowhere", httpRedirect(""), "http-302"},
	{"to what is not a URL", httpRedirect("http://[/?passkey=" + httpPasskey), StatusRedirect},
	{"to escapes", httpRedirect("http://x/\x1b[31m"), StatusMalformed},
	{"to a long scheme", httpRedirect(strings.Repeat("x", 50_000) + "://x"), StatusRedirect},
	{"to no host", httpRedirect("http:///?passkey=" + httpPasskey), StatusRedirect},
	{"to port 0", httpRedirect("http://127.0.0.1:0/?passkey=" + httpPasskey), StatusRefused},
	{"to port 99999", httpRedirect("http://127.0.0.1:99999/?passkey=" + httpPasskey), StatusNoRoute},
	{"in a circle", httpRedirect("/announce?passkey=" + httpPasskey), StatusRedirect},
	{"with an endless body", httpThen(httpAnswer("HTTP/1.1 302 F\r\nLocation: file:///x\r\n\r\n"), httpEndlessly("0")), StatusRedirect},
}

func httpRedirect(to string) func(*httpConn) {
	if to == "" {
		return httpCode(302, "")
	}
	return httpCode(302, "", "Location: "+to)
}

// httpPause gives the client time to read what was sent.
func httpPause(*httpConn) { time.Sleep(100 * time.Millisecond) }

// httpScrapes are answers to a scrape of the info-hash 20 times "a".
var httpScrapes = []httpCase{
	{"no files", httpOK("d5:flagsdee"), StatusMalformed},
	{"files that are a list", httpOK("d5:filesli1eee"), StatusMalformed},
	{"files of PHP", httpOK("d5:fileslee"), StatusNotRegistered},
	{"empty files", httpOK("d5:filesdee"), StatusNotRegistered},
	{"a key of 19 bytes", httpOK("d5:filesd19:aaaaaaaaaaaaaaaaaaad8:completei1eeee"), StatusMalformed},
	{"a key of no bytes", httpOK("d5:filesd0:d8:completei1eeee"), StatusMalformed},
	{"a key in hex", httpOK("d5:filesd40:" + strings.Repeat("61", 20) + "d8:completei1eeee"), StatusOK},
	{"a key in bad hex", httpOK("d5:filesd40:" + strings.Repeat("\x1b[", 20) + "d8:completei1eeee"), StatusMalformed},
	{"foreign torrents only", httpOK("d5:filesd20:" + strings.Repeat("b", 20) + "d8:completei1eeee"), StatusNotRegistered},
	{"a foreign one too", httpOK("d5:filesd20:" + strings.Repeat("a", 20) + "d8:completei1ee20:" + strings.Repeat("b", 20) + "d8:completei1eeee"), StatusOK},
	{"thousands of foreign ones", httpOK(httpForeign()), StatusNotRegistered},
	{"twice", httpOK("d5:filesd20:" + strings.Repeat("a", 20) + "d8:completei1ee20:" + strings.Repeat("a", 20) + "d8:completei2eeee"), StatusOK},
	{"numbers that are a number", httpOK("d5:filesd20:" + strings.Repeat("a", 20) + "i7eee"), StatusMalformed},
	{"no numbers", httpOK("d5:filesd20:" + strings.Repeat("a", 20) + "deee"), StatusMalformed},
	{"negative numbers", httpOK("d5:filesd20:" + strings.Repeat("a", 20) + "d8:completei-7eeee"), StatusMalformed},
	{"failure", httpOK("d14:failure reason21:\x1b]0;no scrape here\a\x00\xffe"), StatusFailed},
}

func httpForeign() string {
	var b strings.Builder
	b.WriteString("d5:filesd")
	for i := range 20_000 {
		fmt.Fprintf(&b, "20:%020dd8:completei1ee", i)
	}
	b.WriteString("ee")
	return b.String()
}

func TestHostileHTTP(t *testing.T) {
	t.Parallel()
	log.SetOutput(io.Discard) // net/http logs bytes after an answer
	cases := httpAnnounces
	for _, c := range httpScrapes {
		c.name = "scrape/" + c.name
		cases = append(cases, c)
	}
	httpParallel(t, cases, func(c httpCase) string { return c.name }, func(t *testing.T, hc httpCase) {
		testHostileHTTP(t, "http", hc)
	})
}

// testHostileHTTP sends one request to a tracker that misbehaves, and checks the outcome.
func testHostileHTTP(t *testing.T, scheme string, hc httpCase) {
	timeout, most := time.Minute, time.Minute
	switch {
	case hc.want == StatusTimeout:
		timeout, most = httpTimeout, httpTimeout
	case strings.HasPrefix(hc.name, "slow/"): // a slow answer with another status than a timeout
		timeout, most = 4*httpTimeout, 2*httpSlack
	}
	var got Status
	for {
		within(t, httpSlack, func() { got = httpOutcome(t, scheme, hc, timeout) })
		if got != StatusTimeout || 4*timeout >= most {
			break
		}
		timeout *= 4 // the machine is busy
	}
	if got != hc.want {
		t.Errorf("%q, want %q", got, hc.want)
	}
}

// httpOutcome sends one request, checks all but the status of the outcome, and returns that.
func httpOutcome(t *testing.T, scheme string, hc httpCase, timeout time.Duration) Status {
	addr, sent := serveHTTP(t, hc.behave)
	c := &Client{Timeout: timeout, Retries: -1}
	defer c.Close()
	u := httpURL(t, scheme+"://"+addr+"/announce?passkey="+httpPasskey)
	hash := [20]byte(bytes.Repeat([]byte("a"), 20))
	var err error
	if strings.HasPrefix(hc.name, "scrape/") {
		reports := 0
		c.Scrape(t.Context(), u, [][20]byte{hash}, func(_ int, a Answer) {
			if reports++; a.Err != nil {
				err = a.Err
			}
		})
		if reports != 1 {
			t.Errorf("%d reports", reports)
		}
	} else {
		_, err = c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: hash})
	}
	if httpStatusOf(err) != hc.want {
		t.Logf("the error is %v", err)
	}
	httpSentence(t, err)
	if n := sent.Load(); n > httpBytes {
		t.Errorf("%d bytes were sent", n)
	}
	return httpStatusOf(err)
}

// A redirect is followed, and the other host gets neither the password nor the passkey of
// the tracker.
func TestHTTPReferer(t *testing.T) {
	t.Parallel()
	other := &httpTracker{swarms: httpSwarms}
	_, to := other.start(t, "127.0.0.1:0", false)
	s := &httpTracker{answer: func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user != "me" || password != httpPasskey {
			t.Errorf("asked by %q, %q", user, password)
		}
		_, query, _ := strings.Cut(r.URL.RawQuery, "&") // without the passkey
		http.Redirect(w, r, to.String()+"?"+query, http.StatusMovedPermanently)
		return true
	}}
	server, _ := s.start(t, "127.0.0.1:0", false)
	c := new(Client)
	defer c.Close()
	// The other host must have another name: net/http sends a password to every port of
	// a host.
	u := httpURL(t, "http://me:"+httpPasskey+"@tracker.example/announce?passkey="+httpPasskey)
	c.http().DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "tracker.example:80" {
			addr = server.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
		t.Fatal(err)
	}
	for _, r := range other.seen() {
		if got := fmt.Sprint(r.URL, r.Header); strings.Contains(got, httpPasskey) || r.Header.Get("Authorization") != "" {
			t.Error(got)
		}
	}
}

// A decompression bomb does not use much memory.
func TestHTTPMemory(t *testing.T) { // not parallel
	addr, _ := serveHTTP(t, httpOK(httpBomb(), "Content-Encoding: gzip"))
	c := new(Client)
	defer c.Close()
	u := httpURL(t, "http://"+addr+"/announce")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{})
	runtime.ReadMemStats(&after)
	if httpStatusOf(err) != StatusTooBig {
		t.Error(err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
}

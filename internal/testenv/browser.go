package testenv

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Browser is a page in a headless Chromium, which the test drives by the DevTools
// protocol. That runs over a pipe, and Chromium ends with it, also if the test is killed.
type Browser struct {
	t       testing.TB
	session string
	in      io.Writer
	ended   chan struct{} // closed when nothing more comes

	mu       sync.Mutex // over what follows and writing to in
	last     int
	answers  map[int]chan devtoolsMessage
	requests []string
	problems []string
}

type devtoolsMessage struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

type devtoolsCommand struct {
	ID        int    `json:"id"`
	SessionID string `json:"sessionId,omitempty"`
	Method    string `json:"method"`
	Params    any    `json:"params,omitempty"`
}

// devtoolsTime is what Chromium has for an answer. It takes long to start on a busy machine.
const devtoolsTime = time.Minute

// Chromium starts Debian's chromium with an empty page, until the test ends.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	cmd := exec.Command(Program(t, "chromium"), "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(),
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-breakpad",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1",
		"--hide-scrollbars", "about:blank")
	theirIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &Browser{t: t, in: in, ended: make(chan struct{}), answers: map[int]chan devtoolsMessage{}}
	go b.read(out)
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait() // for the pipe is gone
		<-b.ended
		out.Close()
	})

	var target struct{ TargetID string }
	if err := b.send("Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		t.Fatalf("chromium: %v; it printed:\n%s", err, stderr.String())
	}
	var session struct{ SessionID string }
	b.must("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.must(domain+".enable", nil, nil)
	}
	return b
}

// read takes what Chromium sends until it ends.
func (b *Browser) read(out io.Reader) {
	defer close(b.ended)
	r := bufio.NewReader(out)
	for {
		raw, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m devtoolsMessage
		if err := json.Unmarshal(raw[:len(raw)-1], &m); err != nil {
			continue
		}
		b.mu.Lock()
		if m.ID == 0 {
			b.event(&m)
		} else if answer := b.answers[m.ID]; answer != nil {
			answer <- m
			delete(b.answers, m.ID)
		}
		b.mu.Unlock()
	}
}

// event takes note of requests, and of what a page should not do. b.mu is held.
func (b *Browser) event(m *devtoolsMessage) {
	var p struct {
		Type             string
		ErrorText        string
		Canceled         bool
		Args             json.RawMessage
		ExceptionDetails json.RawMessage
		Request          struct{ URL string }
		Response         struct {
			URL    string
			Status int
		}
		Entry struct{ Level, Text, URL string }
	}
	if json.Unmarshal(m.Params, &p) != nil {
		return
	}
	problem := ""
	switch m.Method {
	case "Network.requestWillBeSent":
		b.requests = append(b.requests, p.Request.URL)
	case "Network.responseReceived":
		if p.Response.Status >= 400 {
			problem = fmt.Sprintf("%d for %s", p.Response.Status, p.Response.URL)
		}
	case "Network.loadingFailed":
		if !p.Canceled {
			problem = "a request failed: " + p.ErrorText
		}
	case "Runtime.exceptionThrown":
		problem = "exception: " + string(p.ExceptionDetails)
	case "Runtime.consoleAPICalled":
		if p.Type == "error" || p.Type == "warning" || p.Type == "assert" {
			problem = fmt.Sprintf("console.%s: %s", p.Type, p.Args)
		}
	case "Log.entryAdded": // violations of the CSP come here
		if p.Entry.Level == "error" || p.Entry.Level == "warning" {
			problem = fmt.Sprintf("log: %s %s", p.Entry.Text, p.Entry.URL)
		}
	}
	if problem != "" {
		b.problems = append(b.problems, problem)
	}
}

func (b *Browser) send(method string, params, result any) error {
	answer := make(chan devtoolsMessage, 1)
	b.mu.Lock()
	b.last++
	id := b.last
	b.answers[id] = answer
	raw, err := json.Marshal(devtoolsCommand{id, b.session, method, params})
	if err == nil {
		_, err = b.in.Write(append(raw, 0))
	}
	b.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return errors.New(m.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(m.Result, result)
	case <-b.ended:
		return errEnded
	case <-time.After(devtoolsTime):
		return errors.New("it does not answer")
	}
}

func (b *Browser) must(method string, params, result any) {
	b.t.Helper()
	if err := b.send(method, params, result); err != nil {
		b.t.Fatalf("chromium: %s: %v", method, err)
	}
}

// Open goes to a page and waits until it is loaded.
func (b *Browser) Open(url string) {
	b.t.Helper()
	var to struct{ ErrorText string }
	b.must("Page.navigate", map[string]any{"url": url}, &to)
	if to.ErrorText != "" {
		b.t.Fatalf("chromium: %s: %s", url, to.ErrorText)
	}
	b.Until(`document.readyState === "complete"`)
}

// Window makes the page so many CSS pixels large. A narrow one is a phone's.
func (b *Browser) Window(width, height int, dark bool) {
	b.t.Helper()
	scale, scheme := 1, "light"
	phone := width < 600
	if phone {
		scale = 2
	}
	if dark {
		scheme = "dark"
	}
	b.must("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone}, nil)
	b.must("Emulation.setEmulatedMedia", map[string]any{
		"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Eval evaluates an expression of JavaScript, waits if it is a promise, and stores
// its value, as JSON, in result; nil: nowhere.
func (b *Browser) Eval(expression string, result any) {
	b.t.Helper()
	var value struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.must("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &value)
	if value.ExceptionDetails != nil {
		b.t.Fatalf("chromium: %s: %s", expression, value.ExceptionDetails)
	}
	if result != nil {
		if err := json.Unmarshal(value.Result.Value, result); err != nil {
			b.t.Fatalf("chromium: %s: %v", expression, err)
		}
	}
}

// Until waits for an expression of JavaScript to become true.
func (b *Browser) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(devtoolsTime); ; time.Sleep(50 * time.Millisecond) {
		var ok bool
		if b.Eval("!!("+expression+")", &ok); ok {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("chromium: never true: %s; problems: %q", expression, b.Problems())
		}
	}
}

// Screenshot returns a PNG of what the window shows.
func (b *Browser) Screenshot() []byte {
	b.t.Helper()
	var shot struct{ Data string }
	b.must("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	return png
}

// Requests returns the URLs that were asked for until now.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...)
}

// Problems returns, and forgets, errors and warnings of the console, violations of
// the content security policy, exceptions and requests that went wrong.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := b.problems
	b.problems = nil
	return problems
}

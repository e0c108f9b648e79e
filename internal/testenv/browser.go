package testenv

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// A Browser is a page in a headless Chromium.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu       sync.Mutex // over what follows
	requests []string
	problems []string
}

// browserTime is how long Chromium may take for an answer. It takes long to start on
// a busy machine.
const browserTime = 3 * time.Minute

// Chromium starts Debian's chromium with an empty page, until the test ends.
func Chromium(t testing.TB) *Browser {
	t.Helper()
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(Program(t, "chromium")), chromedp.UserDataDir(t.TempDir()), chromedp.WSURLReadTimeout(browserTime),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1, EXCLUDE ::1"))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(end)
	ctx, closePage := chromedp.NewContext(ctx)
	t.Cleanup(closePage) // and waits until Chromium has ended
	b := &Browser{t: t, ctx: ctx}
	// The first call starts Chromium, which ends with the context of that call.
	if err := chromedp.Listen(ctx, b.event); err != nil {
		t.Fatalf("chromium: %v", err)
	}
	do(b, call(network.Enable, network.EnableParams{}))
	do(b, call(log.Enable, cdp.Empty{}))
	return b
}

// event takes note of requests, and of what a page should not do.
func (b *Browser) event(event any) {
	problem := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.mu.Lock()
		b.requests = append(b.requests, e.Request.URL)
		b.mu.Unlock()
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			problem = fmt.Sprintf("%d for %s", e.Response.Status, e.Response.URL)
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			problem = "a request failed: " + e.ErrorText
		}
	case *runtime.EventExceptionThrown:
		problem = "exception: " + e.ExceptionDetails.Text
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			problem = fmt.Sprintf("console.%s:", e.Type)
			for _, arg := range e.Args {
				problem += " " + string(arg.Value)
			}
		}
	case *log.EventEntryAdded: // violations of the CSP come here
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			problem = fmt.Sprintf("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
	if problem != "" {
		b.mu.Lock()
		b.problems = append(b.problems, problem)
		b.mu.Unlock()
	}
}

// do runs an action, and returns its value.
func do[T any](b *Browser, action chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserTime)
	defer cancel()
	value, err := chromedp.Run(ctx, action)
	if err != nil {
		b.t.Fatalf("chromium: %v", err)
	}
	return value
}

// call is the action of a command of the DevTools protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[R] {
	return func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) }
}

// Open goes to a page and waits until it is loaded.
func (b *Browser) Open(url string) {
	b.t.Helper()
	do(b, chromedp.Navigate(url))
}

// Windows are sizes of windows that pages are looked at in.
var Windows = []struct {
	Name          string
	Width, Height int
	Dark          bool
}{
	{"390", 390, 844, false},
	{"390-dark", 390, 844, true},
	{"800", 800, 900, false},
	{"1280", 1280, 860, false},
	{"1280-dark", 1280, 860, true},
}

// Window makes the page so many CSS pixels large. A narrow one is a phone's.
func (b *Browser) Window(width, height int, dark bool) {
	b.t.Helper()
	scale, scheme := 1.0, "light"
	phone := width < 600
	if phone {
		scale = 2
	}
	if dark {
		scheme = "dark"
	}
	do(b, call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: int64(width), Height: int64(height), DeviceScaleFactor: scale, Mobile: phone,
	}))
	do(b, call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// Print makes the page look as it is printed, by a browser that prefers dark colours if
// dark is set. Window undoes it.
func (b *Browser) Print(dark bool) {
	b.t.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	do(b, call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: "print", Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	}))
}

// Eval evaluates an expression of JavaScript, waits if it is a promise, and stores
// its value, as JSON, in result; nil: nowhere.
func (b *Browser) Eval(expression string, result any) {
	b.t.Helper()
	raw := do(b, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
	if result == nil {
		return
	}
	if err := json.Unmarshal(raw, result); err != nil {
		b.t.Fatalf("chromium: %s: %v", expression, err)
	}
}

// Until waits for an expression of JavaScript to become true.
func (b *Browser) Until(expression string) {
	b.t.Helper()
	for end := time.Now().Add(browserTime); ; time.Sleep(50 * time.Millisecond) {
		var ok bool
		if b.Eval("!!("+expression+")", &ok); ok {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("chromium: never true: %s; problems: %q", expression, b.Problems())
		}
	}
}

// Screenshot saves a PNG of what the window shows, if BT_SCREENSHOTS names a directory.
func (b *Browser) Screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("BT_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), do(b, chromedp.CaptureScreenshot()), 0o666); err != nil {
		b.t.Fatal(err)
	}
}

// Requests returns the URLs that were requested until now.
func (b *Browser) Requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.requests)
}

// Problems returns, and forgets, errors and warnings of the console, violations of
// the content security policy, exceptions and requests that failed.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	problems := b.problems
	b.problems = nil
	return problems
}

// OpenPage shows a page that is one file.
func (b *Browser) OpenPage(page string) {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "page.html")
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		b.t.Fatal(err)
	}
	b.Open((&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String())
}

// CheckOffline checks that the pages caused no problems, and requested nothing.
func (b *Browser) CheckOffline() {
	b.t.Helper()
	for _, problem := range b.Problems() {
		b.t.Errorf("the page: %s", problem)
	}
	for _, r := range b.Requests() {
		if !strings.HasPrefix(r, "file:") && !strings.HasPrefix(r, "data:") && r != "about:blank" {
			b.t.Errorf("the page asked for %s", r)
		}
	}
}

// UnreadableParts returns what is hard to read: what is wider than the window, and texts
// whose contrast with their background is less than 4.5, and parts of pictures of less
// than 3, as WCAG 2.2 (1.4.3 and 1.4.11, AA) requires.
func (b *Browser) UnreadableParts() (problems []string) {
	b.t.Helper()
	b.Eval(unreadableParts, &problems)
	return problems
}

const unreadableParts = `(() => {
	const problems = [document.documentElement, document.body, ...document.querySelectorAll("body *")]
		.filter(e => getComputedStyle(e).display !== "inline" && e.getBoundingClientRect().right > innerWidth + 0.5 && !e.closest("thead, svg"))
		.map(e => e.tagName + "." + e.className + " ends at " + e.getBoundingClientRect().right);
	const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
	const known = new Map();
	const rgb = color => {
		if (!known.has(color)) known.set(color, draw(color));
		return known.get(color);
	};
	const draw = color => {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = color;
		canvas.fillRect(0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data;
	};
	const light = color => {
		const [r, g, b] = [...rgb(color)].map(c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const seen = new Set();
	const contrastOf = (a, b) => {
		const [x, y] = [light(a), light(b)].sort((a, b) => b - a);
		return (x + 0.05) / (y + 0.05);
	};
	const ground = getComputedStyle(document.body).backgroundColor;
	for (const e of document.querySelectorAll("main svg path")) {
		const contrast = contrastOf(getComputedStyle(e).fill, ground);
		if (contrast < 3) seen.add("a cell that is " + e.getAttribute("class") + " has the contrast " + contrast.toFixed(2));
	}
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest("svg, thead")) continue;
		let back = e;
		while (back.parentElement && rgb(getComputedStyle(back).backgroundColor)[3] === 0) back = back.parentElement;
		const contrast = contrastOf(getComputedStyle(e).color, getComputedStyle(back).backgroundColor);
		if (contrast < 4.5) seen.add(e.tagName + "." + e.className + " has the contrast " + contrast.toFixed(2));
	}
	return problems.concat([...seen]);
})()`

package tracker

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

// An info-hash and a peer id with every kind of byte.
var (
	testHash = [20]byte([]byte("\x12\x34Vx\x9a\xbc\xde\xf0 +%&=/?#\x00\xff~z"))
	testID   = [20]byte([]byte("-bt0100-\x00\x80\xff &+%=0az9"))
)

// fill returns an info-hash of one byte.
func fill(c byte) [20]byte { return [20]byte([]byte(strings.Repeat(string(rune(c)), 20))) }

func peer(addr string) Peer { return Peer{Addr: netip.MustParseAddrPort(addr)} }

// checkParsed compares the result of a parser with a value, or with the text of an
// error, which must be an *Error and be returned without a value.
func checkParsed[T any](t *testing.T, name string, got *T, err error, want *T, wantErr string) {
	t.Helper()
	if wantErr != "" {
		var e *Error
		if got != nil || !errors.As(err, &e) || !strings.Contains(err.Error(), wantErr) || strings.Contains(err.Error(), "wsMessage") {
			t.Errorf("%s: %+v, %v\nwant the error %q", name, got, err, wantErr)
		}
		return
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	} else if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
	}
}

func TestEvent(t *testing.T) {
	for e, name := range map[Event]string{EventNone: "", EventCompleted: "completed", EventStarted: "started", EventStopped: "stopped"} {
		if e.String() != name || parseEvent(name) != e {
			t.Errorf("%d is %q, and %q is %d", e, e, name, parseEvent(name))
		}
	}
	for _, name := range []string{"paused", "empty", "Started", "started\x00"} {
		if e := parseEvent(name); e != EventNone {
			t.Errorf("%q is %v", name, e)
		}
	}
	if got := Event(4).String(); got != "Event(4)" {
		t.Error(got)
	}
}

func TestSeconds(t *testing.T) {
	for n, want := range map[int64]time.Duration{
		math.MinInt64: 0, -1: 0, 0: 0, 1: time.Second, 1800: 30 * time.Minute,
		366 * 86400: maxInterval, 366*86400 + 1: maxInterval, math.MaxInt64: maxInterval,
	} {
		if got := seconds(n); got != want {
			t.Errorf("%d s are %v, want %v", n, got, want)
		}
	}
	for n, want := range map[float64]time.Duration{
		math.Inf(-1): 0, -0.5: 0, 0.9: 0, 120.7: 2 * time.Minute, 1e300: maxInterval, math.Inf(1): maxInterval,
	} {
		if got := floatSeconds(n); got != want {
			t.Errorf("%g s are %v, want %v", n, got, want)
		}
	}
}

func TestKnown(t *testing.T) {
	if (Counts{-1, -1, -1}).Known() {
		t.Error("there is no number")
	}
	for _, c := range []Counts{{}, {0, Unknown, Unknown}, {Unknown, 0, Unknown}, {Unknown, Unknown, 0}} {
		if !c.Known() {
			t.Errorf("%+v has a number", c)
		}
	}
}

func TestFailureError(t *testing.T) {
	for reason, want := range map[string]string{
		"":                     "the tracker refuses and gives no reason",
		"unregistered torrent": `the tracker says "unregistered torrent"`,
		"\x1b[31m\u202e\xff":   `the tracker says "\x1b[31m\u202e\xff"`,
	} {
		if got := (&Failure{Reason: reason}).Error(); got != want {
			t.Errorf("%q: %s", reason, got)
		}
	}
}

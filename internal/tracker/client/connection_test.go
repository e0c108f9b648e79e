package client

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"bt/internal/tracker"
)

func TestConnectionLife(t *testing.T) {
	start := time.Unix(1e9, 0)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	for _, test := range []struct {
		name    string
		age     time.Duration // of the connection id
		doubted uint64        // the id of a request that failed then; 0: none did
		better  bool          // another id might do better
		valid   bool          // then
	}{
		{"new", 0, 0, false, true},
		{"a minute old but for a moment", time.Minute - 1, 0, false, true},
		{"a minute old", time.Minute, 0, false, false},
		{"new and doubted", time.Second, 7, false, true},
		{"5 s old and doubted", 5 * time.Second, 7, false, true},
		{"older and doubted", 5*time.Second + 1, 7, true, false},
		{"the one before is doubted", time.Second, 6, true, true},
		{"the one before is doubted late", 10 * time.Second, 6, true, true},
	} {
		var c connection
		_, q, mine := c.join(at(-time.Second))
		if q == nil || !mine {
			t.Fatalf("%s: nobody is to ask for a connection id", test.name)
		}
		c.answered(q, 7, start)
		now := at(test.age)
		if test.doubted != 0 && c.doubt(test.doubted, now) != test.better {
			t.Errorf("%s: another id might do better: %v", test.name, !test.better)
		}
		id, q, mine := c.join(now)
		if valid := q == nil && id == 7 && !mine; valid != test.valid {
			t.Errorf("%s: the id is %d, valid: %v", test.name, id, valid)
		}
	}
}

func TestConnectionShare(t *testing.T) {
	start := time.Unix(1e9, 0)
	var c connection
	_, first, mine := c.join(start)
	if first == nil || !mine {
		t.Fatal("the first does not ask")
	}
	if _, q, mine := c.join(start.Add(connectionShare - 1)); q != first || mine {
		t.Error("one that comes soon asks too")
	}
	_, second, mine := c.join(start.Add(connectionShare))
	if second == first || !mine {
		t.Error("one that comes late waits for the first")
	}
	c.failed(first, errors.New("lost"))
	if _, q, mine := c.join(start.Add(connectionShare)); q != second || mine {
		t.Error("the end of the first ends the second")
	}
	c.answered(second, 7, start)
	for _, q := range []*connecting{first, second} {
		select {
		case <-q.done:
		default:
			t.Error("a request has ended, and those that wait don't know")
		}
	}
	if id, q, _ := c.join(start); id != 7 || q != nil {
		t.Errorf("the id is %d", id)
	}
}

func TestConnectingOutcome(t *testing.T) {
	refused := &tracker.Failure{Reason: "full"}
	for _, test := range []struct {
		err         error
		early, late error // for a request that waited for it
	}{
		{nil, nil, nil},
		{refused, refused, refused},
		{errSilence, nil, errSilence},
		{context.Canceled, nil, errSilence},
		{context.DeadlineExceeded, nil, errSilence},
		{fmt.Errorf("write: %w", context.Canceled), nil, errSilence},
	} {
		q := &connecting{err: test.err}
		if got := q.outcome(false); got != test.early {
			t.Errorf("after %v: %v, want %v", test.err, got, test.early)
		}
		if got := q.outcome(true); got != test.late {
			t.Errorf("too late after %v: %v, want %v", test.err, got, test.late)
		}
	}
}

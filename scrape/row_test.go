package scrape

import (
	"errors"
	"net/netip"
	"testing"
)

// The answers over two address families are kept apart. The row has the better one, and
// the maximum of the numbers, whatever the order in which they come.
func TestRowFamilies(t *testing.T) {
	failed := errors.New("failed")
	counts := func(s, l int64) Counts { return Counts{Seeders: s, Leechers: l, Completed: Unknown} }
	ok := func(s, l int64) answer { return answer{status: StatusOK, counts: counts(s, l)} }
	fails := func(s Status) answer { return answer{status: s, counts: unknown, err: failed} }
	for name, tt := range map[string]struct {
		a, b answer
		want answer
		half Status // after a alone
	}{
		"both":              {ok(3, 1), ok(2, 4), ok(3, 4), StatusOK},
		"the same":          {ok(3, 1), ok(3, 1), ok(3, 1), StatusOK},
		"one refuses":       {ok(3, 1), fails(StatusRefused), ok(3, 1), StatusOK},
		"one is silent":     {fails(StatusTimeout), ok(3, 1), ok(3, 1), ""},
		"one does not know": {fails(StatusNotRegistered), ok(0, 0), ok(0, 0), ""},
		"no route":          {fails(StatusNoRoute), fails(StatusTimeout), fails(StatusTimeout), ""},
		"stopped":           {fails(StatusStopped), fails(StatusRefused), fails(StatusRefused), ""},
		"no numbers":        {fails(StatusDNS), fails(StatusNotRegistered), fails(StatusNotRegistered), ""},
		"a reason":          {fails(StatusTimeout), fails(StatusFailed), fails(StatusFailed), ""},
		"no peers over one": {answer{StatusOK, counts(3, 1), failed, 0}, ok(2, 2), ok(3, 2), StatusOK},
	} {
		for _, turned := range []bool{false, true} {
			addrs := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:80"), netip.MustParseAddrPort("[2001:db8::1]:80")}
			shared := &families{addresses: &[]address{{"4", addrs[0]}, {"6", addrs[1]}}}
			var r Row
			first, second := 0, 1
			if turned {
				first, second = 1, 0
			}
			answers := []answer{tt.a, tt.b}
			r.note(&event{families: shared, at: first, answer: answers[first]})
			if got := r.Status; !turned && got != tt.half {
				t.Errorf("%s: after one answer %q, want %q", name, got, tt.half)
			}
			r.note(&event{families: shared, at: second, answer: answers[second]})
			if r.Status != tt.want.status || r.Counts != tt.want.counts || r.Err != tt.want.err {
				t.Errorf("%s: %s %+v %v, want %+v", name, r.Status, r.Counts, r.Err, tt.want)
			}
			for i, f := range r.Families() {
				if f.Network != []string{"4", "6"}[i] || f.Addr != addrs[i] || f.Status != answers[i].status || f.Counts != answers[i].counts || f.Err != answers[i].err {
					t.Errorf("%s: %+v, want %+v", name, f, answers[i])
				}
			}
		}
	}
}

package client

import (
	"slices"
	"testing"
)

func TestProbeSample(t *testing.T) {
	for _, n := range []int{0, 1, 2, 63, 64, 65, 127, 128, 1000, 10_000, 100_003} {
		torrents := make([]int, n)
		for i := range torrents {
			torrents[i] = 2 * i
		}
		var p probe
		p.start(torrents)
		var alone []int
		for at := p.next(); at != nil; at = p.next() {
			if len(at) != 1 {
				t.Fatalf("of %d: %v are asked about at once", n, at)
			}
			alone = append(alone, at[0])
		}
		held, verdict := p.end()
		if len(alone) != min(n, sampleSize) || verdict != nil || p.running {
			t.Errorf("of %d: %d are asked about, the verdict is %v, it goes on: %v", n, len(alone), verdict, p.running)
		}
		if n > 0 && alone[0] != 0 {
			t.Errorf("of %d: the first one is not asked about", n)
		}
		for i := 1; i < len(alone); i++ {
			if gap, most := (alone[i]-alone[i-1])/2, n/sampleSize+1; gap > most {
				t.Errorf("of %d: a gap of %d, want at most %d", n, gap, most)
			}
		}
		if all := slices.Sorted(slices.Values(slices.Concat(alone, held))); !slices.Equal(all, torrents) {
			t.Errorf("of %d: the sample and the rest are %d", n, len(all))
		}
	}
}

func TestProbeVerdict(t *testing.T) {
	no := func(msg string) *Error { return &Error{Status: StatusFailed, Msg: msg} }
	const like = "as it does with others that were asked about first: "
	for _, test := range []struct {
		name   string
		judged []*Error
		want   Status // of the verdict; empty: none
		msg    string
	}{
		{"nothing", nil, "", ""},
		{"one", []*Error{no("no")}, StatusFailed, "no"},
		{"the same", []*Error{no("no"), no("no"), no("no")}, StatusFailed, "no"},
		{"other words", []*Error{no("no 1"), no("no 2")}, StatusFailed, like + "no 2"},
		{"other words each time", []*Error{no("no 1"), no("no 2"), no("no 3")}, StatusFailed, like + "no 2"},
		{"not registered", []*Error{notRegistered, notRegistered}, StatusNotRegistered, notRegistered.Msg},
		{"another status", []*Error{no("no"), notRegistered}, "", ""},
		{"another status, then the first", []*Error{no("no"), notRegistered, no("no")}, "", ""},
	} {
		var p probe
		p.judge(no("before it runs"))
		p.start([]int{1, 2, 3})
		for _, e := range test.judged {
			p.judge(e)
		}
		_, verdict := p.end()
		switch {
		case test.want == "" && verdict != nil, test.want != "" && verdict == nil:
			t.Errorf("%s: the verdict is %v", test.name, verdict)
		case verdict != nil && (verdict.Status != test.want || verdict.Msg != test.msg):
			t.Errorf("%s: the verdict is %s %q, want %s %q", test.name, verdict.Status, verdict.Msg, test.want, test.msg)
		}
		p.judge(no("after it ran"))
		if p.start([]int{1}); p.verdict != nil {
			t.Errorf("%s: the next probe begins with the verdict %v", test.name, p.verdict)
		}
	}
}

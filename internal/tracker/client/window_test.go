package client

import "testing"

func TestWindow(t *testing.T) {
	e, later := &Error{Status: StatusTimeout}, &Error{Status: StatusRefused}
	type step struct {
		do   func(w *window)
		open bool
		dead *Error
	}
	begin := func(w *window) { w.begin() }
	end := func(w *window) { w.end() }
	answered := func(w *window) { w.end(); w.answered() }
	failed := func(began int, e *Error) func(*window) {
		return func(w *window) { w.end(); w.unreachable(began, e) }
	}
	for _, test := range []struct {
		name  string
		most  int
		steps []step
	}{
		{"the first request is alone", 3, []step{
			{begin, false, nil}, {answered, true, nil}, {begin, true, nil}, {begin, true, nil}, {begin, false, nil}, {end, true, nil},
		}},
		{"one at a time", 1, []step{{begin, false, nil}, {answered, true, nil}, {begin, false, nil}, {answered, true, nil}}},
		{"a refusal is no answer", 3, []step{{begin, false, nil}, {end, true, nil}, {begin, false, nil}}},
		{"the first fails", 3, []step{{begin, false, nil}, {failed(0, e), false, e}}},
		{"one that began before an answer fails", 3, []step{
			{begin, false, nil}, {answered, true, nil}, {begin, true, nil}, {begin, true, nil}, {answered, true, nil}, {failed(1, e), true, nil},
		}},
		{"one that began after the last answer fails", 3, []step{
			{begin, false, nil}, {answered, true, nil}, {begin, true, nil}, {failed(1, e), false, e},
		}},
		{"the last error counts", 3, []step{
			{begin, false, nil}, {answered, true, nil}, {begin, true, nil}, {begin, true, nil},
			{failed(1, e), false, e}, {failed(1, later), false, later},
		}},
		{"an answer after all", 3, []step{
			{begin, false, nil}, {answered, true, nil}, {begin, true, nil}, {begin, true, nil},
			{failed(1, e), false, e}, {answered, true, nil},
		}},
	} {
		w := &window{most: test.most}
		if !w.isOpen() {
			t.Errorf("%s: no request may begin", test.name)
		}
		for i, step := range test.steps {
			step.do(w)
			if w.isOpen() != step.open || w.dead != step.dead {
				t.Errorf("%s: after step %d it is open: %v, dead: %v; want %v, %v", test.name, i+1, w.isOpen(), w.dead, step.open, step.dead)
			}
		}
	}
}

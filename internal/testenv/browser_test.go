package testenv

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// What a page should not do is a problem, once; and what it requests is known.
func TestBrowserProblems(t *testing.T) {
	t.Parallel()
	b := Chromium(t)
	for name, test := range map[string]struct{ csp, page, problem string }{
		"nothing":             {"", `<p>fine</p>`, ""},
		"console.error":       {"", `<script>console.error("bad", 7)</script>`, `console.error: "bad" 7`},
		"an exception":        {"", `<script>throw new Error("x")</script>`, "exception: Uncaught"},
		"a missing image":     {"", `<img src="/none.png">`, "404 for "},
		"a violation of CSP":  {"default-src 'none'", `<script>console.log(1)</script>`, "Content Security Policy"},
		"a foreign host":      {"", `<img src="http://tracker.example/x.png">`, "a request failed: "},
		"a rejected promise":  {"", `<script>Promise.reject(new Error("y"))</script>`, "exception: Uncaught (in promise)"},
		"a console assertion": {"", `<script>console.assert(false, "z")</script>`, `console.assert: "z"`},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/" {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			w.Header().Set("Content-Type", "text/html")
			if test.csp != "" {
				w.Header().Set("Content-Security-Policy", test.csp)
			}
			io.WriteString(w, `<!DOCTYPE html><link rel="icon" href="data:,"><title>t</title>`+test.page)
		}))
		b.Open(s.URL + "/")
		problems := strings.Join(b.Problems(), "\n")
		if test.problem == "" && problems != "" || !strings.Contains(problems, test.problem) {
			t.Errorf("%s: %q", name, problems)
		}
		if again := b.Problems(); len(again) > 0 {
			t.Errorf("%s: told again: %q", name, again)
		}
		if !strings.Contains(strings.Join(b.Requests(), "\n"), s.URL+"/") {
			t.Errorf("%s: the page is not among the requests", name)
		}
		s.Close()
	}
}

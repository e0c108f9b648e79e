package webseed

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"bt/internal/netguard"
)

// A URL that is not trusted is not requested at a private address, once or again. One that
// is trusted may redirect there.
func TestTrusts(t *testing.T) {
	s := newServer([]byte("content"))
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.URL.Path == "/trusted" {
			http.Redirect(w, r, "/file", http.StatusFound)
		}
		return r.URL.Path == "/trusted"
	}
	base := s.start(t)
	c := New(Options{
		Trusts:  func(u *url.URL) bool { return u.Path == "/trusted" },
		Backoff: func(int) (time.Duration, bool) { t.Error("it is tried again"); return 0, false },
	})
	defer c.Close()
	for _, host := range []string{base, strings.Replace(base, "127.0.0.1", "localhost", 1)} {
		_, statErr := c.Stat(t.Context(), host+"/file")
		_, _, openErr := c.Open(t.Context(), host+"/file")
		for _, err := range []error{statErr, openErr} {
			if refused, ok := errors.AsType[*netguard.Error](err); !ok || err.Error() != refused.Error() {
				t.Errorf("%s: %v", host, err)
			}
		}
	}
	if n := s.requests.Load(); n > 0 {
		t.Errorf("%d requests", n)
	}
	file, _, err := c.Open(t.Context(), base+"/trusted")
	if err != nil {
		t.Fatal(err)
	}
	file.Close()
}

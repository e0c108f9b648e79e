package web

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	var b bytes.Buffer
	d := &Document{Title: `a </title><script>b`, CSS: "p { margin: 1px; }", Body: strings.NewReader("<p>body</p>\n")}
	n, err := d.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Errorf("%d bytes of %d, %v", n, b.Len(), err)
	}
	page := b.String()
	for _, want := range []string{"<title>a &lt;/title&gt;&lt;script&gt;b</title>", "<p>body</p>\n</body>\n</html>\n", "default-src 'none'"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	_, style, _ := strings.Cut(page, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	if hash := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(page, hash) {
		t.Errorf("the policy does not allow the style, whose hash is %s", hash)
	}
	if found := regexp.MustCompile(`(?i)(src|href|action)\s*=\s*"?(https?:|//)|url\(|@import`).FindString(page); found != "" {
		t.Errorf("the page requests something: %q", found)
	}
}

// failing is a Writer that fails after some bytes.
type failing int

func (f *failing) Write(b []byte) (int, error) {
	if len(b) > int(*f) {
		return 0, errors.New("full")
	}
	*f -= failing(len(b))
	return len(b), nil
}

func TestDocumentReportsWriteErrors(t *testing.T) {
	var whole bytes.Buffer
	document := func() *Document { return &Document{Title: "t", Body: strings.NewReader("body")} }
	if _, err := document().WriteTo(&whole); err != nil {
		t.Fatal(err)
	}
	for room := range whole.Len() {
		f := failing(room)
		if _, err := document().WriteTo(&f); err == nil {
			t.Fatalf("no error with room for %d of %d bytes", room, whole.Len())
		}
	}
}

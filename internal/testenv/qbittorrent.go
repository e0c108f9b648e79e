package testenv

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// QBittorrentProfile returns a profile directory for qbittorrent-nox, which then serves
// peers at an address and port, and its web API on loopback. It looks for peers only at
// trackers.
func QBittorrentProfile(t testing.TB, addr string, port int) string {
	t.Helper()
	profile := t.TempDir()
	config := filepath.Join(profile, "qBittorrent", "config", "qBittorrent.conf")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, `[LegalNotice]
Accepted=true

[BitTorrent]
Session\BTProtocol=TCP
Session\DHTEnabled=false
Session\PeXEnabled=false
Session\LSDEnabled=false
Session\InterfaceAddress=%s
Session\Port=%d

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\Address=127.0.0.1
WebUI\LocalHostAuth=false
WebUI\UseUPnP=false
`, addr, port), 0o644); err != nil {
		t.Fatal(err)
	}
	return profile
}

// A QBittorrent is the web API of a running qbittorrent-nox.
type QBittorrent struct {
	client http.Client
	api    string
}

// NewQBittorrent returns the API at a port of loopback. transport is the way there, nil for
// that of this host.
func NewQBittorrent(port int, transport http.RoundTripper) *QBittorrent {
	return &QBittorrent{http.Client{Timeout: time.Minute, Transport: transport}, fmt.Sprintf("http://127.0.0.1:%d/api/v2/", port)}
}

// get returns an answer, or "" if there is none.
func (q *QBittorrent) get(what string) string {
	resp, err := q.client.Get(q.api + what)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(b)
}

// IsReady reports whether the API answers.
func (q *QBittorrent) IsReady() bool { return strings.HasPrefix(q.get("app/version"), "v") }

// IsDone reports whether a torrent is complete.
func (q *QBittorrent) IsDone() bool { return strings.Contains(q.get("torrents/info"), `"progress":1,`) }

// Add adds a torrent, whose data is saved in a directory.
func (q *QBittorrent) Add(t testing.TB, torrent []byte, dir string) {
	t.Helper()
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("torrents", "content.torrent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(torrent); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteField("savepath", dir); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	resp, err := q.client.Post(q.api+"torrents/add", w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

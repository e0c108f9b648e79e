package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/bencode"
	"bt/internal/testenv"
)

// interopRetracked is the output of "bt retracker --json" for one input.
type interopRetracked struct {
	Path    string `json:"path"`
	Output  string `json:"output"`
	Changed bool   `json:"changed"`
	interopHashes
	OldV1   string `json:"old_info_hash_v1"`
	OldV2   string `json:"old_info_hash_v2"`
	Changes []struct {
		Key string          `json:"key"`
		Old json.RawMessage `json:"old"`
		New json.RawMessage `json:"new"`
	} `json:"changes"`
	Warnings []struct {
		Code string `json:"code"`
	} `json:"warnings"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// interopTiers returns trackers that are easily damaged: passkeys with special
// characters of URLs, IPv6 hosts, users with passwords, and many trackers. The
// tiers are sorted, as in the output of ltorrent.py.
func interopTiers() [][]string {
	tiers := [][]string{
		{"http://[2001:db8::1]:6969/announce", "udp://[::1]:6969/announce"},
		{"http://t.invalid/announce?passkey=a=b|c%3Fd%25e", "https://user:pass%40word@t.invalid:8080/a=b%7Cc%3F/announce"},
		{},
		{"wss://last.invalid/announce"},
	}
	for i := range 50 {
		tiers[2] = append(tiers[2], fmt.Sprintf("http://tracker%02d.invalid:80/announce", i))
	}
	return tiers
}

// interopAnnounce returns the flags that set the tiers.
func interopAnnounce(tiers [][]string) (flags []string) {
	for _, tier := range tiers {
		flags = append(flags, "--announce", strings.Join(tier, ","))
	}
	return flags
}

// A qBittorrent is an instance in its own directory, without network access.
type qBittorrent struct {
	t       *testing.T
	program string
	profile string
	api     string
	cmd     *exec.Cmd
}

// A second start loads its session files, possibly edited by bt.
const qBittorrentSettings = `[LegalNotice]
Accepted=true

[BitTorrent]
Session\DHTEnabled=false
Session\PeXEnabled=false
Session\LSDEnabled=false
Session\Interface=lo
Session\InterfaceName=lo
Session\InterfaceAddress=127.0.0.1
Session\uTPRateLimited=false

[Network]
PortForwardingEnabled=false

[Preferences]
Connection\ResolvePeerCountries=false
WebUI\Address=127.0.0.1
WebUI\LocalHostAuth=false
WebUI\UseUPnP=false
`

func newQBittorrent(t *testing.T) *qBittorrent {
	t.Helper()
	q := &qBittorrent{t: t, program: testenv.Program(t, "qbittorrent-nox"), profile: t.TempDir()}
	config := filepath.Join(q.profile, "qBittorrent", "config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(config, "qBittorrent.conf"), []byte(qBittorrentSettings), 0o644); err != nil {
		t.Fatal(err)
	}
	return q
}

// backup returns the directory of its session files.
func (q *qBittorrent) backup() string {
	return filepath.Join(q.profile, "qBittorrent", "data", "BT_backup")
}

func (q *qBittorrent) start() {
	q.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		q.t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	q.api = "http://127.0.0.1:" + port + "/api/v2/"
	ctx, cancel := context.WithTimeout(q.t.Context(), 2*processTimeout)
	q.t.Cleanup(cancel)
	q.cmd = exec.CommandContext(ctx, q.program, "--profile="+q.profile, "--webui-port="+port)
	q.cmd.Env = append(os.Environ(), "HOME="+q.profile, "LC_ALL=C.UTF-8")
	var output bytes.Buffer
	q.cmd.Stdout, q.cmd.Stderr = &output, &output
	if err := q.cmd.Start(); err != nil {
		q.t.Fatal(err)
	}
	q.until("its web API", func() bool {
		r, err := http.Get(q.api + "app/version")
		if err != nil {
			return false
		}
		defer r.Body.Close()
		return r.StatusCode == http.StatusOK
	})
}

// until waits until a condition is true.
func (q *qBittorrent) until(what string, done func() bool) {
	q.t.Helper()
	for end := time.Now().Add(processTimeout); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			q.t.Fatalf("qbittorrent-nox: no %s after %v", what, processTimeout)
		}
	}
}

func (q *qBittorrent) get(v any, path string, params ...string) {
	q.t.Helper()
	query := url.Values{}
	for i := 0; i < len(params); i += 2 {
		query.Set(params[i], params[i+1])
	}
	r, err := http.Get(q.api + path + "?" + query.Encode())
	if err != nil {
		q.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || json.Unmarshal(body, v) != nil {
		q.t.Fatalf("qbittorrent-nox: %s: %s, %v\n%s", path, r.Status, err, body)
	}
}

// add adds a torrent, which is neither checked nor seeded.
func (q *qBittorrent) add(torrent, dir string) {
	q.t.Helper()
	data, err := os.ReadFile(torrent)
	if err != nil {
		q.t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for k, v := range map[string]string{"savepath": dir, "paused": "true", "skip_checking": "true"} {
		if err := form.WriteField(k, v); err != nil {
			q.t.Fatal(err)
		}
	}
	file, err := form.CreateFormFile("torrents", "x.torrent")
	if err != nil {
		q.t.Fatal(err)
	}
	_, _ = file.Write(data) // a write to memory
	_ = form.Close()
	r, err := http.Post(q.api+"torrents/add", form.FormDataContentType(), &body)
	if err != nil {
		q.t.Fatal(err)
	}
	defer r.Body.Close()
	if text, err := io.ReadAll(r.Body); err != nil || string(text) != "Ok." {
		q.t.Fatalf("qbittorrent-nox: torrents/add: %s, %v: %s", r.Status, err, text)
	}
}

// stop ends it regularly, so that it writes its session files.
func (q *qBittorrent) stop() {
	q.t.Helper()
	r, err := http.Post(q.api+"app/shutdown", "", nil)
	if err != nil {
		q.t.Fatal(err)
	}
	r.Body.Close()
	if err := q.cmd.Wait(); err != nil {
		q.t.Fatalf("qbittorrent-nox: %v", err)
	}
}

// trackers returns the trackers that it shows for a torrent, by tiers.
func (q *qBittorrent) trackers(hash string) (tiers [][]string) {
	q.t.Helper()
	var list []struct {
		Tier any    `json:"tier"` // "" for DHT and the like
		URL  string `json:"url"`
	}
	q.get(&list, "torrents/trackers", "hash", hash)
	for _, tracker := range list {
		tier, ok := tracker.Tier.(float64)
		if !ok || tier < 0 {
			continue
		}
		for len(tiers) <= int(tier) {
			tiers = append(tiers, nil)
		}
		tiers[int(tier)] = append(tiers[int(tier)], tracker.URL)
	}
	for _, tier := range tiers {
		slices.Sort(tier)
	}
	return tiers
}

// The session files of qBittorrent are edited, and it shows the new trackers;
// while it runs, the edit is refused.
func TestInteropQBittorrent(t *testing.T) {
	q := newQBittorrent(t)
	dir := t.TempDir()
	interopWrite(t, dir, "qbittorrent", []interopFile{{"content", 100_000}})
	torrent := filepath.Join(dir, "x.torrent")
	var made interopHashes
	// Connections are refused there, and a paused torrent does not connect.
	old := [][]string{{"http://127.0.0.1:1/0123456789abcdef0123/announce"}, {"udp://127.0.0.2:1"}}
	interopBt(t, exitOK, &made, slices.Concat([]string{"make", filepath.Join(dir, "content"), "--json", "--private", "-o", torrent}, interopAnnounce(old))...)

	q.start()
	q.add(torrent, dir)
	session := filepath.Join(q.backup(), made.V1+".fastresume")
	kept := filepath.Join(q.backup(), made.V1+".torrent")
	q.until("session files", func() bool {
		_, err := os.Stat(session)
		_, err2 := os.Stat(kept)
		return err == nil && err2 == nil
	})
	if got := q.trackers(made.V1); !reflect.DeepEqual(got, old) {
		t.Errorf("it shows the trackers %q, want %q", got, old)
	}
	for _, path := range []string{session, kept, q.backup()} {
		before := interopFileOf(t, session)
		e, stdout, stderr := testEnv("retracker", path, "--comment", "x", "--announce", "http://127.0.0.1:2/announce")
		if code := run(e); code != exitWrite {
			t.Errorf("%s: exit code %d while qBittorrent runs: %s", path, code, stdout)
		}
		if s := stderr.String(); !strings.Contains(s, "it is a session file of qBittorrent, which seems to run: process ") || !strings.Contains(s, "is called qbittorrent-nox") || !strings.Contains(s, "bt: hint: ") {
			t.Errorf("%s: %s", path, s)
		}
		if !bytes.Equal(before, interopFileOf(t, session)) {
			t.Errorf("%s: it was edited", path)
		}
	}
	q.stop()

	// First the session file alone, which takes precedence, then all files.
	tiers := [][]string{
		{"http://127.0.0.1:1/announce?passkey=a=b|c%3Fd%25e", "http://[::1]:1/announce"},
		{"http://user:pass%40word@127.0.0.1:1/a=b%7Cc%3F/announce"},
		{},
		{"udp://127.0.0.2:1/announce"}, // libtorrent sorts UDP before HTTP for the same host
	}
	for i := range 50 {
		tiers[2] = append(tiers[2], fmt.Sprintf("http://127.0.0.%d:1/announce", 100+i))
	}
	before := interopFileOf(t, session)
	q.edit(session, interopAnnounce(tiers)...)
	interopOnlyEdited(t, "the session file", before, interopFileOf(t, session), "trackers")
	q.shows(made.V1, tiers)

	before = interopFileOf(t, session)
	q.edit(q.backup(), "--host", "127.0.0.1", "--with", "127.0.0.3:2", "--remove", "127.0.0.1*", "--passkey", "x|y=z?%", "--add", "http://[::1]:3/announce", "--tier", "first")
	interopOnlyEdited(t, "the session file", before, interopFileOf(t, session), "trackers")
	interopOnlyEdited(t, "the torrent", interopFileOf(t, torrent), interopFileOf(t, kept), "announce", "announce-list", "creation date", "created by")
	q.shows(made.V1, [][]string{
		{"http://[::1]:3/announce"},
		{"http://[::1]:1/announce"},
		{"udp://127.0.0.2:1/announce"},
	})
	doc, err := bencode.Parse(interopFileOf(t, session))
	if err != nil {
		t.Fatal(err)
	}
	// It wrote the trackers that it was given.
	if got := string(doc.Root().Get("trackers").Raw()); got != "ll23:http://[::1]:3/announceel23:http://[::1]:1/announceel26:udp://127.0.0.2:1/announceee" {
		t.Errorf("it kept the trackers %s", got)
	}
}

// edit edits its files with bt.
func (q *qBittorrent) edit(path string, flags ...string) {
	q.t.Helper()
	args := slices.Concat([]string{"retracker", path}, flags)
	e, stdout, stderr := testEnv(args...)
	code := run(e)
	// Another qBittorrent may run on this machine.
	if s := stderr.String(); strings.Contains(s, "seems to run") && !strings.Contains(s, fmt.Sprintf("process %d ", q.cmd.Process.Pid)) {
		q.t.Logf("edited with --force, because of another one: %s", s)
		e, stdout, stderr = testEnv(append(args, "--force")...)
		code = run(e)
	}
	if code != exitOK || stderr.Len() > 0 {
		q.t.Fatalf("bt %.200q: exit code %d\n%s%s", args, code, stdout, stderr)
	}
}

// shows starts it and checks that it has the torrent with these trackers.
func (q *qBittorrent) shows(hash string, tiers [][]string) {
	q.t.Helper()
	q.start()
	q.until("torrent", func() bool {
		var list []struct{ Hash, State string }
		if q.get(&list, "torrents/info"); len(list) != 1 {
			return false
		}
		if list[0].Hash != hash || strings.Contains(list[0].State, "issing") || list[0].State == "error" {
			q.t.Errorf("the torrent is %+v", list[0])
		}
		return true
	})
	if got := q.trackers(hash); !reflect.DeepEqual(got, tiers) {
		q.t.Errorf("it shows the trackers %q, want %q", got, tiers)
	}
	q.stop()
}

func interopFileOf(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

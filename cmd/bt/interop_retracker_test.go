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
	"sync/atomic"
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

// Every torrent of the corpus is edited that a program accepts. libtorrent then
// reads the new trackers, and otherwise the same values and info-hash as before;
// a torrent that it could not read before is exempt. A file that is not a torrent
// is refused.
func TestInteropCorpusRetracker(t *testing.T) {
	dir, rows := interopCorpus(t)
	tiers := interopTiers()
	flags := append([]string{"--comment", "edited", "--web-seed", "http://w.invalid/f/"}, interopAnnounce(tiers)...)
	out := t.TempDir()
	var requests []ltRequest
	var accepted []map[string]string
	var args []string
	for i, row := range rows {
		data, err := os.ReadFile(filepath.Join(dir, row["path"]))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(out, fmt.Sprintf("%03d.torrent", i))
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
		if strings.HasPrefix(row["expectation"], "accept") {
			accepted = append(accepted, row)
			requests = append(requests, ltRequest{Op: "read", Torrent: filepath.Join(dir, row["path"])}, ltRequest{Op: "read", Torrent: path})
		}
	}
	var docs []interopRetracked
	interopBt(t, exitTorrent, &docs, slices.Concat([]string{"retracker", "--json"}, flags, args)...)
	if len(docs) != len(rows) {
		t.Fatalf("%d documents for %d files", len(docs), len(rows))
	}
	unsorted := 0
	for i, doc := range docs {
		row := rows[i]
		before, err := os.ReadFile(filepath.Join(dir, row["path"]))
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(args[i])
		if err != nil {
			t.Fatal(err)
		}
		if doc.Error != nil {
			if doc.Error.Code != "torrent" || !bytes.Equal(before, after) {
				t.Errorf("%s: %+v, and the file is changed: %t", row["path"], doc.Error, !bytes.Equal(before, after))
			}
			if strings.HasPrefix(row["expectation"], "accept") && row["disputed"] == "" {
				t.Errorf("%s: not edited: %s", row["path"], doc.Error.Message)
			}
			continue
		}
		if !doc.Changed || doc.OldV1+doc.OldV2 != "" {
			t.Errorf("%s: changed is %t, another info-hash was %q", row["path"], doc.Changed, doc.OldV1+doc.OldV2)
		}
		for _, h := range []struct{ column, got string }{{"infohash_v1", doc.V1}, {"infohash_v2", doc.V2}} {
			if want := row[h.column]; len(want) >= 40 && !strings.Contains(want, " ") && row["disputed"] == "" && h.got != want {
				t.Errorf("%s: %s is %s, want %s", row["path"], h.column, h.got, want)
			}
		}
		interopOnlyEdited(t, row["path"], before, after, "announce", "announce-list", "comment", "comment.utf-8", "url-list")
		if doc, err := bencode.Parse(before); err == nil {
			if _, err := (bencode.Parser{Strict: true}).Parse(doc.Root().Get("info").Raw()); err != nil {
				unsorted++
			}
		}
	}
	read, refused := 0, 0
	for i, answers := 0, interopTried(t, requests); i < len(accepted); i++ {
		path, was, is := accepted[i]["path"], answers[2*i], answers[2*i+1]
		if was.Error != "" {
			refused++
			continue
		}
		read++
		if is.Error != "" {
			t.Errorf("%s: libtorrent read it, and does not after the edit: %s", path, is.Error)
			continue
		}
		if is.Comment != "edited" || !reflect.DeepEqual(is.Trackers, tiers) || !slices.Contains(is.WebSeeds, "http://w.invalid/f/") {
			t.Errorf("%s: libtorrent reads the comment %q, the web seeds %q, the trackers %q", path, is.Comment, is.WebSeeds, is.Trackers)
		}
		for _, u := range was.WebSeeds {
			if !slices.Contains(is.WebSeeds, u) {
				t.Errorf("%s: the web seed %s is lost", path, u)
			}
		}
		was.Trackers, was.Comment, was.WebSeeds = is.Trackers, is.Comment, is.WebSeeds
		if !reflect.DeepEqual(was, is) {
			t.Errorf("%s: libtorrent read\n%+v\nand reads\n%+v", path, was, is)
		}
	}
	t.Logf("%d files edited and read by libtorrent, which refused %d before; %d with an info dict that is not canonical", read, refused, unsorted)
	if read < 80 || unsorted < 2 {
		t.Errorf("that is too few")
	}
}

// interopTried sends libtorrent torrents that it may refuse, and returns its
// errors in the answers.
func interopTried(t *testing.T, requests []ltRequest) []ltAnswer {
	t.Helper()
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Python(t, "libtorrent"), filepath.Join("testdata", "interop", "ltorrent.py"))
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ltorrent.py: %v", err)
	}
	var answers []ltAnswer
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(requests) {
		t.Fatalf("ltorrent.py: %d answers to %d requests, %v", len(answers), len(requests), err)
	}
	return answers
}

// interopOnlyEdited checks that two files are the same, byte for byte and in
// order, except for the entries of the keys.
func interopOnlyEdited(t *testing.T, name string, before, after []byte, keys ...string) {
	t.Helper()
	var rest [2][]string
	var trailing [2][]byte
	for i, data := range [][]byte{before, after} {
		doc, err := bencode.Parse(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		for k, v := range doc.Root().Entries() {
			if !slices.Contains(keys, k.Text()) {
				rest[i] = append(rest[i], string(k.Raw())+string(v.Raw()))
			}
		}
		trailing[i] = doc.Trailing()
	}
	if !slices.Equal(rest[0], rest[1]) || !bytes.Equal(trailing[0], trailing[1]) {
		t.Errorf("%s: more than %q was changed", name, keys)
	}
}

// bt info --raw and --from-json reproduce the bytes of every bencoded dict that
// has an info dict.
func TestInteropCorpusFromJSON(t *testing.T) {
	dir, rows := interopCorpus(t)
	scratch := t.TempDir()
	var n atomic.Int32
	var jobs []func()
	for i, row := range rows {
		jobs = append(jobs, func() {
			path := filepath.Join(dir, row["path"])
			e, stdout, _ := testEnv("info", "--raw", path)
			if code := run(e); code != exitOK {
				if strings.HasPrefix(row["expectation"], "accept") && row["disputed"] == "" {
					t.Errorf("%s: bt info --raw: exit code %d", row["path"], code)
				}
				return
			}
			text, out := filepath.Join(scratch, fmt.Sprint(i, ".json")), filepath.Join(scratch, fmt.Sprint(i, ".torrent"))
			if err := os.WriteFile(text, stdout.Bytes(), 0o644); err != nil {
				t.Error(err)
			}
			e, _, stderr := testEnv("retracker", path, "--from-json", text, "-o", out)
			if code := run(e); code != exitOK {
				t.Errorf("%s: exit code %d: %s", row["path"], code, stderr)
				return
			}
			before, err := os.ReadFile(path)
			after, err2 := os.ReadFile(out)
			if err != nil || err2 != nil || !bytes.Equal(before, after) {
				t.Errorf("%s: there and back it is another (%v, %v)", row["path"], err, err2)
			}
			n.Add(1)
		})
	}
	interopAtOnce(jobs)
	if t.Logf("%d files came back", n.Load()); n.Load() < 100 {
		t.Error("that is too few")
	}
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
	ctx, cancel := context.WithTimeout(q.t.Context(), time.Minute)
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
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			q.t.Fatalf("qbittorrent-nox: no %s after 30 s", what)
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

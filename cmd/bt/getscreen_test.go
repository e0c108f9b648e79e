package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/get"
	"bt/internal/metainfo"
	"bt/internal/netguard"
	"bt/internal/term"
	"bt/internal/testenv"
)

const (
	getTrackerURL = "http://t.example:6969/0123456789abcdef0123/announce"
	webSeedURL    = "http://user:secret@a.example/0123456789abcdef0123/"
)

// getTorrent is a v1 torrent of one file, whose name moves the cursor.
func getTorrent(t *testing.T) *metainfo.Torrent {
	t.Helper()
	torrent, err := metainfo.Parse([]byte("d4:infod6:lengthi5e4:name5:a\x1b[2J12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"))
	if err != nil {
		t.Fatal(err)
	}
	return torrent
}

// testGetScreen returns a screen whose getter does not run.
func testGetScreen(t *testing.T, args ...string) (s *getScreen, stdout *bytes.Buffer) {
	t.Helper()
	e, stdout, _ := testEnv(args...)
	u := newUI(t.Context(), e, "get")
	s = newGetScreen(u, &getInput{name: "x.torrent", torrent: getTorrent(t)}, new(getFlags))
	s.status = func() get.Status { return get.Status{Done: 1 << 20, Size: 4 << 20} }
	return s, stdout
}

// The live screen for each state.
func TestGetScreenText(t *testing.T) {
	s, _ := testGetScreen(t)
	s.pal = s.pal.ASCII()
	peers := []get.PeerStatus{{DownloadRate: 1 << 20}, {}, {}}
	const mib = 1 << 20
	webSeeds := []get.WebSeedStatus{
		{URL: "http://new.example/", State: get.WebSeedUnused},
		{URL: webSeedURL, State: get.WebSeedUsed, Downloaded: mib, DownloadRate: 512 << 10},
		{URL: "http://b.example/", State: get.WebSeedDropped, Err: errors.New("it is\x1b[2J old")},
	}
	for _, test := range []struct {
		name    string
		status  get.Status
		message message
		want    []string
	}{
		{
			"metadata", get.Status{State: get.StateMetadata}, message{},
			[]string{`a\x1b[2J`, "state     fetching the torrent from peers", "rate      0 B/s down, 0 B/s up", "peers     0", "uploaded  0 B (ratio -)"},
		},
		{
			"checking", get.Status{State: get.StateChecking, Checked: mib, ToCheck: 4 * mib}, message{},
			[]string{`a\x1b[2J`, "state     checking what is there: 1.0 MiB of 4.0 MiB", "rate      0 B/s down, 0 B/s up", "peers     0", "uploaded  0 B (ratio -)"},
		},
		{
			"downloading", get.Status{
				State: get.StateDownloading, Done: mib, Size: 4 * mib, Downloaded: 2 * mib, Uploaded: mib, DownloadRate: mib, UploadRate: 512 << 10,
				Peers: peers, WebSeeds: webSeeds, Pieces: pieceStates("#o..-"), Trackers: []get.TrackerStatus{{Next: time.Now().Add(-time.Hour)}, {}},
			},
			message{getTrackerURL, "ok, 1 seeder, 0 leechers"},
			[]string{
				`a\x1b[2J`, "state          downloading", "done           25 %, 1.0 MiB of 4.0 MiB, 3s left", "rate           1.0 MiB/s down, 512.0 KiB/s up",
				"peers          3, 1 sending", "uploaded       1.0 MiB (ratio 0.50)",
				"web seeds      2, 1 sending, 1 dropped", "               http://****:****@a.example/****/: 512.0 KiB/s, 1.0 MiB",
				`               http://b.example/ is not used any more: it is\x1b[2J old`, "next announce  now",
				"last message   http://t.example:6969/****/announce: ok, 1 seeder, 0 leechers",
				"", "#:..-", "# 1 there  : 1 begun  . 2 missing  - 1 not wanted",
			},
		},
		{
			"complete", get.Status{State: get.StateStopped, Done: mib, Size: mib, Pieces: pieceStates("##")}, message{},
			[]string{
				`a\x1b[2J`, "state     complete", "done      100 %, 1.0 MiB of 1.0 MiB", "rate      0 B/s down, 0 B/s up", "peers     0", "uploaded  0 B (ratio -)",
				"", "##", "# 2 there",
			},
		},
	} {
		s.message = test.message
		text := s.text(&test.status, 80, 24)
		if got := strings.Split(strings.TrimSuffix(text, "\n"), "\n"); !slices.Equal(got, test.want) {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
		}
		for columns := 1; columns <= 200; columns++ {
			for _, rows := range []int{1, 5, 10, 12, 24} {
				for line := range strings.SplitSeq(s.text(&test.status, columns, rows), "\n") {
					if columns >= 24 && term.Width(line) > columns || term.Safe(line) != line {
						t.Fatalf("%s in %d columns: %q", test.name, columns, line)
					}
				}
			}
		}
	}
}

// getEvents has an event of each kind.
func getEvents(t *testing.T) []any {
	addr := netip.MustParseAddrPort("192.0.2.1:6881")
	return []any{
		get.EventListening{Addr: addr},
		get.EventMetadata{Torrent: getTorrent(t)},
		get.EventChecking{Done: 0, Total: 5},
		get.EventAnnounce{Tracker: getTrackerURL, Message: "hi \x1b]0;x", Seeders: 0, Leechers: -1, Next: 30 * time.Minute},
		get.EventAnnounce{Tracker: getTrackerURL, Err: fmt.Errorf("%s: no answer", getTrackerURL), Seeders: -1, Leechers: -1},
		get.EventPeer{Addr: addr, Client: "x\x1b[2J", Joined: true},
		get.EventPeer{Addr: addr, Downloaded: 5, Err: errors.New("it sends wrong data")},
		get.EventWebSeed{URL: webSeedURL, State: get.WebSeedUsed, Downloaded: 5},
		get.EventWebSeed{URL: webSeedURL, State: get.WebSeedFailed, Err: errors.New("a\x1b[2J: no answer")},
		get.EventWebSeed{URL: webSeedURL, State: get.WebSeedDropped, Err: fmt.Errorf("dialing: %w", &netguard.Error{Addr: netip.MustParseAddr("192.168.0.1")})},
		get.EventProgress{Done: 0, Size: 5, Rate: 1, Peers: 1, WebSeeds: 1},
		get.EventFile{Path: "dir/a", Size: 5},
		get.EventFile{Path: "dir/b", Size: 0, Found: true},
		get.EventWarning{Err: errors.New("see " + getTrackerURL)},
		lostEvents(7),
		getFailure{errors.New("no space left on device")},
		get.EventComplete{Path: "dir/a", Elapsed: 1500 * time.Millisecond},
		get.EventStopped{Downloaded: 5, Uploaded: 0},
	}
}

// Each event is as the schema says, on one line, and holds no secret.
func TestGetEventsJSON(t *testing.T) {
	schema := slices.IndexFunc(jsonSchemas, func(s jsonSchema) bool { return s.name == "get" })
	check, err := testenv.CompileJSONSchema([]byte(jsonSchemas[schema].text()))
	if err != nil {
		t.Fatal(err)
	}
	s, stdout := testGetScreen(t)
	s.json, s.jsonl = true, true
	kinds := make(map[string]bool)
	for _, event := range append(getEvents(t), listEvent(s.ui, getTorrent(t), treeFiles(getTorrent(t), false))) {
		stdout.Reset()
		if err := s.print(logEntry{time.Unix(1, 0), event}); err != nil {
			t.Fatal(err)
		}
		line := stdout.Bytes()
		if err := check(line); err != nil {
			t.Errorf("%T: %v\n%s", event, err, line)
		}
		if bytes.Count(line, []byte("\n")) != 1 || bytes.Contains(line, []byte("0123456789abcdef0123")) || bytes.Contains(line, []byte("secret")) || bytes.IndexByte(line, 0x1b) >= 0 {
			t.Errorf("%T: %q", event, line)
		}
		var d struct{ Event, Name string }
		if err := json.Unmarshal(line, &d); err != nil {
			t.Error(err)
		}
		kinds[d.Event] = true
		if isAbout := d.Event != "listening" && d.Event != "warning"; isAbout && d.Name != "a\x1b[2J" {
			t.Errorf("%T has no name: %s", event, line)
		}
	}
	if len(kinds) != 13 {
		t.Errorf("%d kinds of events, want 13: %v", len(kinds), kinds)
	}
}

// Each event as text: escaped, without secrets, and with -v only some.
func TestGetEventsText(t *testing.T) {
	const quiet, shown = "", `12:00:00 `
	want := []string{
		shown + "listening on 192.0.2.1:6881",
		shown + `a\x1b[2J: 5 B in 1 file, 1 × 16.0 KiB`,
		quiet,
		shown + `http://t.example:6969/****/announce: ok, next in 30m00s; message: hi \x1b]0;x`,
		shown + "http://t.example:6969/****/announce: http://t.example:6969/****/announce: no answer",
		quiet, quiet,
		shown + "the web seed http://****:****@a.example/****/ is used",
		shown + `the web seed http://****:****@a.example/****/ is asked again later: a\x1b[2J: no answer`,
		shown + "the web seed http://****:****@a.example/****/ is not used any more: dialing: its address is private: 192.168.0.1; --allow-local allows it",
		quiet,
		shown + "dir/a: complete",
		shown + "dir/b: complete, it was there already",
		shown + "see http://t.example:6969/****/announce",
		shown + "7 events dropped, because the output was not read in time",
		quiet, quiet,
		shown + "stopped: 5 B downloaded, 0 B uploaded; 1.0 MiB of 4.0 MiB are there, and the same command goes on from here",
	}
	for _, verbose := range []bool{false, true} {
		s, stdout := testGetScreen(t)
		if s.verbose = verbose; verbose {
			want[5] = shown + `192.0.2.1:6881 (x\x1b[2J) joined`
			want[6] = shown + "192.0.2.1:6881 (unknown client) was dropped: it sends wrong data"
		}
		for i, event := range getEvents(t) {
			stdout.Reset()
			if err := s.print(logEntry{time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), event}); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSuffix(stdout.String(), "\n"); got != want[i] {
				t.Errorf("%T: %q, want %q", event, got, want[i])
			}
		}
		s.quiet = true
		stdout.Reset()
		for _, event := range getEvents(t) {
			if err := s.print(logEntry{time.Now(), event}); err != nil || stdout.Len() > 0 {
				t.Fatalf("with -q: %q, %v", stdout, err)
			}
		}
	}
}

// A line about progress is printed every ten seconds at most.
func TestGetProgressLines(t *testing.T) {
	s, stdout := testGetScreen(t)
	begin := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for second := range 35 {
		e := get.EventProgress{Done: int64(second) << 20, Size: 100 << 20, Rate: 1 << 20, Peers: 2, WebSeeds: second / 20}
		if err := s.print(logEntry{begin.Add(time.Duration(second) * time.Second), e}); err != nil {
			t.Fatal(err)
		}
	}
	const want = `12:00:10 10 %, 10.0 MiB of 100.0 MiB, 1m30s left, 1.0 MiB/s, 2 peers
12:00:20 20 %, 20.0 MiB of 100.0 MiB, 1m20s left, 1.0 MiB/s, 2 peers, 1 web seed
12:00:30 30 %, 30.0 MiB of 100.0 MiB, 1m10s left, 1.0 MiB/s, 2 peers, 1 web seed
`
	if stdout.String() != want {
		t.Errorf("%s\nwant\n%s", stdout, want)
	}
}

// The exit code and the hint of each error of a download.
func TestGetError(t *testing.T) {
	exists := &get.ExistsError{Paths: []string{"dir/a", "dir/b"}}
	for _, test := range []struct {
		err  error
		code int
		hint string
	}{
		{fmt.Errorf("waiting: %w", get.ErrTimeout), exitNetwork, "goes on"},
		{get.ErrNoSource, exitNetwork, "--peer"},
		{fmt.Errorf("opening: %w", exists), exitWrite, "--force"},
		{&metainfo.UnusableError{Findings: []metainfo.Finding{{Message: "x"}}}, exitTorrent, ""},
		{failf(exitUsage, "x"), exitUsage, ""},
		{&signalError{}, exitInterrupted, ""},
		{errors.New("x"), exitRead, ""},
		{nil, exitOK, ""},
	} {
		err := getError("name", get.Options{Timeout: time.Minute}, test.err)
		if codeOf(err) != test.code || !strings.Contains(hintOf(err), test.hint) || test.hint == "" && hintOf(err) != "" {
			t.Errorf("%v: exit code %d, hint %q", test.err, codeOf(err), hintOf(err))
		}
	}
}

//go:build linux

package seed

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// interopSizes are of a file over several pieces, an empty one, one smaller than
// a block, one of whole pieces and one that ends within a block.
var interopSizes = []int64{1_500_001, 0, 5, 256 << 10, 2_000_000}

// A publishedTorrent is a torrent with its data and a tracker.
type publishedTorrent struct {
	*Metainfo
	root    string // its data
	file    string // the torrent
	tracker netip.AddrPort
}

// publish makes a torrent, and starts a tracker for it. The torrent names the
// tracker at via, if that is not the zero AddrPort.
func publish(t *testing.T, format maketorrent.Format, via netip.AddrPort) *publishedTorrent {
	t.Helper()
	meta, root := makeContent(t, format, interopSizes...)
	return publishContent(t, meta, root, via)
}

// publishContent does the same with a torrent that is there.
func publishContent(t *testing.T, meta *Metainfo, root string, via netip.AddrPort) *publishedTorrent {
	t.Helper()
	var hashes [][20]byte
	for _, s := range swarmsOf(meta) {
		hashes = append(hashes, s.hash)
	}
	p := &publishedTorrent{root: root, tracker: testenv.Opentracker(t, hashes)}

	// The tracker's address is known only now. It belongs before all other keys, and
	// changes no info-hash.
	url := "http://" + cmp.Or(via, p.tracker).String() + "/announce"
	b := fmt.Appendf(nil, "d8:announce%d:%s", len(url), url)
	b = append(b, meta.Bytes()[1:]...)
	var err error
	if p.Metainfo, err = metainfo.Parse(b); err != nil {
		t.Fatal(err)
	}
	if p.InfoHashV1 != meta.InfoHashV1 || p.InfoHashV2 != meta.InfoHashV2 {
		t.Fatal("other info-hashes")
	}
	p.file = filepath.Join(t.TempDir(), "content.torrent")
	if err := os.WriteFile(p.file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

// seed seeds the data at path, and returns when the tracker knows.
func (p *publishedTorrent) seed(t *testing.T, o Options, path string) *running {
	t.Helper()
	r := start(t, o, Input{Torrent: p.Metainfo, Path: path})
	r.announced(t, len(swarmsOf(p.Metainfo)))
	return r
}

// announced waits until trackers have answered so many times.
func (r *running) announced(t *testing.T, n int) {
	t.Helper()
	eventually(t, "the trackers answer", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		answers := 0
		for _, e := range r.events {
			if e, ok := e.event.(EventAnnounce); ok && e.Err == nil {
				answers++
			}
		}
		return answers >= n
	})
}

func eventually(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for end := time.Now().Add(80 * time.Second); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// A program is a client that runs until the test ends.
type program struct {
	cmd    *exec.Cmd
	output output
	ended  chan struct{}
	err    error // once ended is closed
}

// An output may be read while it grows.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, b...)
	return len(b), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.text)
}

// run starts a client. It never lives long, even if this test is killed.
func run(t *testing.T, name string, args ...string) *program {
	t.Helper()
	p := &program{ended: make(chan struct{})}
	p.cmd = exec.Command(testenv.Program(t, "timeout"), append([]string{"--kill-after=1", "90", name}, args...)...)
	p.cmd.Stdout, p.cmd.Stderr = &p.output, &p.output
	p.cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			b := p.output.String()
			t.Logf("%s printed:\n%s", filepath.Base(name), b[max(0, len(b)-8<<10):])
		}
	})
	return p
}

// kill ends it and its children at once, as kill -9 does.
func (p *program) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // it may have ended
	<-p.ended
}

// succeed waits until it ends well.
func (p *program) succeed(t *testing.T) {
	t.Helper()
	<-p.ended
	if p.err != nil {
		t.Fatal(p.err)
	}
}

// compare compares a download with what was published, byte for byte. Clients
// may leave out empty files.
func (p *publishedTorrent) compare(t *testing.T, root string) {
	t.Helper()
	want, got := files(t, p.root), files(t, root)
	for name, data := range want {
		if other, ok := got[name]; ok && !bytes.Equal(other, data) {
			t.Errorf("%s is not what was published", name)
		} else if !ok && len(data) > 0 {
			t.Errorf("%s is missing", name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s was not published", name)
		}
	}
}

func files(t *testing.T, root string) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		all[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAria2(t *testing.T) {
	t.Parallel()
	aria2 := testenv.Program(t, "aria2c")
	for _, test := range []struct {
		name    string
		options Options
		magnet  bool
		args    []string
	}{
		{name: "plaintext"},
		{name: "magnet", magnet: true},
		{name: "encrypted", options: Options{Encryption: EncryptionRequire}, args: []string{"--bt-require-crypto=true", "--bt-min-crypto-level=arc4"}},
		{name: "rate limit", options: Options{MaxUploadRate: 4 << 20}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, maketorrent.FormatV1, netip.AddrPort{})
			p.seed(t, test.options, p.root)
			dir, source := t.TempDir(), p.file
			if test.magnet {
				source = p.Magnet().String()
			}
			args := []string{"--no-conf", "--seed-time=0", "--enable-dht=false", "--enable-dht6=false",
				"--enable-peer-exchange=false", "--bt-enable-lpd=false", "--interface=127.0.0.1",
				"--file-allocation=none", "--console-log-level=info", "--download-result=hide", "--show-console-readout=false", "-d", dir}
			run(t, aria2, append(append(args, test.args...), source)...).succeed(t)
			p.compare(t, filepath.Join(dir, "content"))
		})
	}
}

func TestLibtorrent(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "v2": maketorrent.FormatV2, "hybrid": maketorrent.FormatHybrid} {
		for _, test := range []struct {
			name    string
			options Options
			magnet  bool
			args    []string
		}{
			{name: "plaintext"},
			{name: "magnet", magnet: true}, // of v2: it asks for the hashes of the pieces
			{name: "encrypted", options: Options{Encryption: EncryptionRequire}, args: []string{"rc4"}},
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				p := publish(t, format, netip.AddrPort{})
				p.seed(t, test.options, p.root)
				source := p.file
				if test.magnet {
					source = p.Magnet().String()
				}
				dir := leech(t, python, source, test.args...)
				p.compare(t, filepath.Join(dir, "content"))
			})
		}
	}
}

// leech downloads a torrent with libtorrent, and returns the directory. It tries again
// after errors of libtorrent itself, see leech.py.
func leech(t *testing.T, python, source string, args ...string) (dir string) {
	t.Helper()
	for tries := 1; ; tries++ {
		dir = t.TempDir()
		p := run(t, python, append([]string{"testdata/leech.py", source, dir}, args...)...)
		<-p.ended
		if p.cmd.ProcessState.ExitCode() != 3 || tries == 5 {
			p.succeed(t)
			return dir
		}
	}
}

// One that joins a v2 torrent of many files by a magnet link asks for the hashes of
// each, which is no flood. There are 2000 files, or 20,000 where BT_SOAK is set.
func TestLibtorrentManyFiles(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	files := 2000
	if os.Getenv("BT_SOAK") != "" {
		files = 20_000
	}
	meta, root := manyFiles(t, files)
	p := publishContent(t, meta, root, netip.AddrPort{})
	r := p.seed(t, Options{MaxUploadRate: 200 << 10}, root) // it does not ask for hashes of files that it has
	leech := run(t, python, "testdata/leech.py", p.Magnet().String(), t.TempDir())
	tt := r.find(swarmsOf(meta)[0].hash)
	eventually(t, "it has the hashes of half of the files", func() bool {
		tt.mu.Lock()
		defer tt.mu.Unlock()
		if tt.use.loaded == nil {
			return false
		}
		return tt.use.loaded.trees.Requested() > files/2
	})
	time.Sleep(time.Duration(files) * time.Millisecond) // it asks again and again
	if r.Peers() != 1 {
		t.Error("it is not there any more")
	}
	leech.kill()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e, ok := e.event.(EventPeer); ok && !e.Joined && e.Err != nil {
			t.Errorf("the peer was sent away: %v", e.Err)
		}
	}
}

// Two seeds have all between them.
func TestPartialSeeds(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "v2": maketorrent.FormatV2, "hybrid": maketorrent.FormatHybrid} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, format, netip.AddrPort{})
			halves := [2]string{}
			for i := range halves {
				halves[i] = filepath.Join(t.TempDir(), "content")
				if err := os.CopyFS(halves[i], os.DirFS(p.root)); err != nil {
					t.Fatal(err)
				}
			}
			// The first lacks the end of the first file and all of the last one, but in v1
			// what of them is in one piece with others that are there. The second lacks
			// nothing of these, but the beginning of the first.
			if err := os.Truncate(filepath.Join(halves[0], "a"), 700_000); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(filepath.Join(halves[0], "e")); err != nil {
				t.Fatal(err)
			}
			a, err := os.OpenFile(filepath.Join(halves[1], "a"), os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.WriteAt(make([]byte, 500_000), 0); err != nil {
				t.Fatal(err)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			for _, half := range halves {
				r := p.seed(t, Options{MaxUploadRate: 2 << 20}, half)
				have := r.find(swarmsOf(p.Metainfo)[0].hash).have().Count()
				if have == 0 || have == p.PieceCount() {
					t.Fatalf("%d of %d pieces", have, p.PieceCount())
				}
			}
			dir := t.TempDir()
			run(t, python, "testdata/leech.py", p.file, dir, "peers=2").succeed(t)
			p.compare(t, filepath.Join(dir, "content"))
		})
	}
}

// A downloader is killed during a download, and another one continues with its files.
func TestKilledDownloader(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	p := publish(t, maketorrent.FormatHybrid, netip.AddrPort{})
	r := p.seed(t, Options{MaxUploadRate: 1 << 20}, p.root)
	dir := t.TempDir()
	first := run(t, python, "testdata/leech.py", p.file, dir)
	eventually(t, "half is sent", func() bool { return r.Uploaded() > 1_000_000 })
	first.kill()
	if all := int64(3_700_000); r.Uploaded() >= all {
		t.Fatal("it was not in the middle")
	}
	eventually(t, "the seed lets it go", func() bool { return r.Peers() == 0 })
	run(t, python, "testdata/leech.py", p.file, dir).succeed(t)
	p.compare(t, filepath.Join(dir, "content"))
}

// A relay forwards connections to a server, and can behave as if the server were down.
type relay struct {
	addr netip.AddrPort
	down atomic.Bool
}

// relayTo relays from an address of this host, which is also what the server
// sees as the client's.
func relayTo(t *testing.T, from netip.AddrPort, server func() netip.AddrPort) *relay {
	t.Helper()
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(from))
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: l.Addr().(*net.TCPAddr).AddrPort()}
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			in, err := l.AcceptTCP()
			if err != nil {
				return
			}
			if r.down.Load() {
				in.Close()
				continue
			}
			wg.Go(func() {
				defer in.Close()
				out, err := net.DialTCP("tcp", &net.TCPAddr{IP: from.Addr().AsSlice()}, net.TCPAddrFromAddrPort(server()))
				if err != nil {
					return
				}
				defer out.Close()
				end := time.Now().Add(time.Minute)
				in.SetDeadline(end)
				out.SetDeadline(end)
				done := make(chan struct{})
				go func() {
					defer close(done)
					io.Copy(out, in)
					out.CloseWrite()
				}()
				io.Copy(in, out)
				in.CloseWrite()
				<-done
			})
		}
	})
	return r
}

// A tracker that is down when the seed starts receives the announce later.
func TestTrackerDown(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	var server netip.AddrPort
	tracker := relayTo(t, netip.MustParseAddrPort("127.0.0.1:0"), func() netip.AddrPort { return server })
	tracker.down.Store(true)
	p := publish(t, maketorrent.FormatV1, tracker.addr)
	server = p.tracker
	r := start(t, Options{}, Input{Torrent: p.Metainfo, Path: p.root})
	await[EventAnnounce](t, r)
	r.mu.Lock()
	for _, e := range r.events {
		if e, ok := e.event.(EventAnnounce); ok && e.Err == nil {
			t.Error("it was down, but answered")
		}
	}
	r.mu.Unlock()
	tracker.down.Store(false)
	r.announced(t, 1)
	dir := t.TempDir()
	run(t, python, "testdata/leech.py", p.file, dir).succeed(t)
	p.compare(t, filepath.Join(dir, "content"))
}

// freePort returns a port without a listener.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestQBittorrent(t *testing.T) {
	t.Parallel()
	qbittorrent := testenv.Program(t, "qbittorrent-nox")
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "v2": maketorrent.FormatV2, "hybrid": maketorrent.FormatHybrid} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := publish(t, format, netip.AddrPort{})
			p.seed(t, Options{}, p.root)
			dir, port := t.TempDir(), freePort(t)
			run(t, qbittorrent, "--profile="+testenv.QBittorrentProfile(t, "127.0.0.1", freePort(t)), fmt.Sprintf("--webui-port=%d", port))
			api := testenv.NewQBittorrent(port, nil)
			eventually(t, "qbittorrent answers", api.IsReady)
			api.Add(t, p.Bytes(), dir)
			eventually(t, "all is there", api.IsDone)
			p.compare(t, filepath.Join(dir, "content"))
		})
	}
}

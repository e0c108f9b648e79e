package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/testenv"
)

const webPort = 8000

// webSwarm is like swarmOf for a torrent with a web seed, which serves dir/content.
func webSwarm(t *testing.T, format string, sizes ...int) (s *processSwarm, dir string) {
	t.Helper()
	plan := swarmPlan{format: format}
	plan.seed, plan.client = testenv.Hosts(t)
	plan.tracker = plan.seed
	tracker, web := fmt.Sprintf("http://%v:%d/announce", plan.seed.Addr, swarmTrackerPort), fmt.Sprintf("http://%v:%d/", plan.seed.Addr, webPort)
	s, hashes := plan.torrent(t, sizes, "--announce", tracker, "--web-seed", web)
	s.tracker = s.at.Opentracker(t, swarmTrackerPort, hashes)
	dir = t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "content"), os.DirFS(s.root)); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

// serve starts a web server, and waits until it accepts connections.
func (s *processSwarm) serve(line []string) *swarmProcess {
	s.t.Helper()
	p := s.run(s.a, line[0], line[1:]...)
	p.until("the web server answers", func() bool {
		conn, err := s.b.DialContext(s.t.Context(), "tcp", s.webAddr().String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return p
}

// webAddr is the address of the web seed.
func (s *processSwarm) webAddr() netip.AddrPort { return netip.AddrPortFrom(s.a.Addr, webPort) }

// The content arrives byte for byte from nginx and Apache alone, and beside a slow peer, which
// has the torrent of a magnet link.
func TestProcessGetWebServers(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"v1", "v2", "hybrid"} {
		for name, line := range map[string]func(s *processSwarm, dir string) []string{
			"nginx":  func(s *processSwarm, dir string) []string { return testenv.Nginx(s.t, dir, s.webAddr(), 0) },
			"apache": func(s *processSwarm, dir string) []string { return testenv.Apache(s.t, dir, s.webAddr()) },
		} {
			t.Run(format+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, dir := webSwarm(t, format, getSizes...)
				s.serve(line(s, dir))
				g := s.get(s.torrent, "--web-seeds", "only", "--allow-local")
				g.succeeds()
				g.hasNoErrors()
				if e := g.await("stopped", 1); e.FromWebSeeds < s.size || e.FromWebSeeds != e.Downloaded {
					t.Errorf("%+v", e)
				}
				s.getsOneFile(dir, format)

				s.seed("--max-upload-rate", "200K").starts()
				s.seedsAre("1")
				g = s.get(s.magnet, "--allow-local")
				g.succeeds()
				g.toldAll()
				g.hasNoErrors()
				for _, e := range g.events("peer") {
					if e.Downloaded > s.size/2 {
						t.Errorf("%d bytes of %d are from the peer", e.Downloaded, s.size)
					}
				}
			})
		}
	}
}

// getsOneFile downloads a torrent of one file from the web server.
func (s *processSwarm) getsOneFile(dir, format string) {
	s.t.Helper()
	to, web := s.t.TempDir(), fmt.Sprintf("http://%v/content/", s.webAddr())
	processRun(s.t, dir, "make", "content/a", "-q", "-l", "32K", "--format", format, "--web-seed", web, "-o", "a.torrent").exits(exitOK)
	g := s.getTo(to, filepath.Join(dir, "a.torrent"), "--web-seeds", "only", "--allow-local")
	g.exits(exitOK)
	if b, err := os.ReadFile(filepath.Join(to, "a")); err != nil || !bytes.Equal(b, s.want["a"]) {
		s.t.Errorf("%d bytes are not those of the file: %v", len(b), err)
	}
}

// A download goes on when the web server is there again, also where bt get itself was killed.
func TestProcessGetWebServerKilled(t *testing.T) {
	t.Parallel()
	s, dir := webSwarm(t, "v1", getSizes...)
	slow, fast := testenv.Nginx(t, dir, s.webAddr(), 100_000), testenv.Nginx(t, dir, s.webAddr(), 0)
	web := s.serve(slow)
	g := s.get(s.torrent, "--web-seeds", "only", "--allow-local")
	g.hasSome()
	web.kill()
	time.Sleep(2 * time.Second)
	web = s.serve(fast)
	g.succeeds()

	web.kill()
	web = s.serve(slow)
	g = s.get(s.torrent, "--web-seeds", "only", "--allow-local")
	g.hasSome()
	g.kill()
	web.kill()
	s.serve(fast)
	s.getTo(g.dir, s.torrent, "--web-seeds", "only", "--allow-local").succeeds()
}

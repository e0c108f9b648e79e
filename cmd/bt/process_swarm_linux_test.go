package main

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

// The tests named TestProcessSeed run bt seed and a tracker on one host and
// clients on another. The hosts are network namespaces, so ports do not collide
// and no packet leaves the machine.

const (
	swarmTrackerPort = 6969
	swarmSeedPort    = 6881
)

// swarmTimeout is the time after which the tests stop waiting. It is long because
// the race detector and a busy machine are slow.
const swarmTimeout = 4 * time.Minute

// A processSwarm is a torrent of random data, and the tracker that serves it.
type processSwarm struct {
	t       *testing.T
	a, b    *testenv.Host // hosts for the seed and the downloading client
	at      *testenv.Host // host of the tracker
	root    string        // directory of the data
	torrent string
	magnet  string
	hash    [20]byte // v1, or v2 cut to 20 bytes
	size    int64
	pieces  int
	tracker *testenv.Tracker
	env     []string
	want    map[string][]byte // the data by path
}

// A swarmPlan says where the programs of a swarm run, and what torrent they share.
type swarmPlan struct {
	seed, client, tracker *testenv.Host // nil: two new hosts, the tracker beside the seed
	format                string        // for bt make; "": v1
	piece                 int           // the piece length; 0: 32 KiB
}

// swarmOf makes files of the given sizes and a v1 torrent of them: a, sub/b, sub/c,
// ...
func swarmOf(t *testing.T, sizes ...int) *processSwarm {
	t.Helper()
	return swarmPlan{}.of(t, sizes...)
}

// of is like swarmOf, for a plan.
func (plan swarmPlan) of(t *testing.T, sizes ...int) *processSwarm {
	t.Helper()
	if plan.seed == nil {
		plan.seed, plan.client = testenv.Hosts(t)
		plan.tracker = plan.seed
	}
	s, hashes := plan.torrent(t, sizes, "--announce", fmt.Sprintf("http://%v:%d/announce", plan.tracker.Addr, swarmTrackerPort))
	s.tracker = s.at.Opentracker(t, swarmTrackerPort, hashes)
	return s
}

// torrent makes the files and the torrent of a swarm, with further arguments of bt make, but
// no tracker. It returns the info-hashes, of v2 the first 20 bytes.
func (plan swarmPlan) torrent(t *testing.T, sizes []int, args ...string) (s *processSwarm, hashes [][20]byte) {
	t.Helper()
	piece := cmp.Or(plan.piece, 32<<10)
	s = &processSwarm{t: t, a: plan.seed, b: plan.client, at: plan.tracker, env: swarmEnv(t)}
	dir := t.TempDir()
	s.root, s.torrent = filepath.Join(dir, "content"), filepath.Join(dir, "content.torrent")
	chacha := rand.NewChaCha8([32]byte([]byte("the data of bt's swarms of tests")))
	files := make(map[string]string)
	s.want = make(map[string][]byte)
	for i, size := range sizes {
		name := "a"
		if i > 0 {
			name = filepath.Join("sub", string(rune('a'+i)))
		}
		data := make([]byte, size)
		_, _ = chacha.Read(data) // never fails
		files[name], s.want[name] = string(data), data
		s.size += int64(size)
	}
	processTree(t, s.root, files)
	args = append([]string{"make", "content", "-l", fmt.Sprint(piece), "-o", s.torrent, "--format", cmp.Or(plan.format, "v1")}, args...)
	made := processMade(t, dir, args...)
	s.pieces, s.magnet = made.PieceCount, made.Magnet
	for _, text := range []string{made.InfoHash, made.InfoHashV2} {
		hash, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(hash) > 0 {
			hashes = append(hashes, [20]byte(hash))
		}
	}
	s.hash = hashes[0]
	return s, hashes
}

// swarmEnv returns the environment of a swarm's programs, with a new home.
func swarmEnv(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	env := []string{"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "XDG_STATE_HOME=" + filepath.Join(home, "state"), "GORACE=atexit_sleep_ms=0"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		proxy := strings.HasSuffix(strings.ToLower(name), "_proxy")
		own := slices.ContainsFunc(env, func(o string) bool { return strings.HasPrefix(o, name+"=") })
		if !proxy && !own {
			env = append(env, v)
		}
	}
	return env
}

// eventually waits until a condition is true.
func (s *processSwarm) eventually(what string, ready func() bool) {
	s.t.Helper()
	for end := time.Now().Add(swarmTimeout); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

var (
	scrapedSeeds    = regexp.MustCompile(`8:completei(\d+)e`)
	scrapedLeechers = regexp.MustCompile(`10:incompletei(\d+)e`)
)

// seeds returns the number of seeds that the tracker knows, and leechers that of others.
func (s *processSwarm) seeds() string    { return s.scraped(scrapedSeeds) }
func (s *processSwarm) leechers() string { return s.scraped(scrapedLeechers) }

func (s *processSwarm) scraped(count *regexp.Regexp) string {
	s.t.Helper()
	client := http.Client{Timeout: swarmTimeout, Transport: &http.Transport{DialContext: s.b.DialContext, DisableKeepAlives: true}}
	var escaped strings.Builder
	for _, c := range s.hash {
		fmt.Fprintf(&escaped, "%%%02x", c)
	}
	res, err := client.Get(fmt.Sprintf("http://%v:%d/scrape?info_hash=%s", s.at.Addr, swarmTrackerPort, &escaped))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if m := count.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	if got := string(body); got != "d5:filesdee" { // the tracker knows no peers
		s.t.Fatalf("scrape: %q", got)
	}
	return "0"
}

func (s *processSwarm) seedsAre(want string) {
	s.t.Helper()
	s.eventually("the tracker knows of so many seeds: "+want, func() bool { return s.seeds() == want })
}

// compare compares a download byte for byte, except for empty files, which some
// clients don't create.
func (s *processSwarm) compare(root string) {
	s.t.Helper()
	got := make(map[string][]byte)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		got[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for name, data := range s.want {
		if other, ok := got[name]; !bytes.Equal(other, data) || !ok && len(data) > 0 {
			s.t.Errorf("%s in %s is not what was published, or missing: %v", name, root, !ok)
		}
		delete(got, name)
	}
	for name := range got {
		s.t.Errorf("%s in %s was not published", name, root)
	}
}

// waitUntilOld waits until files are old enough for a seed to store the results of a
// check. The change time of a file can't be set back.
func waitUntilOld(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
		time.Sleep(time.Until(changed.Add(2100 * time.Millisecond)))
	}
}

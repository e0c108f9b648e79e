package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/testenv"
)

// A processSeed is a bt seed process with small files.
type processSeed struct {
	t       *testing.T
	addr    string
	torrent *metainfo.Torrent
	pid     int
	stop    func() (output string)
}

// startProcessSeed seeds 1000 files of 40 KB. limit is the limit of open files,
// or 0.
func startProcessSeed(t *testing.T, limit int, flags ...string) *processSeed {
	t.Helper()
	dir := t.TempDir()
	root := filepath.Join(dir, "small")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("f%04d", i)), bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 20_000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	processRun(t, dir, "make", "small", "-q", "-l", "64K").exits(exitOK)
	b, err := os.ReadFile(root + ".torrent")
	if err != nil {
		t.Fatal(err)
	}
	s := &processSeed{t: t}
	if s.torrent, err = metainfo.Parse(b); err != nil {
		t.Fatal(err)
	}
	args := append([]string{processPlain(t), "seed", root + ".torrent", "--json", "--port", "42000-42999"}, flags...)
	if limit > 0 {
		args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, limit), "sh"}, args...)
	}
	cmd := processCommand(t, args[0], args[1:]...)
	cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+dir, "GOTRACEBACK=single")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.pid = cmd.Process.Pid
	var lines strings.Builder
	ready, ended := make(chan bool), make(chan bool)
	go func() {
		defer close(ended)
		in := bufio.NewScanner(out)
		for in.Scan() {
			lines.WriteString(in.Text() + "\n")
			var e struct{ Event, Addr string }
			if json.Unmarshal(in.Bytes(), &e); e.Event == "listening" {
				s.addr = "127.0.0.1" + e.Addr[strings.LastIndex(e.Addr, ":"):]
			} else if e.Event == "seeding" {
				close(ready)
			}
		}
	}()
	s.stop = sync.OnceValue(func() string {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		cmd.Wait()
		return lines.String()
	})
	t.Cleanup(func() { s.stop() })
	select {
	case <-ready:
	case <-ended:
		t.Fatalf("it has ended: %s", lines.String())
	}
	return s
}

// join connects from an address that other peers share, and sends messages when
// it is unchoked. It uses little memory.
func (s *processSeed) join(number int, encrypted bool, messages ...peer.Message) (net.Conn, error) {
	from := net.IPv4(127, 40, byte(number/25/250), byte(number/25%250)+1)
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: 20 * time.Second, Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10) })
	}}
	conn, err := d.Dial("tcp", s.addr)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	h := peer.Handshake{InfoHash: s.torrent.InfoHashV1}
	h.Set(peer.FeatureFast | peer.FeatureExtensions)
	var session *mse.Session
	if encrypted {
		session, err = mse.Initiate(conn, s.torrent.InfoHashV1, mse.Options{Methods: mse.MethodRC4}, h.Append(nil))
	} else {
		_, err = conn.Write(h.Append(nil))
	}
	if err != nil {
		return conn, err
	}
	b := peer.Message{ID: peer.IDInterested}.Append(nil)
	session.Encrypt(b)
	if _, err := conn.Write(b); err != nil || len(messages) == 0 {
		return conn, err
	}
	time.Sleep(time.Second / 2) // until the connection is interested and unchoked
	b = b[:0]
	for _, m := range messages {
		b = m.Append(b)
	}
	session.Encrypt(b)
	_, err = conn.Write(b)
	return conn, err
}

// 2000 peers that send requests and do not read the answers use little memory.
func TestProcessSeedMemoryOfHostilePeers(t *testing.T) {
	testenv.Large(t)
	const peers, most = 2000, 200 << 10 // in KiB
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < peers+500 {
		testenv.Missing(t, fmt.Sprintf("%d descriptors (ulimit -n)", peers+500))
	}
	s := startProcessSeed(t, 0)
	request := func(i, length int) peer.Message {
		return peer.Message{ID: peer.IDRequest, Index: uint32(i / 4 % 600), Begin: uint32(i%4) << 14, Length: uint32(length)}
	}
	var blocks, tiny, metadata []peer.Message
	for i := range 1000 {
		blocks = append(blocks, request(i, 16<<10))
		tiny = append(tiny, request(i, 1))
	}
	hello := peer.Message{ID: peer.IDExtended, Payload: []byte("d1:md11:ut_metadatai3eee")}
	for range 200 {
		metadata = append(metadata, peer.Message{ID: peer.IDExtended, Extension: 1, Payload: []byte("d8:msg_typei0e5:piecei0ee")})
	}
	kinds := [][]peer.Message{
		blocks,
		slices.Concat(tiny, blocks),
		slices.Concat([]peer.Message{hello}, metadata, blocks),
	}
	var wg sync.WaitGroup
	conns := make([]net.Conn, peers)
	for w := range 100 {
		wg.Go(func() {
			for i := w; i < peers; i += 100 {
				var err error
				// On a busy machine a handshake may take longer than the seed's
				// timeout.
				for range 10 {
					if conns[i], err = s.join(i, i%2 == 0, kinds[i%len(kinds)]...); err == nil {
						break
					}
					if conns[i] != nil {
						conns[i].Close()
					}
				}
				if err != nil {
					t.Errorf("peer %d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	time.Sleep(5 * time.Second)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		t.Fatal(err)
	}
	var peak int
	_, text, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(text, &peak); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB", peak>>10)
	if peak > most {
		t.Errorf("%d KiB, more than %d", peak, most)
	}
	if n := strings.Count(s.stop(), `"state":"joined"`); n < peers {
		t.Errorf("%d of %d peers joined", n, peers)
	}
}

// With a low limit of open files there are fewer peers than --max-peers. One
// warning says so, and further connections cause no errors.
func TestProcessSeedFewDescriptors(t *testing.T) {
	s := startProcessSeed(t, 256)
	for i := range 400 {
		conn, err := s.join(i, false)
		if err != nil {
			continue // the seed closed it to accept another
		}
		defer conn.Close()
	}
	conn, err := s.join(5000, false)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// It asks for a block once it is unchoked.
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(conn, in); err != nil {
		t.Fatal(err)
	}
	in = nil
	for got, b := false, make([]byte, 16<<10); !got; {
		n, err := conn.Read(b)
		if err != nil {
			t.Fatalf("before a block came: %v", err)
		}
		in = append(in, b[:n]...)
		for {
			m, n, err := peer.Next(in, s.torrent.PieceCount())
			if err != nil {
				t.Fatal(err)
			}
			if n > len(in) { // it is incomplete
				break
			}
			in = in[n:]
			switch m.ID {
			case peer.IDUnchoke:
				conn.Write(peer.Message{ID: peer.IDRequest, Length: 16 << 10}.Append(nil))
			case peer.IDPiece:
				got = true
			}
		}
	}
	out := s.stop()
	if n := strings.Count(out, `"event":"warning"`); n != 1 || !strings.Contains(out, "peers can connect, not 2000: the system allows 256 open files") {
		t.Errorf("%d warnings:\n%.3000s", n, out)
	}
}

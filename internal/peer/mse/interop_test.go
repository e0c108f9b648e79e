package mse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
)

// libtorrent starts one that connects to the port, or listens if that is empty, and
// returns the port at which it does. It ends with the test.
func libtorrent(t *testing.T, level Method, preferRC4 bool, port string) string {
	t.Helper()
	prefer := "0"
	if preferRC4 {
		prefer = "1"
	}
	args := []string{"testdata/ltpeer.py", fmt.Sprintf("magnet:?xt=urn:btih:%x", torrent), fmt.Sprint(int(level)), prefer}
	if port != "" {
		args = append(args, port)
	}
	cmd := exec.Command(testenv.Python(t, "libtorrent"), args...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		stop := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		defer stop.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("libtorrent: %v\n%s", err, &complaints)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("libtorrent: %v", err)
	}
	return strings.TrimSpace(line)
}

// hello is the handshake of BEP 3, of a peer that knows the extension protocol
// (BEP 10).
func hello() []byte {
	b := append([]byte("\x13BitTorrent protocol"), 0, 0, 0, 0, 0, 0x10, 0, 0)
	b = append(b, torrent[:]...)
	return append(b, "-bt0000-mse test 123"...)
}

// hear reads the peer's handshake and its first message, the handshake of BEP 10,
// which both must come out of the cipher as they should.
func hear(t *testing.T, conn net.Conn, s *Session) {
	t.Helper()
	next := func(n int) []byte {
		t.Helper()
		if missing := n - len(s.Initial); missing > 0 {
			b := make([]byte, missing)
			if _, err := io.ReadFull(conn, b); err != nil {
				t.Fatal(err)
			}
			s.Decrypt(b)
			s.Initial = append(s.Initial, b...)
		}
		b := s.Initial[:n]
		s.Initial = s.Initial[n:]
		return b
	}
	head := next(68)
	if want := "\x13BitTorrent protocol"; !bytes.HasPrefix(head, []byte(want)) || !bytes.Equal(head[28:48], torrent[:]) || !bytes.HasPrefix(head[48:], []byte("-LT")) {
		t.Fatalf("handshake %q", head)
	}
	if length := binary.BigEndian.Uint32(next(4)); length < 10 || length > 1000 {
		t.Fatalf("a message of %d bytes", length)
	} else if m := next(int(length)); m[0] != 20 || m[1] != 0 || m[2] != 'd' || m[length-1] != 'e' {
		t.Fatalf("message %q", m)
	}
}

func TestLibtorrentConnects(t *testing.T) {
	for _, test := range []struct {
		level, methods, want Method
		preferRC4            bool
	}{
		{MethodPlaintext | MethodRC4, 0, MethodPlaintext, false},
		{MethodPlaintext | MethodRC4, 0, MethodPlaintext, true},
		{MethodPlaintext | MethodRC4, MethodRC4, MethodRC4, false},
		{MethodPlaintext, 0, MethodPlaintext, false},
		{MethodRC4, 0, MethodRC4, false},
	} {
		o := Options{Methods: test.methods, Lookup: lookup}
		t.Run(fmt.Sprintf("%v to %v, prefers RC4 %v", test.level, o.methods(), test.preferRC4), func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			listener.(*net.TCPListener).SetDeadline(time.Now().Add(80 * time.Second))
			_, port, _ := net.SplitHostPort(listener.Addr().String())
			libtorrent(t, test.level, test.preferRC4, port)

			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(80 * time.Second))
			first := make([]byte, 20)
			if _, err := io.ReadFull(conn, first); err != nil {
				t.Fatal(err)
			}
			s, err := Accept(conn, first, o)
			if err != nil {
				t.Fatal(err)
			}
			if s.Method != test.want || s.InfoHash != torrent || len(s.Initial) < 68 {
				t.Errorf("%v, %x, %q", s.Method, s.InfoHash, s.Initial)
			}
			ours := hello()
			s.Encrypt(ours)
			if _, err := conn.Write(ours); err != nil {
				t.Fatal(err)
			}
			hear(t, conn, s)
		})
	}
}

func TestLibtorrentListens(t *testing.T) {
	for _, test := range []struct {
		level, methods, want Method
		preferRC4            bool
	}{
		{MethodPlaintext | MethodRC4, 0, MethodPlaintext, false},
		{MethodPlaintext | MethodRC4, 0, MethodRC4, true},
		{MethodPlaintext | MethodRC4, MethodRC4, MethodRC4, false},
		{MethodPlaintext | MethodRC4, MethodPlaintext, MethodPlaintext, true},
		{MethodRC4, 0, MethodRC4, false},
	} {
		o := Options{Methods: test.methods}
		t.Run(fmt.Sprintf("%v to %v, prefers RC4 %v", o.methods(), test.level, test.preferRC4), func(t *testing.T) {
			port := libtorrent(t, test.level, test.preferRC4, "")
			conn, err := net.Dial("tcp", "127.0.0.1:"+port)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(80 * time.Second))
			s, err := Initiate(conn, torrent, o, hello())
			if err != nil {
				t.Fatal(err)
			}
			if s.Method != test.want {
				t.Errorf("%v, want %v", s.Method, test.want)
			}
			hear(t, conn, s)
		})
	}
}

package testenv

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// hashes returns n info-hashes.
func hashes(n int) [][20]byte {
	list := make([][20]byte, n)
	for i := range list {
		list[i] = sha1.Sum(fmt.Append(nil, i))
	}
	return list
}

var peerID = [20]byte([]byte("-bt0000-testenv-test"))

// get returns the body of the answer to an HTTP request.
func get(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// announce announces a seed on port 6881 over HTTP, and returns the answer.
func announce(t *testing.T, tracker string, hash [20]byte) string {
	t.Helper()
	return get(t, tracker+"?compact=1&left=0&port=6881&peer_id="+percent(peerID)+"&info_hash="+percent(hash))
}

// A udpTracker is a UDP tracker (BEP 15) that gave a connection ID.
type udpTracker struct {
	conn net.Conn
	id   []byte
}

func dialUDP(t *testing.T, addr string) udpTracker {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	u := udpTracker{conn, binary.BigEndian.AppendUint64(nil, 0x41727101980)}
	u.id = u.ask(t, 0, nil)
	return u
}

// ask returns what follows the transaction ID of the answer.
func (u udpTracker) ask(t *testing.T, action uint32, rest []byte) []byte {
	t.Helper()
	const transaction = 0xfeedbeef
	request := binary.BigEndian.AppendUint32(bytes.Clone(u.id), action)
	request = binary.BigEndian.AppendUint32(request, transaction)
	u.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := u.conn.Write(append(request, rest...)); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 2048)
	n, err := u.conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	head := binary.BigEndian.AppendUint32(nil, action)
	head = binary.BigEndian.AppendUint32(head, transaction)
	rest, ok := bytes.CutPrefix(answer[:n], head)
	if !ok {
		t.Fatalf("answer to action %d: %x", action, answer[:n])
	}
	return rest
}

// announce announces a seed, and returns the numbers of leechers and seeds.
func (u udpTracker) announce(t *testing.T, hash [20]byte, port uint16) (leechers, seeds uint32) {
	t.Helper()
	request := append(hash[:], peerID[:]...)
	request = append(request, make([]byte, 3*8)...)              // downloaded, left, uploaded
	request = binary.BigEndian.AppendUint32(request, 2)          // event: started
	request = append(request, make([]byte, 2*4)...)              // IP address, key
	request = binary.BigEndian.AppendUint32(request, 0xffffffff) // peers wanted
	request = binary.BigEndian.AppendUint16(request, port)
	answer := u.ask(t, 1, request)
	if len(answer) < 12 {
		t.Fatalf("answer to an announce: %x", answer)
	}
	return binary.BigEndian.Uint32(answer[4:]), binary.BigEndian.Uint32(answer[8:])
}

func TestOpentracker(t *testing.T) {
	var tracker netip.AddrPort
	t.Run("while it runs", func(t *testing.T) {
		served := hashes(10_000)
		tracker = Opentracker(t, served)
		http := "http://" + tracker.String()

		if got, want := get(t, http+"/scrape?info_hash="+percent(served[0])), "d5:filesdee"; got != want {
			t.Errorf("scrape before any announce: %q, want %q", got, want)
		}
		for _, h := range [][20]byte{served[0], served[len(served)-1]} {
			if got, want := announce(t, http+"/announce", h), "d8:completei1e"; !strings.HasPrefix(got, want) {
				t.Errorf("announce of %x: %q, want %q…", h, got, want)
			}
		}
		if got, want := announce(t, http+"/announce", [20]byte{}), "not authorized"; !strings.Contains(got, want) {
			t.Errorf("announce of an info-hash that it does not serve: %q, want …%q…", got, want)
		}

		u := dialUDP(t, tracker.String())
		if leechers, seeds := u.announce(t, served[0], 6882); leechers != 0 || seeds != 2 {
			t.Errorf("announce over UDP, after one over HTTP: %d leechers, %d seeds; want 0, 2", leechers, seeds)
		}
		if got, want := u.ask(t, 2, served[0][:]), []byte{0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0}; !bytes.Equal(got, want) {
			t.Errorf("scrape over UDP: %x, want %x", got, want)
		}
	})
	if tracker.IsValid() && !gone(tracker) {
		t.Error("it runs after its test")
	}
}

// gone reports whether connections to addr are refused, or will be soon.
func gone(addr netip.AddrPort) bool {
	for range 6000 {
		if bindable(addr) == nil {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// All processes that a killed test started end.
func TestKilledTest(t *testing.T) {
	const key = "BT_TESTENV_KILLED"
	if os.Getenv(key) != "" {
		fmt.Println("tracker", Opentracker(t, nil))
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		self.Kill()
		select {}
	}
	Program(t, "opentracker")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^TestKilledTest$")
	cmd.Env = append(os.Environ(), key+"=1", "TMPDIR="+t.TempDir()) // it cleans nothing up
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Fatal("it was not killed")
	}
	var addr string
	if _, err := fmt.Sscanf(string(out), "tracker %s", &addr); err != nil {
		t.Fatalf("it started no tracker: %s", out)
	}
	if !gone(netip.MustParseAddrPort(addr)) {
		t.Error("the tracker runs after its test was killed")
	}
}

func TestNodeTracker(t *testing.T) {
	tracker := NodeTracker(t)
	hash := hashes(1)[0]

	// All that is asked ends up in one swarm.
	for i, test := range []struct{ name, url string }{{"127.0.0.1", tracker.HTTP}, {"::1", tracker.HTTP6}} {
		want := fmt.Sprintf("d8:completei%de", i+1)
		if got := announce(t, test.url, hash); !strings.HasPrefix(got, want) {
			t.Errorf("announce over HTTP at %s: %q, want %q…", test.name, got, want)
		}
	}
	for i, address := range []string{tracker.UDP, tracker.UDP6} {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "udp" {
			t.Fatalf("%s: %v", address, err)
		}
		conn := dialUDP(t, u.Host)
		if leechers, seeds := conn.announce(t, hash, 6882); leechers != 0 || seeds != uint32(i)+3 {
			t.Errorf("announce at %s: %d leechers, %d seeds; want 0, %d", address, leechers, seeds, i+3)
		}
	}
	for _, address := range []string{tracker.WS, tracker.WS6} {
		t.Run(address, func(t *testing.T) { upgrade(t, address) })
	}
}

// upgrade does the opening handshake of RFC 6455, with the key of its section 1.3.
func upgrade(t *testing.T, address string) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "ws" {
		t.Fatalf("%s: %v", address, err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", u.Path, u.Host)
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Sec-WebSocket-Accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Errorf("%s, %v", res.Status, res.Header)
	}
}

// A port that is lost between choosing and binding costs a try, not the test.
func TestLostPort(t *testing.T) {
	sh, sleep := Program(t, "sh"), Program(t, "sleep")
	var ports []uint16
	port := onFreePort(t, []netip.Addr{loopback4}, func(port uint16) (*process, func() bool) {
		ports = append(ports, port)
		if len(ports) == 1 {
			return start(t, sh, "-c", "echo no; exit 7"), func() bool { return false }
		}
		return start(t, sleep, "600"), func() bool { return true }
	})
	if len(ports) != 2 || port != ports[1] {
		t.Errorf("port %d, after tries with %d", port, ports)
	}
}

// Claims keep the fixtures of all processes apart.
func TestClaim(t *testing.T) {
	port := freePort(t, []netip.Addr{loopback4})
	if bindable(netip.AddrPortFrom(claimHost, port)) == nil {
		t.Error("a claimed port can be claimed again")
	}
	if err := bindable(netip.AddrPortFrom(loopback4, port)); err != nil {
		t.Errorf("a claimed port is not free for the claimant: %v", err)
	}
}

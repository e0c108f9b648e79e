package testenv

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// Opentracker starts Debian's opentracker until the test ends. It serves only the given
// info-hashes. Opentracker returns its address for HTTP (/announce and /scrape) and
// UDP. At the start no torrent has peers, but a scrape of all torrents lists one more.
func Opentracker(t testing.TB, hashes [][20]byte) netip.AddrPort {
	t.Helper()
	program := Program(t, "opentracker")

	list := whitelist(t, hashes)
	port := onFreePort(t, []netip.Addr{loopback4}, func(port uint16) (*process, func() bool) {
		addr := netip.AddrPortFrom(loopback4, port)
		p := start(t, program, opentrackerArgs(addr, list)...)
		return p, func() bool { return serves(addr, lastHash) && connects(addr) }
	})
	return netip.AddrPortFrom(loopback4, port)
}

// opentracker may answer before it has read its list, so wait for the last info-hash of
// the list.
var lastHash = [20]byte([]byte("bt testenv is ready!"))

// whitelist writes the list of info-hashes for opentracker, and returns its path.
func whitelist(t testing.TB, hashes [][20]byte) string {
	t.Helper()
	var list strings.Builder
	for _, h := range hashes {
		fmt.Fprintf(&list, "%x\n", h)
	}
	fmt.Fprintf(&list, "%x\n", lastHash)

	// As root, it uses dir as its root directory, and reads the list as user nobody.
	dir := t.TempDir()
	file := filepath.Join(dir, "whitelist")
	if err := os.WriteFile(file, []byte(list.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dir: 0o755, file: 0o644} {
		if err := os.Chmod(path, mode); err != nil { // regardless of the umask
			t.Fatal(err)
		}
	}
	return file
}

func opentrackerArgs(addr netip.AddrPort, whitelist string) []string {
	port := fmt.Sprint(addr.Port())
	return []string{"-i", addr.Addr().String(), "-p", port, "-P", port,
		"-d", filepath.Dir(whitelist), "-w", filepath.Base(whitelist)}
}

// serves reports whether the HTTP tracker accepts announces of an info-hash. It leaves
// no peer behind.
func serves(tracker netip.AddrPort, hash [20]byte) bool {
	for _, event := range []string{"started", "stopped"} {
		answer := ask("tcp", tracker, fmt.Appendf(nil,
			"GET /announce?info_hash=%s&peer_id=-bt0000-testenv00000&port=1&left=1&event=%s HTTP/1.0\r\n\r\n",
			percent(hash), event))
		if !strings.Contains(answer, "8:interval") {
			return false
		}
	}
	return true
}

// percent returns an info-hash, percent-encoded.
func percent(hash [20]byte) string {
	var b strings.Builder
	for _, c := range hash {
		fmt.Fprintf(&b, "%%%02x", c)
	}
	return b.String()
}

// connects reports whether the UDP tracker answers a connect request (BEP 15).
func connects(tracker netip.AddrPort) bool {
	const connect, transaction = 0, 0x62747465
	request := binary.BigEndian.AppendUint64(nil, 0x41727101980)
	request = binary.BigEndian.AppendUint32(request, connect)
	request = binary.BigEndian.AppendUint32(request, transaction)
	answer := ask("udp", tracker, request)
	return len(answer) == 16 && answer[:8] == string([]byte{0, 0, 0, connect, 0x62, 0x74, 0x74, 0x65})
}

// ask returns the beginning of the server's answer, or "" if there is none.
func ask(network string, server netip.AddrPort, request []byte) string {
	conn, err := net.DialTimeout(network, server.String(), time.Second)
	if err != nil {
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	if _, err := conn.Write(request); err != nil {
		return ""
	}
	answer := make([]byte, 4096)
	n, _ := conn.Read(answer)
	return string(answer[:n])
}

// URLs are the URLs of one tracker. They end in /announce, except for WebSocket, where
// they end in /.
type URLs struct {
	HTTP, UDP, WS    string // at 127.0.0.1
	HTTP6, UDP6, WS6 string // at ::1
}

//go:embed nodetracker.mjs
var nodeTracker string

// NodeTracker starts the server of npm's bittorrent-tracker until the test ends. It
// accepts any info-hash. All URLs have the same port and the same swarms.
func NodeTracker(t testing.TB) URLs {
	t.Helper()
	node := Program(t, "node")
	// npm makes this a link to the package's bin/cmd.js.
	command, err := filepath.EvalSymlinks(Program(t, "bittorrent-tracker"))
	if err != nil {
		t.Fatal(err)
	}
	server := filepath.Join(filepath.Dir(command), "..", "server.js")
	if _, err := os.Stat(server); err != nil {
		Missing(t, "a bittorrent-tracker that npm installed: "+err.Error())
	}
	if err := bindable(netip.AddrPortFrom(loopback6, 0)); err != nil {
		Missing(t, "the address ::1: "+err.Error())
	}

	port := onFreePort(t, []netip.Addr{loopback4, loopback6}, func(port uint16) (*process, func() bool) {
		p := start(t, node, "--input-type=module", "--eval", nodeTracker, server, fmt.Sprint(port))
		return p, func() bool { return strings.Contains(p.said(), "listening\n") }
	})
	at4, at6 := netip.AddrPortFrom(loopback4, port).String(), netip.AddrPortFrom(loopback6, port).String()
	return URLs{
		HTTP: "http://" + at4 + "/announce", UDP: "udp://" + at4 + "/announce", WS: "ws://" + at4 + "/",
		HTTP6: "http://" + at6 + "/announce", UDP6: "udp://" + at6 + "/announce", WS6: "ws://" + at6 + "/",
	}
}

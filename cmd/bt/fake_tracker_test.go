package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// A fakeTracker answers HTTP and UDP requests on one port. The first part of the
// path selects its behaviour: see ServeHTTP.
type fakeTracker struct {
	mu        sync.Mutex
	swarms    map[[20]byte]tracker.Counts
	announces []string     // event and info-hash
	peer      tracker.Peer // the other peer
	external  netip.Addr   // the client's address, as answers name it
	limit     int          // longer scrapes over UDP are dropped; 0: none
	mute      bool         // it drops all packets
}

// startTracker is the script command "tracker NAME [OPTION]... [HASH=S/L/C]...": it starts
// a tracker for these torrents and sets $NAME to its host and port. The options are
// at=ADDR (default: 127.0.0.1, at port=N for another port than a free one), cert=DAYS (it
// speaks TLS, with a certificate that ends in DAYS), external=ADDR, limit=N, peer=ADDR:PORT (the other peer) and mute.
func startTracker(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: tracker NAME [OPTION]... [HASH=S/L/C]...")
	}
	f := &fakeTracker{
		swarms: make(map[[20]byte]tracker.Counts),
		peer:   tracker.Peer{Addr: netip.MustParseAddrPort("192.0.2.7:51413"), ID: "-TR4050-abcdefghijkl"},
	}
	at, port, cert := "127.0.0.1", "0", ""
	for _, arg := range args[1:] {
		hash, counts, _ := strings.Cut(arg, "=")
		switch hash {
		case "at":
			at = counts
			continue
		case "port":
			port = counts
			continue
		case "cert":
			cert = counts
			continue
		case "peer":
			f.peer = tracker.Peer{Addr: netip.MustParseAddrPort(counts)}
			continue
		case "external":
			f.external = netip.MustParseAddr(counts)
			continue
		case "limit":
			n, err := strconv.Atoi(counts)
			ts.Check(err)
			f.limit = n
			continue
		case "mute":
			f.mute = true
			continue
		}
		b, err := hex.DecodeString(hash)
		ts.Check(err)
		var c tracker.Counts
		_, err = fmt.Sscanf(counts, "%d/%d/%d", &c.Seeders, &c.Leechers, &c.Completed)
		ts.Check(err)
		f.swarms[[20]byte(b)] = c
	}
	addr, stop, err := f.start(net.JoinHostPort(at, port), cert)
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv(args[0], addr)
	_, port, err = net.SplitHostPort(addr)
	ts.Check(err)
	ts.Setenv(args[0]+"_PORT", port)
}

// startDNS is the script command "names NAME=ADDR,ADDR...": bt finds only these hosts.
func startDNS(ts *testscript.TestScript, neg bool, args []string) {
	hosts := make(map[string][]netip.Addr)
	for _, arg := range args {
		name, addrs, _ := strings.Cut(arg, "=")
		for addr := range strings.SplitSeq(addrs, ",") {
			hosts[name] = append(hosts[name], netip.MustParseAddr(addr))
		}
	}
	server, stop, err := testenv.StartDNS(hosts)
	ts.Check(err)
	ts.Defer(stop)
	ts.Setenv("BT_TEST_DNS", server.String())
}

// start starts the tracker. If cert is not "", it has a certificate that ends in so many
// days.
func (f *fakeTracker) start(at, cert string) (addr string, stop func(), err error) {
	for range 20 { // until a port is free for both protocols
		l, err := net.Listen("tcp", at)
		if err != nil {
			return "", nil, err
		}
		addr = l.Addr().String()
		udp, err := net.ListenPacket("udp", addr)
		if err != nil {
			l.Close()
			continue
		}
		if strings.HasSuffix(at, ":0") && isTaken(addr) {
			l.Close()
			udp.Close()
			continue
		}
		server := &httptest.Server{Listener: l, Config: &http.Server{Handler: f, ErrorLog: log.New(io.Discard, "", 0)}}
		if cert == "" {
			server.Start()
		} else {
			days, err := strconv.Atoi(cert)
			if err != nil {
				return "", nil, err
			}
			server.TLS = &tls.Config{Certificates: []tls.Certificate{certificateUntil(time.Now().AddDate(0, 0, days))}}
			server.StartTLS()
		}
		var wg sync.WaitGroup
		wg.Go(func() { f.serveUDP(udp) })
		return addr, func() { udp.Close(); wg.Wait(); server.Close() }, nil
	}
	return "", nil, err
}

// isTaken reports whether something else has the port of an address at ::1. A script may
// start a second tracker there, or want to be refused there.
func isTaken(addr string) bool {
	_, port, _ := net.SplitHostPort(addr)
	other := net.JoinHostPort("::1", port)
	if l, err := net.Listen("tcp", other); err == nil {
		l.Close()
	} else if errors.Is(err, syscall.EADDRINUSE) {
		return true
	}
	c, err := net.ListenPacket("udp", other)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}

// certificateUntil makes a self-signed certificate with a name that would move the cursor.
func certificateUntil(end time.Time) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: end.AddDate(0, 0, -90), NotAfter: end,
		Subject: pkix.Name{CommonName: "\x1b[2J\u202e"}, DNSNames: []string{"\x1b[31m.example"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (f *fakeTracker) serveUDP(conn net.PacketConn) {
	// A client repeats an announce whose answer takes long. That is one announce.
	type announced struct {
		request tracker.AnnounceRequest
		answer  tracker.AnnounceResponse
	}
	last := make(map[string]announced) // by client
	buf := make([]byte, tracker.MaxUDP)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		r, err := tracker.ParseUDPRequest(buf[:n])
		if err != nil || f.mute || f.limit > 0 && len(r.Hashes) > f.limit {
			continue
		}
		answer := tracker.UDPResponse{Action: r.Action, Transaction: r.Transaction, Connection: 42}
		f.mu.Lock()
		switch r.Action {
		case tracker.ActionScrape:
			for _, h := range r.Hashes {
				answer.Counts = append(answer.Counts, f.swarms[h])
			}
		case tracker.ActionAnnounce:
			if last[from.String()].request != r.Announce {
				last[from.String()] = announced{r.Announce, *f.announce(&r.Announce)}
			}
			answer.Announce = last[from.String()].answer
		}
		f.mu.Unlock()
		conn.WriteTo(answer.Append(nil, false), from)
	}
}

// announce counts the peer and returns one other peer.
func (f *fakeTracker) announce(r *tracker.AnnounceRequest) *tracker.AnnounceResponse {
	f.announces = append(f.announces, fmt.Sprintf("%v %x left=%d", r.Event, r.InfoHash, r.Left))
	c := f.swarms[r.InfoHash]
	switch r.Event {
	case tracker.EventStarted:
		c.Leechers++
	case tracker.EventStopped:
		c.Leechers--
	}
	f.swarms[r.InfoHash] = c
	return &tracker.AnnounceResponse{
		ExternalIP: f.external,
		Interval:   30 * time.Minute, Counts: c,
		Peers: []tracker.Peer{
			f.peer,
			{Addr: netip.MustParseAddrPort("127.0.0.1:9"), ID: string(r.PeerID[:])},
		},
	}
}

func (f *fakeTracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch first {
	case "echo":
		w.Write((&tracker.Failure{Reason: "bad key " + r.URL.Path}).AppendHTTP(nil))
		return
	case "hang":
		<-r.Context().Done()
		return
	case "gone":
		http.NotFound(w, r)
		return
	case "html":
		fmt.Fprint(w, "<!doctype html><title>For sale</title>")
		return
	case "failure":
		w.Write((&tracker.Failure{Reason: "not authorized\x1b[2J"}).AppendHTTP(nil))
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if path.Base(r.URL.Path) == "log" {
		fmt.Fprintln(w, strings.Join(f.announces, "\n"))
		return
	}
	if !strings.HasPrefix(path.Base(r.URL.Path), "scrape") {
		a, err := tracker.ParseAnnounceQuery(r.URL.RawQuery)
		if err != nil {
			w.Write((&tracker.Failure{Reason: err.Error()}).AppendHTTP(nil))
			return
		}
		switch first {
		case "closed":
			w.Write((&tracker.Failure{Reason: "unregistered torrent\x1b[2J"}).AppendHTTP(nil))
		case "deaf":
			w.Write((&tracker.Failure{Reason: "not today"}).AppendHTTP(nil))
		case "nonsense":
			f.announce(a)
			fmt.Fprint(w, "d8:completei-1ee")
		default:
			w.Write(f.announce(a).AppendHTTP(nil, a.PeerIDs))
		}
		return
	}
	hashes, _ := tracker.ParseScrapeQuery(r.URL.RawQuery)
	answer := new(tracker.ScrapeResponse)
	for _, h := range hashes {
		if c, ok := f.swarms[h]; ok {
			answer.Files = append(answer.Files, tracker.File{InfoHash: h, Counts: c})
		}
	}
	w.Write(answer.AppendHTTP(nil))
}

// trackerLog is the script command "trackerlog ADDR FILE [N]": it waits for N
// announces to a tracker, and writes all its announces, sorted, to a file.
func trackerLog(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: trackerlog ADDR FILE [N]")
	}
	least := 0
	if len(args) == 3 {
		var err error
		least, err = strconv.Atoi(args[2])
		ts.Check(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		resp, err := http.Get("http://" + args[0] + "/log")
		ts.Check(err)
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		lines := strings.Split(strings.TrimSpace(string(b)), "\n")
		if len(lines) < least && time.Now().Before(end) {
			continue
		}
		slices.Sort(lines)
		ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(lines, "\n")+"\n"), 0o644))
		return
	}
}

package testenv

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Host is a network namespace. It has its own addresses and ports, and programs in it
// can only connect to its loopback and to the other host. It is for clients that refuse
// peers on loopback.
type Host struct {
	Addr  netip.Addr
	Addr6 netip.Addr // only of DualHosts

	net string // file of the namespace
}

// power is a shell script that keeps a host until its standard input closes, and then
// kills all programs on it. A killed test does no cleanup, but its end of the pipe
// closes, which also removes the namespace, as it has no name.
const power = `
ip link set lo up || exit
echo on
read -r _
others=1
while [ "$others" ]; do
	others=
	for p in /proc/[0-9]*; do
		if [ "$p" != /proc/$$ ] && [ "$p/ns/net" -ef /proc/$$/ns/net ]; then
			kill -KILL "${p#/proc/}" 2>/dev/null && others=1
		fi
	done
done
`

// Hosts returns two hosts with a network between them, which exist until the test ends.
func Hosts(t testing.TB) (a, b *Host) {
	t.Helper()
	for _, name := range []string{"unshare", "nsenter", "ip"} {
		Program(t, name)
	}
	Root(t)
	a, b = newHost(t, "10.77.0.1"), newHost(t, "10.77.0.2")
	// Both interfaces have the same name, in different namespaces.
	a.ip(t, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b.net)
	for _, h := range []*Host{a, b} {
		h.ip(t, "address", "add", h.Addr.String()+"/24", "dev", "eth0")
		h.ip(t, "link", "set", "eth0", "up")
	}
	return a, b
}

func newHost(t testing.TB, addr string) *Host {
	t.Helper()
	cmd := exec.Command("unshare", "--net", "sh", "-c", power)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the test only
	var stderr strings.Builder
	cmd.Stderr = &stderr
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
		_ = cmd.Wait() // after read has failed
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		stdin.Close()
		_ = cmd.Wait()
		Missing(t, fmt.Sprintf("network namespaces: %q, %v", line+stderr.String(), err))
	}
	return &Host{Addr: netip.MustParseAddr(addr), net: fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid)}
}

// Command returns a command that runs a program on the host, without a wrapping
// process.
func (h *Host) Command(program string, args ...string) []string {
	return append([]string{"nsenter", "--net=" + h.net, program}, args...)
}

func (h *Host) ip(t testing.TB, args ...string) {
	t.Helper()
	line := h.Command("ip", args...)
	if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
		Missing(t, fmt.Sprintf("networks of its own: ip %s: %v: %s", strings.Join(args, " "), err, bytes.TrimSpace(out)))
	}
}

// on runs f on the host. Sockets that f opens remain on the host; goroutines that it
// starts do not.
func (h *Host) on(f func()) error {
	there, err := os.Open(h.net)
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	here, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer here.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return err
	}
	f()
	if err := unix.Setns(int(here.Fd()), unix.CLONE_NEWNET); err != nil {
		return err // the thread exits with its goroutine
	}
	runtime.UnlockOSThread()
	return nil
}

// DialContext connects to an IP address from the host.
func (h *Host) DialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if hostErr := h.on(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) }); hostErr != nil {
		return nil, hostErr
	}
	return conn, err
}

// A Tracker is an opentracker on a host.
type Tracker struct {
	host    *Host
	addr    netip.AddrPort
	list    string
	process *process
}

// Opentracker starts Debian's opentracker on the host, at a port of its Addr. Otherwise
// it is like the function Opentracker.
func (h *Host) Opentracker(t testing.TB, port uint16, hashes [][20]byte) *Tracker {
	t.Helper()
	tr := &Tracker{host: h, addr: netip.AddrPortFrom(h.Addr, port), list: whitelist(t, hashes)}
	tr.Start(t)
	return tr
}

// Start starts a tracker that was killed. It has lost its state.
func (tr *Tracker) Start(t testing.TB) {
	t.Helper()
	line := tr.host.Command(Program(t, "opentracker"), opentrackerArgs(tr.addr, tr.list)...)
	tr.process = start(t, line[0], line[1:]...)
	err := tr.process.wait(func() (ready bool) {
		err := tr.host.on(func() { ready = serves(tr.addr, lastHash) && connects(tr.addr) })
		if err != nil {
			t.Fatal(err)
		}
		return ready
	})
	if err != nil {
		t.Fatalf("opentracker at %v: %v", tr.addr, err)
	}
}

// Kill kills the tracker, like kill -9.
func (tr *Tracker) Kill() { tr.process.stop() }

// HostsBehindNAT returns two hosts, of which one is behind a router that translates its
// address and lets no connection in. They exist until the test ends. The router is at
// Addr of inside, as outside sees it.
func HostsBehindNAT(t testing.TB) (inside, outside *Host) {
	t.Helper()
	Program(t, "nft")
	router, outside := Hosts(t)
	inside = newHost(t, router.Addr.String())
	router.ip(t, "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", inside.net)
	router.ip(t, "address", "add", "192.168.77.1/24", "dev", "lan0")
	router.ip(t, "link", "set", "lan0", "up")
	inside.ip(t, "address", "add", "192.168.77.2/24", "dev", "eth0")
	inside.ip(t, "link", "set", "eth0", "up")
	inside.ip(t, "route", "add", "default", "via", "192.168.77.1")
	if err := router.on(func() {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
			Missing(t, err.Error())
		}
	}); err != nil {
		t.Fatal(err)
	}
	router.nft(t, `
table ip nat {
	chain out {
		type nat hook postrouting priority 100
		oifname "eth0" masquerade
	}
	chain in {
		type filter hook forward priority 0
		iifname "eth0" ct state new drop
	}
}`)
	return inside, outside
}

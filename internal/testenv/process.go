package testenv

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A process is a program that was started for a test, and ends with it.
type process struct {
	output string // file with its output
	stdin  io.Closer
	ended  chan struct{} // closed when it has exited
	err    error         // why it exited; valid after ended is closed
}

// leash is a shell script that runs its arguments as a command, and kills it when its
// own standard input closes. A test that is killed or times out does no cleanup, but
// its end of the pipe closes.
const leash = `
exec 3<&0 </dev/null
"$@" 3<&- &
command=$!
{ read -r _ <&3; kill -KILL $command; } >/dev/null 2>&1 &
watch=$!
wait $command
status=$?
kill $watch 2>/dev/null
exit $status
`

// start runs a program until the test ends.
func start(t testing.TB, program string, args ...string) *process {
	t.Helper()
	p := &process{output: filepath.Join(t.TempDir(), "output"), ended: make(chan struct{})}
	output, err := os.Create(p.output)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	cmd := exec.Command("sh", append([]string{"-c", leash, "sh", program}, args...)...)
	cmd.Stdout, cmd.Stderr = output, output
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.err = cmd.Wait()
	}()
	t.Cleanup(func() {
		said := p.said()
		p.stop()
		if t.Failed() && said != "" {
			t.Logf("%s printed:\n%s", filepath.Base(program), said)
		}
	})
	return p
}

// stop kills the process, if it is running.
func (p *process) stop() {
	p.stdin.Close()
	<-p.ended
}

// said returns the end of the process's output.
func (p *process) said() string {
	const most = 8 << 10
	b, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-most):])
}

var errEnded = errors.New("it ended")

// wait waits until ready returns true. Its error wraps errEnded if the process exits
// first.
func (p *process) wait(ready func() bool) error {
	deadline := time.After(3 * time.Minute)
	for !ready() {
		select {
		case <-p.ended:
			return fmt.Errorf("%w: %v", errEnded, p.err)
		case <-deadline:
			return errors.New("it does not answer")
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

// onFreePort calls run with a free port until the server is ready, and returns the
// port. If another process takes the port before the server, the server exits, and
// onFreePort tries another port.
func onFreePort(t testing.TB, hosts []netip.Addr, run func(port uint16) (p *process, ready func() bool)) uint16 {
	t.Helper()
	for try := 1; ; try++ {
		port := freePort(t, hosts)
		p, ready := run(port)
		err := p.wait(ready)
		if err == nil {
			return port
		}
		p.stop()
		if try == 5 || !errors.Is(err, errEnded) {
			t.Fatalf("a server on port %d: %v", port, err)
		}
	}
}

// freePort returns a port that is free on all hosts for TCP and UDP. No other test gets
// it until this one ends.
func freePort(t testing.TB, hosts []netip.Addr) uint16 {
	t.Helper()
	if err := bindable(netip.AddrPortFrom(claimHost, 0)); err != nil {
		Missing(t, "the address "+claimHost.String()+": "+err.Error())
	}
	var err error
	for range 100 {
		var claim net.Listener
		if claim, err = claimPort(hosts); err == nil {
			t.Cleanup(func() { claim.Close() })
			return portOf(claim)
		}
	}
	t.Fatalf("no free port: %v", err)
	return 0
}

// claimHost is a loopback address that no test uses otherwise.
var claimHost = netip.MustParseAddr("127.0.0.2")

// claimPort finds a free port. Until the returned listener is closed, no other process
// can claim the port. That is needed because opentracker shares its port with other
// opentrackers (SO_REUSEPORT), and the kernel distributes the requests.
func claimPort(hosts []netip.Addr) (claim net.Listener, err error) {
	claim, err = net.Listen("tcp", netip.AddrPortFrom(claimHost, 0).String())
	if err != nil {
		return nil, err
	}
	for _, host := range hosts {
		if err := bindable(netip.AddrPortFrom(host, portOf(claim))); err != nil {
			claim.Close()
			return nil, err
		}
	}
	return claim, nil
}

func portOf(l net.Listener) uint16 { return l.Addr().(*net.TCPAddr).AddrPort().Port() }

// bindable returns an error unless addr is free for TCP and UDP.
func bindable(addr netip.AddrPort) error {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	defer l.Close()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return err
	}
	return c.Close()
}

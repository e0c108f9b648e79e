package lsd

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
)

// onHost is the environment variable that makes TestOnHost run a Finder. Its value is the
// address to bind, or "all".
const onHost = "BT_TEST_LSD_BIND"

// TestOnHost runs a Finder until standard input closes, and prints what it finds. For each
// byte of input it announces the torrent again. It is run by TestTwoHosts.
func TestOnHost(t *testing.T) {
	bind := os.Getenv(onHost)
	if bind == "" {
		return
	}
	o := Options{Port: 7777, Warn: func(err error) { fmt.Println("warned:", err) }}
	if bind != "all" {
		o.Binds = []netip.Addr{netip.MustParseAddr(bind)}
	}
	f := New(o)
	e := f.Add([20]byte{1}, printer{})
	defer run(f)()
	for {
		if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
			return
		}
		e.Remove()
		e = f.Add([20]byte{1}, printer{})
	}
}

// A printer prints what is found.
type printer struct{}

func (printer) Seeds() bool                  { return false }
func (printer) Wanted() int                  { return 1 }
func (printer) Found(peers []netip.AddrPort) { fmt.Println("found:", peers) }

// A program is TestOnHost, on a host.
type program struct {
	output func() string
	again  func() // makes it announce the torrent again
}

// runOn runs TestOnHost on a host until the test ends.
func runOn(t *testing.T, h *testenv.Host, bind string) program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	line := h.Command(self, "-test.run=^TestOnHost$")
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), onHost+"="+bind)
	cmd.Stdout, cmd.Stderr = file, file
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stdin.Close(); cmd.Wait() })
	output := func() string {
		b, err := os.ReadFile(file.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	return program{output, func() { stdin.Write([]byte("\n")) }}
}

// Programs on two hosts find each other over IPv4 and IPv6, with real multicast, and two on
// the same host too. One that is bound to loopback finds none.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	a, b := testenv.DualHosts(t)
	programs := []program{runOn(t, a, "all"), runOn(t, b, "all"), runOn(t, b, b.Addr.String()), runOn(t, a, "127.0.0.1")}
	want := [][]string{
		{"[10.77.0.2:7777]", "]:7777]"},                     // by two programs, and over IPv6
		{"[10.77.0.1:7777]", "]:7777]", "[10.77.0.2:7777]"}, // also of its own host
		{"[10.77.0.1:7777]", "[10.77.0.2:7777]"},
		{},
	}
	missing := func() string {
		for i, list := range want {
			for _, s := range list {
				if out := programs[i].output(); !strings.Contains(out, s) {
					return fmt.Sprintf("program %d has not found %s: %s", i, s, out)
				}
			}
		}
		return ""
	}
	for end := time.Now().Add(80 * time.Second); missing() != ""; time.Sleep(time.Second) {
		if time.Now().After(end) {
			t.Fatal(missing())
		}
		for _, p := range programs { // one may have sent before another listened
			p.again()
		}
	}
	if out := programs[2].output(); strings.Contains(out, "]:7777]") {
		t.Errorf("found over IPv6, bound to an address of IPv4: %s", out)
	}
	if out := programs[3].output(); out != "" {
		t.Errorf("bound to loopback: %s", out)
	}
}

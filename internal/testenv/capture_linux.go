package testenv

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A Packet is a packet of UDP or TCP with data.
type Packet struct {
	Sent     bool // by the host, and not received
	TCP      bool // or UDP
	From, To netip.AddrPort
	Data     []byte // valid only during the call
}

// Capture calls f for each packet that the host sends or receives over its network, until
// the test ends or the returned function is called. Calls are serialized. The test fails
// if packets were lost. Of a fragmented packet, f sees the first part.
func (h *Host) Capture(t testing.TB, f func(Packet)) (stop func()) {
	t.Helper()
	var nic *net.Interface
	fd, err := -1, error(nil)
	if hostErr := h.on(func() {
		if nic, err = net.InterfaceByName("eth0"); err == nil {
			fd, err = openCapture(nic.Index)
		}
	}); hostErr != nil {
		t.Fatal(hostErr)
	}
	if err != nil {
		Missing(t, "to capture packets: "+err.Error())
	}
	file := os.NewFile(uintptr(fd), "capture")
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		frame := make([]byte, 1<<17)
		for {
			n, err := file.Read(frame)
			if errors.Is(err, os.ErrClosed) {
				return
			}
			if err != nil {
				continue // the interface was down
			}
			if p, ok := parseFrame(frame[:n], nic.HardwareAddr); ok {
				f(p)
			}
		}
	}()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		if n, err := captureDrops(file); err != nil || n > 0 {
			t.Errorf("the capture lost %d packets: %v", n, err)
		}
		file.Close()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}

// openCapture opens a packet socket on an interface.
func openCapture(index int) (fd int, err error) {
	all := int(binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL)))
	// Protocol 0: nothing is received before Bind, also from other interfaces.
	if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, err
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// captureDrops returns how many packets a packet socket has lost.
func captureDrops(file *os.File) (n uint32, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return 0, err
	}
	var stats *unix.TpacketStats
	if controlErr := conn.Control(func(fd uintptr) {
		stats, err = unix.GetsockoptTpacketStats(int(fd), unix.SOL_PACKET, unix.PACKET_STATISTICS)
	}); controlErr != nil {
		return 0, controlErr
	}
	if err != nil {
		return 0, err
	}
	return stats.Drops, nil
}

// parseFrame parses an Ethernet frame. It returns false if that holds no data of UDP or TCP,
// or is for another host.
func parseFrame(b []byte, own net.HardwareAddr) (p Packet, ok bool) {
	const header = 14
	if len(b) < header {
		return p, false
	}
	to, from := net.HardwareAddr(b[:6]), net.HardwareAddr(b[6:12])
	p.Sent = bytes.Equal(from, own)
	if isGroup := to[0]&1 != 0; !p.Sent && !isGroup && !bytes.Equal(to, own) {
		return p, false
	}
	switch binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		ok = p.parseIP4(b[header:])
	case unix.ETH_P_IPV6:
		ok = p.parseIP6(b[header:])
	}
	return p, ok
}

func (p *Packet) parseIP4(b []byte) bool {
	const leastHeader = 20
	if len(b) < leastHeader {
		return false
	}
	header, fragment := int(b[0]&15)*4, binary.BigEndian.Uint16(b[6:])&0x1fff
	if header > len(b) || fragment != 0 {
		return false
	}
	from, to := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	if length := int(binary.BigEndian.Uint16(b[2:])); length >= header && length < len(b) {
		return p.parseData(from, to, b[9], b[header:length]) // without the padding of a short frame
	}
	return p.parseData(from, to, b[9], b[header:])
}

func (p *Packet) parseIP6(b []byte) bool {
	const header = 40
	if len(b) < header {
		return false
	}
	return p.parseData(netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:])), b[6], b[header:])
}

// parseData parses UDP and TCP.
func (p *Packet) parseData(from, to netip.Addr, protocol byte, b []byte) bool {
	header := 8
	switch protocol {
	case unix.IPPROTO_TCP:
		if p.TCP = true; len(b) < 20 {
			return false
		}
		header = int(b[12]>>4) * 4
	case unix.IPPROTO_UDP:
	default:
		return false
	}
	if len(b) <= header {
		return false
	}
	p.From = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b))
	p.To = netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	p.Data = b[header:]
	return true
}

package testenv

import (
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

// parseFrame parses an Ethernet frame. It returns false if that holds no data of UDP or TCP.
func parseFrame(b []byte, own net.HardwareAddr) (p Packet, ok bool) {
	const etherHeader = 14
	if len(b) < etherHeader {
		return p, false
	}
	p.Sent = string(b[6:12]) == string(own)
	var from, to netip.Addr
	var protocol byte
	ip := b[etherHeader:]
	switch binary.BigEndian.Uint16(b[12:]) {
	case unix.ETH_P_IP:
		const leastHeader = 20
		if len(ip) < leastHeader || int(ip[0]&15)*4 > len(ip) || binary.BigEndian.Uint16(ip[6:])&0x1fff != 0 {
			return p, false
		}
		if length := int(binary.BigEndian.Uint16(ip[2:])); length >= leastHeader && length <= len(ip) {
			ip = ip[:length] // without the padding of short frames
		}
		from, to = netip.AddrFrom4([4]byte(ip[12:])), netip.AddrFrom4([4]byte(ip[16:]))
		protocol, b = ip[9], ip[int(ip[0]&15)*4:]
	case unix.ETH_P_IPV6:
		const header = 40
		if len(ip) < header {
			return p, false
		}
		from, to = netip.AddrFrom16([16]byte(ip[8:])), netip.AddrFrom16([16]byte(ip[24:]))
		protocol, b = ip[6], ip[header:]
	default:
		return p, false
	}
	header := 8
	if p.TCP = protocol == unix.IPPROTO_TCP; p.TCP && len(b) >= 20 {
		header = int(b[12]>>4) * 4
	}
	if !p.TCP && protocol != unix.IPPROTO_UDP || len(b) <= header {
		return p, false
	}
	p.From = netip.AddrPortFrom(from, binary.BigEndian.Uint16(b))
	p.To = netip.AddrPortFrom(to, binary.BigEndian.Uint16(b[2:]))
	p.Data = b[header:]
	return p, true
}

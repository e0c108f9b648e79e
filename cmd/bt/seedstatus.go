package main

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/net/netutil"

	"bt/cmd/bt/internal/statuspage"
	"bt/seed"
)

// A statusPage serves the status page of a seed.
type statusPage struct {
	listener net.Listener
	hosts    []string // further Host names that are accepted
	page     *statuspage.Page
}

// maxStatusConns is the maximum number of connections to the status page.
const maxStatusConns = 100

// statusOptions holds the flags of the status page.
type statusOptions struct {
	addr  option[string]
	hosts []string
}

func (o *statusOptions) flags() []cli.Flag {
	return []cli.Flag{
		valueFlag(&o.addr, statusAddr, "status", "serve a status page, JSON and Prometheus metrics at `ADDR`: a port of this host, or HOST:PORT"),
		listFlag(&o.hosts, func(s string) ([]string, error) { return strings.Split(s, ","), nil }, "status-host", "accept requests for the host `NAME` on the status page too, for a reverse proxy"),
	}
}

// open listens on the address of --status. It returns nil if the flag is not set.
func (o *statusOptions) open() (*statusPage, error) {
	if !o.addr.given {
		if len(o.hosts) > 0 {
			return nil, failf(exitUsage, "--status-host is for --status")
		}
		return nil, nil
	}
	l, err := net.Listen("tcp", o.addr.value)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, failf(exitNetwork, "can't listen on %s: %w", o.addr.value, err)
	}
	return &statusPage{listener: l, hosts: o.hosts}, nil
}

// statusAddr parses PORT, :PORT or HOST:PORT. Without a host it is the loopback
// address.
func statusAddr(s string) (string, error) {
	host, port := "", s
	if strings.Contains(s, ":") {
		var err error
		if host, port, err = net.SplitHostPort(s); err != nil {
			return "", errStatusAddr
		}
	}
	switch host {
	case "", "localhost":
		host = "127.0.0.1"
	default:
		if _, err := netip.ParseAddr(host); err != nil {
			return "", errStatusAddr
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", errStatusAddr
	}
	return net.JoinHostPort(host, port), nil
}

var errStatusAddr = errors.New("neither a port nor an address and a port, such as 8080 or 192.0.2.1:8080")

func (p *statusPage) url() string { return "http://" + p.listener.Addr().String() + "/" }

// serve serves the page until stop is called.
func (p *statusPage) serve(s *seedScreen) (stop func()) {
	p.page = statuspage.New(statuspage.Options{
		Status: s.status, Addr: addrOf(p.listener.Addr().String()), Hosts: p.hosts, Reveal: s.reveal, Version: version,
	})
	server := &http.Server{
		Handler:        p.page,
		ReadTimeout:    10 * time.Second,
		WriteTimeout:   time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 16 << 10,
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := server.Serve(netutil.LimitListener(p.listener, maxStatusConns)); !errors.Is(err, http.ErrServerClosed) {
			s.event(s.env.now(), seed.EventWarning{Err: err})
		}
	})
	return func() {
		server.Close()
		wg.Wait()
	}
}

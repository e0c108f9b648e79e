package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/netguard"
	"bt/internal/webseed"
)

// fetchFlags are the flags for torrents at URLs.
type fetchFlags struct {
	command string // for errors, such as "bt info"
	guarded bool   // a redirect from elsewhere to a private address is not followed
	timeout option[time.Duration]
	proxy   option[*url.URL]
}

// fetchTimeout is the default of --timeout.
const fetchTimeout = time.Minute

func (f *fetchFlags) flags() []cli.Flag {
	return []cli.Flag{
		valueFlag(&f.timeout, parseDuration, "timeout", "limit the download of each torrent from a URL to `DURATION` (default: 1m)"),
		valueFlag(&f.proxy, proxyURL, "proxy", "download through the proxy `URL`: http, https or socks5 (default: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)"),
	}
}

// read returns the file at a URL, or nil for an argument that is no URL.
func (f *fetchFlags) read(ctx context.Context, e *env, arg string, kind inputKind) ([]byte, error) {
	is, err := isHTTP(arg, f.command, "download it first")
	if err != nil || !is {
		return nil, err
	}
	return f.fetch(ctx, e, arg, kind)
}

// fetch returns the file at a URL.
func (f *fetchFlags) fetch(ctx context.Context, e *env, rawURL string, kind inputKind) ([]byte, error) {
	limit := cmp.Or(f.timeout.value, fetchTimeout)
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it takes longer than %v", limit))
	defer cancel()
	o := webseed.Options{UserAgent: "bt/" + version, Proxy: proxies(e, f.proxy.value), Stall: 2 * limit} // the limit ends first
	if f.guarded {
		o.Trusts = func(*url.URL) bool { return true } // the user has typed it
	}
	client := webseed.New(o)
	defer client.Close()
	failed := func(err error) error {
		if ctx.Err() == nil && limited.Err() != nil {
			return withHint(urlError(ctx, rawURL, context.Cause(limited)), "--timeout DURATION allows more time")
		}
		err = urlError(ctx, rawURL, err)
		if _, private := errors.AsType[*netguard.Error](err); private {
			return withHint(err, "--allow-local allows it")
		}
		return err
	}
	file, size, err := client.Open(limited, rawURL)
	if err != nil {
		return nil, failed(err)
	}
	defer file.Close()
	var broken error // of the connection, as opposed to what is in the file
	in := readerFunc(func(p []byte) (int, error) {
		n, err := file.Read(p)
		if err != nil && err != io.EOF {
			broken = err
		}
		return n, err
	})
	b, err := readAll(e, in, size, rawURL, kind)
	if broken != nil {
		return nil, failed(broken)
	}
	return b, err
}

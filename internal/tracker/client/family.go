package client

import (
	"context"
	"net/url"
	"slices"

	"bt/internal/tracker"
)

// Families returns the address families of a tracker's host, "4" and "6", of those that
// Network allows. If a proxy resolves the name, they are unknown, and Families returns
// "" alone. The error is an *Error.
func (c *Client) Families(ctx context.Context, u *tracker.URL) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	to, err := url.Parse(u.String())
	if err != nil {
		return nil, &Error{Status: StatusBadURL, Msg: "not a URL that can be asked"}
	}
	if proxy, err := c.proxyFor(to); err != nil {
		return nil, failure(err)
	} else if proxy != nil {
		return []string{""}, nil
	}
	addrs, err := c.resolve(ctx, u.Host)
	if err != nil {
		return nil, failure(err)
	}
	var families []string
	for _, addr := range addrs {
		family := "6"
		if addr.Is4() {
			family = "4"
		}
		if !slices.Contains(families, family) {
			families = append(families, family)
		}
	}
	slices.Sort(families)
	return families, nil
}

// Family returns the Client that sends requests over one address family, "4" or "6". It
// has the options of c, and c.Close closes it. For "", and for the Network of c, it is c.
func (c *Client) Family(network string) *Client {
	if network == "" || network == c.Network {
		return c
	}
	c.familiesMu.Lock()
	defer c.familiesMu.Unlock()
	if f := c.families[network]; f != nil {
		return f
	}
	f := &Client{
		Timeout: c.Timeout, Retries: c.Retries, BEP15: c.BEP15, Patient: c.Patient, Network: network, From: c.From, Proxy: c.Proxy,
		Untrusted: c.Untrusted, Conns: c.Conns, Insecure: c.Insecure, UserAgent: c.UserAgent, Batch: c.Batch, lookup: c.lookup, dialUDP: c.dialUDP,
	}
	if c.families == nil {
		c.families = make(map[string]*Client)
	}
	c.families[network] = f
	return f
}

// Answers asks a tracker over HTTP whether it answers announces, with one that no tracker
// can accept: it has an info-hash and neither a peer id nor a port. The error is an
// *Error; it is nil if the tracker answers as trackers do, also if it refuses.
func (c *Client) Answers(ctx context.Context, u *tracker.URL, hash [20]byte) *Error {
	_, err := getHTTP(ctx, c, u, tracker.AppendScrapeQuery(nil, [][20]byte{hash}), tracker.ParseHTTPAnnounce)
	if err == nil {
		return nil
	}
	if e := failure(err); e.Status != StatusFailed {
		return e
	}
	return nil
}

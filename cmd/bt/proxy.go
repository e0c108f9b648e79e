package main

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"
)

// proxies returns a function that chooses the proxy for a tracker: given if it is
// non-nil, else the proxy of the environment variables HTTP_PROXY, HTTPS_PROXY,
// ALL_PROXY and NO_PROXY, in upper or lower case, as in curl. For UDP it uses
// ALL_PROXY.
func proxies(e *env, given *url.URL) func(*url.URL) (*url.URL, error) {
	if given != nil {
		return func(*url.URL) (*url.URL, error) { return given, nil }
	}
	variable := func(name string) string { return cmp.Or(e.getenv(strings.ToLower(name)), e.getenv(name)) }
	all := variable("ALL_PROXY")
	http := httpproxy.Config{
		HTTPProxy:  cmp.Or(variable("HTTP_PROXY"), all),
		HTTPSProxy: cmp.Or(variable("HTTPS_PROXY"), all),
		NoProxy:    variable("NO_PROXY"),
		CGI:        e.getenv("REQUEST_METHOD") != "", // a CGI client can set HTTP_PROXY by a header (httpoxy.org)
	}
	udp := httpproxy.Config{HTTPSProxy: all, NoProxy: http.NoProxy}
	forHTTP, forUDP := http.ProxyFunc(), udp.ProxyFunc()
	return func(u *url.URL) (*url.URL, error) {
		switch u.Scheme {
		case "udp":
			return forUDP(&url.URL{Scheme: "https", Host: u.Host})
		case "ws":
			return forHTTP(&url.URL{Scheme: "http", Host: u.Host})
		case "wss":
			return forHTTP(&url.URL{Scheme: "https", Host: u.Host})
		}
		return forHTTP(u)
	}
}

// proxyURL parses the value of --proxy, or @FILE.
func proxyURL(s string) (*url.URL, error) {
	s, err := secret(s)
	if err != nil || s == "" {
		return nil, err // nil: use the environment
	}
	proxy, err := url.Parse(s)
	if err != nil || proxy.Host == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, proxy.Scheme) {
		return nil, errors.New("want http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")
	}
	return proxy, nil
}

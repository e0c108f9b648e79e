// Package clients recognizes session files of BitTorrent clients, and detects whether
// the client is running. A running client keeps its session in memory, does not notice
// changes of the files, and overwrites them when it exits.
//
// It supports qBittorrent (BT_backup), Transmission (torrents and resume), and rTorrent
// (a session directory with a lock file).
package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Client is a client with session files.
type Client struct {
	Name     string
	commands []string // prefixes of the names of its processes
	lock     string   // lock file in the session directory; "" if it has none
}

var (
	qBittorrent  = Client{Name: "qBittorrent", commands: []string{"qbittorrent"}}
	transmission = Client{Name: "Transmission", commands: []string{"transmission-da", "transmission-gt", "transmission-qt", "transmission-cl"}}
	rTorrent     = Client{Name: "rTorrent", commands: []string{"rtorrent"}, lock: "rtorrent.lock"}
)

// Of returns the client that a session file belongs to, according to its directory and
// the files beside it, or nil.
func Of(path string) *Client {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil
	}
	switch {
	case filepath.Base(dir) == "BT_backup" || filepath.Ext(path) == ".fastresume":
		return &qBittorrent
	case filepath.Base(dir) == "torrents" && exists(filepath.Join(filepath.Dir(dir), "resume")):
		return &transmission
	case exists(path+".rtorrent") || exists(path+".libtorrent_resume") || exists(filepath.Join(dir, rTorrent.lock)):
		return &rTorrent
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// Runs reports whether the client appears to be running, and the evidence, as the end
// of a sentence: "process 123 is called qbittorrent-nox". It can't see processes in a
// container or on another host, except those in a lock file.
func (c *Client) Runs(path string) (how string, runs bool) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if c.lock != "" {
		if how, runs := lockedBy(filepath.Join(filepath.Dir(path), c.lock)); runs {
			return how, true
		}
	}
	comms, err := filepath.Glob("/proc/[0-9]*/comm")
	if err != nil || len(comms) == 0 {
		return "there is no list of processes here to tell", true
	}
	for _, file := range comms {
		name, err := os.ReadFile(file)
		if err == nil && slices.ContainsFunc(c.commands, func(command string) bool { return bytes.HasPrefix(bytes.ToLower(name), []byte(command)) }) {
			pid := filepath.Base(filepath.Dir(file))
			return "process " + pid + " is called " + strings.TrimSpace(string(name)), true
		}
	}
	return "no process is called " + strings.Join(c.commands, " or "), false
}

// maxLock is the maximum length of a lock file in bytes. It contains a host name.
const maxLock = 4096

// lockedBy reads a lock file of rTorrent, HOST:+PID. It ignores a lock file whose
// process no longer exists.
func lockedBy(path string) (how string, locked bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxLock {
		return "", false // without waiting for a FIFO
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", false
	}
	host, pid, ok := strings.Cut(strings.TrimSpace(string(b)), ":+")
	if !ok {
		return "", false
	}
	how = path + " names process " + pid + " of " + host
	if here, err := os.Hostname(); err == nil && host == here {
		n, err := strconv.Atoi(pid)
		return how, err == nil && n > 0 && exists(filepath.Join("/proc", strconv.Itoa(n)))
	}
	return how, true
}

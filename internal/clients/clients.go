// Package clients knows the session files of BitTorrent clients, and whether the
// client that keeps them runs: one that does keeps them in memory, does not see
// a change, and writes over it when it ends.
//
// What it knows: qBittorrent's BT_backup, Transmission's torrents beside resume,
// and rTorrent's session directory with its lock.
package clients

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A Client is a program that keeps session files.
type Client struct {
	Name     string
	commands []string // what its processes are called begins with one of these
	lock     string   // file beside the session files, if it has one
}

var (
	qBittorrent  = Client{Name: "qBittorrent", commands: []string{"qbittorrent"}}
	transmission = Client{Name: "Transmission", commands: []string{"transmission-da", "transmission-gt", "transmission-qt", "transmission-cl"}}
	rTorrent     = Client{Name: "rTorrent", commands: []string{"rtorrent"}, lock: "rtorrent.lock"}
)

// Of returns the client whose session a file belongs to, by where it stands and
// what stands beside it; nil if it is nobody's.
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

// Runs reports whether the client seems to run, and how that was judged, as the
// end of a sentence: "process 123 is called qbittorrent-nox". Processes that
// this one can't see (in a container, on another host) are not found, but for
// those that a lock file names.
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

// maxLock is how many bytes a lock file may have: it has the name of a host.
const maxLock = 4096

// lockedBy reads a lock file of rTorrent, HOST:+PID. One of a process that is
// gone is a leftover.
func lockedBy(path string) (how string, locked bool) {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > maxLock {
		return "", false // and a FIFO would be waited for
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

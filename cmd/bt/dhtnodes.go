package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/maketorrent"
)

// dhtNodesVariable names the environment variable whose nodes the DHT begins with instead
// of publicNodes: HOST:PORT, separated by spaces, or none.
const dhtNodesVariable = "BT_DHT_NODES"

// publicNodes are nodes of the public DHT that serve to find others.
var publicNodes = []string{
	"router.bittorrent.com:6881",
	"router.utorrent.com:6881",
	"dht.transmissionbt.com:6881",
	"dht.libtorrent.org:25401",
}

func dhtNodeFlag(list *[]maketorrent.Node) cli.Flag {
	return listFlag(list, nodes, "dht-node", "begin the DHT with the node `HOST:PORT`, instead of public ones or those of BT_DHT_NODES; again for more")
}

// dhtNodes returns the nodes that the DHT begins with: those of --dht-node, else those of
// the environment, else public ones.
func (e *env) dhtNodes(given []maketorrent.Node) ([]string, error) {
	var list []string
	for _, node := range given {
		list = append(list, net.JoinHostPort(node.Host, strconv.Itoa(node.Port)))
	}
	if list != nil {
		return list, nil
	}
	value := e.getenv(dhtNodesVariable)
	switch value {
	case "":
		return publicNodes, nil
	case "none":
		return nil, nil
	}
	for _, field := range strings.Fields(value) {
		if _, err := nodes(field); err != nil {
			return nil, failf(exitUsage, "%s: %w", dhtNodesVariable, err)
		}
		list = append(list, field)
	}
	return list, nil
}

// dhtState returns the file that keeps the nodes of the DHT between runs, or "" if there is
// no directory for it.
func dhtState(u *ui) string {
	dir := u.env.dirs.state
	if dir == "" {
		return ""
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		u.warn("the nodes of the DHT are not saved: %v", err)
		return ""
	}
	return filepath.Join(dir, "dht")
}

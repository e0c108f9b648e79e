package dht

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"bt/internal/atomicfile"
	"bt/internal/discover/krpc"
)

const (
	saveTime = 10 * time.Minute
	maxState = 256 << 10 // bytes
	maxSaved = 1024      // nodes

	// stateHead is the first line of the state file. The others are the external addresses
	// and the contacts:
	//
	//	external 192.0.2.1
	//	node 5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401 203.0.113.9:6881
	stateHead = "bt DHT nodes 1"
)

var errForeign = errors.New("not a list of DHT nodes")

// load reads the state file. The nodes in it are those to begin with. Our ids begin as
// random ones that fit the external addresses, because processes may share the file.
func (n *Node) load() {
	if n.options.State == "" {
		return
	}
	data, err := atomicfile.Read(n.options.State, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var nodes []krpc.Node
	var external []netip.Addr
	if err == nil {
		if nodes, external, err = parseState(string(data)); err != nil {
			err = fmt.Errorf("%s: %w", n.options.State, err)
		}
	}
	if err != nil {
		n.warning(fmt.Errorf("reading the DHT nodes of the last run: %w", err))
		return
	}
	n.mu.Lock()
	defer n.unlock()
	n.bootstrap.saved = nodes
	for _, ip := range external {
		if f := n.family(ip); f != nil {
			f.rename(ip)
		}
	}
}

func parseState(data string) (nodes []krpc.Node, external []netip.Addr, err error) {
	lines := bufio.NewScanner(strings.NewReader(data))
	if !lines.Scan() || lines.Text() != stateHead {
		return nil, nil, errForeign
	}
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) == 2 && fields[0] == "external":
			ip, err := netip.ParseAddr(fields[1])
			if err != nil {
				return nil, nil, err
			}
			external = append(external, ip)
		case len(fields) == 3 && fields[0] == "node":
			node, err := parseNode(fields[1], fields[2])
			if err != nil {
				return nil, nil, err
			}
			nodes = append(nodes, node)
		default:
			return nil, nil, errForeign
		}
		if len(nodes) > maxSaved {
			return nil, nil, fmt.Errorf("more than %d nodes", maxSaved)
		}
	}
	return nodes, external, lines.Err()
}

func parseNode(id, addr string) (node krpc.Node, err error) {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != len(node.ID) {
		return node, errForeign
	}
	node.ID = krpc.ID(b)
	if node.Addr, err = netip.ParseAddrPort(addr); err != nil {
		return node, err
	}
	if !isUnicast(node.Addr) {
		return node, errForeign
	}
	return node, nil
}

// save writes the state file, if there is anything to write. mu is not locked.
func (n *Node) save() {
	if n.options.State == "" {
		return
	}
	var b strings.Builder
	fmt.Fprintln(&b, stateHead)
	n.mu.Lock()
	nodes := 0
	for _, f := range n.families {
		if ip := f.external.Addr(); ip.IsValid() {
			fmt.Fprintln(&b, "external", ip)
		}
		for _, node := range f.table.closest(f.id, maxSaved/2) {
			fmt.Fprintln(&b, "node", node.ID, node.Addr)
			nodes++
		}
	}
	n.unlock()
	if nodes == 0 {
		return // the nodes of an earlier run are worth more
	}
	if err := atomicfile.WriteCache(n.options.State, []byte(b.String())); err != nil {
		n.warning(fmt.Errorf("saving the DHT nodes: %w", err))
	}
}

"""Nodes of a DHT with libtorrent: dhtnodes.py COUNT ADDRESS:PORT [ADDRESS:PORT...]

COUNT nodes are at the first PORT and the ports after it. They know those of other processes
of this script, whose first ones follow. They run until they are killed. Once a second it
prints how many nodes the one that knows the fewest knows."""
import sys
import time
import warnings
import libtorrent as lt

warnings.simplefilter('ignore', DeprecationWarning)  # for status
count = int(sys.argv[1])
nodes = []
for first in sys.argv[2:]:
    host, _, port = first.rpartition(':')
    nodes += [(host, int(port) + i) for i in range(count)]
sessions = [lt.session({
    'listen_interfaces': '%s:%d' % node, 'outgoing_interfaces': node[0],
    'enable_dht': True, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
    'dht_bootstrap_nodes': '', 'dht_restrict_routing_ips': False, 'dht_restrict_search_ips': False,
    'dht_enforce_node_id': False, 'dht_prefer_verified_node_ids': False, 'dht_ignore_dark_internet': False,
    # A few nodes answer what thousands would: without limits.
    'dht_block_ratelimit': 1000000, 'dht_upload_rate_limit': 100000000,
    'aio_threads': 1, 'hashing_threads': 1, 'alert_mask': 0,
}) for node in nodes[:count]]
while True:
    known = [session.status().dht_nodes for session in sessions]
    print(min(known), flush=True)
    for session, knows in zip(sessions, known):
        if knows < len(nodes) // 2:  # others may not have answered yet
            for node in nodes:
                session.add_dht_node(node)
    time.sleep(1)

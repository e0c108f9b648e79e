# Sessions of libtorrent as nodes of a DHT. dhtnodes.py COUNT INFOHASH find|announce DIR
#
# It prints the address of each session. Then the last one announces the torrent of the
# info-hash, or prints the peers that it finds. It ends when stdin does.
import os
import sys
import threading
import time

import libtorrent as lt

count, info_hash, role, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]

sessions = []
for i in range(count):
    ses = lt.session({
        'listen_interfaces': '127.0.1.%d:0' % (i + 1),
        'dht_bootstrap_nodes': '',
        'dht_restrict_routing_ips': False,
        'dht_restrict_search_ips': False,
        'dht_prefer_verified_node_ids': False,
        'dht_ignore_dark_internet': False,
        'dht_enforce_node_id': False,
        'enable_dht': True,
        'enable_lsd': False,
        'enable_upnp': False,
        'enable_natpmp': False,
        'alert_mask': lt.alert.category_t.dht_operation_notification,
    })
    while not ses.is_listening():
        time.sleep(0.05)
    sessions.append(ses)

addresses = [('127.0.1.%d' % (i + 1), ses.listen_port()) for i, ses in enumerate(sessions)]
for ses in sessions:
    for address in addresses[:-1]:
        ses.add_dht_node(address)
for address in addresses:
    print('%s:%d' % address, flush=True)


if role == 'announce':
    params = lt.parse_magnet_uri('magnet:?xt=urn:btih:' + info_hash)
    params.save_path = directory
    sessions[-1].add_torrent(params)


def find():
    ses = sessions[-1]
    while True:
        ses.dht_get_peers(lt.sha1_hash(bytes.fromhex(info_hash)))
        time.sleep(1)
        for alert in ses.pop_alerts():
            if isinstance(alert, lt.dht_get_peers_reply_alert):
                for peer in alert.peers():
                    print('%s:%d' % peer, flush=True)


if role == 'find':
    threading.Thread(target=find, daemon=True).start()
sys.stdin.read()
os._exit(0)

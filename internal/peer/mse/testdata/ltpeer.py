#!/usr/bin/env python3
"""libtorrent as the other end, which takes encrypted connections only:

    ltpeer.py MAGNET LEVEL PREFER_RC4 [PORT]

connects to 127.0.0.1:PORT, or prints the port at which it listens. LEVEL is 1 for
plaintext, 2 for RC4, 3 for both. It ends with its standard input."""
import sys
import libtorrent as lt

session = lt.session({
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False, 'allow_multiple_connections_per_ip': True,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'in_enc_policy': 0, 'out_enc_policy': 0,
    'allowed_enc_level': int(sys.argv[2]), 'prefer_rc4': bool(int(sys.argv[3]))})
params = lt.parse_magnet_uri(sys.argv[1])
params.save_path = '/nowhere'
params.flags = lt.torrent_flags.disable_pex | lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd
torrent = session.add_torrent(params)
if len(sys.argv) > 4:
    torrent.connect_peer(('127.0.0.1', int(sys.argv[4])))
print(session.listen_port(), flush=True)
sys.stdin.read()

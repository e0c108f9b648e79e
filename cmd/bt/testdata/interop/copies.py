"""Prints how available a torrent is: copies.py TORRENT DIR ADDRESS

It downloads with libtorrent and prints the number of its peers and of distributed copies
in thousandths, whenever they change, until it is killed."""
import sys
import time
import libtorrent as lt

source, directory, address = sys.argv[1:]
session = lt.session({
    'listen_interfaces': address + ':6881', 'outgoing_interfaces': address,
    'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'min_reconnect_time': 1, 'max_failcount': 100,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(source)
params.save_path = directory
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
handle = session.add_torrent(params)

had = None
while True:
    status = handle.status()
    has = status.num_peers, round(1000 * status.distributed_copies)
    if has != had:
        had = has
        print(*has, flush=True)
    time.sleep(0.05)

"""Two libtorrent peers that know only a seed: introduce.py TORRENT DIR HOST PORT SECONDS

It prints "introduced" when they are connected to each other, and ends. After SECONDS it
prints "apart"."""
import os
import sys
import time
import libtorrent as lt

source, directory, seed, seconds = sys.argv[1], sys.argv[2], (sys.argv[3], int(sys.argv[4])), float(sys.argv[5])
handles, sessions = {}, []
for address in '127.0.7.1', '127.0.7.2':
    session = lt.session({
        'listen_interfaces': address + ':0', 'outgoing_interfaces': address,
        'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
        'enable_outgoing_utp': False, 'enable_incoming_utp': False, 'min_reconnect_time': 1, 'alert_mask': 0,
    })
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
    params.save_path = os.path.join(directory, address)
    params.flags |= lt.torrent_flags.override_trackers  # by none
    sessions.append(session)
    handles[address] = session.add_torrent(params)
for handle in handles.values():
    handle.connect_peer(seed)

end = time.monotonic() + seconds
while time.monotonic() < end:
    peers = {a: {p.ip[0] for p in h.get_peer_info() if not p.flags & (p.handshake | p.connecting)} for a, h in handles.items()}
    if '127.0.7.2' in peers['127.0.7.1'] and '127.0.7.1' in peers['127.0.7.2']:
        print('introduced', flush=True)
        sys.exit()
    time.sleep(0.05)
print('apart', peers, flush=True)

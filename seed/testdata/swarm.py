"""A swarm of libtorrent peers: swarm.py TORRENT DIR N RATE

They know each other by the tracker, and each sends at most RATE bytes a second.
When among them they have all pieces it prints "alone", when each of them has all
"all", each with the seconds since the beginning, and ends."""
import os
import sys
import time
import libtorrent as lt

source, directory, n, rate = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
info = lt.torrent_info(source)
handles, sessions = [], []
ours = ['127.0.6.%d' % (i + 1) for i in range(n)]
for address in ours:
    session = lt.session({
        'listen_interfaces': address + ':0', 'outgoing_interfaces': address,
        'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
        'enable_outgoing_utp': False, 'enable_incoming_utp': False,
        'upload_rate_limit': rate, 'rate_limit_ip_overhead': False, 'unchoke_slots_limit': 8,
        'in_enc_policy': 2, 'out_enc_policy': 2, 'min_reconnect_time': 1, 'alert_mask': 0,
    })
    # Limits are for the own network too.
    session.set_peer_class_filter(lt.ip_filter())
    params = lt.add_torrent_params()
    params.ti = info
    params.save_path = os.path.join(directory, address)
    params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
    sessions.append(session)
    handles.append(session.add_torrent(params))

# Everybody knows everybody: the tracker may tell of a part only.
time.sleep(0.5)
for handle in handles:
    for address, session in zip(ours, sessions):
        handle.connect_peer((address, session.listen_port()))

begin = time.monotonic()
alone = False
while True:
    statuses = [handle.status(lt.status_flags_t.query_pieces) for handle in handles]
    pieces = [any(have) for have in zip(*(s.pieces or [False] * info.num_pieces() for s in statuses))]
    if not alone and all(pieces):
        alone = True
        print('alone', round(time.monotonic() - begin, 1), flush=True)
    if all(s.is_seeding for s in statuses):
        print('all', round(time.monotonic() - begin, 1), flush=True)
        break
    time.sleep(0.05)

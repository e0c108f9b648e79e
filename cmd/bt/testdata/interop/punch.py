"""Two peers with libtorrent that accept no connections: punch.py TORRENT DIR ONE OTHER HOST PORT

They know only a seed. One learns of the other from it and can't connect; the other learns
nothing. It prints "punched" when they are connected nevertheless, through a hole that the
seed has arranged (BEP 55), and ends."""
import os
import sys
import time
import libtorrent as lt

source, directory, one, other, seed = *sys.argv[1:5], (sys.argv[5], int(sys.argv[6]))
handles, sessions = {}, []
for address in other, one:
    session = lt.session({
        'listen_interfaces': address + ':6881', 'outgoing_interfaces': address,
        'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
        'min_reconnect_time': 1, 'peer_connect_timeout': 5,
        'alert_mask': lt.alert.category_t.peer_notification | lt.alert.category_t.connect_notification
        | lt.alert.category_t.peer_log_notification,
    })
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
    params.save_path = os.path.join(directory, address)
    params.flags |= lt.torrent_flags.override_trackers  # by none
    if address == other:
        params.flags |= lt.torrent_flags.disable_pex
    sessions.append(session)
    handles[address] = session.add_torrent(params)
    handles[address].connect_peer(seed)
    time.sleep(2)

asked = set()  # the peers that a holepunch message has made connect


def read_alerts():
    for session in sessions:
        for alert in session.pop_alerts():
            text = str(alert)
            if 'HOLEPUNCH_MODE' in text:
                asked.add(sessions.index(session))
            if 'HOLEPUNCH' in text or 'PEX' in text:
                print(text, file=sys.stderr, flush=True)


def are_connected():
    peers = [{p.ip[0] for p in handles[a].get_peer_info() if not p.flags & (p.handshake | p.connecting)} for a in (one, other)]
    return other in peers[0] and one in peers[1]


while not are_connected():
    read_alerts()
    time.sleep(0.05)
time.sleep(0.5)
read_alerts()
print('punched' if len(asked) == 2 else 'connected', flush=True)

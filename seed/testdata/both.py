"""Calls a seed that calls it: both.py TORRENT DIR PORT one|many first|after

It prints "port N", where it listens, and then "peers N" whenever the number of its
peers changes. It downloads slowly. With one it has one connection per address. It
calls the seed at PORT at once, or after the seed has connected."""
import sys
import time
import libtorrent as lt

source, directory, port, connections, when = sys.argv[1:]
session = lt.session({
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'allow_multiple_connections_per_ip': connections == 'many',
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(source)
params.save_path = directory
params.download_limit = 2000
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)  # else it starts later
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
handle = session.add_torrent(params)
while handle.status().state != lt.torrent_status.downloading or session.listen_port() == 0:
    time.sleep(0.01)
print('port', session.listen_port(), flush=True)
called, last = False, None
while True:
    peers = sum(1 for p in handle.get_peer_info() if p.flags & (p.handshake | p.connecting) == 0)
    if not called and (when == 'first' or peers == 1):
        if when == 'after':
            time.sleep(5)
        handle.connect_peer(('127.0.0.1', int(port)))
        called = True
        print('calls', flush=True)
    if peers != last:
        last = peers
        print('peers', peers, flush=True)
    for alert in session.pop_alerts():
        print(type(alert).__name__, alert, flush=True)
    time.sleep(0.02)

"""Seeds with libtorrent: seed.py TORRENT DIR

It prints its port, and runs until its input ends; then it prints what happened.
Nothing looks for peers."""
import sys
import time
import libtorrent as lt

session = lt.session({
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False, 'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'allow_multiple_connections_per_ip': True, 'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(sys.argv[1])
params.save_path = sys.argv[2]
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)  # else it starts later
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
handle = session.add_torrent(params)
while not handle.status().is_seeding or session.listen_port() == 0:
    time.sleep(0.01)
print('port', session.listen_port(), flush=True)
sys.stdin.read()
for alert in session.pop_alerts():
    print(alert)

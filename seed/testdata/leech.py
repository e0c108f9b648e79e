"""Downloads with libtorrent: leech.py TORRENT-OR-MAGNET DIR [rc4] [peers=N]

It ends with status 0 when it has all, and with 3 after an error of libtorrent
itself, so that it is worth another try. With rc4 it speaks nothing else; with
peers=N it fails unless data came from so many. Nothing looks for peers but the
tracker."""
import sys
import time
import libtorrent as lt

source, directory, options = sys.argv[1], sys.argv[2], sys.argv[3:]
rc4 = 'rc4' in options
peers = max([int(o[6:]) for o in options if o.startswith('peers=')], default=1)

settings = {
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False, 'allow_multiple_connections_per_ip': True,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification
    | lt.alert.category_t.tracker_notification | lt.alert.category_t.status_notification,
}
if rc4:
    settings.update(in_enc_policy=0, out_enc_policy=0, allowed_enc_level=2)
session = lt.session(settings)
if source.startswith('magnet:'):
    params = lt.parse_magnet_uri(source)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
params.save_path = directory
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
handle = session.add_torrent(params)

served = set()
while not handle.status().is_seeding:
    for peer in handle.get_peer_info():
        if rc4 and peer.flags & (peer.handshake | peer.connecting) == 0 and not peer.flags & peer.rc4_encrypted:
            sys.exit('a peer without RC4')
        if peer.total_download > 0:
            served.add(peer.ip)
    for alert in session.pop_alerts():
        print(type(alert).__name__, alert, flush=True)
        if isinstance(alert, (lt.hash_failed_alert, lt.peer_ban_alert)):
            sys.exit('bad data')
        # libtorrent 2.0.8 sometimes compares the hashes of a hybrid before it has all.
        if isinstance(alert, lt.torrent_error_alert) and alert.error.value() == 217:
            sys.exit(3)
    time.sleep(0.02)
print('done, from', served)
# A peer may come and go between two looks: only too few of several count.
if peers > 1 and len(served) < peers:
    sys.exit('data from %d peers' % len(served))

"""A peer with libtorrent: peer.py TORRENT-OR-MAGNET DIR ADDRESS PORT [rc4] [upload] [rate=N]

It checks what is in DIR, downloads what is missing and seeds it, until it is killed. It
prints how many pieces it has, and how many bytes it has sent and received, whenever that
changes. With rc4 it speaks nothing else; rate is the limit of its upload in bytes a second,
until SIGUSR1. Nothing looks for peers but the tracker."""
import signal
import sys
import time
import libtorrent as lt

source, directory, address, port, options = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
settings = {
    'listen_interfaces': address + ':' + port, 'outgoing_interfaces': address,
    'enable_dht': False, 'enable_lsd': False, 'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'min_reconnect_time': 1, 'max_failcount': 100, 'rate_limit_ip_overhead': False,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification
    | lt.alert.category_t.tracker_notification,
}
for option in options:
    if option == 'rc4':
        settings.update(in_enc_policy=0, out_enc_policy=0, allowed_enc_level=2)
    elif option != 'upload':
        settings['upload_rate_limit'] = int(option.removeprefix('rate='))
session = lt.session(settings)
signal.signal(signal.SIGUSR1, lambda *_: session.apply_settings({'upload_rate_limit': 0}))
limited = lt.ip_filter()  # by default the limits are not for peers on the own network
limited.add_rule('0.0.0.0', '255.255.255.255', 1 << lt.session.global_peer_class_id)
session.set_peer_class_filter(limited)
if source.startswith('magnet:'):
    params = lt.parse_magnet_uri(source)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
params.save_path = directory
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
if 'upload' in options:
    params.flags |= lt.torrent_flags.upload_mode
handle = session.add_torrent(params)

had = None
while True:
    status = handle.status()
    has = status.num_pieces, status.total_payload_upload, status.total_payload_download
    if has != had:
        had = has
        print(*has, flush=True)
    for alert in session.pop_alerts():
        print(type(alert).__name__, alert, file=sys.stderr, flush=True)
        if isinstance(alert, (lt.hash_failed_alert, lt.peer_ban_alert)):
            sys.exit('bad data')
    time.sleep(0.05)

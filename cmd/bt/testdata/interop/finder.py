"""A peer with libtorrent that finds others: finder.py TORRENT-OR-MAGNET DIR ADDRESS PORT [OPTION...]

It checks what is in DIR, downloads what is missing and seeds it, until it is killed. It
prints how many pieces it has, how many bytes it has sent and received, and the addresses
of its peers, whenever that changes. Only what the options name looks for peers:
dht=HOST:PORT (a node to begin with), lsd, pex, tracker, peer=HOST:PORT (an address that it
knows)."""
import sys
import time
import libtorrent as lt

source, directory, address, port, options = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4], sys.argv[5:]
values = dict(option.partition('=')[::2] for option in options)
settings = {
    'listen_interfaces': address + ':' + port, 'outgoing_interfaces': address,
    'enable_dht': 'dht' in values, 'enable_lsd': 'lsd' in values, 'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'in_enc_policy': 2, 'out_enc_policy': 2,  # plaintext, that a capture can be read
    'dht_bootstrap_nodes': values.get('dht', ''), 'dht_restrict_routing_ips': False, 'dht_restrict_search_ips': False,
    'dht_enforce_node_id': False, 'dht_prefer_verified_node_ids': False, 'dht_ignore_dark_internet': False,
    'allow_multiple_connections_per_ip': True,  # or it keeps one port of a host, which may be an old one
    'local_service_announce_interval': 5, 'min_reconnect_time': 1, 'max_failcount': 100, 'aio_threads': 1, 'hashing_threads': 1,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification
    | lt.alert.category_t.tracker_notification,
}
plugins = ['ut_metadata'] + (['ut_pex'] if 'pex' in values else [])
session = lt.session(settings, 0)  # without its default extensions
for plugin in plugins:
    session.add_extension(plugin)
if source.startswith('magnet:'):
    params = lt.parse_magnet_uri(source)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
params.save_path = directory
for name, flag in {'dht': lt.torrent_flags.disable_dht, 'lsd': lt.torrent_flags.disable_lsd, 'pex': lt.torrent_flags.disable_pex}.items():
    if name not in values:
        params.flags |= flag
handle = session.add_torrent(params)
if 'tracker' not in values:
    handle.replace_trackers([])
if 'peer' in values:
    host, _, other = values['peer'].rpartition(':')
    handle.connect_peer((host, int(other)))

had, announce = None, time.monotonic()
while True:
    status = handle.status()
    peers = sorted('%s:%d' % p.ip for p in handle.get_peer_info() if not p.flags & p.connecting and not p.flags & p.handshake)
    has = [status.num_pieces, status.total_payload_upload, status.total_payload_download] + peers
    if has != had:
        had = has
        print(*has, flush=True)
    for alert in session.pop_alerts():
        print(type(alert).__name__, alert, file=sys.stderr, flush=True)
        if isinstance(alert, (lt.hash_failed_alert, lt.peer_ban_alert)):
            sys.exit('bad data')
    if time.monotonic() > announce:
        announce += 5
        if 'dht' in values:  # the first announce may come before it knows a node
            handle.force_dht_announce()
    time.sleep(0.05)

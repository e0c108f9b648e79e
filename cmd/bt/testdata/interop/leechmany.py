"""Downloads many torrents at once with libtorrent: leechmany.py TRACKER DIR TORRENT...

It prints how many are done whenever that changes, and ends with status 0 when all
are. It fails on the first piece that is not right. Nothing looks for peers but the
tracker; a peer that has no room is tried again every few seconds."""
import sys
import time
import libtorrent as lt

tracker, directory, sources = sys.argv[1], sys.argv[2], sys.argv[3:]
session = lt.session({
    'listen_interfaces': '127.0.0.1:0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'connections_limit': 1000, 'connection_speed': 200, 'min_reconnect_time': 1, 'max_failcount': 100,
    'alert_queue_size': 100000,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.status_notification,
})
handles = []
for source in sources:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(source)
    params.trackers = [tracker]
    params.save_path = directory
    params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
    params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
    handles.append(session.add_torrent(params))

had = -1
while had < len(handles):
    for alert in session.pop_alerts():
        if isinstance(alert, (lt.hash_failed_alert, lt.file_error_alert)):
            sys.exit(str(alert))
    done = sum(handle.status().is_seeding for handle in handles)
    if done != had:
        had = done
        print(had, flush=True)
    time.sleep(0.05)

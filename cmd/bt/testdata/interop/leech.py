"""Downloads with libtorrent: leech.py TORRENT DIR ADDRESS [rc4] [rate=N]

It prints how many pieces it has whenever that changes, and ends with status 0
when it has all. It fails on the first piece that is not right. With rc4 it speaks
nothing else; rate is the limit of its download in bytes a second, until SIGUSR1.
Nothing looks for peers but the tracker; a peer that goes away is tried again every
few seconds."""
import signal
import sys
import time
import libtorrent as lt

source, directory, address, options = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
settings = {
    'listen_interfaces': address + ':0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'min_reconnect_time': 1, 'max_failcount': 100,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.peer_notification
    | lt.alert.category_t.tracker_notification | lt.alert.category_t.status_notification,
}
for option in options:
    if option == 'rc4':
        settings.update(in_enc_policy=0, out_enc_policy=0, allowed_enc_level=2)
    else:
        settings['download_rate_limit'] = int(option.removeprefix('rate='))
session = lt.session(settings)
signal.signal(signal.SIGUSR1, lambda *_: session.apply_settings({'download_rate_limit': 0}))
limited = lt.ip_filter()  # by default the limits are not for peers on the own network
limited.add_rule('0.0.0.0', '255.255.255.255', 1 << lt.session.global_peer_class_id)
session.set_peer_class_filter(limited)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(source)
params.save_path = directory
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex
handle = session.add_torrent(params)

had = 0
announces = 0  # without an answer
completed = False  # is announced


def read_alerts():
    global announces, completed
    for alert in session.pop_alerts():
        print(type(alert).__name__, alert, file=sys.stderr, flush=True)
        if isinstance(alert, (lt.hash_failed_alert, lt.peer_ban_alert)):
            sys.exit('bad data')
        if isinstance(alert, lt.tracker_announce_alert):
            announces += 1
            completed = completed or alert.event == lt.event_t.completed
        if isinstance(alert, (lt.tracker_reply_alert, lt.tracker_error_alert)):
            announces -= 1


while True:
    status = handle.status()
    read_alerts()
    if status.num_pieces != had:
        had = status.num_pieces
        print(had, flush=True)
    if status.is_seeding:
        break
    time.sleep(0.02)

# libtorrent sends no stopped while the announce of completed has no answer, and the
# tracker would count this peer as a seed.
begin = time.monotonic()
read_alerts()
while time.monotonic() < begin + (30 if announces > 0 else 0 if completed else 3):
    time.sleep(0.02)
    read_alerts()

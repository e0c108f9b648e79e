"""Downloads with libtorrent, as fast as its settings allow: fastleech.py TORRENT DIR ADDRESS [rc4] PEER...

It prints the seconds and the CPU seconds from the start of the download until it has all,
without those for Python and the session. With rc4 it speaks nothing else."""
import resource
import sys
import time
import libtorrent as lt

source, directory, address, peers = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]
settings = lt.high_performance_seed()
settings.update({
    'listen_interfaces': address + ':0', 'enable_dht': False, 'enable_lsd': False,
    'enable_upnp': False, 'enable_natpmp': False,
    'enable_outgoing_utp': False, 'enable_incoming_utp': False,
    'allow_multiple_connections_per_ip': True,
    'in_enc_policy': 2, 'out_enc_policy': 2,
    'aio_threads': 2, 'hashing_threads': 1,
    'max_out_request_queue': 2000, 'request_queue_time': 3, 'whole_pieces_threshold': 20,
    'max_queued_disk_bytes': 64 << 20,
    'disk_write_mode': 0, 'mmap_file_size_cutoff': 1 << 30,  # writes to mapped files take twice as long
    'send_socket_buffer_size': 1 << 20, 'recv_socket_buffer_size': 4 << 20,
    'alert_mask': lt.alert.category_t.error_notification | lt.alert.category_t.status_notification,
})
if peers[0] == 'rc4':
    peers = peers[1:]
    settings.update(in_enc_policy=0, out_enc_policy=0, allowed_enc_level=2)
session = lt.session(settings)
params = lt.add_torrent_params()
params.ti = lt.torrent_info(source)
params.save_path = directory
params.flags |= lt.torrent_flags.disable_dht | lt.torrent_flags.disable_lsd | lt.torrent_flags.disable_pex


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


begun, before = time.monotonic(), cpu()
handle = session.add_torrent(params)
for peer in peers:
    host, port = peer.split(':')
    handle.connect_peer((host, int(port)))
while not handle.status().is_seeding:
    session.wait_for_alert(100)
    for alert in session.pop_alerts():
        if isinstance(alert, (lt.hash_failed_alert, lt.peer_ban_alert)):
            sys.exit('bad data')
print(time.monotonic() - begun, cpu() - before)

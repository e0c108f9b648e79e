"""libtorrent as maker, reader and checker of torrents.

Reads a JSON list of requests and prints a JSON list with an answer for each:

  {"op": "make", "path": ..., "format": FORMAT, "piece_length": N, "private": BOOL,
   "source": ..., "comment": ..., "creator": ...,
   "trackers": [[URL, ...], ...], "web_seeds": [URL, ...],
   "http_seeds": [URL, ...], "nodes": ["HOST PORT", ...], "output": FILE,
   "torrent": FILE THAT MUST HAVE THE SAME PIECE LAYERS}
  {"op": "read", "torrent": FILE}
  {"op": "check", "torrent": FILE, "data": DIRECTORY THAT HOLDS THE CONTENT,
   "renamed": {PATH IN THE TORRENT: PATH ON DISK, ...}}

"make" and "read" answer with all that libtorrent reads in the torrent, "check"
with the pieces that it has after hashing the data. No packet is sent.

FORMAT is v1, "aligned v1", v2, hybrid, or "unpadded hybrid", with no pad file
after the last file; " without layers" after one that has piece layers leaves them out.
"""
import json
import os
import sys
import time
import warnings

import libtorrent as lt

warnings.simplefilter('ignore', DeprecationWarning)


def files_of(path):
    """The files of a v1 torrent in byte order, component by component.

    libtorrent's own add_files would keep the order of the directory on disk."""
    fs = lt.file_storage()
    if not os.path.isdir(path):
        fs.add_file(os.path.basename(path), os.path.getsize(path))
        return fs
    parent = os.path.dirname(path)
    names = [os.path.relpath(os.path.join(base, name), parent)
             for base, _, names in os.walk(path) for name in names]
    for name in sorted(names, key=lambda n: [os.fsencode(c) for c in n.split('/')]):
        fs.add_file(name, os.path.getsize(os.path.join(parent, name)))
    return fs


def make(q):
    form = q['format'].removesuffix(' without layers')
    if form in ('v1', 'aligned v1'):
        fs = files_of(q['path'])
    else:
        fs = lt.file_storage()
        lt.add_files(fs, q['path'])  # libtorrent sorts these itself
    flags = {'v1': lt.create_torrent.v1_only, 'v2': lt.create_torrent.v2_only, 'hybrid': 0,
             'aligned v1': lt.create_torrent.v1_only | lt.create_torrent.canonical_files,
             'unpadded hybrid': lt.create_torrent.canonical_files_no_tail_padding}
    t = lt.create_torrent(fs, q['piece_length'], flags[form])
    t.set_priv(q.get('private', False))
    if 'comment' in q:
        t.set_comment(q['comment'])
    if 'creator' in q:
        t.set_creator(q['creator'])
    for tier, urls in enumerate(q.get('trackers', [])):
        for url in urls:
            t.add_tracker(url, tier)
    for url in q.get('web_seeds', []):
        t.add_url_seed(url)
    for url in q.get('http_seeds', []):
        t.add_http_seed(url)
    for node in q.get('nodes', []):
        host, port = node.split(' ')
        t.add_node(host, int(port))
    lt.set_piece_hashes(t, os.path.dirname(q['path']))
    entry = t.generate()
    if 'source' in q:
        entry[b'info'][b'source'] = q['source'].encode()
    if form != q['format']:
        del entry[b'piece layers']
    torrent = lt.bencode(entry)
    if 'output' in q:
        with open(q['output'], 'wb') as f:
            f.write(torrent)
    if 'torrent' in q:
        with open(q['torrent'], 'rb') as f:
            if lt.bdecode(f.read()).get(b'piece layers') != entry.get(b'piece layers'):
                raise ValueError('the piece layers differ')
    return facts(lt.torrent_info(lt.bdecode(torrent)))


def read(q):
    return facts(lt.torrent_info(q['torrent']))


def facts(ti):
    hashes, fs = ti.info_hashes(), ti.files()
    tiers = {}
    for tracker in ti.trackers():
        tiers.setdefault(tracker.tier, []).append(tracker.url)
    return {
        'v1': str(hashes.v1) if hashes.has_v1() else '',
        'v2': str(hashes.v2) if hashes.has_v2() else '',
        'name': ti.name(),
        'comment': ti.comment(),
        'creator': ti.creator(),
        'date': ti.creation_date(),
        'private': ti.priv(),
        'piece_length': ti.piece_length(),
        'pieces': ti.num_pieces(),
        # libtorrent shuffles the trackers of a tier.
        'trackers': [sorted(tiers[tier]) for tier in sorted(tiers)],
        'web_seeds': [s['url'] for s in ti.web_seeds() if s['type'] == 0],
        'http_seeds': [s['url'] for s in ti.web_seeds() if s['type'] == 1],
        'nodes': ['%s %d' % node for node in ti.nodes()],
        'files': [{'path': fs.file_path(i), 'size': fs.file_size(i), 'symlink': fs.symlink(i),
                   'executable': bool(fs.file_flags(i) & lt.file_flags_t.flag_executable)} for i in range(fs.num_files())
                  if not fs.file_flags(i) & lt.file_flags_t.flag_pad_file],
    }


def session():
    """A session without a socket."""
    return lt.session({
        'listen_interfaces': '',
        'enable_dht': False,
        'dht_bootstrap_nodes': '',
        'enable_lsd': False,
        'enable_upnp': False,
        'enable_natpmp': False,
        'enable_incoming_tcp': False,
        'enable_outgoing_tcp': False,
        'enable_incoming_utp': False,
        'enable_outgoing_utp': False,
    })


def check(ses, q):
    ti = lt.torrent_info(q['torrent'])
    if list(ti.trackers()) or ti.web_seeds() or ti.nodes():
        raise ValueError('a torrent to check must not name anyone to call')
    flags = lt.torrent_flags
    params = lt.add_torrent_params()
    params.ti = ti
    params.save_path = q['data']
    fs, renamed = ti.files(), q.get('renamed', {})
    params.renamed_files = {i: renamed[fs.file_path(i)] for i in range(fs.num_files()) if fs.file_path(i) in renamed}
    if len(params.renamed_files) != len(renamed):
        raise ValueError('the torrent lacks a renamed file')
    # Neither paused nor in a queue, or it would not check; it neither writes
    # nor looks for peers.
    params.flags = flags.upload_mode | flags.disable_dht | flags.disable_lsd | flags.disable_pex
    handle = ses.add_torrent(params)
    try:
        wait_checked(handle)
        handle.force_recheck()
        status = wait_checked(handle)
        if status.errc.value() != 0:
            raise RuntimeError(status.errc.message())
        return {
            'progress': status.progress,
            'have': [i for i in range(ti.num_pieces()) if handle.have_piece(i)],
        }
    finally:
        ses.remove_torrent(handle)  # or it could not come again, with other data


def wait_checked(handle):
    busy = (lt.torrent_status.states.checking_files, lt.torrent_status.states.checking_resume_data)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        status = handle.status()
        if status.state not in busy or status.errc.value() != 0:
            return status
        time.sleep(0.001)
    raise TimeoutError('not checked after 120 s: %s' % status.state)


def main():
    ses = None
    answers = []
    for q in json.load(sys.stdin):
        try:
            if q['op'] == 'check':
                ses = ses or session()
                answers.append(check(ses, q))
            else:
                answers.append({'make': make, 'read': read}[q['op']](q))
        except Exception as e:
            answers.append({'error': '%s: %s' % (type(e).__name__, e)})
    json.dump(answers, sys.stdout)


main()

"""The peak memory of a program, run once for each last argument.

peakrss.py ARG... -- LAST... prints a JSON list of {"code", "peak"}, peak being
the largest resident set in bytes. Each run gets 60 s of processor time and
4 GiB of addresses, so that nothing on the machine suffers from what it eats.

A process begins with the peak of the one that started it, which is why this is
not done in a test under the race detector, but here, in a process of a few MiB.
"""
import json
import os
import resource
import subprocess
import sys


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))


split = sys.argv.index('--')
runs = []
for last in sys.argv[split + 1:]:
    p = subprocess.Popen(sys.argv[1:split] + [last], preexec_fn=limit,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(p.pid, 0)
    unit = 1 if sys.platform == 'darwin' else 1024
    runs.append({'code': os.waitstatus_to_exitcode(status), 'peak': usage.ru_maxrss * unit})
json.dump(runs, sys.stdout)

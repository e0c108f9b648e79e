#!/usr/bin/env python3
"""Prints the bytes of two handshakes that TestKnown compares with: a second
implementation, written from the specification and not from the package."""
from hashlib import sha1

P = int('FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B225'
        '14A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F4'
        '4C42E9A63A36210000000000090563', 16)


def rc4(key):
    s, j = list(range(256)), 0
    for i in range(256):
        j = (j + s[i] + key[i % len(key)]) % 256
        s[i], s[j] = s[j], s[i]
    i = j = 0
    while True:
        i = (i + 1) % 256
        j = (j + s[i]) % 256
        s[i], s[j] = s[j], s[i]
        yield s[(s[i] + s[j]) % 256]


def cipher(label, secret, skey):
    stream = rc4(sha1(label + secret + skey).digest())
    for _ in range(1024):
        next(stream)
    return lambda plain: bytes(b ^ next(stream) for b in plain)


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def number(n, size):
    return n.to_bytes(size, 'big')


skey = sha1(b'a torrent').digest()
xa = int.from_bytes(sha1(b'Xa').digest(), 'big')
xb = int.from_bytes(sha1(b'Xb').digest(), 'big')
ya, yb = pow(2, xa, P), pow(2, xb, P)
secret = number(pow(yb, xa, P), 96)
assert secret == number(pow(ya, xb, P), 96)
print('secret', secret.hex())

for provide, select in (3, 1), (2, 2):
    a, b = cipher(b'keyA', secret, skey), cipher(b'keyB', secret, skey)
    print(select, 'A', (number(ya, 96) + b'PadA' * 3).hex())
    print(select, 'B', (number(yb, 96) + b'PadB').hex())
    ia = b'initial payload'
    print(select, 'A', (sha1(b'req1' + secret).digest()
                        + xor(sha1(b'req2' + skey).digest(), sha1(b'req3' + secret).digest())
                        + a(bytes(8) + number(provide, 4) + number(3, 2) + bytes(3) + number(len(ia), 2) + ia)).hex())
    print(select, 'B', b(bytes(8) + number(select, 4) + number(5, 2) + bytes(5)).hex())
    if select == 1:
        a = b = bytes
    print(select, 'A', a(b'and on goes A').hex())
    print(select, 'B', b(b'so says B').hex())

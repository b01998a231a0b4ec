#!/usr/bin/env python3
"""Computes successor.json (wire protocol section 3.1) with ECDSA of its own, from nothing of src/. The nonces follow from the inputs, so that it always writes the same."""
import hashlib
import json
import pathlib

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
DAY = 86_400


def add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def times(k, point):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def number(*parts):
    return int.from_bytes(hashlib.sha256(b"|".join(parts)).digest(), "big") % (N - 1) + 1


class Key:
    def __init__(self, name):
        self.secret = number(b"meshara test key", name.encode())
        x, y = times(self.secret, G)
        self.spki = SPKI + x.to_bytes(32, "big") + y.to_bytes(32, "big")
        self.id = hashlib.sha256(self.spki).hexdigest()

    def sign(self, text):
        k, z = number(b"nonce", self.spki, text), int.from_bytes(hashlib.sha256(text).digest(), "big")
        r = times(k, G)[0] % N
        s = pow(k, -1, N) * (z + r * self.secret) % N
        body = b"".join(b"\x02" + bytes([len(i)]) + i for i in (v.to_bytes(v.bit_length() // 8 + 1, "big") for v in (r, s)))
        return b"\x30" + bytes([len(body)]) + body


def blob(data):
    return (bytes([len(data)]) if len(data) < 64 else (0x4000 | len(data)).to_bytes(2, "big")) + data


def text(old, new, issued, overlap):
    return b" " * 64 + b"meshara/1 successor\0" + old + new + issued.to_bytes(8, "big") + overlap.to_bytes(4, "big")


def record(old, new, issued=1_767_225_600_000, overlap=30 * DAY, old_signer=None, new_signer=None, signed=None, old_spki=None):
    body = text(old_spki or old.spki, new.spki, issued, overlap)
    signatures = (old_signer or old).sign(signed or body), (new_signer or new).sign(signed or body)
    return body[64 + 20:] + blob(signatures[0]) + blob(signatures[1])


def chain(*records):
    return bytes([len(records)]) + b"".join(records)


A, B, C, D, E, F = (Key(name) for name in "ABCDEF")
AB, BC, CD, DE, EF = record(A, B), record(B, C), record(C, D), record(D, E), record(E, F)
OFF = A.spki[:-1] + bytes([A.spki[-1] ^ 1])
VECTORS = [
    ("one record", "valid", B, chain(AB), [A]),
    ("four records, the most", "valid", E, chain(AB, BC, CD, DE), [A, B, C, D]),
    ("no overlap: the old key was stolen", "valid", B, chain(record(A, B, overlap=0)), [A]),
    ("dates mean nothing for the form: 1970", "valid", B, chain(record(A, B, issued=0)), [A]),
    ("dates mean nothing for the form: the greatest", "valid", B, chain(record(A, B, issued=2**64 - 1)), [A]),
    ("the old key did not sign", "forged", B, chain(record(A, B, old_signer=C)), [A]),
    ("the new key did not sign", "forged", B, chain(record(A, B, new_signer=C)), [A]),
    ("each signed for the other", "forged", B, chain(record(A, B, old_signer=B, new_signer=A)), [A]),
    ("another time was signed", "forged", B, chain(record(A, B, signed=text(A.spki, B.spki, 1_767_225_600_001, 30 * DAY))), [A]),
    ("another overlap was signed", "forged", B, chain(record(A, B, signed=text(A.spki, B.spki, 1_767_225_600_000, 0))), [A]),
    ("signed without the pad", "forged", B, chain(record(A, B, signed=text(A.spki, B.spki, 1_767_225_600_000, 30 * DAY)[64:])), [A]),
    ("the second of two is forged", "forged", C, chain(AB, record(B, C, old_signer=A)), [A, B]),
    ("the old key is on no curve: seen when its signature is checked", "forged", B, chain(record(A, B, old_spki=OFF)), None),
    ("no record", "malformed", B, chain(), None),
    ("five records", "malformed", F, chain(AB, BC, CD, DE, EF), None),
    ("a gap between two records", "malformed", D, chain(AB, CD), None),
    ("newest first", "malformed", C, chain(BC, AB), None),
    ("leads to another key than that of the certificate", "malformed", C, chain(AB), None),
    ("leads back: a key twice", "malformed", A, chain(AB, record(B, A)), None),
    ("the same record twice", "malformed", B, chain(AB, AB), None),
    ("a key that succeeds itself", "malformed", A, chain(record(A, A)), None),
    ("a byte too many", "malformed", B, chain(AB) + b"\0", None),
    ("a byte too few", "malformed", B, chain(AB)[:-1], None),
    ("a count of two and one record", "malformed", B, b"\x02" + AB, None),
    ("an overlap of 30 days and a second", "malformed", B, chain(record(A, B, overlap=30 * DAY + 1)), None),
    ("a signature of 81 bytes", "malformed", B, chain(AB[:194] + blob(bytes(81)) + blob(bytes(70))), None),
    ("a length in a longer form than needed", "malformed", B, chain(AB[:194] + b"\x40\x08" + bytes(8) + blob(bytes(70))), None),
    ("a key that is not in its one encoding", "malformed", B, chain(b"\x30\x58" + AB[2:]), None),
    ("nothing at all", "malformed", B, b"", None),
]
path = pathlib.Path(__file__).with_name("successor.json")
path.write_text(json.dumps({"section": "3.1", "vectors": [
    {"name": f"successor: {name}", "outcome": outcome, "key": key.spki.hex(), "value": value.hex()} | ({"old_ids": [k.id for k in old]} if old else {})
    for name, outcome, key, value, old in VECTORS]}, indent=2) + "\n", encoding="utf-8")

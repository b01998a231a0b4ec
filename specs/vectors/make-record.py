#!/usr/bin/env python3
"""Computes record.json (wire protocol section 11.1), from nothing of src/. Keys and ECDSA are those of make-successor.py, which writes its own file again on the way."""
import json
import pathlib
import runpy

HERE = pathlib.Path(__file__).parent
made = runpy.run_path(str(HERE / "make-successor.py"))
A, B, OFF, blob = made["A"], made["B"], made["OFF"], made["blob"]
NOW, DAY = 1_767_225_600_000, 86_400_000


def text(signed):
    return b" " * 64 + b"meshara/1 peer record\0" + signed


def body(key=A.spki, mesh=b"home", sequence=NOW, expires=NOW + DAY, addresses=(b"192.0.2.1:4040", b"[2001:db8::1]:4040"), extensions=b"\0"):
    return (key + blob(mesh) + sequence.to_bytes(8, "big") + expires.to_bytes(8, "big")
            + bytes([len(addresses)]) + b"".join(map(blob, addresses)) + extensions)


def record(signer=A, signed=None, **fields):
    plain = body(**fields)
    return plain + blob(signer.sign(text(plain) if signed is None else signed))


GOOD = record()
FULL = [b"a" * 240 + b":4040"] * 3  # as long as they may be together, but for a few bytes
VECTORS = [
    ("two addresses", "valid", GOOD),
    ("no address", "valid", record(addresses=())),
    ("eight addresses", "valid", record(addresses=[b"192.0.2.%d:4040" % i for i in range(8)])),
    ("addresses are not looked at: what cannot be read is ignored one by one", "valid", record(addresses=[b"", b"nonsense", b"192.0.2.1:0", b"x" * 300])),
    ("times are not looked at: zeros", "valid", record(sequence=0, expires=0)),
    ("times are not looked at: the greatest", "valid", record(sequence=2**64 - 1, expires=2**64 - 1)),
    ("the longest name of a mesh", "valid", record(mesh=b"m" * 64)),
    ("an unknown extension", "valid", record(extensions=b"\x01\x04\x03abc")),
    ("an unknown critical extension: well formed, and ignored", "critical", record(extensions=b"\x01\x03\x00")),
    ("nearly 1024 bytes", "valid", record(addresses=FULL)),
    ("another key signed", "forged", record(signer=B)),
    ("another number was signed", "forged", record(signed=text(body(sequence=NOW + 1)))),
    ("another mesh was signed", "forged", record(signed=text(body(mesh=b"work")))),
    ("another end was signed", "forged", record(signed=text(body(expires=NOW + 2 * DAY)))),
    ("another address was signed", "forged", record(signed=text(body(addresses=(b"192.0.2.2:4040", b"[2001:db8::1]:4040"))))),
    ("signed without the pad", "forged", record(signed=text(body())[64:])),
    ("signed as a successor", "forged", record(signed=b" " * 64 + b"meshara/1 successor\0" + body())),
    ("an empty signature", "forged", body() + b"\0"),
    ("a signature that is no DER", "forged", body() + blob(bytes(72))),
    ("the key is on no curve: seen when the signature is checked", "forged", record(key=OFF)),
    ("a key that is not in its one encoding", "malformed", b"\x30\x58" + GOOD[2:]),
    ("nine addresses", "malformed", record(addresses=[b"192.0.2.%d:4040" % i for i in range(9)])),
    ("a million addresses", "malformed", body()[:91 + 5 + 16] + b"\x80\x0f\x42\x40"),
    ("an address of 301 bytes", "malformed", record(addresses=[b"x" * 301])),
    ("a mesh of 65 bytes", "malformed", record(mesh=b"m" * 65)),
    ("a control character in an address", "malformed", record(addresses=[b"192.0.2.1:40\x1b40"])),
    ("no UTF-8 in an address", "malformed", record(addresses=[b"\xff"])),
    ("a signature of 81 bytes", "malformed", body() + blob(bytes(81))),
    ("the same extension twice", "malformed", record(extensions=b"\x02\x04\x00\x04\x00")),
    ("a length in a longer form than needed", "malformed", body() + b"\x40\x08" + bytes(8)),
    ("a byte too many", "malformed", GOOD + b"\0"),
    ("a byte too few", "malformed", GOOD[:-1]),
    ("over 1024 bytes", "malformed", record(addresses=[b"x" * 300] * 3)),
    ("nothing at all", "malformed", b""),
]


def fields(value):
    at = 91 + 1 + value[91] if value[91] < 64 else 91 + 2 + 64
    return {"id": A.id, "sequence": str(int.from_bytes(value[at:at + 8], "big")), "expires": str(int.from_bytes(value[at + 8:at + 16], "big"))}


(HERE / "record.json").write_text(json.dumps({"section": "11.1", "vectors": [
    {"name": f"record: {name}", "outcome": outcome, "value": value.hex()} | (fields(value) if outcome == "valid" else {})
    for name, outcome, value in VECTORS]}, indent=2) + "\n", encoding="utf-8")

#!/usr/bin/env python3
"""Computes proof.json (wire protocol section 5.2) with Python's hashlib and hmac only, from nothing of src/."""
import hashlib
import hmac
import json
import pathlib


def vector(comment, secret, mesh, prover, verifier, prover_nonce, verifier_nonce):
    name = mesh.encode()
    key = hashlib.pbkdf2_hmac("sha256", secret.encode(), b"meshara/1 secret\0" + name, 600_000, 32)
    data = b"meshara/1 proof\0" + bytes([len(name)]) + name + prover + verifier + prover_nonce + verifier_nonce
    return {
        "comment": comment,
        "secret": secret,
        "mesh": mesh,
        "prover_id": prover.hex(),
        "verifier_id": verifier.hex(),
        "prover_nonce": prover_nonce.hex(),
        "verifier_nonce": verifier_nonce.hex(),
        "key": key.hex(),
        "proof": hmac.new(key, data, hashlib.sha256).hexdigest(),
    }


A, B = hashlib.sha256(b"a").digest(), hashlib.sha256(b"b").digest()
N, M = bytes(range(32)), bytes(range(32, 64))
VECTORS = [
    vector("the dialer proves to the acceptor", "correct horse battery staple", "chat", A, B, N, M),
    vector("the acceptor proves to the dialer: every role is exchanged", "correct horse battery staple", "chat", B, A, M, N),
    vector("text beyond ASCII counts in bytes of UTF-8", "pässwörd ☂", "mésh-网", A, B, N, M),
    vector("the longest mesh name, 64 bytes", "0123456789abcdef0123456789abcdef", "m" * 64, A, B, bytes(32), b"\xff" * 32),
]
path = pathlib.Path(__file__).with_name("proof.json")
path.write_text(json.dumps({"section": "5.2", "vectors": VECTORS}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

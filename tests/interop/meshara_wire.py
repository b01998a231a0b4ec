"""Sections 2 to 5.2 and 11.1 of specs/wire-protocol.md, written from that text alone: notation, TLS, successors, frames, PROOF.

    python3 meshara_wire.py specs/vectors      decodes every test vector
"""
import hashlib, hmac, json, pathlib, socket, ssl, subprocess, sys

HELLO, PROOF, READY, REFUSE, PING, PONG, GOODBYE, DONE = range(1, 9)
OPEN, DATA, RESET, STOP_SENDING, WINDOW, MAX_STREAMS, ACK = range(0x10, 0x17)
NOTICE = 0x81
NAMES = {v: k for k, v in list(globals().items()) if k.isupper() and isinstance(v, int)}
EOM, FIN, WANT_ACK = 1, 2, 4
TOP = (1 << 62) - 1


class Violation(Exception):
    """A protocol error of section 2."""


class Closed(Exception):
    """The connection is over, or has to be closed; nobody is blamed."""


def check(right, what):
    if not right:
        raise Violation(what)


# ---- section 2: notation ----

def varint(value):
    for size, top in ((1, 0), (2, 1), (4, 2), (8, 3)):
        if value < 1 << (8 * size - 2):
            return (value | top << (8 * size - 2)).to_bytes(size, "big")
    raise ValueError(value)


def blob(data):
    return varint(len(data)) + data


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(self.at + count <= len(self.data), "the payload ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def uint(self, size):
        return int.from_bytes(self.take(size), "big")

    def varint(self):
        first = self.uint(1)
        size = 1 << (first >> 6)
        value = (first & 63) << 8 * (size - 1) | self.uint(size - 1)
        check(size == 1 or value >= 1 << (4 * size - 2), "a longer varint than needed")
        return value

    def between(self, least, most):
        value = self.varint()
        check(least <= value <= most, f"{value} is not in {least}..{most}")
        return value

    def blob(self, most):
        return self.take(self.between(0, most))

    def string(self, most):
        try:
            text = self.blob(most).decode()
        except UnicodeDecodeError:
            raise Violation("not UTF-8")
        check(not any(c < " " or "\x7f" <= c <= "\x9f" for c in text), "a control character")
        return text

    def name(self, most):
        text = self.string(most)
        check(text, "an empty name")
        return text

    def list(self, most, item):
        return [item() for _ in range(self.between(0, most))]

    def extensions(self):
        """Whether an unknown critical one is among them; all are unknown here."""
        seen = set()
        for _ in range(self.between(0, 16)):
            kind = self.varint()
            check(kind not in seen, "an extension twice")
            seen.add(kind)
            self.blob(1024)
        return any(kind & 1 for kind in seen)

    def end(self):
        check(self.at == len(self.data), "trailing bytes")


# ---- section 4: frames; the names of the fields are those of the vectors ----

def encode(kind, payload=b"", flags=0):
    return len(payload).to_bytes(4, "big") + bytes([kind, flags]) + payload


def check_header(stage, length, kind, flags):
    """True: decode it. False: ignore it."""
    check(length <= {"first": 4096, "handshake": 16384, "link": 65536}[stage], "the payload is too long")
    check(stage != "first" or kind == HELLO, "the first frame is not HELLO")
    if kind not in NAMES or kind == 0:
        check(kind & 0x80, f"unknown type {kind}")
        return False
    check(flags & ~(7 if kind == DATA else 0) == 0, "an unknown flag")
    return True


def decode(kind, flags, payload):
    """The fields by name, or None for a frame to ignore."""
    r, f = Reader(payload), {}
    if kind == HELLO:
        check(len(payload) <= 4096, "a HELLO of more than 4096 bytes")
        f["min_version"], f["max_version"] = r.uint(2), r.uint(2)
        if not 0 < f["min_version"] <= f["max_version"]:
            raise Closed("no versions")
        f["id"], f["expected_id"] = r.take(32), r.blob(32)
        check(len(f["expected_id"]) in (0, 32), "half an expected id")
        f["instance"], f["nonce"], f["purpose"], f["features"] = r.take(16), r.take(32), r.uint(1), r.uint(8)
        f["mesh"], f["agent"], f["addresses"] = r.name(64), r.string(128), r.list(8, lambda: r.string(300))
        f["max_message"], f["initial_window"] = r.between(1024, 1 << 30), r.between(4096, 1 << 30)
        f["max_streams"], f["critical"] = r.between(16, 1 << 20), r.extensions()
    elif kind == PROOF:
        f["proof"] = r.take(32)
    elif kind == READY:
        critical = r.extensions()
    elif kind == REFUSE:
        f["code"], f["retry_after"], f["limit"], f["value"] = r.varint(), r.varint(), r.string(64), r.varint()
        f["message"] = r.string(256)
        f["code"] *= f["code"] <= 10
        r.list(8, lambda: r.blob(1024))
    elif kind in (PING, PONG):
        f["opaque"] = r.take(8)
    elif kind == GOODBYE:
        f["code"], f["retry_after"], f["message"] = r.varint(), r.varint(), r.string(256)
        f["code"] *= f["code"] <= 8
    elif kind == OPEN:
        f["id"], f["kind"], f["protocol"], f["critical"] = r.varint(), r.uint(1), r.name(128), r.extensions()
    elif kind == DATA:
        f["flags"] = [n for n, bit in (("EOM", EOM), ("FIN", FIN), ("ACK", WANT_ACK)) if flags & bit]
        f["id"] = r.varint()
        f["body"] = r.take(len(payload) - r.at)
        check(not flags & WANT_ACK or flags & EOM, "ACK without EOM")
        check(f["body"] or flags & (EOM | FIN), "DATA of nothing")
        f["cost"] = cost(f["body"], flags)
    elif kind == WINDOW:
        f["id"], f["increment"] = r.varint(), r.between(1, TOP)
    elif kind == MAX_STREAMS:
        f["count"] = r.varint()
    elif kind in (RESET, STOP_SENDING, ACK):
        f["id"], f["code"] = r.varint(), r.varint()
    elif kind == NOTICE:
        f["code"], f["message"] = r.varint(), r.string(256)
    r.end()
    if kind == READY and critical:
        raise Closed("READY with an unknown critical extension")
    return None if kind == NOTICE and f["code"] != 1 else f


def cost(body, flags):
    return 0 if not body and flags & (FIN | EOM) == FIN else 32 + len(body)


# ---- sections 2.1 and 3: identity and TLS ----

SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" "04")
P = 2**256 - 2**224 + 2**192 + 2**96 - 1
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


def openssl(*arguments):
    return subprocess.run(("openssl",) + arguments, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout


def der(data):
    """The elements of one level: (tag, contents, the whole)."""
    at, found = 0, []
    while at < len(data):
        tag, size, head = data[at], data[at + 1], 2
        if size > 127:
            head += size & 127
            size = int.from_bytes(data[at + 2:at + head], "big")
        found.append((tag, data[at + head:at + head + size], data[at:at + head + size]))
        at += head + size
    return found


# ---- section 3.1: successors ----

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296, 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
SUCCESSORS = bytes.fromhex("2a864886f71401be40937a818561839b61838c0281996382f9578486ef4987bef006")  # 1.2.840.113556.1.8000.2554.17121.52705.50690.19683.48343.8501193.15710214


def point_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def point_times(k, point):
    result = None
    while k:
        if k & 1:
            result = point_add(result, point)
        point, k = point_add(point, point), k >> 1
    return result


def verifies(spki, signature, text):
    """ECDSA with SHA-256 on P-256 (SEC 1, section 4.1.4)."""
    x, y = int.from_bytes(spki[-64:-32], "big"), int.from_bytes(spki[-32:], "big")
    try:
        (_, r, _), (_, s, _) = der(der(signature)[0][1])
    except (IndexError, ValueError):
        return False
    r, s = int.from_bytes(r, "big"), int.from_bytes(s, "big")
    if max(x, y) >= P or (y * y - x**3 + 3 * x - B) % P or not (0 < r < N and 0 < s < N):
        return False
    w, z = pow(s, -1, N), int.from_bytes(hashlib.sha256(text).digest(), "big")
    point = point_add(point_times(z * w % N, G), point_times(r * w % N, (x, y)))
    return point is not None and point[0] % N == r


def read_chain(value, key):
    """The records of the extension, their form checked: (old id, new id, what is signed, old and new SPKI and signature)."""
    reader, records, seen = Reader(value), [], {key}
    count = reader.uint(1)
    if not 1 <= count <= 4:
        raise Closed("a chain has 1 to 4 records")
    try:
        for _ in range(count):
            start = reader.at
            old, new, _, overlap = reader.take(91), reader.take(91), reader.uint(8), reader.uint(4)
            text = b" " * 64 + b"meshara/1 successor\0" + value[start:reader.at]
            signatures = [reader.take(reader.between(0, 80)) for _ in range(2)]
            good = old[:27] == SPKI and new[:27] == SPKI and old not in seen and overlap <= 2_592_000
            if not good or (records and records[-1][2] != old):
                raise Closed("a chain that is not in order")
            seen.add(old)
            records.append((text, old, new, *signatures))
    except Violation:
        raise Closed("a chain that cannot be read")
    if reader.at != len(value) or records[-1][2] != key:
        raise Closed("a chain that does not end with the key of the certificate")
    return records


def chain_verifies(records):
    return all(verifies(old, a, text) and verifies(new, b, text) for text, old, new, a, b in records)


def chain_outcome(value, key):
    try:
        records = read_chain(value, key)
    except (Closed, Violation):
        return "malformed", None
    return "valid" if chain_verifies(records) else "forged", [hashlib.sha256(old).hexdigest() for _, old, *_ in records]


# ---- section 11.1: peer records ----

def read_record(value):
    """The fields of a well-formed record; `text` is what its key has to have signed."""
    check(len(value) <= 1024, "a record of more than 1024 bytes")
    r, f = Reader(value), {}
    f["key"] = r.take(91)
    check(f["key"][:27] == SPKI, "not a P-256 key")
    f["mesh"], f["sequence"], f["expires"] = r.string(64), r.uint(8), r.uint(8)
    f["addresses"], f["critical"] = r.list(8, lambda: r.string(300)), r.extensions()
    f["text"] = b" " * 64 + b"meshara/1 peer record\0" + value[:r.at]
    f["signature"] = r.blob(80)
    r.end()
    return f


def record_outcome(value):
    try:
        f = read_record(value)
    except Violation:
        return "malformed", {}
    if not verifies(f["key"], f["signature"], f["text"]):
        return "forged", {}
    told = {"id": hashlib.sha256(f["key"]).hexdigest(), "sequence": str(f["sequence"]), "expires": str(f["expires"])}
    return ("critical", {}) if f["critical"] else ("valid", told)


def prove_certificate(cert, folder):
    """The SPKI that a certificate proves, and its chain, after the checks 2 to 4 of section 3."""
    tbs, _, signature = der(der(cert)[0][1])
    fields = [f for f in der(tbs[1]) if f[0] != 0xA0]
    spki = fields[5][2]
    x, y = int.from_bytes(spki[-64:-32], "big"), int.from_bytes(spki[-32:], "big")
    if len(cert) > 4096 or len(spki) != 91 or spki[:27] != SPKI or max(x, y) >= P or (y * y - x**3 + 3 * x - B) % P:
        raise Closed("not a certificate of a P-256 key")
    chains = []
    for extension in der(der(fields[-1][1])[0][1]) if fields[-1][0] == 0xA3 else []:
        parts = der(extension[1])
        if parts[0][1] == SUCCESSORS:
            chains.append(read_chain(parts[-1][1], spki))
        if len(parts) == 3 and parts[1][1] != b"\0" and parts[0][1].hex() not in ("551d13", "551d0f", "551d25"):
            raise Closed("an unknown critical extension")
    files = [folder / name for name in ("peer.spki", "peer.sig", "peer.tbs")]
    for file, data in zip(files, (spki, signature[1][1:], tbs[2])):
        file.write_bytes(data)
    try:
        openssl("dgst", "-sha256", "-keyform", "DER", "-verify", files[0], "-signature", files[1], files[2])
    except subprocess.CalledProcessError:
        raise Closed("the certificate is not signed by its own key")
    if len(chains) > 1:
        raise Closed("two chains of successors")
    return hashlib.sha256(spki).digest(), chains[0] if chains else []


def dial(address, key, folder, pin):
    """TLS to the address: the socket, our id, the id of the other side."""
    own = hashlib.sha256(openssl("pkey", "-in", key, "-pubout", "-outform", "DER")).digest()
    certificate = folder / "certificate.pem"
    openssl("req", "-x509", "-new", "-sha256", "-days", "1", "-subj", "/CN=peer", "-key", key, "-out", certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the key is checked below, nothing else counts
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["meshara/1"])
    host, _, port = address.rpartition(":")
    sock = context.wrap_socket(socket.create_connection((host.strip("[]"), int(port)), 10))
    if sock.selected_alpn_protocol() != "meshara/1":
        raise Closed("no ALPN")
    # Python shows the chain only since 3.13.
    if len(getattr(sock, "get_unverified_chain", lambda: [0])()) != 1:
        raise Closed("more than one certificate")
    peer, chain = prove_certificate(sock.getpeercert(binary_form=True), folder)
    older = [hashlib.sha256(old).digest() for _, old, *_ in chain]
    succeeds = pin in older and chain_verifies(chain[older.index(pin):])
    if peer == own or (pin not in (None, peer) and not succeeds):
        raise Closed("own key" if peer == own else f"expected {pin.hex()}, found {peer.hex()}")
    return sock, own, peer


# ---- section 5.2: PROOF ----

def proof_key(secret, mesh):
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), b"meshara/1 secret\0" + mesh.encode(), 600_000, 32)


def make_proof(key, mesh, prover, verifier, prover_nonce, verifier_nonce):
    name = mesh.encode()
    text = b"meshara/1 proof\0" + bytes([len(name)]) + name + prover + verifier + prover_nonce + verifier_nonce
    return hmac.new(key, text, hashlib.sha256).digest()


# ---- the vectors ----

def outcome_of(stage, data):
    """What a receiver in this stage does with these bytes: (outcome, type, fields)."""
    try:
        if len(data) < 6:
            return "incomplete", None, None
        length, kind, flags = int.from_bytes(data[:4], "big"), data[4], data[5]
        known = check_header(stage, length, kind, flags)
        if len(data) < 6 + length:
            return "incomplete", None, None
        fields = decode(kind, flags, data[6:6 + length]) if known else None
        return ("ignore", None, None) if fields is None else ("accept", NAMES[kind], fields)
    except Violation:
        return "violation", None, None
    except Closed:
        return "close", None, None


def expand(text):
    return b"".join(bytes.fromhex(a) * int(n or 1) for a, _, n in (word.partition("*") for word in text.split()))


def as_written(value):
    if isinstance(value, (list, bytes)):
        return value.hex() if isinstance(value, bytes) else value
    return str(value).lower() if isinstance(value, bool) else str(value)


def run_vectors(folder):
    right, wrong = 0, []
    for file in sorted(pathlib.Path(folder).glob("*.json")):
        for v in json.loads(file.read_text(encoding="utf-8"))["vectors"]:
            if file.name == "proof.json":
                key, hexes = proof_key(v["secret"], v["mesh"]), ("prover_id", "verifier_id", "prover_nonce", "verifier_nonce")
                good = v["proof"] == make_proof(key, v["mesh"], *(bytes.fromhex(v[n]) for n in hexes)).hex()
            elif file.name == "successor.json":
                outcome, older = chain_outcome(bytes.fromhex(v["value"]), bytes.fromhex(v["key"]))
                good = outcome == v["outcome"] and older in (v.get("old_ids"), older if outcome != "valid" else None)
            elif file.name == "record.json":
                good = record_outcome(bytes.fromhex(v["value"])) == (v["outcome"], {n: v[n] for n in ("id", "sequence", "expires") if n in v})
            else:
                outcome, kind, fields = outcome_of(v["stage"], expand(v["frame"]))
                expected = dict(v.get("fields", {}))
                if "body" in expected:
                    expected["body"] = expand(expected["body"]).hex()
                got = {name: as_written(value) for name, value in (fields or {}).items()}
                good = (outcome, kind, got) == (v["outcome"], v.get("type"), expected)
            right += good
            wrong += [] if good else [v.get("name", v.get("comment"))]
    print(json.dumps({"right": right, "wrong": wrong}))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(run_vectors(sys.argv[1]))

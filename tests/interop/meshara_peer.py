#!/usr/bin/env python3
"""A second implementation of the Meshara wire protocol, written from specs/wire-protocol.md alone.

    meshara_peer.py --connect HOST:PORT --mesh NAME [--secret S] [--pin ID] [--key FILE] [--probe] STEP...

It dials, runs the steps one after the other and prints JSON lines; it exits with 0 when every step went well.
It answers requests on echo/1 (the body reversed), byte streams on pipe/1 (the same bytes) and takes messages on chat/1.

    message=PROTOCOL,TEXT         a message                    ping              PING, and its PONG
    acked=PROTOCOL,TEXT           the same, and its ACK        heard=EVENT,N     waits until N of them were printed
    request=PROTOCOL,SIZE,COUNT   COUNT requests at once       goodbye=CODE      GOODBYE, drain, DONE
    stream=PROTOCOL,SIZE          SIZE bytes there and back    serve             until the other side ends the link
    stop=PROTOCOL                 a stream, STOP_SENDING       raw=HEX           these bytes, as in the vectors
    cancel=PROTOCOL               a request, then RESET
"""
import argparse, collections, hashlib, hmac, json, os, pathlib, secrets, sys, tempfile, time
from meshara_wire import *

MAX_MESSAGE, INITIAL_WINDOW, MAX_OPEN = 1 << 20, 8192, 16  # ours; small, so that WINDOW and MAX_STREAMS matter


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


# ---- sections 5 to 8: the link ----

class Stream:
    def __init__(self, number, kind, protocol, mine, send_credit):
        self.id, self.kind, self.protocol, self.mine = number, kind, protocol, mine
        self.sends, self.receives = mine or kind != 0, not mine or kind != 0
        self.send_credit, self.receive_credit, self.owed = send_credit, INITIAL_WINDOW, 0
        self.queue = collections.deque()  # [bytes, flags of the last frame]
        self.sent_end, self.got_end = not self.sends, not self.receives
        self.sent_reset = self.was_reset = False
        self.body, self.acks, self.reset_code = bytearray(), [], None  # acks: codes in their order, None: still to come

    def over(self):
        return self.sent_end and self.got_end and (self.was_reset or None not in self.acks)


class Link:
    def __init__(self, sock, own, peer, options):
        self.sock, self.own, self.peer, self.options = sock, own, peer, options
        self.buffer, self.stage, self.begun, self.life, self.silent = b"", "first", 0, time.monotonic(), 0
        self.streams, self.next_mine, self.next_theirs, self.opened = {}, 0, 1, 0
        self.may_open, self.allowed, self.held_resets, self.next_reset = 0, MAX_OPEN, 0, 0
        self.pings, self.heard = [], collections.Counter()
        self.sent, self.got = set(), set()  # the types of frames that come once

    def tell(self, event, **more):
        self.heard[event] += 1
        say(event, **more)

    def send(self, kind, payload=b"", flags=0):
        self.sent.add(kind)
        self.sock.settimeout(10)
        self.sock.sendall(encode(kind, payload, flags))

    def receive(self, deadline):
        """The next known frame as (type, fields), or None at the deadline."""
        while True:
            while len(self.buffer) >= 6:
                length, kind, flags = int.from_bytes(self.buffer[:4], "big"), self.buffer[4], self.buffer[5]
                known = check_header(self.stage, length, kind, flags)
                if len(self.buffer) < 6 + length:
                    break
                payload, self.buffer = self.buffer[6:6 + length], self.buffer[6 + length:]
                self.begun = time.monotonic()
                if known:
                    self.life, self.silent = self.begun, 0
                    fields = decode(kind, flags, payload)
                    self.stage = {HELLO: "handshake", READY: "link", REFUSE: "link"}.get(kind, self.stage)
                    if fields is not None:
                        return kind, fields
            now = time.monotonic()
            if self.buffer and now > self.begun + 10:
                raise Closed("a frame was begun and not completed")
            if now >= deadline:
                return None
            self.sock.settimeout(min(deadline - now, 1))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                continue
            if not data:
                raise Closed("end of the stream")
            self.begun = self.begun if self.buffer else time.monotonic()
            self.buffer += data

    def refuse(self, code, message):
        self.send(REFUSE, varint(code) + bytes([0, 0, 0]) + blob(message.encode()) + b"\0")
        say("refused", by="us", code=code, message=message)
        self.drop()
        raise Closed("refused by us")

    def drop(self):
        """Discards what arrives until the peer closes or 1 s has passed."""
        end = time.monotonic() + 1
        try:
            while (left := end - time.monotonic()) > 0:
                self.sock.settimeout(left)
                if not self.sock.recv(65536):
                    return
        except OSError:
            pass

    def handshake(self, key):
        o, nonce, deadline = self.options, secrets.token_bytes(32), time.monotonic() + 5
        self.send(HELLO, b"".join((
            b"\0\1\0\1", self.own, blob(self.peer if o.pin else b""), secrets.token_bytes(16), nonce, bytes([o.probe]),
            (1 if key else 0).to_bytes(8, "big"), blob(o.mesh.encode()), blob(b"meshara_peer.py"), varint(0),
            varint(MAX_MESSAGE), varint(INITIAL_WINDOW), varint(MAX_OPEN), varint(0))))
        proof_due = proven = False
        while not {READY} <= self.sent & self.got:
            frame = self.receive(deadline)
            if frame is None:
                raise Closed("HELLO deadline")
            kind, f = frame
            check(kind not in self.got, f"a second {NAMES[kind]}")
            self.got.add(kind)
            if kind == HELLO:
                check(f["id"] == self.peer, "another id than in TLS")
                if f["expected_id"] not in (b"", self.own):
                    raise Closed("somebody else is expected")
                for wrong, code, what in (
                        (f["purpose"] > 1, 0, "purpose"), (f["min_version"] > 1, 8, "version"),
                        (f["mesh"] != o.mesh, 5, "mesh"), (f["critical"], 10, "extension")):
                    if wrong:
                        self.refuse(code, what)
                self.hello, self.may_open = f, f["max_streams"]
                proof_due = bool(key) and f["features"] & 1 == 1
                if proof_due:
                    self.send(PROOF, make_proof(key, o.mesh, self.own, self.peer, nonce, f["nonce"]))
            elif kind == PROOF:
                check(proof_due, "no PROOF is due")
                proof_due = False
                right = make_proof(key, o.mesh, self.peer, self.own, self.hello["nonce"], nonce)
                proven = hmac.compare_digest(f["proof"], right)
                say("proof", right=proven, zeros=not any(f["proof"]))
            elif kind == REFUSE:
                say("refused", by="peer", **{k: f[k] for k in ("code", "limit", "value", "message")})
                raise Closed("refused")
            elif kind == GOODBYE:
                raise Closed("GOODBYE instead of READY")
            else:
                check(kind == READY, f"{NAMES[kind]} before READY")
                proof_due = False
            if not proof_due and READY not in self.sent:
                if key and not proven and not o.pin:
                    self.refuse(4, "you do not know the secret")
                if self.own < self.peer or READY in self.got:  # S does not wait, G does
                    self.send(READY, b"\0")
        say("linked", id=self.own.hex(), peer=self.peer.hex(), agent=self.hello["agent"], role="S" if self.own < self.peer else "G")

    def pump(self, until, seconds=30):
        """Handles frames until something is true."""
        deadline = time.monotonic() + seconds
        while True:
            self.flush()
            if until():
                return
            frame = self.receive(min(deadline, time.monotonic() + 1))
            now = time.monotonic()
            if frame:
                self.handle(*frame)
            elif now > deadline:
                raise TimeoutError
            elif now > self.life + 15 + 10 * self.silent:
                if self.silent == 2:
                    raise Closed("the peer is silent")
                self.silent += 1
                self.ping()

    def ping(self):
        self.pings.append(secrets.token_bytes(8))
        self.send(PING, self.pings[-1])

    def open(self, kind, protocol):
        self.pump(lambda: self.opened < self.may_open)
        stream = Stream(self.next_mine, kind, protocol, True, self.hello["initial_window"])
        self.streams[stream.id] = stream
        self.next_mine, self.opened = self.next_mine + 2, self.opened + 1
        self.send(OPEN, varint(stream.id) + bytes([kind]) + blob(protocol.encode()) + b"\0")
        return stream

    def reset(self, stream, code):
        stream.sent_end = stream.sent_reset = stream.was_reset = True
        stream.queue.clear()
        self.send(RESET, varint(stream.id) + varint(code))

    def flush(self):
        """Sends what the credit allows; ends what is over."""
        for s in list(self.streams.values()):
            while s.queue and not s.sent_end and (s.send_credit > 32 or cost(*s.queue[0]) <= s.send_credit):
                body, last = s.queue[0]
                part = body[:min(max(s.send_credit - 32, 0), 16384)]
                flags = last if len(part) == len(body) else 0
                s.queue[0][0] = body[len(part):]
                s.send_credit -= cost(part, flags)
                if len(part) == len(body):
                    s.queue.popleft()
                s.sent_end = bool(flags & FIN)
                self.send(DATA, varint(s.id) + part, flags)
            if GOODBYE in self.sent and s.kind == 0 and s.mine and not s.queue and not s.sent_end:
                s.sent_end = True
                self.send(DATA, varint(s.id), FIN)
            # Half a window at a time. A byte stream gets it only after its echo has gone.
            if s.owed >= INITIAL_WINDOW // 2 and not s.got_end and (s.mine or not s.queue):
                self.send(WINDOW, varint(s.id) + varint(s.owed))
                s.receive_credit, s.owed = s.receive_credit + s.owed, 0
            if s.over():
                del self.streams[s.id]
                if not s.mine:
                    self.allowed += not s.was_reset
                    self.held_resets += s.was_reset
                    if not s.was_reset:
                        self.send(MAX_STREAMS, varint(self.allowed))
        if self.held_resets and time.monotonic() > self.next_reset:  # ten a second
            self.held_resets, self.allowed, self.next_reset = self.held_resets - 1, self.allowed + 1, time.monotonic() + 0.1
            self.send(MAX_STREAMS, varint(self.allowed))
        if {GOODBYE} <= self.sent & self.got and not self.streams and DONE not in self.sent:
            self.send(DONE)

    def handle(self, kind, f):
        if DONE in self.got:
            raise Closed("a frame after DONE")
        check(kind not in (HELLO, PROOF, READY, REFUSE), f"{NAMES[kind]} on a link")
        if kind == PING:
            if DONE not in self.sent:  # nothing follows DONE, not even an answer
                self.send(PONG, f["opaque"])
        elif kind == PONG:
            check(f["opaque"] in self.pings, "a PONG nobody asked for")
            self.pings = self.pings[self.pings.index(f["opaque"]) + 1:]
        elif kind == GOODBYE:
            if GOODBYE in self.got:
                raise Closed("a second GOODBYE")
            self.got.add(GOODBYE)
            self.tell("goodbye", code=f["code"], message=f["message"])
            if f["code"] == 4:
                raise Closed("we broke a rule")
            if GOODBYE not in self.sent:
                self.send(GOODBYE, varint(f["code"]) + b"\0\0")
        elif kind == DONE:
            if GOODBYE not in self.got or self.streams:
                raise Closed("DONE too early")
            self.got.add(DONE)
        elif kind == NOTICE:
            self.tell("notice", code=f["code"], message=f["message"])
        elif kind == MAX_STREAMS:
            self.may_open = max(self.may_open, f["count"])
        elif kind == OPEN:
            self.on_open(f)
        else:
            number = f["id"]
            check(number < (self.next_theirs if number & 1 else self.next_mine), f"{NAMES[kind]} on a stream never opened")
            if number in self.streams:
                getattr(self, "on_" + NAMES[kind].lower())(self.streams[number], f)
            else:
                check(kind != DATA, "DATA on a stream that is over")

    def on_open(self, f):
        check(f["id"] == self.next_theirs, "not the next id")
        check(f["id"] // 2 < self.allowed, "more streams than allowed")
        if GOODBYE in self.got:
            raise Closed("OPEN after GOODBYE")
        self.next_theirs += 2
        stream = self.streams[f["id"]] = Stream(f["id"], f["kind"], f["protocol"], False, self.hello["initial_window"])
        same = [s for s in self.streams.values() if not s.mine and (s.kind, s.protocol) == (0, f["protocol"])]
        if GOODBYE in self.sent:
            self.reset(stream, 9)
        elif f["kind"] > 2 or f["critical"] or len(same) > 1:
            self.reset(stream, 6)
        elif f["protocol"] != ("chat/1", "echo/1", "pipe/1")[f["kind"]]:
            self.reset(stream, 2)

    def on_data(self, s, f):
        flags = sum({"EOM": EOM, "FIN": FIN, "ACK": WANT_ACK}[n] for n in f["flags"])
        check(s.receives and not s.got_end, "DATA from a side that does not send")
        check(s.kind == 0 or not flags & EOM, "EOM on another kind")
        s.receive_credit -= f["cost"]
        check(s.receive_credit >= 0, "beyond credit")
        s.got_end = bool(flags & FIN)
        if s.sent_reset:
            return
        s.body += f["body"]
        s.owed += f["cost"]
        if s.kind < 2 and len(s.body) > MAX_MESSAGE:
            self.reset(s, 8)
        elif s.kind == 0 and flags & EOM:
            self.tell("message", protocol=s.protocol, text=s.body.decode(), acked=bool(flags & WANT_ACK))
            s.body.clear()
            if flags & WANT_ACK:
                self.send(ACK, varint(s.id) + varint(0))
        elif s.kind == 1 and not s.mine and s.got_end:
            self.tell("request", protocol=s.protocol, bytes=len(s.body))
            s.queue.append([bytes(s.body[::-1]), FIN])
        elif s.kind == 2 and not s.mine:
            s.queue.append([bytes(f["body"]), flags])
            if s.got_end:
                self.tell("stream", protocol=s.protocol, bytes=len(s.body))

    def on_reset(self, s, f):
        s.reset_code = f["code"]
        s.got_end = s.was_reset = True
        if not s.sent_end:
            self.reset(s, 0)

    def on_stop_sending(self, s, f):
        check(s.sends, "STOP_SENDING for a side that does not send")
        if not s.sent_end:
            s.queue.clear()
            s.queue.append([b"", FIN])

    def on_window(self, s, f):
        check(s.sends, "WINDOW for a side that does not send")
        s.send_credit += 0 if s.sent_end else f["increment"]
        check(s.send_credit <= TOP, "too much credit")

    def on_ack(self, s, f):
        check(s.kind == 0 and s.mine and None in s.acks, "an ACK nobody asked for")
        s.acks[s.acks.index(None)] = f["code"]


# ---- the script ----

def run(link, step):
    name, _, rest = step.partition("=")
    arguments = rest.split(",") if rest else []
    if name in ("message", "acked"):
        s = next((s for s in link.streams.values() if s.mine and (s.kind, s.protocol) == (0, arguments[0])), None)
        s = s or link.open(0, arguments[0])
        s.queue.append([arguments[1].encode(), EOM | (WANT_ACK if name == "acked" else 0)])
        s.acks += [None] if name == "acked" else []
        link.pump(lambda: not s.queue and None not in s.acks or s.was_reset)
        say("sent", step=step, ack=s.acks[-1] if name == "acked" and s.acks else None, reset=s.reset_code)
    elif name in ("request", "stream"):
        body = hashlib.shake_128(step.encode()).digest(int(arguments[1]))
        made = []
        for _ in range(int(arguments[2]) if len(arguments) > 2 else 1):
            made.append(link.open(1 if name == "request" else 2, arguments[0]))
            made[-1].queue.append([body, FIN])
        link.pump(lambda: all(s.over() for s in made))
        expected = body[::-1] if name == "request" else body
        say("answered", step=step, right=all(s.body == expected for s in made), reset=made[-1].reset_code)
    elif name == "cancel":
        s = link.open(1, arguments[0])
        link.reset(s, 1)
        link.pump(s.over)
        say("cancelled", reset=s.reset_code)
    elif name == "stop":
        s = link.open(2, arguments[0])
        link.send(STOP_SENDING, varint(s.id) + varint(1))
        link.pump(lambda: s.got_end)
        s.queue.append([b"the other direction lives", FIN])
        link.pump(s.over)
        say("stopped", reset=s.reset_code)
    elif name == "ping":
        link.ping()
        link.pump(lambda: not link.pings)
        say("pong")
    elif name == "heard":
        link.pump(lambda: link.heard[arguments[0]] >= int(arguments[1]))
    elif name == "raw":
        link.sock.sendall(expand(arguments[0]))
    elif name in ("goodbye", "serve"):
        if name == "goodbye" and GOODBYE not in link.sent:
            link.send(GOODBYE, varint(int((arguments or [0])[0])) + b"\0\0")
        link.pump(lambda: {DONE} <= link.sent & link.got)
        say("closed", clean=True)
    else:
        raise SystemExit(f"unknown step {step}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connect", required=True)
    parser.add_argument("--mesh", required=True)
    parser.add_argument("--secret")
    parser.add_argument("--pin", type=bytes.fromhex)
    parser.add_argument("--key", help="a P-256 key in PEM; without it a new one")
    parser.add_argument("--probe", action="store_true")
    parser.add_argument("steps", nargs="*")
    options = parser.parse_args()
    os.umask(0o077)
    link = None
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            key = options.key or folder / "identity.pem"
            if not options.key:
                openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key)
            secret = proof_key(options.secret, options.mesh) if options.secret else None
            link = Link(*dial(options.connect, key, folder, options.pin), options)
            link.handshake(secret)
            for step in options.steps:
                run(link, step)
            return 0
        except Violation as e:
            say("violation", detail=str(e))
            if link and HELLO in link.sent and not link.sent & {REFUSE, GOODBYE}:
                link.send(GOODBYE, varint(4) + b"\0" + blob(str(e).encode()[:256]))
                link.drop()
        except (Closed, OSError) as e:
            say("closed", clean=False, detail=f"{type(e).__name__}: {e}")
        finally:
            if link:
                link.sock.close()
    return 1


if __name__ == "__main__":
    sys.exit(main())

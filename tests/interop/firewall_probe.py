#!/usr/bin/env python3
"""What passes between two network namespaces: multicast DNS packets both ways and calls of port 4040.

firewall_probe.py INTERFACE listen         says `ready`, answers on 4040, echoes what it hears, ends with its input
firewall_probe.py INTERFACE ask IP4 IP6 EXPECTED
    EXPECTED has a letter each for in4 in6 out4 out6 call4 call6 (seen by the listener): P is waited for long, D a moment.
    Prints the same letters as they are.
"""
import socket
import struct
import sys
import threading
import time

LONG, SHORT = 20.0, 1.0
interface, mode = sys.argv[1], sys.argv[2]
index = socket.if_nametoindex(interface)
GROUPS = {socket.AF_INET: "224.0.0.251", socket.AF_INET6: "ff02::fb"}


def multicast(family):
    one = socket.socket(family, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET:
        one.bind(("", 5353))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("=4s4si", socket.inet_aton(GROUPS[family]), bytes(4), index))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", bytes(4), bytes(4), index))
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    else:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(("::", 5353))
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(family, GROUPS[family]) + struct.pack("=I", index))
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    return one


def send(one, family, text):
    try:
        one.sendto(text, (GROUPS[family], 5353) if family == socket.AF_INET else (GROUPS[family], 5353, 0, index))
    except OSError:
        pass  # A firewall of this machine says no.


# Which multicast reached the listener is told by a way that no rule here touches: its own standard output.
def listen():
    said = threading.Lock()

    def hear(family, one):
        def shout():
            while True:
                send(one, family, b"out")
                time.sleep(0.05)

        threading.Thread(target=shout, daemon=True).start()
        while True:
            one.recvfrom(100)
            with said:
                print(f"in{4 if family == socket.AF_INET else 6}", flush=True)

    def server(family, address):
        one = socket.socket(family, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, 4040))
        one.listen(8)
        return one

    def answer(one):
        while True:
            one.accept()[0].close()

    # All sockets first: what is sent after `ready` is heard.
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        threading.Thread(target=hear, args=(family, multicast(family)), daemon=True).start()
        threading.Thread(target=answer, args=(server(family, address),), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


def patience(letter):
    return SHORT if letter == "D" else LONG


def ask(ip4, ip6, expected):
    result = ["?"] * 6
    families = (socket.AF_INET, socket.AF_INET6)
    sockets = [multicast(family) for family in families]
    stop = threading.Event()

    def shout():
        while not stop.is_set():
            for family, one in zip(families, sockets):
                send(one, family, b"in")
            time.sleep(0.05)

    def hear(i):
        sockets[i].settimeout(patience(expected[2 + i]))
        try:
            sockets[i].recvfrom(100)
            result[2 + i] = "P"
        except TimeoutError:
            result[2 + i] = "D"

    def call(i):
        end = time.monotonic() + patience(expected[4 + i])
        result[4 + i] = "D"
        while result[4 + i] == "D" and time.monotonic() < end:
            try:
                socket.create_connection(((ip4, ip6)[i], 4040), timeout=end - time.monotonic()).close()
                result[4 + i] = "P"
            except OSError:
                time.sleep(0.05)

    threads = [threading.Thread(target=target, args=(i,)) for target in (hear, call) for i in (0, 1)]
    threading.Thread(target=shout, daemon=True).start()
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    # The listener's word for in4 and in6 is read by who started both, while packets go on.
    print("".join(result[2:]), flush=True)
    sys.stdin.read()
    stop.set()


if mode == "listen":
    listen()
else:
    ask(*sys.argv[3:6])

#!/usr/bin/python3
"""An ordinary DNS client that was told to ask 224.0.0.251 or ff02::fb port 5353 (RFC 6762 section 6.7): TYPE INTERFACE 4|6.

It asks for the pointers of TYPE.local from a port of its own, and says what the first answer is: source port, id, questions,
answers, additionals, the largest TTL, whether a cache-flush bit is set.
"""
import socket
import struct
import sys

QUERY_ID = 0x4D44


def skip_name(packet, at):
    while packet[at]:
        if packet[at] >= 0xC0:
            return at + 2
        at += 1 + packet[at]
    return at + 1


def main(kind, interface, family):
    index = socket.if_nametoindex(interface)
    name = b"".join(bytes([len(label)]) + label.encode() for label in f"{kind}.local".split(".")) + b"\0"
    query = struct.pack("!6H", QUERY_ID, 0, 1, 0, 0, 0) + name + struct.pack("!2H", 12, 1)
    if family == "4":
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack("=4s4si", b"\0" * 4, b"\0" * 4, index))
        client.sendto(query, ("224.0.0.251", 5353))
    else:
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        client.sendto(query, ("ff02::fb", 5353, 0, index))
    client.settimeout(20)
    packet, sender = client.recvfrom(9000)
    number, _, questions, answers, authorities, additionals = struct.unpack("!6H", packet[:12])
    at = 12
    for _ in range(questions):
        at = skip_name(packet, at) + 4
    ttls, flush = [], False
    for _ in range(answers + authorities + additionals):
        at = skip_name(packet, at)
        _, dns_class, ttl, size = struct.unpack("!HHIH", packet[at : at + 10])
        ttls.append(ttl)
        flush = flush or dns_class & 0x8000 != 0
        at += 10 + size
    same = "same id" if number == QUERY_ID else "other id"
    print(sender[1], same, questions, answers, additionals, max(ttls), "flush" if flush else "no flush", sep="\t")


if __name__ == "__main__":
    main(*sys.argv[1:])

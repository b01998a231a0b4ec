#!/usr/bin/python3
"""python-zeroconf as a host of multicast DNS, speaking to the tests as tests/Meshara.MdnsHost does.

Arguments: [4|6] [publish=NAME,TYPE,PORT[,KEY[=VALUE]...]] [browse=TYPE]
It says, parts separated by tabs: ready, published, added, updated, removed. The last part
is the time in seconds. It obeys: text KEY=VALUE, quit.
An instance name must have no dot: python-zeroconf takes each for the end of a label.
"""
import ipaddress
import subprocess
import sys
import threading
import time

import zeroconf
from zeroconf import IPVersion, ServiceBrowser, ServiceInfo, Zeroconf

SPEAKING = threading.Lock()


def say(*parts):
    with SPEAKING:
        print("\t".join(parts) + f"\t{time.monotonic():.6f}", flush=True)


def strings_of(text):
    """The strings of a TXT record as they were received, a space between them."""
    found = []
    while text:
        found.append(text[1 : 1 + text[0]].decode("utf-8", "backslashreplace"))
        text = text[1 + text[0] :]
    return " ".join(one for one in found if one)


def text_of(pairs):
    """The record itself, so that 'key' and 'key=' stay two things."""
    encoded = [pair.encode() for pair in pairs]
    return b"".join(bytes([len(one)]) + one for one in encoded) or b"\0"


def own_addresses(version):
    listing = subprocess.run(["ip", "-o", "addr", "show", "up"], capture_output=True, text=True, check=True).stdout
    found = [ipaddress.ip_interface(line.split()[3]).ip for line in listing.splitlines()]
    families = {IPVersion.V4Only: (4,), IPVersion.V6Only: (6,), IPVersion.All: (4, 6)}[version]
    return [str(one) for one in found if not one.is_loopback and one.version in families]


class Listener:
    def __init__(self, zc, suffix):
        self._zc = zc
        self._suffix = suffix

    def _tell(self, what, kind, name):
        instance = name[: -len("." + kind)]
        info = self._zc.get_service_info(kind, name, 5000)
        if info is None:
            say("unresolved", instance)
            return
        addresses = " ".join(info.parsed_scoped_addresses())
        say(what, instance, info.server.rstrip("."), str(info.port), addresses, strings_of(info.text))

    def add_service(self, _zc, kind, name):
        self._tell("added", kind, name)

    def update_service(self, _zc, kind, name):
        self._tell("updated", kind, name)

    def remove_service(self, _zc, kind, name):
        say("removed", name[: -len("." + kind)])


def main(arguments):
    version = IPVersion.V4Only if "4" in arguments else IPVersion.V6Only if "6" in arguments else IPVersion.All
    zc = Zeroconf(ip_version=version)
    say("ready", zeroconf.__version__)
    published = None
    for argument in arguments:
        if argument.startswith("browse="):
            kind = argument.partition("=")[2] + ".local."
            ServiceBrowser(zc, kind, listener=Listener(zc, kind))
        elif argument.startswith("publish="):
            name, kind, port, *pairs = argument.partition("=")[2].split(",")
            kind += ".local."
            published = ServiceInfo(
                kind, f"{name}.{kind}", port=int(port), properties=text_of(pairs),
                server="zeroconf-host.local.", parsed_addresses=own_addresses(version))
            zc.register_service(published, allow_name_change=True)
            say("published", published.name[: -len("." + kind)], published.server.rstrip("."))

    for line in sys.stdin:
        line = line.rstrip("\n")
        if line == "quit":
            break
        if line.startswith("text "):
            published._set_text(text_of(line[5:].split(",")))
            zc.update_service(published)
    zc.close()


if __name__ == "__main__":
    main(sys.argv[1:])

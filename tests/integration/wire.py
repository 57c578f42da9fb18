#!/usr/bin/env python3
"""A wire between two network namespaces that delays, loses and swallows packets, by address.

usage: wire.py --left NAMESPACE --right NAMESPACE --control FIFO [--seed N]

NAMESPACE is a file such as /proc/PID/ns/net. A TUN device `wire0` is made in each; what goes into one
comes out of the other. Lines that are written to the FIFO set what happens to packets from and to an
address of the right side, each way alike, from then on:

  ADDRESS [delay MS] [loss PERCENT] [late PERCENT] [cut] [flap SECONDS] [stale]

cut: nothing passes. flap: so long all passes and so long nothing, by turns, beginning with nothing. stale:
nothing of TCP connections that are not begun from then on, as when a router has forgotten them. late: so
many come half a second later.
What is not said is 0 and off. "*" is every address that has no line of its own. The kernel's netem
does the same, but is not in every kernel; TUN is."""
import argparse
import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import sys
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454ca, 1, 0x1000, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(descriptor):
    if LIBC.setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def open_tun(namespace):
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(namespace, os.O_RDONLY)
    enter(there)
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", b"wire0", IFF_TUN | IFF_NO_PI))
    enter(home)
    os.close(there)
    os.close(home)
    return tun


class Rule:
    def __init__(self, words):
        words = list(words)
        self.delay = self.loss = self.late = self.flap = 0
        self.cut = self.stale = False
        self.begun = set() # ports of the left side
        self.since = time.monotonic()
        while words:
            word = words.pop(0)
            if word in ("cut", "stale"):
                setattr(self, word, True)
            else:
                setattr(self, word, float(words.pop(0)))

    def is_of_old(self, packet, to_right):
        if packet[9] != socket.IPPROTO_TCP:
            return False
        at = (packet[0] & 15) * 4
        port, flags = packet[at:at + 2] if to_right else packet[at + 2:at + 4], packet[at + 13]
        if to_right and flags & 2: # SYN
            self.begun.add(port)
        return port not in self.begun

    def swallows(self, packet, to_right, now, rng):
        if self.flap and int((now - self.since) / self.flap) % 2 == 0:
            return True
        return self.cut or (self.stale and self.is_of_old(packet, to_right)) or rng.random() * 100 < self.loss


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--left", required=True)
    parser.add_argument("--right", required=True)
    parser.add_argument("--control", required=True)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    rng = random.Random(args.seed)
    rules, later, count, rest = {"*": Rule([])}, [], 0, ""
    left, right = open_tun(args.left), open_tun(args.right)
    control = os.open(args.control, os.O_RDWR | os.O_NONBLOCK)
    poll = select.poll()
    for descriptor in (left, right, control):
        poll.register(descriptor, select.POLLIN)
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        while later and later[0][0] <= now:
            _, _, to, packet = heapq.heappop(later)
            try:
                os.write(to, packet)
            except OSError:
                pass # full, or the device is down: lost, as on any wire
        wait = max(0.0, later[0][0] - time.monotonic()) * 1000 if later else None
        for descriptor, _ in poll.poll(wait if wait is None else int(wait + 0.3)):
            if descriptor == control:
                lines = (rest + os.read(control, 65536).decode()).split("\n")
                rest = lines.pop()
                for line in lines:
                    words = line.split()
                    rules[words[0]] = Rule(words[1:])
                continue
            for _ in range(64):
                try:
                    packet = os.read(descriptor, 65536)
                except BlockingIOError:
                    break
                if packet[0] >> 4 != 4:
                    continue
                address = socket.inet_ntoa(packet[16:20] if descriptor == left else packet[12:16])
                rule = rules.get(address, rules["*"])
                now = time.monotonic()
                if not rule.swallows(packet, descriptor == left, now, rng):
                    count += 1
                    pause = rule.delay / 1000 + (0.5 if rng.random() * 100 < rule.late else 0)
                    heapq.heappush(later, (now + pause, count,
                                           right if descriptor == left else left, packet))


if __name__ == "__main__":
    main()

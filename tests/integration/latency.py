#!/usr/bin/env python3
"""Asks for different names at a steady rate, whatever comes back when, and says how long answers took.

usage: latency.py ADDRESS PORT SUFFIX [--rate N] [--seconds N] [--grace N] [--log FILE]

Prints one line of KEY=VALUE: count, failed (no NOERROR answer within 6 s: counts as 6000 ms), and in
milliseconds p50, p95, p99, max, of the questions that were sent after the first --grace seconds. The
kernel says when an answer came, so that this program's own pauses do not count. --log: a line per
question: seconds since the start, milliseconds, response code."""
import argparse
import os
import select
import socket
import struct
import sys
import time

import dnswire

SO_TIMESTAMPNS, SOCKETS, PATIENCE = 35, 32, 6.0


def percentile(values, share):
    return values[min(len(values) - 1, int(len(values) * share))]


def take(sock, asked, done):
    while True:
        try:
            octets, notes, _, _ = sock.recvmsg(4096, 64)
        except BlockingIOError:
            return
        came = time.time_ns()
        for level, kind, data in notes:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = struct.unpack("qq", data[:16])
                came = seconds * 10**9 + nanoseconds
        sent = asked.pop((sock.fileno(), octets[:2]), None)
        if sent is not None:
            done.append((sent, (came - sent) / 1e6, octets[3] & 15))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("suffix")
    parser.add_argument("--rate", type=float, default=250)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--grace", type=float, default=0)
    parser.add_argument("--log")
    args = parser.parse_args()
    socks = []
    for _ in range(SOCKETS):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        sock.setblocking(False)
        sock.connect((args.address, args.port))
        socks.append(sock)
    run = os.urandom(4).hex()
    asked, done = {}, []
    start, wall = time.monotonic(), time.time_ns()
    total, number = int(args.rate * args.seconds), 0
    while number < total or (asked and time.monotonic() - start < args.seconds + PATIENCE):
        now = time.monotonic() - start
        while number < total and number / args.rate <= now:
            sock = socks[number % SOCKETS]
            ident = struct.pack("!H", number & 0xffff)
            asked[(sock.fileno(), ident)] = time.time_ns()
            sock.send(dnswire.question("q%d-%s.%s" % (number, run, args.suffix), 1, number & 0xffff,
                                       opt=dnswire.opt_record()))
            number += 1
        wait = max(0.0, number / args.rate - (time.monotonic() - start)) if number < total else 0.1
        for sock in select.select(socks, [], [], wait)[0]:
            take(sock, asked, done)
    done += [(sent, PATIENCE * 1000, None) for sent in asked.values()]
    done.sort()
    if args.log:
        with open(args.log, "w", encoding="ascii") as log:
            for sent, took, rcode in done:
                log.write("%.3f %.2f %s\n" % ((sent - wall) / 1e9, took, rcode))
    counted = [row for row in done if (row[0] - wall) / 1e9 >= args.grace]
    values = sorted(row[1] for row in counted)
    if not values:
        sys.exit("no question was sent")
    print("count=%d failed=%d p50=%.1f p95=%.1f p99=%.1f max=%.1f" % (
        len(values), sum(row[2] != 0 for row in counted), percentile(values, .5), percentile(values, .95),
        percentile(values, .99), values[-1]))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""An upstream that does what its questions say and writes down every one of them.

usage: fake_upstream.py --port N [--address A] [--log FILE] [--mode MODE] [--lower]
                        [--records FILE] [--seed N] [--tls CERTIFICATE KEY]

Every question is a line in the log: PROTOCOL ID PORT TYPE NAME-AS-SENT SECONDS FLAGS.
MODE: normal, servfail, refused, silent, formerr-edns (FORMERR to every question with EDNS),
mutate (answers with some octets changed, cut or repeated; --seed N). Liars, to every question:
wrongid (another id), wrongname (another question), flood (20 answers with other ids), garbage (records
that are cut), noise (random octets), truncate (TC=1 over UDP and TCP), truncate-close (TC=1, and TCP
connections are closed).
--lower: names come back in lower case. --records: lines NAME TTL TYPE RDATA (A, AAAA, CNAME,
DNAME, TXT), which go before everything else. --tls: connections are over TLS.

A label of the asked name says what happens:
  x-silent x-servfail x-refused x-nx x-nodata   as it says
  x-delay500     after 500 ms                    x-ttl1       TTL 1 instead of 300
  x-tc           TC=1 over UDP                   x-big3000    TXT of about 3000 octets
  x-wrongid      a forged answer with another id comes first; likewise x-wrongname, x-wrongcase,
  x-wrongport    (from another port)
  x-extra        records that do not belong to the question are added
  x-ad           AD=1                            x-garbage    the answer's records are cut
"""
import argparse
import heapq
import random
import selectors
import signal
import socket
import ssl
import struct
import sys
import threading
import time

import dnswire
from dnswire import TYPES

SOA = (dnswire.name_octets("ns.fake.test") + dnswire.name_octets("root.fake.test") +
       struct.pack("!5I", 1, 3600, 600, 86400, 60))


def record(owner, rtype, ttl, rdata):
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(rdata)) + rdata


def rdata_of(rtype, text):
    if rtype == TYPES["A"]:
        return socket.inet_pton(socket.AF_INET, text)
    if rtype == TYPES["AAAA"]:
        return socket.inet_pton(socket.AF_INET6, text)
    if rtype == TYPES["TXT"]:
        return bytes([len(text)]) + text.encode()
    return dnswire.name_octets(text)


def read_records(path):
    records = {}
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.strip():
                name, ttl, rtype, rdata = line.split(None, 3)
                number = dnswire.type_number(rtype)
                records.setdefault(name.rstrip(".").lower(), []).append(
                    (number, int(ttl), rdata_of(number, rdata.strip())))
    return records


class Question:
    def __init__(self, octets):
        self.id, self.flags = struct.unpack_from("!HH", octets)
        at = 12
        while octets[at]:
            at += 1 + octets[at]
        self.raw_name = octets[12:at + 1]
        self.type = struct.unpack_from("!H", octets, at + 1)[0]
        self.question = octets[12:at + 5]
        self.edns = len(octets) >= at + 16 and octets[at + 5] == 0
        self.size, self.do = 512, False
        if self.edns:
            self.size = struct.unpack_from("!H", octets, at + 8)[0]
            self.do = bool(octets[at + 12] & 0x80)
        labels, at = [], 0
        while self.raw_name[at]:
            labels.append(self.raw_name[at + 1:at + 1 + self.raw_name[at]].decode("latin-1"))
            at += 1 + self.raw_name[at]
        self.name = ".".join(labels)
        self.labels = [label.lower() for label in labels]

    def number(self, word):
        """The number behind a label, or None if there is no such label."""
        for label in self.labels:
            if label.startswith("x-" + word):
                return int(label[len(word) + 2:] or 0)
        return None

    def says(self, word):
        return "x-" + word in self.labels


class Upstream:
    def __init__(self, args):
        self.args = args
        self.tls = None
        if args.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*args.tls)
        self.log = None
        if args.log:
            open(args.log, "w").close()
            self.log = open(args.log, "a", buffering=1) # a test may empty it
        self.lock = threading.Lock()
        self.records = read_records(args.records) if args.records else {}
        self.forged_names = set()
        self.rng = random.Random(args.seed)

    def note(self, protocol, port, question):
        if self.log:
            with self.lock:
                self.log.write("%s %d %d %s %s %.3f %s%s\n" % (
                    protocol, question.id, port,
                    dnswire.TYPE_WORDS.get(question.type, question.type), question.name or ".",
                    time.monotonic(), "do" if question.do else "-",
                    "cd" if question.flags & dnswire.CD else ""))

    def static_records(self, question):
        """The records of the name, and those that its CNAMEs lead to within the file."""
        out, owner, name = b"", b"\xc0\x0c", question.name.lower()
        found = name in self.records
        for _ in range(20):
            rows = self.records.get(name, [])
            alias = [row for row in rows if row[0] == TYPES["CNAME"]]
            for rtype, ttl, rdata in alias or rows:
                if alias or rtype == question.type:
                    out += record(owner, rtype, ttl, rdata)
            if not alias or question.type == TYPES["CNAME"]:
                break
            owner = alias[0][2]
            name = dnswire.read_name(owner, 0)[0].rstrip(".").lower()
        return found, out, count_records(out)

    def answer(self, question, protocol):
        """Octets of the answer, or None."""
        mode = self.args.mode
        rcode, flags, answer, count = 0, 0x8000 | dnswire.RD | dnswire.RA, b"", 0
        authority, additional = [], []
        ttl = question.number("ttl")
        ttl = 300 if ttl is None else ttl
        found, static, static_count = self.static_records(question)
        big = question.number("big")
        if mode == "silent" or question.says("silent"):
            return None
        if mode == "servfail" or question.says("servfail"):
            rcode = 2
        elif mode == "refused" or question.says("refused"):
            rcode = 5
        elif mode == "formerr-edns" and question.edns:
            rcode = 1
        elif found:
            answer, count = static, static_count
        elif question.says("nx"):
            rcode = 3
        elif big is not None and question.type == TYPES["TXT"]:
            text = b"".join(b"\xff" + b"b" * 255 for _ in range(big // 256 + 1))
            answer, count = record(b"\xc0\x0c", TYPES["TXT"], ttl, text), 1
        elif question.type in (TYPES["A"], TYPES["AAAA"], TYPES["TXT"]) and not question.says("nodata"):
            rdata = {TYPES["A"]: socket.inet_aton("192.0.2.1"),
                     TYPES["AAAA"]: socket.inet_pton(socket.AF_INET6, "2001:db8::1"),
                     TYPES["TXT"]: b"\4text"}[question.type]
            answer, count = record(b"\xc0\x0c", question.type, ttl, rdata), 1
        if count == 0 and rcode in (0, 3):
            authority.append(record(dnswire.name_octets("fake.test") if not question.labels else
                                    dnswire.name_octets(question.labels[-1]), TYPES["SOA"], 300, SOA))
        if question.says("extra"):
            forged = record(dnswire.name_octets("victim.test"), TYPES["A"], 300, socket.inet_aton("203.0.113.66"))
            answer, count = answer + forged, count + 1
            authority.append(record(dnswire.name_octets("test"), TYPES["NS"], 300,
                                    dnswire.name_octets("ns.forged.test")))
            additional.append(forged)
        if question.says("ad"):
            flags |= dnswire.AD
        opt = dnswire.opt_record(1232, do=question.do) if question.edns and mode != "formerr-edns" else b""
        name = question.question.lower() if self.args.lower else question.question
        out = (struct.pack("!HHHHHH", question.id, flags | rcode, 1, count, len(authority),
                           len(additional) + (1 if opt else 0)) +
               name + answer + b"".join(authority) + b"".join(additional) + opt)
        if protocol == "udp" and (question.says("tc") or len(out) > question.size):
            out = struct.pack("!HHHHHH", question.id, flags | dnswire.TC, 1, 0, 0, 1 if opt else 0) + name + opt
        if question.says("garbage"):
            out = out[:-5]
        if mode == "mutate":
            out = self.mutate(out)
        return self.lie(question, out)

    def lie(self, question, out):
        mode = self.args.mode
        if mode in ("wrongid", "flood"):
            out = struct.pack("!H", question.id ^ 0x5555) + out[2:]
        elif mode == "wrongname":
            out = out[:13] + bytes([out[13] ^ 1]) + out[14:]
        elif mode == "garbage":
            out = out[:-5]
        elif mode == "noise":
            out = bytes(self.rng.randrange(256) for _ in range(self.rng.randrange(2, 200)))
        elif mode in ("truncate", "truncate-close"):
            out = (struct.pack("!HHHHHH", question.id, 0x8180 | dnswire.TC, 1, 0, 0, 0) +
                   question.question)
        return out

    def mutate(self, out):
        """Behind the id, so that it is looked at."""
        octets = bytearray(out)
        for _ in range(self.rng.choice((0, 1, 1, 2, 4, 8))):
            at = self.rng.randrange(2, len(octets))
            octets[at] = self.rng.choice((0, 1, 0x3f, 0x40, 0xc0, 0x0c, 0xff, self.rng.randrange(256)))
        what = self.rng.randrange(10)
        if what == 0:
            del octets[self.rng.randrange(12, len(octets)):]
        elif what == 1:
            octets += octets[self.rng.randrange(12, len(octets)):]
        return bytes(octets)

    def forged(self, question):
        """Answers that must not be believed, to be sent before the right one."""
        def forge(ident, name):
            return (struct.pack("!HHHHHH", ident, 0x8180, 1, 1, 0, 0) + name + question.question[-4:] +
                    record(b"\xc0\x0c", TYPES["A"], 300, socket.inet_aton("203.0.113.66")))
        if question.says("wrongid"):
            return [forge((question.id + 1 + i) & 0xffff, question.raw_name) for i in range(3)]
        if question.says("wrongname"):
            return [forge(question.id, dnswire.name_octets("other.test"))]
        if question.says("wrongcase"):
            # Once a name: again and again would be the way of this server, not a forger's.
            if question.name.lower() in self.forged_names:
                return []
            self.forged_names.add(question.name.lower())
            return [forge(question.id, bytes(question.raw_name).swapcase())]
        return []


def count_records(octets):
    at, count = 0, 0
    while at < len(octets):
        while octets[at] and octets[at] & 0xc0 != 0xc0:
            at += 1 + octets[at]
        at += 2 if octets[at] & 0xc0 else 1
        at += 10 + struct.unpack_from("!H", octets, at + 8)[0]
        count += 1
    return count


def serve_connection(upstream, sock, port):
    with sock:
        try:
            if upstream.tls:
                sock = upstream.tls.wrap_socket(sock, server_side=True)
            stream = sock.makefile("rb")
            while True:
                head = stream.read(2)
                if len(head) < 2:
                    return
                question = Question(stream.read(struct.unpack("!H", head)[0]))
                upstream.note("tcp", port, question)
                if upstream.args.mode == "truncate-close":
                    return
                delay = question.number("delay")
                if delay:
                    time.sleep(delay / 1000)
                out = upstream.answer(question, "tcp")
                if out is not None:
                    sock.sendall(struct.pack("!H", len(out)) + out)
        except (OSError, IndexError, struct.error):
            return


def accept_all(upstream, listener):
    while True:
        sock, peer = listener.accept()
        threading.Thread(target=serve_connection, args=(upstream, sock, peer[1]), daemon=True).start()


def serve_datagrams(upstream, sock, other):
    """other: a socket on another port, for forgeries from there."""
    selector = selectors.DefaultSelector()
    selector.register(sock, selectors.EVENT_READ)
    later = []
    while True:
        wait = max(0, later[0][0] - time.monotonic()) if later else None
        ready = selector.select(wait)
        while later and later[0][0] <= time.monotonic():
            _, _, octets, to = heapq.heappop(later)
            sock.sendto(octets, to)
        if not ready:
            continue
        for _ in range(64):
            try:
                octets, peer = sock.recvfrom(4096)
                question = Question(octets)
            except BlockingIOError:
                break
            except (IndexError, struct.error):
                continue
            upstream.note("udp", peer[1], question)
            out = upstream.answer(question, "udp")
            delay = question.number("delay") or 0
            for forgery in upstream.forged(question):
                sock.sendto(forgery, peer)
                delay = max(delay, 100)
            if question.says("wrongport"):
                other.sendto(out.replace(socket.inet_aton("192.0.2.1"), socket.inet_aton("203.0.113.66")), peer)
                delay = max(delay, 100)
            if out is None:
                continue
            for _ in range(19 if upstream.args.mode == "flood" else 0):
                sock.sendto(out, peer)
            if delay:
                heapq.heappush(later, (time.monotonic() + delay / 1000, random.random(), out, peer))
            else:
                sock.sendto(out, peer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--address", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--log")
    parser.add_argument("--mode", default="normal")
    parser.add_argument("--lower", action="store_true")
    parser.add_argument("--records")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tls", nargs=2)
    args = parser.parse_args()
    upstream = Upstream(args)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listener = socket.create_server((args.address, args.port), backlog=64)
    threading.Thread(target=accept_all, args=(upstream, listener), daemon=True).start()
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind((args.address, args.port))
    sock.setblocking(False)
    other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    other.bind((args.address, 0))
    print("ready", flush=True)
    serve_datagrams(upstream, sock, other)


if __name__ == "__main__":
    main()

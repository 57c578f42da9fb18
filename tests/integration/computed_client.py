#!/usr/bin/env python3
"""Asks cordond at random, over UDP and TCP, and compares every answer with what computed.py says.

usage: computed_client.py PORT --seconds N [--seed N] [--names N] [--lanes N]

Names, letter case, types, DO, CD, AD, EDNS and its options are drawn. What is checked: id, question as it was asked, flags,
rcode, each record and its order, where names point, options, size; that no TTL is above its owner's or above what is left
of it, and no answer older. Names below b0.blocked.test are listed, those below b1 and b2 now and then.

Prints each wrong answer, and how many there were of which sort. Exit status 1: one was wrong."""
import argparse
import collections
import os
import random
import selectors
import socket
import struct
import sys
import time

import computed
import dnswire
from dnswire import TYPES

A, AAAA = TYPES["A"], TYPES["AAAA"]
SINKHOLES = {A: bytes(4), AAAA: bytes(16)}
BADVERS, NOERROR = 16, 0
EDNS_MOST = 1232  # server.udp-size
PATIENCE_S = 20
NAME_AT = {TYPES["CNAME"]: 0, TYPES["PTR"]: 0, TYPES["MX"]: 2, TYPES["SRV"]: 6}  # in rdata
COOKIE, KEEPALIVE, PADDING, ECS, NSID, EDE = 10, 11, 12, 8, 3, 15


class Wrong(Exception):
    pass


def need(holds, words):
    if not holds:
        raise Wrong(words)


class Question:
    def __init__(self, chance, names, tcp):
        number = int(names * chance.random() ** 3)
        self.sort = computed.KINDS[number % len(computed.KINDS)]
        self.name = "n%d.%s.model.test" % (number, self.sort)
        if chance.random() < 0.06:
            self.sort = "blocked"
            self.name = "n%d.b%d.blocked.test" % (number, chance.randrange(3))
        self.tcp, self.type, self.id = tcp, chance.choice(computed.QTYPES), chance.randrange(65536)
        self.cd, self.edns = chance.random() < 0.25, chance.random() < 0.8
        self.do = self.edns and chance.random() < 0.4
        self.version = int(self.edns and chance.random() < 0.01)
        self.size = chance.choice([0, 511, 512, 700, 1232, 1400, 4096, 65535])
        self.cookie = None
        flags = dnswire.RD | (dnswire.CD if self.cd else 0) | (dnswire.AD if chance.random() < 0.3 else 0)
        cased = "".join(c.upper() if chance.random() < 0.5 else c for c in self.name)
        self.section = dnswire.name_octets(cased) + struct.pack("!HH", self.type, 1)
        opt = b""
        if self.edns:
            opt = dnswire.opt_record(self.size, self.version, self.do, self.draw_options(chance))
        self.octets = dnswire.question(dnswire.name_octets(cased), self.type, self.id, flags, opt=opt)
        self.sent = time.time()

    def draw_options(self, chance):
        octets = b""
        for _ in range(chance.randrange(4)):
            sort = chance.randrange(6)
            if sort == 0 and self.cookie is None:
                self.cookie = os.urandom(8)
                octets += dnswire.option(COOKIE, self.cookie)
            elif sort == 1:
                octets += dnswire.option(PADDING, bytes(20))
            elif sort == 2:
                octets += dnswire.option(65001 + chance.randrange(400), os.urandom(6))
            elif sort == 3:
                octets += dnswire.option(NSID, b"")
            elif sort == 4:
                octets += dnswire.option(ECS, struct.pack("!HBB", 1, 24, 0) + b"\xc0\0\2")
            elif sort == 5 and self.tcp:
                octets += dnswire.option(KEEPALIVE, b"")
        return octets

    def __str__(self):
        return "%s: type %d, CD %d, EDNS %d, DO %d, %s, asked %s" % (
            self.name, self.type, self.cd, self.edns, self.do, "TCP" if self.tcp else "UDP", self.octets.hex())


def read_name(octets, at):
    """(name in lower case, place behind it): pointers go back, to a name that has begun before."""
    labels, behind, floor = [], None, len(octets)
    while octets[at] != 0:
        if octets[at] & 0xc0 == 0xc0:
            target = struct.unpack_from("!H", octets, at)[0] & 0x3fff
            behind = at + 2 if behind is None else behind
            need(12 <= target < min(at, floor), "a pointer does not go back")
            at = floor = target
        else:
            need(octets[at] & 0xc0 == 0, "a label of another sort")
            labels.append(octets[at + 1:at + 1 + octets[at]].decode("latin-1").lower())
            at += 1 + octets[at]
    return ".".join(labels), at + 1 if behind is None else behind


def plain_rdata(octets, rtype, at, end):
    """Rdata without pointers."""
    if rtype == TYPES["SOA"]:
        first, behind = read_name(octets, at)
        second, behind = read_name(octets, behind)
        need(behind + 20 == end, "the length of an SOA")
        return dnswire.name_octets(first) + dnswire.name_octets(second) + octets[behind:end]
    if rtype not in NAME_AT:
        return octets[at:end]
    name, behind = read_name(octets, at + NAME_AT[rtype])
    need(behind == end, "the length of type %d" % rtype)
    return octets[at:at + NAME_AT[rtype]] + dnswire.name_octets(name)


class Answer:
    def __init__(self, octets, question):
        self.octets, self.at = octets, 12 + len(question.section)
        self.id, self.flags, questions, *counts = struct.unpack_from("!6H", octets)
        need(questions == 1 and octets[12:self.at] == question.section, "the question is another")
        self.answer, self.authority, extra = [self.read(count) for count in counts]
        need(self.at == len(octets), "octets behind the end")
        opts = [record for record in extra if record[1] == TYPES["OPT"]]
        need(len(extra) == len(opts) == int(question.edns), "the additional section")
        self.rcode, self.options, self.opt = self.flags & 15, [], None
        for opt in opts:
            self.read_opt(*opt)

    def read(self, count):
        records = []
        for _ in range(count):
            owner, at = read_name(self.octets, self.at)
            rtype, rclass, ttl, length = struct.unpack_from("!HHIH", self.octets, at)
            self.at = at + 10 + length
            need(self.at <= len(self.octets), "a record is cut")
            records.append((owner, rtype, rclass, ttl, plain_rdata(self.octets, rtype, at + 10, self.at)))
        return records

    def read_opt(self, owner, _, size, ttl, rdata):
        need(owner == "" and size == EDNS_MOST, "the owner or size of OPT")
        self.rcode |= ttl >> 24 << 4
        self.opt = ttl & 0xffffff
        while rdata:
            code, length = struct.unpack_from("!HH", rdata)
            need(len(rdata) >= 4 + length, "an option is cut")
            self.options.append((code, rdata[4:4 + length]))
            rdata = rdata[4 + length:]

    def has_ede(self, *codes):
        return any(code == EDE and struct.unpack_from("!H", value)[0] in codes for code, value in self.options)


class Client:
    def __init__(self, arguments):
        self.arguments, self.chance = arguments, random.Random(arguments.seed)
        self.chooser, self.pending = selectors.DefaultSelector(), {}
        self.counts, self.longest_s, self.asked, self.wrong = collections.Counter(), 0.0, 0, 0

    # --- what is right

    def check_options(self, question, answer):
        need(answer.opt in (None, 0x8000 if question.do else 0), "OPT %06x" % (answer.opt or 0))
        codes = [code for code, _ in answer.options]
        need(len(codes) == len(set(codes)), "an option twice")
        for code, value in answer.options:
            if code == COOKIE:
                need(question.cookie is not None and len(value) == 24 and value[:8] == question.cookie, "the cookie")
            else:
                need(code == EDE or code == KEEPALIVE and question.tcp, "option %d" % code)
        need(question.cookie is None or COOKIE in codes or question.version > 0, "no cookie")

    def check_blocked(self, question, answer):
        word = question.name.split(".")[1]
        data = [record[4] for record in answer.answer]
        if answer.rcode == NOERROR and data == [SINKHOLES[question.type]] * (question.type in SINKHOLES) \
                if question.type in SINKHOLES else answer.rcode == NOERROR and not data:
            need(not question.edns or answer.has_ede(4, 15), "blocked, and does not say so")
            return word + " blocked"
        need(word != "b0", "not blocked")
        need(answer.rcode == computed.NXDOMAIN and not data, "neither blocked nor what the upstream says")
        return word + " let through"

    def check_alias(self, question, answer):
        data = [record[4] for record in answer.answer if record[1] == question.type]
        need(answer.rcode == NOERROR and data == [SINKHOLES[question.type]] * (question.type in SINKHOLES)
             if question.type in SINKHOLES else not data, "the alias of a listed name")
        return "alias blocked"

    def check_records(self, question, got, expected):
        need(len(got) == len(expected), "%d records, not %d" % (len(got), len(expected)))
        # No clock tells how long an answer was on its way to the cache: no longer than the longest that anybody waited.
        slack = 1 + 2 * self.longest_s
        for (owner, rtype, rclass, ttl, rdata), (owner_is, type_is, ttl_is, rdata_is) in zip(got, expected):
            need((owner, rtype, rclass) == (owner_is, type_is, 1), "%s %d, not %s %d" % (owner, rtype, owner_is, type_is))
            octets, made = computed.made_at(rtype, rdata_is, rdata)
            need(rdata == octets, "rdata %s, not %s" % (rdata.hex(), octets.hex()))
            need(ttl <= ttl_is, "TTL %d of %d" % (ttl, ttl_is))
            if made is not None:
                age = question.sent - made
                need(age <= ttl_is + slack, "%.1f s old, and its TTL was %d" % (age, ttl_is))
                need(ttl <= ttl_is - age + slack, "TTL %d of %d after %.1f s" % (ttl, ttl_is, age))
                self.counts["aged"] += age > 1

    def check(self, question, octets):
        """What sort of answer it is."""
        answer = Answer(octets, question)
        same = dnswire.RD | dnswire.CD
        need(answer.id == question.id and answer.flags & ~(dnswire.TC | 15) ==
             dnswire.QR | dnswire.RA | struct.unpack_from("!H", question.octets, 2)[0] & same, "flags %04x" % answer.flags)
        self.check_options(question, answer)
        most = 65535 if question.tcp else min(max(question.size, 512), EDNS_MOST) if question.edns else 512
        need(len(octets) <= most, "%d octets, not %d at most" % (len(octets), most))
        if question.version > 0:
            need(answer.rcode == BADVERS and not answer.answer, "another version of EDNS")
            return "BADVERS"
        if question.sort == "blocked":
            return self.check_blocked(question, answer)
        if answer.rcode == computed.SERVFAIL and question.sort != "bogus":
            return "SERVFAIL" # a machine that is slow enough
        if answer.flags & dnswire.TC:
            need(not question.tcp and not answer.answer and not answer.authority, "truncated, with records or over TCP")
            return "truncated"
        if question.sort == "bad":
            return self.check_alias(question, answer)
        rcode, expected, authority = computed.answer_of(question.name, question.type, question.do, question.cd)
        need(answer.rcode == rcode, "rcode %d, not %d" % (answer.rcode, rcode))
        self.check_records(question, answer.answer, expected)
        self.check_records(question, answer.authority, authority)
        return question.sort + (" over TCP" if question.tcp else "")

    # --- asking

    def open(self, tcp):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        sock.settimeout(PATIENCE_S)
        sock.connect(("127.0.0.1", self.arguments.port))
        self.chooser.register(sock, selectors.EVENT_READ, [tcp, b""])
        self.send(sock, tcp)

    def send(self, sock, tcp):
        question = self.pending[sock] = Question(self.chance, self.arguments.names, tcp)
        sock.sendall((struct.pack("!H", len(question.octets)) if tcp else b"") + question.octets)

    def receive(self, sock, lane):
        """An answer, or None."""
        try:
            got = sock.recv(65536)
        except OSError:
            got = b""
        if not lane[0]:
            return got if got[:2] == struct.pack("!H", self.pending[sock].id) else None
        if not got: # the connection is closed, as cordond may
            self.chooser.unregister(sock)
            sock.close()
            del self.pending[sock]
            self.counts["closed"] += 1
            self.open(True)
            return None
        lane[1] += got
        if len(lane[1]) < 2 or len(lane[1]) < 2 + struct.unpack_from("!H", lane[1])[0]:
            return None
        octets, lane[1] = lane[1][2:], b""
        return octets

    def take(self, sock, octets):
        question = self.pending[sock]
        self.asked += 1
        self.longest_s = max(self.longest_s, time.time() - question.sent)
        try:
            self.counts[self.check(question, octets)] += 1
        except (Wrong, struct.error, IndexError, ValueError) as fault:
            self.wrong += 1
            if self.wrong <= 10:
                print("WRONG: %s: %s\n  got %s" % (fault, question, octets.hex()), flush=True)

    def run(self):
        for i in range(self.arguments.lanes):
            self.open(i % 5 == 0)
        until = time.time() + self.arguments.seconds
        while time.time() < until:
            for key, _ in self.chooser.select(0.5):
                octets = self.receive(key.fileobj, key.data)
                if octets is not None:
                    self.take(key.fileobj, octets)
                    self.send(key.fileobj, key.data[0])
            for sock, question in list(self.pending.items()):
                if time.time() - question.sent > PATIENCE_S:
                    self.counts["lost"] += 1
                    self.send(sock, question.tcp)
        words = ", ".join("%s %d" % pair for pair in sorted(self.counts.items()))
        print("asked %d, wrong %d, seed %d: %s" % (self.asked, self.wrong, self.arguments.seed, words))
        return 1 if self.wrong > 0 else 0


parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("--seconds", type=float, required=True)
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--names", type=int, default=3000)
parser.add_argument("--lanes", type=int, default=40)
sys.exit(Client(parser.parse_args()).run())

#!/usr/bin/env python3
"""Asks every name of acceptance/*.tsv and checks what becomes of it.

usage: acceptance.py ADDRESS PORT FOLDER
block: the sinkhole; log and neighbours: the upstream's answer (192.0.2.1). Prints what the events
must show, one row a name: "NAME EXPECTED LIST"."""
import os
import socket
import struct
import sys

import dnswire
from dnswire import TYPES, opt_record, question

FORGED = 4


def rows(path, columns):
    with open(path, encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("#"):
                yield line.split("\t")[:columns]


class Asker:
    def __init__(self, address):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(6)
        self.sock.connect(address)
        self.ident = 0

    def ask(self, name):
        self.ident = (self.ident + 1) & 0xffff
        self.sock.send(question(name, TYPES["A"], self.ident, opt=opt_record()))
        while True:
            message = dnswire.Message(self.sock.recv(65535))
            if message.id == self.ident:
                return message


def fault_of(message, expected):
    addresses = [record[5] for record in message.records if record[0] == 1]
    codes = [code for code, _ in message.ede()]
    if expected == "block":
        if addresses != ["0.0.0.0"] or codes != [FORGED]:
            return "is not blocked: %s %s %s" % (message.rcode_word(), addresses, message.ede())
    elif addresses != ["192.0.2.1"] or codes:
        return "is not let through: %s %s %s" % (message.rcode_word(), addresses, message.ede())
    return None


def main():
    asker = Asker((sys.argv[1], int(sys.argv[2])))
    faults = counts = 0
    endpoints = list(rows(os.path.join(sys.argv[3], "endpoints.tsv"), 3))
    neighbours = [(name, "-", "free") for name, _ in rows(os.path.join(sys.argv[3], "neighbours.tsv"), 2)]
    if len(endpoints) < 300 or len(neighbours) < 100:
        print("only %d endpoints and %d neighbours" % (len(endpoints), len(neighbours)), file=sys.stderr)
        return 1
    for name, listed, expected in endpoints + neighbours:
        if expected not in ("block", "log", "free"):
            print("%s: what is '%s'?" % (name, expected), file=sys.stderr)
            return 1
        fault = fault_of(asker.ask(name), expected)
        counts += 1
        if fault:
            print("%s (%s, %s) %s" % (name, listed, expected, fault), file=sys.stderr)
            faults += 1
        print(name, expected, listed)
    print("   %d endpoints and %d neighbours, %d faults" % (len(endpoints), len(neighbours), faults),
          file=sys.stderr)
    return 1 if faults or not counts else 0


if __name__ == "__main__":
    sys.exit(main())

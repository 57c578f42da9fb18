#!/usr/bin/env python3
"""Asks questions and prints what came, one fact a line, for grep in the tests.

usage: ask.py ADDRESS PORT NAME [TYPE] [OPTION...]   asks once and prints
       ask.py ADDRESS PORT --table                   reads rows from standard input
       ask.py --serve                                for lib.sh: does what it is told, many times

The single line "none" stands for no answer in time, "closed" for a TCP connection that was
closed without one. A row of a table is
    NAME TYPE [OPTION...] | REGEX | REGEX | !REGEX ...
where each REGEX must match a whole line, and each after ! none. A row "# words" is printed. The
first row that is not met ends it with exit status 1.

With --serve, words end with the octet 0x1f, commands and replies with 0. A command is
    ask ADDRESS PORT NAME [TYPE] [OPTION...]
    value FILE EXPRESSION        of Python, in s or d, the JSON document in FILE
    status FILE EXPRESSION       the same of the status document; before it "late " if the figures of a
                                 worker are not those of now, else "whole "
    lines FILE EXPRESSION        how many lines of FILE, each a JSON document e, are so
and a reply + with what was asked for, or - with what is wrong."""
import argparse
import json
import os
import re
import shlex
import socket
import struct
import sys
import time

import dnswire


def arguments_of_question():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("name")
    parser.add_argument("type", nargs="?", default="A")
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--do", action="store_true")
    parser.add_argument("--cd", action="store_true")
    parser.add_argument("--ad", action="store_true")
    parser.add_argument("--no-rd", action="store_true")
    parser.add_argument("--no-edns", action="store_true")
    parser.add_argument("--edns-version", type=int, default=0)
    parser.add_argument("--size", type=int, default=1232)
    parser.add_argument("--class", dest="qclass", default="IN")
    parser.add_argument("--opcode", type=int, default=0)
    parser.add_argument("--keepalive", action="store_true")
    parser.add_argument("--cookie", help="hexadecimal")
    parser.add_argument("--source", help="address to ask from")
    parser.add_argument("--at", help="another address to ask")
    parser.add_argument("--timeout", type=float, default=6)
    return parser


def receive_exactly(sock, length):
    octets = b""
    while len(octets) < length:
        more = sock.recv(length - len(octets))
        if not more:
            raise ConnectionResetError
        octets += more
    return octets


def message_of(args, ident):
    options = dnswire.option(dnswire.KEEPALIVE, b"") if args.keepalive else b""
    if args.cookie:
        options += dnswire.option(dnswire.COOKIE, bytes.fromhex(args.cookie))
    opt = b"" if args.no_edns else dnswire.opt_record(args.size, args.edns_version, args.do,
                                                      options)
    flags = (args.opcode << 11 | (0 if args.no_rd else dnswire.RD) |
             (dnswire.CD if args.cd else 0) | (dnswire.AD if args.ad else 0))
    return dnswire.question(args.name, dnswire.type_number(args.type), ident, flags,
                            dnswire.CLASSES[args.qclass], opt)


def exchange(address, port, args, octets):
    """The octets of the answer, or a word."""
    address = args.at or address
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if args.tcp else socket.SOCK_DGRAM) as sock:
        sock.settimeout(args.timeout)
        if args.source:
            sock.bind((args.source, 0))
        try:
            # A connected UDP socket takes answers only from the address that was asked.
            sock.connect((address, port))
            if not args.tcp:
                sock.sendall(octets)
                return sock.recv(65535)
            sock.sendall(struct.pack("!H", len(octets)) + octets)
            return receive_exactly(sock, struct.unpack("!H", receive_exactly(sock, 2))[0])
        except socket.timeout:
            return "none"
        except OSError:
            return "closed" if args.tcp else "unreachable"


def ask(address, port, args):
    ident = int.from_bytes(os.urandom(2), "big")
    began = time.monotonic()
    answer = exchange(address, port, args, message_of(args, ident))
    took = "milliseconds %d" % ((time.monotonic() - began) * 1000)
    if isinstance(answer, str):
        return [answer]
    try:
        message = dnswire.Message(answer)
    except (ValueError, IndexError, struct.error) as error:
        return ["malformed: %s: %s" % (error, answer.hex())]
    if message.id != ident or not message.flags & dnswire.QR:
        return ["malformed: wrong id, or not a response"]
    return list(message.lines()) + [took]


def check_row(address, port, row):
    """None, or what is wrong."""
    question, *patterns = [part.strip() for part in row.split(" | ")]
    lines = ask(address, port, arguments_of_question().parse_args(shlex.split(question)))
    for pattern in patterns:
        wanted = not pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        if any(re.fullmatch(pattern, line) for line in lines) != wanted:
            return "asked %s: %s line '%s' in:\n  %s" % (question, "no" if wanted else "a", pattern,
                                                         "\n  ".join(lines))
    return None


def check_table(address, port):
    rows = 0
    for row in sys.stdin:
        row = row.strip()
        if row.startswith("#"):
            print("   " + row.lstrip("# "), flush=True)
        elif row:
            fault = check_row(address, port, row)
            if fault is not None:
                print(fault)
                return 1
            rows += 1
    print("   %d questions answered as they should be" % rows)
    return 0 if rows > 0 else 1


def serve():
    unread = b""
    while more := os.read(0, 65536):
        *commands, unread = (unread + more).split(b"\0")
        for command in commands:
            word, *words = command.decode("utf-8", "surrogateescape").split("\x1f")[:-1]
            try:
                if word == "ask":
                    reply = "\n".join(ask(words[0], int(words[1]), arguments_of_question().parse_args(words[2:])))
                elif word in ("value", "status"):
                    with open(words[0], encoding="utf-8") as file:
                        document = json.load(file)
                    reply = str(eval(words[1], {"s": document, "d": document}))
                    if word == "status":
                        late = document.get("workers_reported", 0) < document.get("workers", 0)
                        reply = ("late " if late else "whole ") + reply
                elif word == "lines":
                    code = compile(words[1], "expression", "eval")
                    with open(words[0], encoding="utf-8") as file:
                        reply = str(sum(bool(eval(code, {"e": json.loads(line)})) for line in file))
                else:
                    raise ValueError("no such command: %s" % word)
                reply = "+" + reply
            except (Exception, SystemExit) as error: # pylint: disable=broad-except
                reply = "-%s: %s: %s" % (" ".join([word] + words), type(error).__name__, error)
            reply = reply.encode("utf-8", "surrogateescape").replace(b"\0", b"") + b"\0"
            while reply:
                reply = reply[os.write(1, reply):]
    return 0


def main():
    if sys.argv[1:] == ["--serve"]:
        return serve()
    address, port, rest = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if rest == ["--table"]:
        return check_table(address, port)
    print("\n".join(ask(address, port, arguments_of_question().parse_args(rest))))
    return 0


if __name__ == "__main__":
    sys.exit(main())

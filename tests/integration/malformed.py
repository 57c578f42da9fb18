#!/usr/bin/env python3
"""Sends malformed and unusual questions, and checks that each is refused as it should be.

usage: malformed.py ADDRESS PORT
A row is: what it is, the octets, and the response codes that are right; DROP: no answer. Names
end in .invalid or .test, so that the upstream of the test answers those that are let through."""
import random
import socket
import struct
import sys

import dnswire
from dnswire import TYPES, name_octets, opt_record, option, question

DROP = "DROP"
A = TYPES["A"]
NAME = name_octets("free.test")


def header(flags=dnswire.RD, counts=(1, 0, 0, 0), ident=0x1234):
    return struct.pack("!6H", ident, flags, *counts)


def asked(name=NAME, qtype=A, qclass=1):
    return name + struct.pack("!HH", qtype, qclass)


def plain(**words):
    return question(NAME, A, 0x1234, **words)


LONG = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\x3b" + b"a" * 59 + b"\0"  # 253 octets
NAME_255 = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\x3d" + b"a" * 61 + b"\0"
NAME_256 = b"".join(b"\x3f" + b"a" * 63 for _ in range(3)) + b"\x3e" + b"a" * 62 + b"\0"
assert (len(LONG), len(NAME_255), len(NAME_256)) == (253, 255, 256)
RECORD = NAME + struct.pack("!HHIH", A, 1, 60, 4) + b"\1\2\3\4"

ROWS = [
    # Octets that are no question at all are never answered: an answer could only feed a loop.
    ("nothing", b"", [DROP]),
    ("one octet", b"\x12", [DROP]),
    ("eleven octets", header()[:11], [DROP]),
    ("a response", question(NAME, A, 0x1234, 0x8180), [DROP]),
    ("a response with an error", question(NAME, A, 0x1234, 0x8183), [DROP]),
    ("a header of ones", b"\x12\x34" + b"\xff" * 10, [DROP]),
    # Counts (RFC 9619).
    ("a header alone, no question", header(counts=(0, 0, 0, 0)), ["FORMERR"]),
    ("a header that claims a question", header(), ["FORMERR"]),
    ("two questions", header(counts=(2, 0, 0, 0)) + asked() + asked(), ["FORMERR"]),
    ("65535 questions", header(counts=(65535, 0, 0, 0)) + asked(), ["FORMERR"]),
    ("an answer section", header(counts=(1, 1, 0, 0)) + asked() + RECORD, ["FORMERR"]),
    ("an authority section", header(counts=(1, 0, 1, 0)) + asked() + RECORD, ["FORMERR"]),
    ("an additional record that is missing", header(counts=(1, 0, 0, 1)) + asked(), ["FORMERR"]),
    ("65535 additional records", header(counts=(1, 0, 0, 65535)) + asked() + opt_record(), ["FORMERR"]),
    ("octets behind the question", header() + asked() + b"\0", ["FORMERR"]),
    ("octets behind the OPT record", plain(opt=opt_record()) + b"x" * 20, ["FORMERR"]),
    # Names (RFC 1035, 3.1 and 4.1.4).
    ("a name that is cut", header() + b"\7exam", ["FORMERR"]),
    ("a name without its end", header() + b"\7example", ["FORMERR"]),
    ("no type and class", header() + NAME, ["FORMERR"]),
    ("half a class", header() + asked()[:-1], ["FORMERR"]),
    ("a label of the type 0x40", header() + asked(b"\x41\0"), ["FORMERR"]),
    ("a label of the type 0x80", header() + asked(b"\x81a\0"), ["FORMERR"]),
    ("a pointer to itself", header() + asked(b"\xc0\x0c"), ["FORMERR"]),
    ("a pointer into the header", header() + asked(b"\xc0\x00"), ["FORMERR"]),
    ("a pointer forward", header() + asked(b"\xc0\x20"), ["FORMERR"]),
    ("a label, then a pointer to it", header() + asked(b"\1a\xc0\x0c"), ["FORMERR"]),
    ("a name of 256 octets", header() + asked(NAME_256), ["FORMERR"]),
    ("a name of 255 octets", header() + asked(NAME_255), ["NOERROR", "NXDOMAIN"]),
    ("the root", header() + asked(b"\0", TYPES["NS"]), ["NOERROR"]),
    ("a label with zeros and dots", header() + asked(b"\5a\0.\\\xff\4test\0"), ["NOERROR"]),
    # Opcodes, classes, types that are not served.
    *[("opcode %d" % opcode, plain(flags=opcode << 11), ["NOTIMP"]) for opcode in range(1, 16)],
    *[("class %s" % word, question(NAME, A, 0x1234, qclass=number), ["REFUSED"])
      for word, number in (("CH", 3), ("HS", 4), ("NONE", 254), ("ANY", 255), ("0", 0), ("65535", 65535))],
    *[("type %s" % word, question(NAME, TYPES[word], 0x1234), ["NOTIMP"])
      for word in ("MAILA", "MAILB")],
    *[("type %d" % number, question(NAME, number, 0x1234), ["REFUSED"]) for number in (41, 249, 250, 251, 252)],
    # EDNS (RFC 6891).
    ("version 1", plain(opt=opt_record(version=1)), ["BADVERS"]),
    ("version 255", plain(opt=opt_record(version=255)), ["BADVERS"]),
    ("two OPT records", header(counts=(1, 0, 0, 2)) + asked() + opt_record() * 2, ["FORMERR"]),
    ("an OPT record that is not at the root",
     header(counts=(1, 0, 0, 1)) + asked() + b"\1a" + opt_record(), ["FORMERR"]),
    ("an OPT record that is cut", plain(opt=opt_record())[:-1], ["FORMERR"]),
    ("an option that is cut", plain(opt=opt_record(options=b"\0\x0a\0")), ["FORMERR"]),
    ("an option longer than the record", plain(opt=opt_record(options=b"\0\x0a\xff\xff12345678")),
     ["FORMERR"]),
    ("a cookie of four octets", plain(opt=opt_record(options=option(10, b"1234"))), ["FORMERR"]),
    ("a cookie of 41 octets", plain(opt=opt_record(options=option(10, b"1" * 41))), ["FORMERR"]),
    ("a cookie of eight octets", plain(opt=opt_record(options=option(10, b"12345678"))), ["NOERROR"]),
    ("an unknown option", plain(opt=opt_record(options=option(65001, b"x" * 100))), ["NOERROR"]),
    ("a payload size of 0", plain(opt=opt_record(size=0)), ["NOERROR"]),
    ("unknown flags of EDNS", plain(opt=b"\0" + struct.pack("!HHIH", 41, 1232, 0x7fff, 0)), ["NOERROR"]),
    ("a record before the OPT record", header(counts=(1, 0, 0, 2)) + asked() + RECORD + opt_record(),
     ["NOERROR", "FORMERR"]),
    # Flags that mean nothing here are ignored.
    ("AA, RA and Z set", plain(flags=dnswire.RD | 0x0400 | 0x0080 | 0x0040), ["NOERROR"]),
    ("a response code in a question", plain(flags=dnswire.RD | 5), ["NOERROR"]),
    ("the plain question", plain(), ["NOERROR"]),
]


# The id of a question that is refused at once: when its answer is here, all that was sent before it has been read.
MARK = 0x4d4b
AT_ONCE = 32  # so many fit into the socket of a receiver that is slow


def connected(address):
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(address)
    sock.settimeout(5)
    return sock


def mark():
    return question(NAME, A, MARK, qclass=3)


def ask(address, octets, is_dropped):
    with connected(address) as sock:
        sock.send(octets)
        if is_dropped:
            sock.send(mark())
        try:
            answer = sock.recv(65535)
            return None if is_dropped and answer[:2] == struct.pack("!H", MARK) else answer
        except (socket.timeout, ConnectionError):
            return b"" if is_dropped else None


def check(address, what, octets, right):
    """None, or what is wrong."""
    answer = ask(address, octets, right == [DROP])
    if answer == b"":
        return "%s: nothing is answered after it" % what
    if answer is None:
        return None if DROP in right else "%s: no answer, %s is right" % (what, right)
    try:
        message = dnswire.Message(answer)
    except (ValueError, IndexError, struct.error) as error:
        return "%s: the answer is malformed: %s: %s" % (what, error, answer.hex())
    if message.rcode_word() not in right:
        return "%s: %s, %s is right" % (what, message.rcode_word(), right)
    if message.id != 0x1234 or not message.flags & dnswire.QR:
        return "%s: another id, or no response" % what
    if (message.flags ^ struct.unpack_from("!H", octets, 2)[0]) & 0x7900:
        return "%s: opcode or RD are not the question's" % what
    if message.flags & 0x0460:
        return "%s: AA, Z or AD is set" % what
    if message.rcode_word() not in ("NOERROR", "NXDOMAIN") and message.records:
        return "%s: an error with records" % what
    if message.rcode_word() == "BADVERS" and (message.edns is None or message.edns["version"] != 0):
        return "%s: BADVERS must say which version is spoken" % what
    if len(answer) > 1232:
        return "%s: %d octets" % (what, len(answer))
    return None


def changed_questions():
    """Every start of a good question, every one with an octet changed, and thousands with more."""
    good = plain(opt=opt_record(options=option(10, b"12345678")))
    for length in range(len(good)):
        yield good[:length]
    for at in range(2, len(good)):
        for value in (0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff):
            yield good[:at] + bytes([value]) + good[at + 1:]
    seed = random.SystemRandom().randrange(1 << 32)
    rng = random.Random(seed)
    print("   seed %d" % seed, flush=True)
    starts = [octets for _, octets, _ in ROWS if len(octets) > 12]
    for _ in range(5000):
        octets = bytearray(rng.choice(starts))
        for _ in range(rng.choice((1, 2, 3, 8))):
            octets[rng.randrange(2, len(octets))] = rng.choice((0, 1, 0x3f, 0xc0, 0xff, rng.randrange(256)))
        if rng.randrange(4) == 0:
            octets = octets[:rng.randrange(2, len(octets))]
        octets[:2] = b"\x12\x34"
        yield bytes(octets)


def flood(address):
    """An answer or none to each, and if one, a well-formed one with this id. How many, or None."""
    count = 0
    unsent = list(changed_questions())
    with connected(address) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        while True:
            for octets in unsent[:AT_ONCE]:
                sock.send(octets)
            is_last = not unsent
            unsent = unsent[AT_ONCE:]
            if is_last:
                sock.settimeout(0.3)  # those that an upstream answers come late
            else:
                sock.send(mark())
            while True:
                try:
                    message = dnswire.Message(sock.recv(65535))
                except socket.timeout:
                    if is_last:
                        return count
                    print("no answer any more, %d before the end" % len(unsent))
                    return None
                if message.id == MARK and message.flags & dnswire.QR:
                    break
                count += 1
                if message.id != 0x1234 or not message.flags & dnswire.QR:
                    print("another id, or no response: %s" % message.octets.hex())
                    return None


def main():
    address = (sys.argv[1], int(sys.argv[2]))
    for row in ROWS:
        fault = check(address, *row)
        if fault:
            print(fault)
            return 1
    count = flood(address)
    if count is None:
        return 1
    fault = check(address, "the plain question, afterwards", plain(), ["NOERROR"])
    if fault:
        print(fault)
        return 1
    print("   %d malformed or unusual questions, and %d answers to changed ones" % (len(ROWS), count))
    return 0


if __name__ == "__main__":
    sys.exit(main())

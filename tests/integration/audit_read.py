#!/usr/bin/env python3
"""Reads an audit log by its specification alone (docs/audit-log.md), without the code of cordon, and makes the tree of
each block anew.

Usage: audit_read.py FOLDER [STREAM]     prints each event as a line of JSON
"""
import hashlib
import json
import os
import struct
import subprocess
import sys

STREAMS = {1: "decisions", 2: "queries", 3: "changes"}
COLUMNS = dict(enumerate(
    "time event client client_port transport view name type rcode latency_us cached upstream action redirect mode applied "
    "paused exception ticket basis rule category scope confidence trigger matched matched_address hop chain generation what "
    "by uid user pid reason list subject match until kept stream count cause error from to digest version rule_trigger state "
    "publisher serial due dead ede id licence approver file before stale".split(), 1))
NAMES = {7, 14, 18, 26}
OWN = {1, 3, 4, 7, 8, 10, 12, 21, 26, 27, 29}
FINDING = {7, 21, 26}


def unpack(octets):
    return subprocess.run(["zstd", "-dcq"], input=octets, stdout=subprocess.PIPE, check=True).stdout


def varint(octets, at):
    value = shift = 0
    while True:
        octet = octets[at]
        at += 1
        value |= (octet & 127) << shift
        shift += 7
        if octet < 128:
            return value, at


def planes(octets, count):
    width = octets[0]
    return [sum(octets[1 + p * count + i] << 8 * p for p in range(width)) for i in range(count)]


def name(octets):
    if len(octets) == 21 and octets[0] == ord("k"):
        return ".hashed:%d:%s" % (struct.unpack_from(">I", octets, 1)[0], octets[5:].hex())
    labels, at = [], 0
    while octets[at]:
        labels.append(octets[at + 1:at + 1 + octets[at]].decode("latin-1"))
        at += 1 + octets[at]
    return ".".join(labels) or "."


def text(column, octets):
    if column in NAMES:
        return name(octets)
    try:
        words = octets.decode()
        return words if words.isprintable() else octets.hex()
    except UnicodeDecodeError:
        return octets.hex()


def put_varint(number):
    octets = bytearray()
    while number > 127:
        octets.append(number & 127 | 128)
        number >>= 7
    octets.append(number)
    return bytes(octets)


# --- leaves: BLAKE2b with a salt of the stream of ChaCha20 (RFC 8439, 2.3)

def blake(octets):
    return hashlib.blake2b(octets, digest_size=32).digest()


def chacha20(key, block):
    def turn(word, bits):
        return (word << bits | word >> 32 - bits) & 0xffffffff

    def quarter(a, b, c, d):
        for to, other, third, bits in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[to] = (state[to] + state[other]) & 0xffffffff
            state[third] = turn(state[third] ^ state[to], bits)

    start = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, *struct.unpack("<8I", key), block, 0, 0, 0]
    state = list(start)
    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((word + first) & 0xffffffff for word, first in zip(state, start)))


def columns_of(form):
    """Each column's number, and its octets in the canonical form."""
    at, columns = 0, {}
    while at < len(form):
        begin = at
        number, at = varint(form, at)
        value, at = varint(form, at)
        at += value if number & 1 else 0
        columns[number // 2] = form[begin:at]
    return columns


def leaf(salt, form):
    columns = columns_of(form)
    steady = b"".join(octets for number, octets in columns.items() if number not in OWN)
    own = {number: octets for number, octets in columns.items() if number in OWN}
    if 21 in own:
        finding = blake(b"\3" + b"".join(own.pop(number) for number in sorted(FINDING & set(own))))
        own[21] = put_varint(43) + put_varint(32) + finding
    return blake(b"\0" + salt + put_varint(len(steady)) + (steady if len(steady) <= 64 else blake(b"\2" + steady)) +
                 b"".join(own[number] for number in sorted(own)))


def tree(leaves):
    while len(leaves) > 1:
        leaves = [blake(b"\1" + b"".join(leaves[at:at + 16])) for at in range(0, len(leaves), 16)]
    return leaves[0]


def check(header, body, forms, salt):
    """What the header says of the body, made anew."""
    if blake(body) != header[128:160]:
        sys.exit("the body of a block is another")
    if len(salt) < 32 or not any(salt[:32]) or any(salt[32:]) or len(body) % 512:
        sys.exit("a block has no salt, or octets too many")
    stream = b"".join(chacha20(salt[:32], block) for block in range((len(forms) + 3) // 4))
    if tree([leaf(stream[16 * i:16 * i + 16], form) for i, form in enumerate(forms)]) != header[160:192]:
        sys.exit("the tree of a block is another")


def events(header, body):
    count = struct.unpack_from("<I", header, 24)[0]
    sections, at = varint(body, 0)
    directory = []
    for _ in range(sections):
        number, at = varint(body, at)
        encoding = body[at]
        size, at = varint(body, at + 1)
        stored, at = varint(body, at)
        directory.append((number, encoding, stored))
    numbers, texts, salt = {}, {}, b""
    for number, encoding, stored in directory:
        octets = body[at:at + stored]
        at += stored
        if encoding >= 128:
            octets = unpack(octets)
        encoding &= 127
        column = (number - 16) // 2
        if number == 144:
            salt = octets
        elif number < 16:
            continue
        elif encoding == 4:
            texts[column], place = [], 0
            while place < len(octets):
                size, place = varint(octets, place)
                texts[column].append(octets[place:place + size])
                place += size
        elif encoding == 1:
            numbers[column] = [varint(octets, 0)[0]] * count
        else:
            values = planes(octets, count)
            if encoding == 3:
                sum_ = 0
                for i, delta in enumerate(values):
                    sum_ += -(delta + 1) // 2 if delta & 1 else delta // 2
                    values[i] = sum_ + 1
            numbers[column] = values
    rows, forms = [], []
    for i in range(count):
        row, form = {}, b""
        for column in sorted(numbers):
            value = numbers[column][i]
            if value and column in texts:
                octets = texts[column][value - 1]
                form += put_varint(2 * column + 1) + put_varint(len(octets)) + octets
                row[COLUMNS.get(column)] = text(column, octets)
            elif value:
                form += put_varint(2 * column) + put_varint(value - 1)
                row[COLUMNS.get(column)] = value - 1
        row.pop(None, None)
        rows.append(row)
        forms.append(form)
    check(header, body, forms, salt)
    return rows


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else None
    for file in sorted(entry for entry in os.listdir(sys.argv[1]) if entry.endswith(".cordon")):
        octets = open(os.path.join(sys.argv[1], file), "rb").read()
        if octets[:4] != b"CRDL" or struct.unpack_from("<H", octets, 4)[0] != 4:
            sys.exit("%s: not version 4 of the format" % file)
        at = 104 + 32 * struct.unpack_from("<I", octets, 12)[0] + 32
        while at < len(octets):
            magic, kind, size = struct.unpack_from("<4sII", octets, at)
            if magic != b"CRDK":
                sys.exit("%s: no frame at %d" % (file, at))
            content = octets[at + 12:at + 12 + size]
            at += 12 + size
            if kind != 1 or wanted not in (None, STREAMS[content[6]]):
                continue
            for event in events(content[:256], content[256:]):
                print(json.dumps(event, sort_keys=True))


if __name__ == "__main__":
    main()

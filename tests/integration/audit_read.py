#!/usr/bin/env python3
"""Reads an audit log by its specification alone (docs/audit-log.md), without the code of cordon.

Usage: audit_read.py FOLDER [STREAM]     prints each event as a line of JSON
"""
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


def events(header, body):
    count, sections = struct.unpack_from("<II", header, 24)
    at, directory = 0, []
    for _ in range(sections):
        number, at = varint(body, at)
        encoding = body[at]
        size, at = varint(body, at + 1)
        stored, at = varint(body, at)
        directory.append((number, encoding, stored))
    rows = [{} for _ in range(count)]
    numbers = {}
    for number, encoding, stored in directory:
        octets = body[at:at + stored]
        at += stored
        if encoding >= 128:
            octets = unpack(octets)
        encoding &= 127
        column = (number - 16) // 2
        if number < 16 or column not in COLUMNS:
            continue
        if encoding == 4:
            words, place = [], 0
            while place < len(octets):
                size, place = varint(octets, place)
                words.append(text(column, octets[place:place + size]))
                place += size
            for row, value in zip(rows, numbers[column]):
                row.pop(COLUMNS[column], None)
                if value:
                    row[COLUMNS[column]] = words[value - 1]
            continue
        if encoding == 1:
            values = [varint(octets, 0)[0]] * count
        else:
            values = planes(octets, count)
        if encoding == 3:
            sum_ = 0
            for i, delta in enumerate(values):
                sum_ += -(delta + 1) // 2 if delta & 1 else delta // 2
                values[i] = sum_ + 1
        numbers[column] = values
        for row, value in zip(rows, values):
            if value:
                row[COLUMNS[column]] = value - 1
    return rows


def main():
    wanted = sys.argv[2] if len(sys.argv) > 2 else None
    for file in sorted(entry for entry in os.listdir(sys.argv[1]) if entry.endswith(".cordon")):
        octets = open(os.path.join(sys.argv[1], file), "rb").read()
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

#!/usr/bin/env python3
"""Does to the files of an audit log what somebody would who wants another one (docs/audit-log.md, "Attacks").

Usage: audit_tamper.py FOLDER ATTACK [WORD]
"""
import hashlib
import os
import struct
import sys

from audit_read import chacha20, leaf, put_varint, varint


def path_of(folder, number):
    return os.path.join(folder, "%010d.cordon" % number)


def read(path):
    with open(path, "rb") as file:
        return bytearray(file.read())


def write(path, octets):
    with open(path, "wb") as file:
        file.write(octets)


def files_of(folder):
    return sorted(int(name[:10]) for name in os.listdir(folder) if name.endswith(".cordon"))


def frames(octets):
    """[(at, end, kind)]"""
    at, found = 104 + 32 * struct.unpack_from("<I", octets, 12)[0] + 32, []
    while at < len(octets):
        _, kind, size = struct.unpack_from("<4sII", octets, at)
        found.append((at, at + 12 + size, kind))
        at += 12 + size
    return found


def blocks(octets):
    return [frame for frame in frames(octets) if frame[2] == 1]


def largest(octets):
    return max(blocks(octets), key=lambda frame: frame[1] - frame[0])


class Attack:
    """A function for each attack; word: what it is about."""

    def __init__(self, folder):
        self.folder = folder

    def change(self, number, work):
        path = path_of(self.folder, number)
        octets = read(path)
        write(path, work(octets) or octets)

    def flip(self, part):
        """One bit of each kind of octets."""
        if part == "newest":
            path = os.path.join(self.folder, "head")
            octets = read(path)
            octets[len(octets) // 2] ^= 1
            write(path, octets)
            return
        first = files_of(self.folder)[0]

        def one(octets):
            at = largest(octets)[0]
            checkpoint = [frame for frame in frames(octets) if frame[2] == 2][0][0]
            octets[{"file": 30, "frame": at + 9, "header": at + 12 + 49, "chain": at + 12 + 100, "body": at + 12 + 256 + 200,
                    "checkpoint": checkpoint + 40}[part]] ^= 1
        self.change(first, one)

    def body_again(self, _):
        """Another body, and a header that fits it."""
        def one(octets):
            at, end, _ = largest(octets)
            octets[end - 1] ^= 1
            octets[at + 12 + 128:at + 12 + 160] = hashlib.blake2b(octets[at + 12 + 256:end], digest_size=32).digest()
        self.change(files_of(self.folder)[0], one)

    def column(self, word):
        """A column of the largest block of decisions can be unpacked no more: the first octet of its numbers is none."""
        def one(octets):
            begin = max((frame for frame in blocks(octets) if octets[frame[0] + 18] == 1), key=lambda frame: frame[1] - frame[0])[0]
            at = body = begin + 12 + 256
            count, at = varint(octets, at)
            sections = []
            for _ in range(count):
                section, at = varint(octets, at)
                _, at = varint(octets, at + 1)
                stored, at = varint(octets, at)
                sections.append((section, stored))
            for section, stored in sections:
                if section == 16 + 2 * int(word):
                    octets[at:at + stored] = b"\xff" * stored
                    return
                at += stored
            sys.exit("a block at %d has no column %s" % (body, word))
        self.change(files_of(self.folder)[0], one)

    def delete(self, _):
        def one(octets):
            at, end, _ = largest(octets)
            del octets[at:end]
        self.change(files_of(self.folder)[0], one)

    def reorder(self, _):
        def one(octets):
            (at, middle, _), (other, end, _) = blocks(octets)[0:2]
            moved = octets[other:end] + octets[middle:other] + octets[at:middle]
            return octets[:at] + moved + octets[end:]
        self.change(files_of(self.folder)[0], one)

    def repeat(self, _):
        def one(octets):
            (at, middle, _), (_, end, _) = blocks(octets)[0:2]
            return octets[:end] + octets[at:middle] + octets[end:]
        self.change(files_of(self.folder)[0], one)

    def insert(self, _):
        """A block of a log of another name."""
        def one(octets):
            at, end, _ = blocks(octets)[0]
            strange = octets[at:end]
            strange[12 + 192] ^= 1
            return octets[:end] + strange + octets[end:]
        self.change(files_of(self.folder)[0], one)

    def cut(self, _):
        """The end, at the border of a frame."""
        def one(octets):
            return octets[:blocks(octets)[-1][0]]
        self.change(files_of(self.folder)[-1], one)

    def cut_checkpoint(self, _):
        """The newest checkpoint, behind which there is nothing."""
        def one(octets):
            at, _, kind = frames(octets)[-1]
            assert kind == 2
            return octets[:at]
        self.change(files_of(self.folder)[-1], one)

    def unfinished(self, _):
        self.change(files_of(self.folder)[-1], lambda octets: octets[:-5])

    def remove_file(self, which):
        os.remove(path_of(self.folder, files_of(self.folder)[int(which)]))

    def old_file(self, old):
        """As it was when there was less in it."""
        number = files_of(old)[-1]
        write(path_of(self.folder, number), read(path_of(old, number)))

    def other_place(self, _):
        numbers = files_of(self.folder)
        write(path_of(self.folder, numbers[1]), read(path_of(self.folder, numbers[0])))

    def two_writers(self, other):
        """What another has written behind the same beginning, behind what is here."""
        number = files_of(self.folder)[-1]
        ours, theirs = read(path_of(self.folder, number)), read(path_of(other, number))
        known = {bytes(ours[at:end]) for at, end, _ in frames(ours)}
        first = next(at for at, end, _ in blocks(theirs) if bytes(theirs[at:end]) not in known)
        write(path_of(self.folder, number), ours + theirs[first:])

    def forge_removal(self, _):
        """The largest body goes, and a block behind all that is signed says that it was removed in order: nobody needs a key for it."""
        numbers = files_of(self.folder)
        gone = {}

        def out(octets):
            at, end, _ = largest(octets)
            gone["stream"], gone["number"] = octets[at + 12 + 6], struct.unpack_from("<Q", octets, at + 12 + 8)[0]
            gone["header"] = bytes(octets[at + 12:at + 12 + 256])
            return octets[:at] + b"CRDK" + struct.pack("<II", 3, 256) + gone["header"] + octets[end:]
        self.change(numbers[0], out)

        def record(octets):
            before = octets[blocks(octets)[-1][0] + 12:][:256]
            time = struct.unpack_from("<Q", before, 48)[0]
            event = [(1, time), (2, b"change"), (31, b"removed"), (32, b"cordond"), (42, gone["stream"]), (43, 1), (44, b"age"),
                     (46, 0), (47, gone["number"])]
            form, sections = b"", []
            for column, value in event:
                octets_of = value if isinstance(value, bytes) else None
                form += put_varint(2 * column + (octets_of is not None)) + put_varint(len(value) if octets_of is not None else value)
                form += octets_of or b""
                sections.append((16 + 2 * column, 1, put_varint(1 if octets_of is not None else value + 1)))
                if octets_of is not None:
                    sections.append((17 + 2 * column, 4, put_varint(len(value)) + value))
            salt = os.urandom(32)
            sections.append((144, 0, salt))
            body = put_varint(len(sections))
            body += b"".join(put_varint(number) + bytes([encoding]) + put_varint(len(data)) * 2 for number, encoding, data in sections)
            body += b"".join(data for _, _, data in sections)
            header = bytearray(before)
            header[6] = 3
            struct.pack_into("<Q", header, 8, struct.unpack_from("<Q", before, 8)[0] + 1)
            struct.pack_into("<QIIQQ", header, 16, self.changes(), 1, 0, time, time)
            struct.pack_into("<I", header, 68, len(body))
            header[96:128] = hashlib.sha256(b"\0" + bytes(before)).digest()
            header[128:160] = hashlib.blake2b(body, digest_size=32).digest()
            header[160:192] = leaf(chacha20(salt, 0)[:16], form)
            return octets + b"CRDK" + struct.pack("<II", 1, 256 + len(body)) + header + body
        self.change(numbers[-1], record)

    def changes(self):
        """How many events of the stream of changes there are."""
        most = 0
        for number in files_of(self.folder):
            octets = read(path_of(self.folder, number))
            for at, _, kind in frames(octets):
                if kind in (1, 3) and octets[at + 12 + 6] == 3:
                    first, count = struct.unpack_from("<QI", octets, at + 12 + 16)
                    most = first + count
        return most

    def clock(self, _):
        """The last block was closed before the one before it, says its header; what is signed behind it is gone."""
        def one(octets):
            at, end, _ = blocks(octets)[-1]
            sealed = struct.unpack_from("<Q", octets, at + 12 + 48)[0]
            struct.pack_into("<Q", octets, at + 12 + 48, sealed - 3600 * 1000000)
            return octets[:end]
        self.change(files_of(self.folder)[-1], one)
        os.remove(os.path.join(self.folder, "head"))

    def unsigned(self, _):
        """No checkpoint is left."""
        for number in files_of(self.folder):
            self.change(number, lambda octets: octets[:frames(octets)[0][0]] + b"".join(octets[at:end] for at, end, kind in frames(octets) if kind != 2))
        os.remove(os.path.join(self.folder, "head"))


def main():
    folder, attack = sys.argv[1:3]
    getattr(Attack(folder), attack.replace("-", "_"))(sys.argv[3] if len(sys.argv) > 3 else "")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Checks proofs, requests and signatures of audit logs by their specifications alone, without the code of cordon:
docs/audit-log.md, c2sp.org/signed-note, tlog-checkpoint, tlog-proof, tlog-witness, tlog-cosignature, RFC 6962.
Ed25519 is OpenSSL's, BLAKE2b and SHA-256 are Python's.

Usage: proof_check.py proof FILE KEY [WITNESS...]       prints the event as JSON; 1 and why not
       proof_check.py request FILE KEY [OLD]            a request of a witness: that it follows from the checkpoint OLD
       proof_check.py sign FILE NAME SECRET SECONDS     answers a request as a witness; SECRET: PEM of openssl genpkey
       proof_check.py key NAME SECRET                   the public key of that witness
"""
import base64
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

from audit_read import COLUMNS, STREAMS, blake, leaf, text, varint

DER = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo of Ed25519 (RFC 8410)
DASH = "\u2014 "


class Refused(Exception):
    pass


def need(condition, why):
    if not condition:
        raise Refused(why)


def openssl(*words):
    return subprocess.run(["openssl", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)


def is_signed(key, data, signature):
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "data", "signature")]
        for path, octets in zip(paths, (DER + key, data, signature)):
            with open(path, "wb") as file:
                file.write(octets)
        return openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", paths[0], "-rawin", "-in", paths[1],
                       "-sigfile", paths[2]).returncode == 0


def strict64(words):
    octets = base64.b64decode(words, validate=True)
    need(base64.b64encode(octets).decode() == words, "another spelling of base64")
    return octets


def key_id(name, kind, key):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + key).digest()[:4]


def read_key(words):
    name, number, rest = words.strip().split("+", 2)
    octets = strict64(rest)
    need(len(octets) == 33 and key_id(name, octets[0], octets[1:]).hex() == number, "no key")
    return name, octets[0], octets[1:]


def note_parts(note):
    need(note.endswith("\n") and "\n\n" in note, "no signed note")
    body, lines = note.rsplit("\n\n", 1)
    signatures = []
    for line in lines.splitlines():
        need(line.startswith(DASH) and line.count(" ") == 2, "no signature line")
        name, words = line[len(DASH):].split(" ")
        signatures.append((name, strict64(words)))
    return body + "\n", signatures


def verify_note(note, key):
    """When it was signed, of a witness; 0 of a log."""
    name, kind, octets = key
    body, signatures = note_parts(note)
    for other, signature in signatures:
        if other != name or signature[:4] != key_id(name, kind, octets):
            continue
        signed, at = body.encode(), 0
        if kind == 4:
            at = struct.unpack(">Q", signature[4:12])[0]
            signed = b"cosignature/v1\ntime %d\n" % at + signed
        need(is_signed(octets, signed, signature[12 if kind == 4 else 4:]), "the signature does not verify")
        return at
    raise Refused("not signed by " + name)


def checkpoint(note):
    lines = note_parts(note)[0].splitlines()
    need(len(lines) >= 3 and str(int(lines[1])) == lines[1], "no checkpoint")
    return lines[0], int(lines[1]), strict64(lines[2])


# --- RFC 6962, 2.1, by its recursive definitions

def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def split(size):
    k = 1
    while 2 * k < size:
        k *= 2
    return k


def root_of(leaf, index, size, path):
    if size == 1:
        need(not path, "the path is too long")
        return leaf
    need(path, "the path is too short")
    k = split(size)
    if index < k:
        return node(root_of(leaf, index, k, path[:-1]), path[-1])
    return node(path[-1], root_of(leaf, index - k, size - k, path[:-1]))


def roots_of(old, size, path, old_root, whole):
    """(root of the old tree, root of the new one) as the proof has them."""
    if old == size:
        if whole:
            return old_root, old_root
        need(path, "the path is too short")
        return path[0], path[0]
    need(path, "the path is too short")
    k = split(size)
    if old <= k:
        first, second = roots_of(old, k, path[:-1], old_root, whole)
        return first, node(second, path[-1])
    first, second = roots_of(old - k, size - k, path[:-1], old_root, False)
    return node(path[-1], first), node(path[-1], second)


# --- docs/audit-log.md

def events_root(digest, index, count, path):
    """The tree of sixteen children."""
    path = list(path)
    while count > 1:
        first = index - index % 16
        end = min(first + 16, count)
        children = []
        for i in range(first, end):
            need(i == index or path, "the path in the block is too short")
            children.append(digest if i == index else path.pop(0))
        digest = blake(b"\1" + b"".join(children))
        count, index = (count + 15) // 16, index // 16
    need(not path, "the path in the block is too long")
    return digest


def event_of(octets):
    at, event = 0, {}
    while at < len(octets):
        number, at = varint(octets, at)
        value, at = varint(octets, at)
        if number & 1:
            need(at + value <= len(octets), "an event is cut")
            value, at = octets[at:at + value], at + value
        column = COLUMNS.get(number // 2, "column-%d" % (number // 2))
        event[column] = text(number // 2, value) if number & 1 else value
    return event


def check_proof(path, key, witnesses):
    octets = open(path, "rb").read().decode("utf-8")
    head, note = octets.split("\n\n", 1)
    lines = head.split("\n")
    need(lines[0] == "c2sp.org/tlog-proof@v1" and lines[1].startswith("extra ") and lines[2].startswith("index "), "no proof")
    extra, index, path = strict64(lines[1][6:]), int(lines[2][6:]), [strict64(line) for line in lines[3:]]
    need(str(index) == lines[2][6:] and all(len(digest) == 32 for digest in path), "no proof")
    verify_note(note, key)
    origin, size, root = checkpoint(note)
    need(origin == key[0] and index < size, "a checkpoint of another log")
    need(extra[0] == 4, "another version")
    header = extra[1:257]
    event, count = struct.unpack_from("<IH", extra, 257)
    digests, salt, form = extra[263:263 + 32 * count], extra[263 + 32 * count:][:16], extra[279 + 32 * count:]
    need(len(digests) == 32 * count and len(salt) == 16, "no proof")
    need(header[:4] == b"CRDB" and struct.unpack_from("<H", header, 4)[0] == 4, "no block")
    stream, number, first, events = header[6], *struct.unpack_from("<QQI", header, 8)
    tree, log = header[160:192], header[192:208]
    need(log == hashlib.sha256(origin.encode()).digest()[:16] and number == index, "a block of another log")
    need(root_of(hashlib.sha256(b"\0" + header).digest(), index, size, path) == root, "not in the tree of the checkpoint")
    need(event < events, "no such event")
    need(events_root(leaf(salt, form), event, events, [digests[i:i + 32] for i in range(0, len(digests), 32)]) == tree,
         "not in the tree of the block")
    signed = [verify_note(note, read_key(witness)) for witness in witnesses]
    print(json.dumps({"id": STREAMS[stream][0] + str(first + event), "block": index, "blocks": size,
                      "witnessed": signed, "event": event_of(form)}, sort_keys=True))


def read_request(path):
    octets = open(path, "rb").read().decode("utf-8")
    head, note = octets.split("\n\n", 1)
    lines = head.split("\n")
    need(lines[0].startswith("old ") and len(lines) <= 64, "no request")
    return int(lines[0][4:]), [strict64(line) for line in lines[1:]], note


def check_request(path, key, old_path):
    old, proof, note = read_request(path)
    verify_note(note, key)
    origin, size, root = checkpoint(note)
    need(origin == key[0] and old <= size, "a checkpoint of another log")
    if old_path is None:
        need(old == 0 and not proof, "it speaks of an older one")
        return
    before, old_size, old_root = checkpoint(open(old_path, encoding="utf-8").read())
    need(before == origin and old_size == old, "another older one")
    first, second = roots_of(old, size, proof, old_root, True)
    need(first == old_root and second == root, "it does not follow")


def public_key(secret):
    der = openssl("pkey", "-in", secret, "-pubout", "-outform", "DER").stdout
    need(der.startswith(DER), "no Ed25519 key")
    return der[len(DER):]


def sign(path, name, secret, seconds):
    note = read_request(path)[2]
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"cosignature/v1\ntime %d\n" % seconds + note_parts(note)[0].encode())
        file.flush()
        signature = openssl("pkeyutl", "-sign", "-inkey", secret, "-rawin", "-in", file.name).stdout
    octets = key_id(name, 4, public_key(secret)) + struct.pack(">Q", seconds) + signature
    print(DASH + name + " " + base64.b64encode(octets).decode())


def main():
    what, *words = sys.argv[1:]
    try:
        if what == "proof":
            check_proof(words[0], read_key(words[1]), words[2:])
        elif what == "request":
            check_request(words[0], read_key(words[1]), words[2] if len(words) > 2 else None)
        elif what == "sign":
            sign(words[0], words[1], words[2], int(words[3]))
        elif what == "key":
            key = public_key(words[1])
            print("%s+%s+%s" % (words[0], key_id(words[0], 4, key).hex(), base64.b64encode(b"\4" + key).decode()))
        else:
            sys.exit(__doc__)
    except (Refused, ValueError, IndexError, KeyError, struct.error) as error:
        print("refused: %s" % error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()

"""Answers that are computed from the question: what the upstream of test_computed.sh sends, and what its client expects.

The first label makes a name one of many, the second says what it is: `plain`, `nx`, `nodata`, `chain` (aliases), `big`
(does not fit into a datagram), `bogus` (SERVFAIL unless CD is set), `bad` (an alias leads to a listed name). DO and CD are
part of what is hashed, so an answer made for other bits is a wrong one. Where the rdata has room it says when the upstream
wrote it."""
import hashlib
import struct
import time

import dnswire
from dnswire import TYPES

ZONES = ("model.test", "other.test", "listed.test")
KINDS = ["plain"] * 6 + ["nx", "nodata", "chain", "chain", "big", "bogus", "bad"]
QTYPES = [1] * 5 + [28] * 4 + [16, 16, TYPES["MX"], TYPES["SRV"], TYPES["PTR"], TYPES["HTTPS"], 999, 65280]
TTLS = [0, 1, 2, 3, 5, 8, 20, 60, 300, 3600]
MADE = b"MADEMADE"  # in rdata: here is the time, in ms; 8 octets, in a TXT 16 digits
SERVFAIL, NXDOMAIN = 2, 3


def digest(*words):
    return hashlib.blake2b("|".join(map(str, words)).encode(), digest_size=32).digest()


class Name:
    """A name in rdata, behind some octets."""

    def __init__(self, before, text, may_point=True):
        self.before, self.text, self.may_point = before, text, may_point

    def octets(self):
        return self.before + dnswire.name_octets(self.text)


class Soa:
    """Rdata of an SOA record."""

    def __init__(self, zone, minimum):
        self.names = ["ns." + zone, "host." + zone]
        self.numbers = struct.pack("!IIIII", 1, 3600, 600, 86400, minimum)

    def octets(self):
        return b"".join(map(dnswire.name_octets, self.names)) + self.numbers


def rdata_of(name, qtype, octets, big):
    if qtype == TYPES["A"]:
        return bytes([45]) + octets[:3]
    if qtype == TYPES["AAAA"]:
        return b"\x2a\x00" + octets[:6] + MADE
    if qtype == TYPES["TXT"]:
        return octets.hex()[:16].encode() + MADE + (octets.hex().encode() * 3 if big else b"")
    if qtype == TYPES["MX"]:
        return Name(struct.pack("!H", octets[0]), "mx%d.%s" % (octets[1] * 256 + octets[2], name))
    if qtype == TYPES["PTR"]:
        return Name(b"", "p%d.other.test" % (octets[1] * 256 + octets[2]))
    if qtype == TYPES["SRV"]:
        return Name(octets[:6], "s%d.other.test" % (octets[1] * 256 + octets[2]), False)
    if qtype == TYPES["HTTPS"]:
        return struct.pack("!HBHH", 1, 0, 65400, 16) + octets[:16]
    return octets[:8] + MADE + (octets * 10 if big else b"")


def answer_of(name, qtype, do, cd):
    """(rcode, answer, authority): records are (owner, type, TTL, rdata). name: in lower case."""
    word = digest(name, qtype, int(do), int(cd))
    kind = name.split(".")[1]
    if kind == "bogus" and not cd:
        return SERVFAIL, [], []
    if kind in ("nx", "nodata"):
        soa = (ZONES[0], TYPES["SOA"], 1 + word[0] % 40, Soa(ZONES[0], 1 + word[1] % 40))
        return (NXDOMAIN if kind == "nx" else 0), [], [soa]
    answer, owner = [], name
    hops = {"bad": 1, "chain": 1 + word[3] % 3}.get(kind, 0)
    for i in range(hops):
        target = "x%d.listed.test" % word[2] if kind == "bad" else "h%d-%d.plain.other.test" % (word[4 + i], i)
        answer.append((owner, TYPES["CNAME"], 1 + word[8 + i] % 50, Name(b"", target)))
        owner = target
    big = kind == "big"
    ttl = 1 + word[12] % 30 if big else TTLS[word[12] % len(TTLS)]
    for i in range(20 + word[13] % 20 if big else 1 + word[13] % 5):
        octets = digest("rdata", name, qtype, int(do), int(cd), i)
        answer.append((owner, qtype, ttl, rdata_of(name, qtype, octets, big)))
    if do:
        octets = digest("signature", name, qtype, int(cd))
        fields = struct.pack("!HBBIIIH", qtype, 13, 3, ttl, 2000000000, 1700000000, 7)
        answer.append((owner, TYPES["RRSIG"], ttl, fields + b"\0" + octets + octets))
    return 0, answer, []


def made_at(qtype, expected, got):
    """(rdata as the upstream has sent it, when that was in seconds or None)."""
    octets = expected if isinstance(expected, bytes) else expected.octets()
    if qtype == TYPES["TXT"]:
        at = 1 + octets.index(MADE)
        when = got[at:at + 16]
        whole = octets.replace(MADE, when)
        return bytes([len(whole)]) + whole, int(when, 16) / 1000
    if MADE not in octets:
        return octets, None
    at = octets.index(MADE)
    return octets.replace(MADE, got[at:at + 8]), struct.unpack_from("!Q", got, at)[0] / 1000


class Writer:
    """A message whose names point back wherever they can, or never do."""

    def __init__(self, points):
        self.octets, self.places, self.points = bytearray(), {}, points

    def name(self, text, may_point=True):
        labels = text.split(".")
        for i, label in enumerate(labels):
            rest = ".".join(labels[i:]).lower()
            if self.points and may_point and rest in self.places:
                self.octets += struct.pack("!H", 0xc000 | self.places[rest])
                return
            if len(self.octets) < 0x3fff:
                self.places.setdefault(rest, len(self.octets))
            self.octets += bytes([len(label)]) + label.encode("latin-1")
        self.octets += b"\0"

    def record(self, owner, rtype, ttl, rdata, now_ms):
        self.name(owner)
        self.octets += struct.pack("!HHIH", rtype, 1, ttl, 0)
        start = len(self.octets)
        if isinstance(rdata, Soa):
            for name in rdata.names:
                self.name(name)
            self.octets += rdata.numbers
        elif isinstance(rdata, Name):
            self.octets += rdata.before
            self.name(rdata.text, rdata.may_point)
        elif rtype == TYPES["TXT"]:
            text = rdata.replace(MADE, b"%016x" % now_ms)
            self.octets += bytes([len(text)]) + text
        else:
            self.octets += rdata.replace(MADE, struct.pack("!Q", now_ms))
        struct.pack_into("!H", self.octets, start - 2, len(self.octets) - start)


def respond(question, tcp):
    """What the upstream says to these octets."""
    ident, flags, _, _, _, extra = struct.unpack_from("!HHHHHH", question)
    name, at = dnswire.read_name(question, 12)
    name = name.rstrip(".")
    qtype = struct.unpack_from("!H", question, at)[0]
    end, lower, do, size = at + 4, name.lower(), False, 512
    if extra:
        size, bits = struct.unpack_from("!H2xH", question, end + 3)
        do = bool(bits & 0x8000)
    opt = dnswire.opt_record(do=do)
    flags = dnswire.QR | dnswire.RA | flags & (dnswire.RD | dnswire.CD)
    if not lower.endswith(ZONES) or len(lower.split(".")) < 4:
        return struct.pack("!HHHHHH", ident, flags | NXDOMAIN, 1, 0, 0, 0) + question[12:end]
    rcode, answer, authority = answer_of(lower, qtype, do, bool(flags & dnswire.CD))
    chance = digest(lower, "form")
    writer = Writer(chance[0] % 3 > 0)
    writer.octets += struct.pack("!HHHHHH", ident, flags | rcode | (dnswire.AD if chance[1] % 2 else 0), 1, len(answer),
                                 len(authority), 1)
    writer.name(name)
    writer.octets += question[at:end]
    now_ms = int(time.time() * 1000)
    for owner, rtype, ttl, rdata in answer + authority:
        writer.record(name if owner == lower else owner, rtype, ttl, rdata, now_ms)
    if not tcp and len(writer.octets) + len(opt) > size:
        return struct.pack("!HHHHHH", ident, flags | dnswire.TC, 1, 0, 0, 1) + question[12:end] + opt
    return bytes(writer.octets) + opt

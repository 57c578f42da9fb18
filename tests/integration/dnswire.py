"""DNS octets for the helpers of the tests: written apart from resolver/wire, so that a
mistake there is not repeated here. Names are bytes, in the case in which they travel."""
import socket
import struct

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28,
         "SRV": 33, "DNAME": 39, "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48,
         "NSEC3": 50, "SVCB": 64, "HTTPS": 65, "TSIG": 250, "IXFR": 251, "AXFR": 252,
         "MAILB": 253, "MAILA": 254, "ANY": 255}
TYPE_WORDS = {number: word for word, number in TYPES.items()}
CLASSES = {"IN": 1, "CH": 3, "HS": 4, "NONE": 254, "ANY": 255}
RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED",
          16: "BADVERS"}
FLAGS = ((0x8000, "qr"), (0x0400, "aa"), (0x0200, "tc"), (0x0100, "rd"), (0x0080, "ra"),
         (0x0040, "z"), (0x0020, "ad"), (0x0010, "cd"))
QR, TC, RD, RA, AD, CD = 0x8000, 0x0200, 0x0100, 0x0080, 0x0020, 0x0010
EDE, KEEPALIVE, COOKIE = 15, 11, 10


def type_number(word):
    word = word.upper()
    return TYPES[word] if word in TYPES else int(word.removeprefix("TYPE"))


def name_octets(text):
    out = b""
    for label in text.rstrip(".").split("."):
        if label:
            out += bytes([len(label)]) + label.encode("latin-1")
    return out + b"\0"


def option(code, octets):
    return struct.pack("!HH", code, len(octets)) + octets


def opt_record(size=1232, version=0, do=False, options=b"", extended_rcode=0):
    ttl = extended_rcode << 24 | version << 16 | (0x8000 if do else 0)
    return b"\0" + struct.pack("!HHIH", TYPES["OPT"], size, ttl, len(options)) + options


def question(name, qtype, ident=0, flags=RD, qclass=1, opt=b""):
    """name: text or octets; opt: an OPT record, or nothing."""
    octets = name if isinstance(name, bytes) else name_octets(name)
    return (struct.pack("!HHHHHH", ident, flags, 1, 0, 0, 1 if opt else 0) + octets +
            struct.pack("!HH", qtype, qclass) + opt)


def read_name(message, at):
    """(text, place behind the name); raises ValueError or IndexError on nonsense."""
    labels, behind, hops = [], None, 0
    while True:
        length = message[at]
        if length & 0xc0 == 0xc0:
            behind = at + 2 if behind is None else behind
            at = struct.unpack_from("!H", message, at)[0] & 0x3fff
            hops += 1
            if hops > 127:
                raise ValueError("compression loop")
        elif length & 0xc0:
            raise ValueError("label type")
        elif length == 0:
            return ".".join(labels) + ".", at + 1 if behind is None else behind
        else:
            labels.append(message[at + 1:at + 1 + length].decode("latin-1"))
            at += 1 + length


def rdata_text(message, rtype, at, length):
    end = at + length
    if rtype == TYPES["A"] and length == 4:
        return socket.inet_ntop(socket.AF_INET, message[at:end])
    if rtype == TYPES["AAAA"] and length == 16:
        return socket.inet_ntop(socket.AF_INET6, message[at:end])
    if rtype in (TYPES["CNAME"], TYPES["DNAME"], TYPES["NS"], TYPES["PTR"]):
        return read_name(message, at)[0]
    if rtype == TYPES["SOA"]:
        mname, at = read_name(message, at)
        rname, at = read_name(message, at)
        return "%s %s %u %u %u %u %u" % ((mname, rname) + struct.unpack_from("!5I", message, at))
    if rtype == TYPES["TXT"]:
        words = []
        while at < end:
            words.append('"%s"' % message[at + 1:at + 1 + message[at]].decode("latin-1"))
            at += 1 + message[at]
        return " ".join(words)
    if rtype in (TYPES["SVCB"], TYPES["HTTPS"]):
        priority = struct.unpack_from("!H", message, at)[0]
        target, at = read_name(message, at + 2)
        return "%u %s %s" % (priority, target, message[at:end].hex())
    return message[at:end].hex()


class Message:
    """A whole message, read strictly: the counts must be true and nothing may follow."""

    def __init__(self, octets):
        (self.id, self.flags, *self.counts) = struct.unpack_from("!6H", octets)
        self.rcode = self.flags & 15
        self.octets, self.questions, self.records = octets, [], []
        self.edns, self.options = None, []
        at = 12
        for _ in range(self.counts[0]):
            name, at = read_name(octets, at)
            self.questions.append((name,) + struct.unpack_from("!HH", octets, at))
            at += 4
        for section, count in enumerate(self.counts[1:], 1):
            for _ in range(count):
                at = self.read_record(section, at)
        if at != len(octets):
            raise ValueError("%d octets behind the message" % (len(octets) - at))

    def read_record(self, section, at):
        owner, at = read_name(self.octets, at)
        rtype, rclass, ttl, length = struct.unpack_from("!HHIH", self.octets, at)
        at += 10
        if at + length > len(self.octets):
            raise ValueError("record is cut")
        if rtype == TYPES["OPT"]:
            if self.edns is not None:
                raise ValueError("two OPT records")
            self.rcode |= ttl >> 24 << 4
            self.edns = {"size": rclass, "version": ttl >> 16 & 255, "do": bool(ttl & 0x8000)}
            self.read_options(at, at + length)
        else:
            self.records.append((section, owner, rtype, rclass, ttl,
                                 rdata_text(self.octets, rtype, at, length)))
        return at + length

    def read_options(self, at, end):
        while at < end:
            code, length = struct.unpack_from("!HH", self.octets, at)
            if at + 4 + length > end:
                raise ValueError("option is cut")
            self.options.append((code, self.octets[at + 4:at + 4 + length]))
            at += 4 + length

    def rcode_word(self):
        return RCODES.get(self.rcode, "RCODE%d" % self.rcode)

    def ede(self):
        """[(code, text)]"""
        return [(struct.unpack_from("!H", value)[0], value[2:].decode("utf-8", "replace"))
                for code, value in self.options if code == EDE]

    def lines(self):
        """One fact a line, for grep."""
        yield "rcode " + self.rcode_word()
        yield "flags " + " ".join(word for bit, word in FLAGS if self.flags & bit)
        yield "octets %d" % len(self.octets)
        for name, qtype, qclass in self.questions:
            yield "question %s %s %d" % (name, TYPE_WORDS.get(qtype, "TYPE%d" % qtype), qclass)
        for section, owner, rtype, _, ttl, text in self.records:
            yield "%s %s %d %s %s" % (("", "answer", "authority", "additional")[section], owner,
                                      ttl, TYPE_WORDS.get(rtype, "TYPE%d" % rtype), text)
        if self.edns is not None:
            yield "edns version %(version)d size %(size)d" % self.edns + (
                " do" if self.edns["do"] else "")
        for code, text in self.ede():
            yield "ede %d %s" % (code, text)
        for code, value in self.options:
            if code != EDE:
                yield "option %d %s" % (code, value.hex())

#!/usr/bin/env python3
"""What a TCP client may do, and what is done to one that holds a connection for nothing.

usage: tcp_client.py ADDRESS PORT CHECK...
Each check is a function below; they run side by side, since most of them wait."""
import os
import socket
import struct
import sys
import threading
import time

import dnswire
from dnswire import TYPES, opt_record, option, question

# resolver/net/limits.h, with patience for a slow machine.
IDLE_S, MESSAGE_S, PATIENCE_S = 10, 5, 4
PER_CLIENT = 32
# In each name, so that no run finds another's answers in the cache.
RUN = os.urandom(4).hex()


class Fault(Exception):
    pass


def framed(octets):
    return struct.pack("!H", len(octets)) + octets


def ask_octets(name, ident, qtype="A", opt=b""):
    return framed(question(RUN + "." + name, TYPES[qtype], ident, opt=opt))


def connect(address, source=None):
    sock = socket.create_connection(address, timeout=10,
                                    source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def read_exactly(sock, length):
    octets = b""
    while len(octets) < length:
        more = sock.recv(length - len(octets))
        if not more:
            raise EOFError
        octets += more
    return octets


def read_message(sock):
    return dnswire.Message(read_exactly(sock, struct.unpack("!H", read_exactly(sock, 2))[0]))


def seconds_until_closed(sock, most):
    """Reads and throws away until the other side closes."""
    began = time.monotonic()
    sock.settimeout(most)
    try:
        while sock.recv(65536):
            if time.monotonic() - began > most:
                raise Fault("still open after %d s" % most)
    except socket.timeout:
        raise Fault("still open after %d s" % most) from None
    except ConnectionError:
        pass
    return time.monotonic() - began


def must(condition, words):
    if not condition:
        raise Fault(words)


def out_of_order(address):
    """A slow question does not hold up those behind it (RFC 7766, 6.2.1.1)."""
    with connect(address) as sock:
        sock.sendall(ask_octets("order.x-delay900.test", 1) + ask_octets("fast1.test", 2) +
                     ask_octets("fast2.test", 3))
        order = [read_message(sock).id for _ in range(3)]
        must(order[2] == 1 and sorted(order) == [1, 2, 3], "order of answers: %s" % order)


def pipelined(address):
    """More questions than may wait, in one segment: all are answered, once each."""
    with connect(address) as sock:
        sock.sendall(b"".join(ask_octets("pipe%d.x-delay50.test" % i, i) for i in range(200)))
        ids = sorted(read_message(sock).id for _ in range(200))
        must(ids == list(range(200)), "answers: %s" % ids)


def by_octets(address):
    """A question in single octets, and one that comes with the half of the next."""
    with connect(address) as sock:
        for octet in ask_octets("octets.test", 7):
            sock.sendall(bytes([octet]))
            time.sleep(0.01)
        must(read_message(sock).id == 7, "another answer")
        both = ask_octets("half1.test", 8) + ask_octets("half2.test", 9)
        sock.sendall(both[:40])
        must(read_message(sock).id == 8, "another answer")
        sock.sendall(both[40:])
        must(read_message(sock).id == 9, "another answer")


def half_closed(address):
    """A client that will send nothing more still gets its answers."""
    with connect(address) as sock:
        sock.sendall(ask_octets("closing.x-delay300.test", 5))
        sock.shutdown(socket.SHUT_WR)
        must(read_message(sock).id == 5, "another answer")
        must(seconds_until_closed(sock, 5) < 5, "not closed")


def large(address):
    """An answer of almost 64 KiB."""
    with connect(address) as sock:
        sock.sendall(ask_octets("x-big60000.test", 6, "TXT"))
        message = read_message(sock)
        must(message.id == 6 and len(message.octets) > 60000, "%d octets" % len(message.octets))


def keepalive(address):
    """edns-tcp-keepalive (RFC 7828): told to who asks, not to others, and with a true time."""
    with connect(address) as sock:
        sock.sendall(ask_octets("alive.test", 1, opt=opt_record(options=option(11, b""))))
        options = dict(read_message(sock).options)
        must(11 in options and len(options[11]) == 2, "no time was told: %s" % options)
        told = struct.unpack("!H", options[11])[0] / 10
        must(1 <= told <= 120, "%s s were told" % told)
        sock.sendall(ask_octets("alive.test", 2, opt=opt_record()))
        must(11 not in dict(read_message(sock).options), "told to who did not ask")
        # A connection is used again within the time that was told.
        time.sleep(min(told / 2, 4))
        sock.sendall(ask_octets("alive.test", 3))
        must(read_message(sock).id == 3, "another answer")


def idle(address, first=b""):
    """Nothing is asked: closed after a while."""
    with connect(address) as sock:
        sock.sendall(first)
        if first:
            read_message(sock)
        took = seconds_until_closed(sock, IDLE_S + PATIENCE_S)
        must(took > IDLE_S / 2, "closed after %.1f s already" % took)


def idle_after_answer(address):
    """The same after an answer."""
    idle(address, ask_octets("idle.test", 1))


def slow_message(address):
    """Half a question and then nothing."""
    with connect(address) as sock:
        sock.sendall(ask_octets("slow.test", 1)[:9])
        took = seconds_until_closed(sock, MESSAGE_S + PATIENCE_S)
        must(took > MESSAGE_S / 2, "closed after %.1f s already" % took)


def slow_octets(address):
    """An octet a second must not keep a connection for ever."""
    with connect(address) as sock:
        began = time.monotonic()
        octets = ask_octets("a-rather-long-name-to-take-long-enough.test", 1)
        sock.settimeout(1)
        for octet in octets:
            try:
                sock.sendall(bytes([octet]))
                if sock.recv(1) == b"":
                    break
                raise Fault("an answer to half a question")
            except socket.timeout:
                pass
            except ConnectionError:
                break
        took = time.monotonic() - began
        must(took < MESSAGE_S + PATIENCE_S, "still open after %.1f s" % took)


def does_not_read(address):
    """Asks for megabytes and reads none."""
    sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(10)
        sock.connect(address)
        began = time.monotonic()
        sock.settimeout(0.5)
        closed = False
        for i in range(100000):
            try:
                sock.sendall(ask_octets("x-big60000.test", i % 65536, "TXT"))
            except socket.timeout:
                if time.monotonic() - began > 25:
                    break
            except ConnectionError:
                closed = True
                break
        must(closed, "a client that does not read holds its connection for ever")


def nonsense(address):
    """Frames that hold no question: the connection ends or goes on, nothing is answered but errors."""
    for octets in (framed(b""), framed(b"\0" * 5), framed(b"\xff" * 12),
                   framed(question("a.test", 1, 1, 0x8180))):
        with connect(address) as sock:
            sock.sendall(octets)
            sock.settimeout(0.5)
            try:
                must(sock.recv(100) == b"", "answered: %s" % octets.hex())
            except (socket.timeout, ConnectionError):
                pass
    with connect(address) as sock:
        sock.sendall(framed(struct.pack("!6H", 77, 0x0100, 0, 0, 0, 0)))
        must(read_message(sock).rcode_word() == "FORMERR", "no FORMERR")
        sock.sendall(ask_octets("after.test", 78))
        must(read_message(sock).id == 78, "a FORMERR ends the connection")


def limit_per_client(address):
    """One client cannot take all connections; another is served meanwhile. For one worker."""
    held, refused = [], 0
    try:
        for i in range(PER_CLIENT + 20):
            sock = connect(address, "127.0.0.3")
            held.append(sock)
            try:
                sock.sendall(ask_octets("limit.test", i))
                read_message(sock)
            except (EOFError, ConnectionError, socket.timeout):
                refused += 1
        must(refused == 20, "%d of %d connections were refused" % (refused, len(held)))
        with connect(address, "127.0.0.4") as sock:
            sock.sendall(ask_octets("limit.test", 1))
            must(read_message(sock).id == 1, "another client is not served")
        held[0].close()
        time.sleep(0.3)
        with connect(address, "127.0.0.3") as sock:
            sock.sendall(ask_octets("limit.test", 2))
            must(read_message(sock).id == 2, "a place that was given back is not there")
    finally:
        for sock in held:
            sock.close()


def main():
    address = (sys.argv[1], int(sys.argv[2]))
    faults = []

    def run(check):
        try:
            check(address)
        except Exception as error: # pylint: disable=broad-except
            faults.append("%s: %s: %s" % (check.__name__, type(error).__name__, error))

    threads = [threading.Thread(target=run, args=(globals()[word],)) for word in sys.argv[3:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for fault in faults:
        print(fault)
    print("   %d checks over TCP" % len(threads))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""A wire between cordond and a server over TLS, with somebody who listens.

Usage: wiretap.py ADDRESS PORT TO_PORT FILE WORD

Passes TCP connections to ADDRESS port PORT on to 127.0.0.1 port TO_PORT, and writes to FILE, as
JSON, what could be seen: `connections`, `octets` (both ways), `clear` (connections that do not
begin with a TLS handshake, or in whose octets WORD stands, in any case), `udp` (datagrams to PORT),
and `port53` (datagrams and connections to port 53 of the address; null if it may not listen there).
"""
import asyncio
import json
import os
import sys

ADDRESS, PORT, TO_PORT, FILE, WORD = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5]
seen = {"connections": 0, "octets": 0, "clear": 0, "udp": 0, "port53": 0}


def tell():
    with open(FILE + ".new", "w") as out:
        json.dump(seen, out)
    os.replace(FILE + ".new", FILE)


class Counter(asyncio.DatagramProtocol):
    def __init__(self, key):
        self.key = key

    def datagram_received(self, data, address):
        seen[self.key] += 1
        tell()


async def carry(reader, writer, state, first):
    tail = b""
    try:
        while data := await reader.read(65536):
            seen["octets"] += len(data)
            if first and not state["begun"]:
                state["begun"] = True
                state["clear"] |= data[0] != 0x16
            tail = (tail + data)[-65600:]
            state["clear"] |= WORD.encode() in tail.lower()
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(reader, writer):
    state = {"begun": False, "clear": False}
    seen["connections"] += 1
    try:
        there, back = await asyncio.open_connection("127.0.0.1", TO_PORT)
        await asyncio.gather(carry(reader, back, state, True), carry(there, writer, state, False))
    except OSError:
        writer.close()
    seen["clear"] += state["clear"]
    tell()


async def count_port53(reader, writer):
    seen["port53"] += 1
    writer.close()
    tell()


async def main():
    loop = asyncio.get_running_loop()
    await asyncio.start_server(serve, ADDRESS, PORT)
    await loop.create_datagram_endpoint(lambda: Counter("udp"), local_addr=(ADDRESS, PORT))
    try:
        await asyncio.start_server(count_port53, ADDRESS, 53)
        await loop.create_datagram_endpoint(lambda: Counter("port53"), local_addr=(ADDRESS, 53))
    except OSError:
        seen["port53"] = None
    tell()
    while True:
        await asyncio.sleep(0.2)
        tell()


asyncio.run(main())

#!/usr/bin/env python3
"""An upstream on 127.0.0.1 over UDP and TCP whose answers are computed (computed.py). Prints "ready".

usage: computed_upstream.py PORT"""
import selectors
import socket
import struct
import sys

import computed


class Upstream:
    def __init__(self, port):
        self.chooser, self.octets = selectors.DefaultSelector(), {}
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.create_server(("127.0.0.1", port), backlog=64)
        self.udp.bind(("127.0.0.1", port))
        for sock in (self.udp, self.tcp):
            self.chooser.register(sock, selectors.EVENT_READ)

    def end(self, sock):
        self.chooser.unregister(sock)
        del self.octets[sock]
        sock.close()

    def read_stream(self, sock):
        try:
            got = sock.recv(65536)
            octets = self.octets[sock] + got
            while len(octets) >= 2 and len(octets) >= 2 + struct.unpack_from("!H", octets)[0]:
                length = struct.unpack_from("!H", octets)[0]
                answer = computed.respond(octets[2:2 + length], True)
                sock.sendall(struct.pack("!H", len(answer)) + answer)
                octets = octets[2 + length:]
            self.octets[sock] = octets
        except OSError:
            got = b""
        if not got:
            self.end(sock)

    def serve(self):
        while True:
            for key, _ in self.chooser.select():
                if key.fileobj is self.udp:
                    question, client = self.udp.recvfrom(4096)
                    try:
                        self.udp.sendto(computed.respond(question, False), client)
                    except OSError:
                        pass # it has given up
                elif key.fileobj is self.tcp:
                    sock, _ = self.tcp.accept()
                    self.octets[sock] = b""
                    self.chooser.register(sock, selectors.EVENT_READ)
                else:
                    self.read_stream(key.fileobj)


upstream = Upstream(int(sys.argv[1]))
print("ready", flush=True)
upstream.serve()

#!/usr/bin/env python3
"""A web server that serves a folder, and misbehaves as it is told.

Usage: update_server.py PORT FOLDER MODE-FILE LOG-FILE [CERTIFICATE KEY]

MODE-FILE is read anew for each request: a word, and perhaps ":ARGUMENT".
  ok            as a good server: ETag, Last-Modified, 304, Range with If-Range
  plain         the same without ETag, Last-Modified and Range
  norange       ETag, but a request for a part is answered with the whole
  otherpart     a request for a part is answered with another part
  otherfile     a request for a part is answered with a part of something else
  cut:N         lists end after N octets, though more was promised
  endless       lists never end, and no length is said
  longer:N      lists have N octets more than they should, and no length is said
  promise:N     a Content-Length of N for lists
  shorter       lists are one octet short
  drip:N        lists come octet by octet, one each N milliseconds
  hang          an answer never begins
  headers       header lines without end
  status:N      N, with Retry-After: 7200
  redirect:URL  302 to URL and the name of the file
  loop          302 to itself
  page          an error page (404) without end
  gzip          says Content-Encoding: gzip of what is none
Prints "ready" once it listens. Logs "METHOD PATH STATUS range=... if-range=... if-none-match=... if-modified-since=..." for each request.
"""
import email.utils
import hashlib
import http.server
import os
import ssl
import sys
import time

port, folder, mode_file, log_file = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, status):
        fields = ["range", "if-range", "if-none-match", "if-modified-since", "authorization", "cookie", "accept-encoding"]
        with open(log_file, "a", encoding="utf-8") as log:
            log.write(" ".join([self.command, self.path, str(status)] + [f"{f}={self.headers.get(f, '')}" for f in fields]) + "\n")

    def begin(self, status, length=None, **fields):
        self.note(status)
        self.send_response(status)
        for key, value in fields.items():
            self.send_header(key.replace("_", "-"), value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()

    def give(self, data):
        try:
            self.wfile.write(data)
        except OSError:
            self.close_connection = True
            return False
        return True

    def without_end(self):
        self.close_connection = True
        until = time.monotonic() + 20
        while self.give(b"x" * 65536) and time.monotonic() < until:
            pass

    def do_GET(self):
        with open(mode_file, encoding="utf-8") as file:
            mode, _, argument = file.read().strip().partition(":")
        path = os.path.join(folder, os.path.basename(self.path))
        if mode == "hang":
            self.note(0)
            time.sleep(20)
            self.close_connection = True
            return
        if mode == "headers":
            self.note(0)
            self.give(b"HTTP/1.1 200 OK\r\n")
            while self.give(b"X-More: " + b"x" * 4000 + b"\r\n"):
                pass
            return
        if mode == "status":
            return self.begin(int(argument), 0, Retry_After="7200")
        if mode in ("redirect", "loop"):
            where = self.path if mode == "loop" else argument + "/" + os.path.basename(self.path)
            return self.begin(302, 0, Location=where, Set_Cookie="a=b")
        if mode == "page":
            self.begin(404)
            return self.without_end()
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            return self.begin(404, 0)
        tag = '"' + hashlib.sha256(data).hexdigest()[:16] + '"'
        modified = email.utils.formatdate(os.stat(path).st_mtime, usegmt=True)
        fields = {} if mode == "plain" else {"ETag": tag, "Last_Modified": modified, "Accept_Ranges": "bytes"}
        if mode != "plain" and self.headers.get("If-None-Match") == tag:
            self.note(304)
            self.send_response(304)
            self.end_headers()
            return
        is_list = path.endswith(".list")
        if mode == "gzip":
            fields["Content_Encoding"] = "gzip"
        asked = self.headers.get("Range")
        if asked and mode not in ("plain", "norange"):
            first = int(asked[6:].split("-")[0])
            if mode == "otherpart":
                first //= 2
            if mode == "otherfile":
                data = data[::-1]
            if self.headers.get("If-Range", tag) == tag and first < len(data):
                part = data[first:]
                self.begin(206, len(part), Content_Range=f"bytes {first}-{len(data) - 1}/{len(data)}", **fields)
                return self.give(part)
        if is_list and mode == "cut":
            self.begin(200, len(data), **fields)
            self.give(data[:int(argument)])
            self.close_connection = True
        elif is_list and mode == "endless":
            self.begin(200, None, **fields)
            self.give(data)
            self.without_end()
        elif is_list and mode == "longer":
            self.begin(200, None, **fields)
            self.give(data + b"x" * int(argument))
        elif is_list and mode == "promise":
            self.begin(200, int(argument), **fields)
            self.give(data)
            self.close_connection = True
        elif is_list and mode == "shorter":
            self.begin(200, len(data) - 1, **fields)
            self.give(data[:-1])
        elif is_list and mode == "drip":
            self.begin(200, len(data), **fields)
            for octet in data:
                if not self.give(bytes([octet])):
                    return
                time.sleep(int(argument) / 1000)
        else:
            self.begin(200, len(data), **fields)
            self.give(data)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", port), Handler)
if len(sys.argv) > 5:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[5], sys.argv[6])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
print("ready", flush=True)
server.serve_forever()

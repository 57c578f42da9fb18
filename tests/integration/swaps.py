#!/usr/bin/env python3
"""Activates list after list, each under a catalogue of its own, while somebody else asks.

usage: swaps.py --work FOLDER --cordon PROGRAM --pid PID --port PORT --serial N --count N [--settle SECONDS]
                prebuilt|rebuild

Version N is the folder FOLDER/versions/N: what FOLDER/lists has, as hard links, and catalogue N, signed
here. prebuilt: list b and list a in force by turns, whose images the catalogue names. rebuild: list a, and
list c, which is new each time. Each activation: the line `use` of FOLDER/cordond.yaml and the link
FOLDER/current are renamed into place, `cordon reload` says that every worker has the new ones, and a question is
answered by them. (cordond notices by itself, too, and then loads the same once more.)

Prints "activations N p50 MS p99 MS most MS work MS tenth KIB last KIB": from the renaming to that answer, of
that cordond's own work (median), and RssAnon after the tenth and the last,
at its least in --settle seconds. Exit status 1: an activation was
refused or did not take effect."""
import argparse
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

import dnswire

SMALL = """cordon-list 1
id c
title A small one
provider made-up Nobody
serial %d
created 2026-01-01T00:00:00Z
expires 2036-01-01T00:00:00Z
rules
block suffix c%d.small.test category=made-up scope=cloud confidence=high evidence="none"
end
"""


def fail(text):
    print("swaps.py: " + text, file=sys.stderr)
    sys.exit(1)


class Publisher:
    def __init__(self, work):
        self.work = work
        self.keys = [work / "keys" / (name + ".key") for name in ("list-a", "list-b")]
        self.catalogue = (work / "lists" / "catalogue").read_text(encoding="ascii")

    def sign(self, path):
        for number, key in enumerate(self.keys):
            subprocess.run(["minisign", "-S", "-W", "-s", key, "-m", path, "-x", "%s.%d.minisig" % (path, number)],
                           check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def make(self, serial, mode):
        """A folder with a catalogue of this serial. Lists and images are the same files each time."""
        folder = self.work / "versions" / str(serial)
        folder.mkdir(parents=True)
        for path in (self.work / "lists").iterdir():
            if not path.name.startswith("catalogue"):
                os.link(path, folder / path.name)
        lines = re.sub(r"(?m)^serial .*", "serial %d" % serial, self.catalogue).splitlines()
        if mode == "rebuild":
            text = (SMALL % (serial, serial)).encode()
            (folder / "c.list").write_bytes(text)
            self.sign(folder / "c.list")
            lines.insert(-1, "list c serial=%d size=%d blake2b=%s" % (serial, len(text), hashlib.blake2b(text).hexdigest()))
        (folder / "catalogue").write_text("\n".join(lines) + "\n", encoding="ascii")
        self.sign(folder / "catalogue")
        return folder


def rename_into_place(work, folder, use):
    config = (work / "cordond.yaml").read_text(encoding="utf-8")
    (work / "cordond.yaml.new").write_text(re.sub(r"(?m)^  use: .*", "  use: " + use, config), encoding="utf-8")
    (work / "current.new").symlink_to(folder)
    start = time.monotonic()
    os.rename(work / "cordond.yaml.new", work / "cordond.yaml")
    os.rename(work / "current.new", work / "current")
    return start


def first_address(port, name):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(20)
        sock.connect(("127.0.0.1", port))
        sock.send(dnswire.question(name, 1, 7))
        return ".".join(map(str, sock.recv(4096)[-4:]))


def anonymous(pid, seconds):
    """The least in that time: while lists are loaded once more, their text is in memory for a moment."""
    least, end = None, time.monotonic() + seconds
    while least is None or time.monotonic() < end:
        text = pathlib.Path("/proc/%s/status" % pid).read_text(encoding="ascii")
        now = int(re.search(r"RssAnon:\s*(\d+)", text).group(1))
        least = now if least is None else min(least, now)
        time.sleep(0.05)
    return least


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--cordon", required=True)
    parser.add_argument("--pid", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--serial", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--settle", type=float, default=1)
    parser.add_argument("mode", choices=["prebuilt", "rebuild"])
    args = parser.parse_args()
    publisher = Publisher(args.work)
    flip = (args.work / "flip").read_text(encoding="ascii")
    took, work, tenth = [], [], 0
    for turn in range(args.count):
        one = "a" if turn % 2 or args.mode == "rebuild" else "b"
        use = "{a: enforce, c: enforce}" if args.mode == "rebuild" else "{%s: enforce}" % one
        name = flip if args.mode == "prebuilt" else "c%d.small.test" % (args.serial + turn)
        wanted = "192.0.2.1" if one == "b" else "0.0.0.0"
        start = rename_into_place(args.work, publisher.make(args.serial + turn, args.mode), use)
        done = subprocess.run([args.cordon, "reload", "--json", "--socket", args.work / "control.sock"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        said = json.loads(done.stdout)
        found = first_address(args.port, name)
        took.append(1000 * (time.monotonic() - start))
        # What cordond noticed by itself a moment before may have compiled this version, and kept it.
        if (not said["ok"] or said["warnings"] or said["shipped"] != (args.mode == "prebuilt") or
                (said["from_cache"] and args.mode == "prebuilt")):
            fail("activation %d: %s" % (turn, said))
        if found != wanted:
            fail("activation %d: %s is %s and not %s" % (turn, name, found, wanted))
        work.append(said["milliseconds"])
        if turn == 9:
            tenth = anonymous(args.pid, args.settle)
    work.sort()
    took.sort()
    print("activations %d p50 %.0f p99 %.0f most %.0f work %d tenth %d last %d" % (
        len(took), took[len(took) // 2], took[int(len(took) * 0.99)], took[-1], work[len(work) // 2], tenth,
        anonymous(args.pid, args.settle)))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A service manager as far as cordond needs one: READY, and a store of descriptors.

usage: manager.py NOTIFY_SOCKET PROGRAM [ARGUMENT...]
Starts the program with NOTIFY_SOCKET; it keeps what FDSTORE=1 brings, by FDNAME, and passes it to
the next one with LISTEN_FDS and LISTEN_FDNAMES. Lines on standard input: "restart" (TERM, wait,
start), "kill" (KILL, wait, start), "stop". Prints "started PID", "ready", "ended STATUS", and
"stored NAME COUNT" for each message that brought descriptors, "kept COUNT" at each start."""
import array
import os
import selectors
import signal
import socket
import sys
import time

path, program = sys.argv[1], sys.argv[2:]
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(path)
sock.setblocking(False)
store = []  # (name, descriptor, identity)
child = None


def say(*words):
    print(*words, flush=True)


def identity(fd):
    status = os.fstat(fd)
    return status.st_dev, status.st_ino


def hear():
    """Takes one message. False: there is none."""
    fds = array.array("i")
    try:
        text, control, _, _ = sock.recvmsg(4096, socket.CMSG_SPACE(253 * fds.itemsize))
    except BlockingIOError:
        return False
    for level, kind, data in control:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[:len(data) - len(data) % fds.itemsize])
    words = dict(line.split("=", 1) for line in text.decode().splitlines())
    name = words.get("FDNAME", "stored")
    if "FDSTORE" in words:
        for fd in fds:
            if any(identity(fd) == known for _, _, known in store):
                os.close(fd)
            else:
                store.append((name, fd, identity(fd)))
        say("stored", name, len(fds))
    elif "FDSTOREREMOVE" in words:
        for entry in [entry for entry in store if entry[0] == name]:
            os.close(entry[1])
            store.remove(entry)
    if words.get("READY"):
        say("ready")
    return True


def start():
    global child
    say("kept", len(store))
    child = os.fork()
    if child == 0:
        # Out of the way first: the targets may be among the sources.
        moved = [os.dup(fd) for _, fd, _ in store]
        base = 3 + len(moved)
        high = [os.dup2(fd, max(moved) + base + i) for i, fd in enumerate(moved)]
        for number, fd in enumerate(high):
            os.dup2(fd, 3 + number, inheritable=True)
        os.closerange(3 + len(high), 4096)
        os.environ["NOTIFY_SOCKET"] = path
        if high:
            os.environ["LISTEN_PID"] = str(os.getpid())
            os.environ["LISTEN_FDS"] = str(len(high))
            os.environ["LISTEN_FDNAMES"] = ":".join(name for name, _, _ in store)
        os.execv(program[0], program)
    say("started", child)


def end(number):
    os.kill(child, number)
    until = time.monotonic() + 30
    while True:
        while hear():
            pass
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)
    while hear():
        pass
    say("ended", os.waitstatus_to_exitcode(status))


start()
selector = selectors.DefaultSelector()
selector.register(sock, selectors.EVENT_READ)
selector.register(sys.stdin, selectors.EVENT_READ)
while True:
    for key, _ in selector.select():
        if key.fileobj is sock:
            while hear():
                pass
            continue
        word = sys.stdin.readline().strip()
        if word in ("stop", ""):
            end(signal.SIGTERM)
            sys.exit(0)
        end(signal.SIGTERM if word == "restart" else signal.SIGKILL)
        start()

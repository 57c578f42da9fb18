#!/usr/bin/env python3
"""Runs a program on a terminal of its own, as a person would, and looks at what it leaves behind.

Usage: terminal.py KEYS COMMAND...      KEYS: q, interrupt, hangup, terminate, stop
  Waits for two screens, makes the terminal smaller and waits for a screen of that size, then ends
  the program by KEYS (stop: ^Z, then it is continued and draws again, then q). Checks that the
  terminal's modes are those from before, that the other screen and the cursor were given back,
  and that nothing but known sequences drove the terminal. The last screen goes to standard output.
"""
import fcntl, os, pty, re, select, signal, struct, sys, termios, time

ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l\x1b[2J", b"\x1b[?25h\x1b[?1049l"
KNOWN = re.compile(rb"\x1b\[H|\x1b\[K|\x1b\[J|" + re.escape(ENTER) + rb"|" + re.escape(LEAVE))
PATIENCE = 60


def fail(text, seen=b""):
    sys.exit(f"terminal.py: {text}\n{seen[-3000:]!r}")


def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def screens(seen):
    return [s for s in seen.split(b"\x1b[H")[1:] if b"\x1b[J" in s]


def lines_of(screen):
    return re.split(rb"\r*\n", KNOWN.sub(b"", screen.split(b"\x1b[J")[0]))


def main():
    keys, command = sys.argv[1], sys.argv[2:]
    master, slave = pty.openpty()
    resize(slave, 40, 120)
    before = termios.tcgetattr(slave)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for fd in (0, 1, 2):
            os.dup2(slave, fd)
        os.close(master)
        os.execvp(command[0], command)
    seen = b""
    status = None

    def read_until(condition, what):
        nonlocal seen, status
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                fail(f"no {what}", seen)
            if select.select([master], [], [], 0.05)[0]:
                seen += os.read(master, 65536)
            elif status is None:
                done, code = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
                if done and (os.WIFEXITED(code) or os.WIFSIGNALED(code)):
                    status = code

    read_until(lambda: len(screens(seen)) >= 2, "two screens")
    if status is not None:
        fail("it ended by itself", seen)
    if termios.tcgetattr(slave)[3] & termios.ICANON:
        fail("keys are not read one by one")
    resize(slave, 12, 50)
    at = len(seen)
    os.kill(child, signal.SIGWINCH)  # the kernel sends it to the foreground group: make sure
    read_until(lambda: any(len(lines_of(s)) <= 12 for s in screens(seen[at:])), "smaller screen")
    for screen in screens(seen[at:])[-1:]:
        if any(len(line) > 50 for line in lines_of(screen)):
            fail("a line is longer than the terminal is wide", screen)
    if keys == "stop":
        os.write(master, b"\x1a")
        until = time.monotonic() + PATIENCE
        done, code = 0, 0
        while not done and time.monotonic() < until:
            if select.select([master], [], [], 0.05)[0]:
                seen += os.read(master, 65536)
            done, code = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
        if not done or not os.WIFSTOPPED(code):
            fail("^Z does not stop it", seen)
        if not seen.endswith(LEAVE) or termios.tcgetattr(slave) != before:
            fail("the terminal was not given back when it stopped", seen)
        at = len(seen)
        os.kill(child, signal.SIGCONT)
        read_until(lambda: ENTER in seen[at:] and len(screens(seen[at:])) >= 1, "screen after fg")
        os.write(master, b"q")
    elif keys in ("hangup", "terminate"):
        os.kill(child, signal.SIGHUP if keys == "hangup" else signal.SIGTERM)
    else:
        os.write(master, b"\x03" if keys == "interrupt" else b"q")
    read_until(lambda: status is not None, "end")
    if not os.WIFEXITED(status) or os.WEXITSTATUS(status) != 0:
        fail(f"it ended with {status}", seen)
    if termios.tcgetattr(slave) != before:
        fail("the terminal's modes are not those from before", seen)
    if not seen.startswith(ENTER) or not seen.endswith(LEAVE):
        fail("the screen or the cursor was not given back", seen)
    rest = KNOWN.sub(b"", seen)
    if re.search(rb"[^\x20-\x7e\r\n]", rest):
        fail("something else drove the terminal", rest)
    for screen in screens(seen[:at])[-1:]:
        print(b"\n".join(lines_of(screen)).decode())


main()

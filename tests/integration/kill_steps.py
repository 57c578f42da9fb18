#!/usr/bin/env python3
"""kill -9 at the steps of a reload, each followed by a start that must answer by the new lists.

usage: kill_steps.py --work FOLDER --cordond PROGRAM --cordon PROGRAM --port PORT [--all]

One reload is watched by strace(1): what the thread "builder" does up to its end, and the main thread after
that, are the steps. Then for each step (or, without --all, one of each phase) a new version is renamed into
place (swaps.py), a reload asked for, and cordond killed as it enters that system call; what is on the disk then
must start, block what the new version blocks, and find nothing damaged.

Prints a line per phase. Exit status 0: all started; 1: not; 3: no process can be traced here."""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import swaps

# What changes a file, or is the border of a phase. Reading and memory are between these.
STEPS = ("openat,write,ftruncate,fchmod,fsync,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,linkat,"
         "memfd_create,sendmsg")
# The first pattern that a call of the builder matches is where its phase begins; they come in this order.
PHASES = (
    ("configuration", r'cordond\.yaml"'), ("root and catalogue", r'1\.root"'), ("verify", r'\.list"'),
    ("compile", r"^memfd_create|\.image\", O_RDONLY"), ("kept image", r'state/[0-9a-f]{64}\.image\.'), ("ratchet", r'trust\.ratchet\.lock'),
)
WRITING = ("kept image", "ratchet", "publish and adopt")


def fail(text):
    print("kill_steps.py: " + text, file=sys.stderr)
    sys.exit(1)


class Daemon:
    def __init__(self, args):
        self.args, self.process = args, None
        self.log = args.work / "kills.log"

    def start(self):
        for _ in range(5): # another test's cordond may ask from our port for a moment (lib.sh)
            fault = self.start_once()
            if not fault or not re.search(r"port .* is in use", fault):
                return fault
            time.sleep(1)
        return fault

    def start_once(self):
        self.log.write_bytes(b"")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([self.args.cordond, "-c", self.args.work / "cordond.yaml"],
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log)
        (self.args.work / "kills.pid").write_text(str(self.process.pid), encoding="ascii")
        end = time.monotonic() + 60
        while True:
            if self.process.poll() is not None:
                return "it does not start: " + self.log.read_text(encoding="utf-8")
            try:
                swaps.first_address(self.args.port, "localhost")
                break
            except OSError:
                if time.monotonic() > end:
                    return "it does not answer"
                time.sleep(0.05)
        bad = [line for line in self.log.read_text(encoding="utf-8").splitlines()
               if re.search(r"error:|warning: (?!.*upstream|this process stood still)|not used|damaged|replaced|set aside|Sanitizer|runtime error", line)]
        return "; ".join(bad)

    def reload(self):
        """The daemon's report; None: it is no more."""
        done = subprocess.run([self.args.cordon, "reload", "--json", "--socket", self.args.work / "control.sock"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        return json.loads(done.stdout) if done.stdout else None

    def trace(self, options, only_main=False):
        """strace, once it holds every thread that there is. None: it may not."""
        tracer = subprocess.Popen(["strace"] + ([] if only_main else ["-f"]) + ["-p", str(self.process.pid)] + options, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        folder, end = pathlib.Path("/proc/%d/task" % self.process.pid), time.monotonic() + 20
        while tracer.poll() is None and time.monotonic() < end:
            threads = [folder / str(self.process.pid)] if only_main else list(folder.iterdir())
            try:
                if all(re.search(r"TracerPid:\s+[1-9]", (thread / "status").read_text()) for thread in threads):
                    return tracer
            except (FileNotFoundError, ProcessLookupError):
                pass # one has just ended
            time.sleep(0.02)
        tracer.kill()
        tracer.wait()
        return None

    def kill(self):
        self.process.kill()
        self.process.wait()


def read_steps(log, pid):
    """[(phase, call, which of these calls of its thread it is, line)], in order."""
    builder, ended, phase, steps, counts = None, False, 0, [], {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if builder is not None and re.match(r"%d +\+\+\+ exited" % builder, line):
            ended = True
        match = re.match(r"(\d+) +((\w+)\(.*)", line)
        if not match or "resumed>" in line:
            continue
        thread, text, call = int(match[1]), match[2], match[3]
        if 'PR_SET_NAME, "builder"' in text:
            builder = thread
        counts[thread, call] = counts.get((thread, call), 0) + 1
        if call not in STEPS.split(","):
            continue
        if thread == builder:
            for number in range(phase, len(PHASES)):
                if re.search(PHASES[number][1], text):
                    phase = number
                    break
            steps.append((PHASES[phase][0], call, counts[thread, call], text))
        elif thread == pid and ended:
            steps.append(("publish and adopt", call, counts[thread, call], text))
    return steps


def choose(steps):
    """The first step of each phase, and the last where something is written."""
    chosen = []
    for name in dict.fromkeys(step[0] for step in steps):
        own = [step for step in steps if step[0] == name]
        chosen += [own[0], own[-1]] if len(own) > 1 and name in WRITING else own[:1]
    return chosen


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--cordond", required=True)
    parser.add_argument("--cordon", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    publisher, daemon = swaps.Publisher(args.work), Daemon(args)
    serial = [1]

    def next_version(*tracing):
        """tracing: as Daemon.trace() takes them; it holds before the version is there, which cordond sees by itself
        within a second."""
        serial[0] += 1
        folder = publisher.make(serial[0], "rebuild")
        tracer = daemon.trace(*tracing) if tracing else None
        swaps.rename_into_place(args.work, folder, "{a: enforce, c: enforce}")
        return tracer

    def check(what):
        said = daemon.start()
        if said:
            fail("%s: %s" % (what, said))
        for name in ("c%d.small.test" % serial[0], (args.work / "flip").read_text(encoding="ascii")):
            if swaps.first_address(args.port, name) != "0.0.0.0":
                fail("%s: %s is not blocked" % (what, name))

    next_version()
    check("the first start")
    tracer = next_version(["-s", "200", "-e", "trace=prctl," + STEPS, "-o", args.work / "steps"])
    if tracer is None:
        daemon.kill()
        print("no process can be traced here")
        sys.exit(3)
    said = daemon.reload()
    tracer.send_signal(signal.SIGINT)
    tracer.wait()
    if said is None or not said["ok"]:
        fail("the reload that is watched: %s" % said)
    steps = read_steps(args.work / "steps", daemon.process.pid)
    known = [name for name, _ in PHASES] + ["publish and adopt"]
    missing = [name for name in known if name not in (step[0] for step in steps)]
    if missing:
        fail("no step of: %s" % ", ".join(missing))
    killed = {name: [0, 0] for name in known}
    for phase, call, number, text in steps if args.all else choose(steps):
        tracer = next_version(["-e", "trace=" + call, "-o", "/dev/null", "-e",
                               "inject=%s:signal=SIGKILL:when=%d" % (call, number)], phase == "publish and adopt")
        if tracer is None:
            fail("it cannot be traced any more")
        said = daemon.reload()
        killed[phase][said is not None] += 1  # a step that did not come this time: killed after it
        daemon.kill()
        tracer.wait()
        check("killed in %s, at %s" % (phase, text[:160]))
    daemon.kill()
    for name in known:
        print("   %-20s killed %d times, %d more right after the reload" % (name, *killed[name]))
        if killed[name][0] == 0:
            fail("never killed in: " + name)
    left = [name for name in os.listdir(args.work / "state") if re.search(r"\.[A-Za-z0-9]{6}$", name)]
    print("   unfinished files left in the state directory: %d" % len([n for n in left if not n.endswith(".image")]))


if __name__ == "__main__":
    main()

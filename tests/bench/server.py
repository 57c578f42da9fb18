#!/usr/bin/env python3
"""Processor time per answered question of cordond with one worker, beside a bare responder.

usage: server.py --build DIR --folder DIR [--seconds N] [--rounds N] [--peers] [--raw FILE]

Called by tests/bench/run, after names.py has filled the folder. All servers are started once and sleep while another is measured. In each
round every case is measured once, each right after the bare responder: a ratio is that of these two
measurements. What a measurement was of is checked by the server's own counters.
"""
import argparse
import collections
import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHIPPED = ["huawei-cloud", "alibaba-cloud", "tencent-cloud", "baidu-cloud"]
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
START_S = 300       # a list of a million rules is verified, parsed and compiled
MISSES = 400_000    # different names at most for one measurement of misses
MIXED = 800_000     # questions at most for one measurement of the mix

Result = collections.namedtuple("Result", "round server case answered lost seconds us floor_us events_us busy events_lost")


def free_port():
    while True:
        port = random.SystemRandom().randrange(10000, 30000)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as sock:
                    sock.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


class Server:
    """A process that answers on a port of 127.0.0.1."""

    def __init__(self, bench, name, command, port):
        self.bench, self.name, self.port = bench, name, port
        self.log = open(bench.work / f"{name}.log", "wb")
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log)
        bench.servers.append(self)
        while subprocess.run([*bench.load, "--once", "--sockets", "1", "--seconds", "1", self.address()],
                             input=b"localhost A\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            if self.process.poll() is not None or time.monotonic() - began > START_S:
                sys.stdout.write((bench.work / f"{name}.log").read_text(errors="replace")[-3000:])
                sys.exit(f"{name} does not answer")
            time.sleep(0.05)
        self.start_s = time.monotonic() - began

    def address(self):
        return f"127.0.0.1@{self.port}"

    @staticmethod
    def ticks(stat):
        fields = pathlib.Path(stat).read_text().rsplit(") ", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def used_us(self):
        """User and system time of the process, threads that have ended included."""
        return self.ticks(f"/proc/{self.process.pid}/stat") * TICK_US

    def events_us(self):
        """Of it, that of the thread that writes events."""
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (thread / "comm").read_text().strip() == "events":
                return self.ticks(thread / "stat") * TICK_US
        return 0

    def resident_mib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0

    def counters(self):
        return None

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Cordond(Server):
    def __init__(self, bench, name, folder, lists, upstream):
        own = bench.work / name
        own.mkdir()
        port = free_port()
        keys = folder / "keys"
        names = ["list-a", "list-b", "list-c"] if folder != bench.work else ["list-a", "list-b"]
        (own / "cordond.yaml").write_text(
            f"server:\n  listen: [127.0.0.1@{port}]\n  workers: 1\n"
            f"upstreams:\n  servers: [127.0.0.1@{upstream}]\n"
            f"lists:\n  directory: {folder}\n  use:\n" + "".join(f"    {one}: enforce\n" for one in lists) +
            f"trust:\n  keys: [{', '.join(str(keys / (one + '.pub')) for one in names)}]\n  threshold: 2\n"
            f"events:\n  to: {own}/events.jsonl\n  keep: 1\n"
            f"control:\n  socket: {own}/run/control.sock\nstate:\n  directory: {own}/state\n")
        (own / "run").mkdir()
        self.socket = own / "run/control.sock"
        super().__init__(bench, name, [bench.build / "cordond", "-c", own / "cordond.yaml"], port)

    def counters(self):
        for _ in range(20):
            # Exit status 1 only says that something needs attention.
            out = subprocess.run([self.bench.build / "cordon", "status", "--json", "--socket", self.socket],
                                 stdout=subprocess.PIPE).stdout
            status = json.loads(out)
            if status["workers_reported"] == status["workers"]:
                break
            time.sleep(0.2)
        found = dict(status["questions"])
        found.pop("answered", None)
        found["events_lost"] = status["events"]["lost_ring"] + status["events"]["lost_output"]
        return found


def start_unbound(bench, upstream):
    """The made-up list as local zones that answer 0.0.0.0."""
    own = bench.work / "unbound"
    own.mkdir()
    port = free_port()
    (own / "unbound.conf").write_text(
        f"server:\n  interface: 127.0.0.1\n  port: {port}\n  num-threads: 1\n  so-rcvbuf: 4m\n  so-sndbuf: 4m\n"
        "  outgoing-range: 4096\n  num-queries-per-thread: 4096\n  do-not-query-localhost: no\n"
        "  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  module-config: \"iterator\"\n"
        f"  directory: \"{own}\"\n  msg-cache-size: 32m\n  rrset-cache-size: 32m\n  include: \"{own}/names\"\n"
        f"remote-control:\n  control-enable: no\nforward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{upstream}\n")
    with open(own / "names", "w", encoding="ascii") as out:
        for name in bench.rules:
            out.write(f'local-zone: "{name}." always_null\n')
    return Server(bench, "unbound", ["unbound", "-d", "-c", own / "unbound.conf"], port)


def start_dnsdist(bench, upstream):
    """One socket, a packet cache, and the made-up list as a SuffixMatchNode."""
    own = bench.work / "dnsdist"
    own.mkdir()
    port = free_port()
    (own / "dnsdist.conf").write_text(
        f'setUDPSocketBufferSizes(4194304, 4194304)\nsetLocal("127.0.0.1:{port}")\nnewServer({{address="127.0.0.1:{upstream}", checkInterval=3600}})\n'
        'setServerPolicy(firstAvailable)\nsetSecurityPollSuffix("")\n'
        'getPool(""):setCache(newPacketCache(200000))\n'
        "local names = newSuffixMatchNode()\n"
        f'for line in io.lines("{bench.work}/names") do names:add(newDNSName(line)) end\n'
        'addAction(SuffixMatchNodeRule(names), SpoofAction({"0.0.0.0"}))\n')
    return Server(bench, "dnsdist", ["dnsdist", "--supervised", "--disable-syslog", "-C", own / "dnsdist.conf"], port)


class Bench:
    def __init__(self, args, work):
        self.args, self.work, self.build = args, work, pathlib.Path(args.build).resolve()
        self.load = [self.build / "tests/bench_load_udp"]
        self.servers, self.results = [], []
        self.bare = None
        self.rules = (work / "names").read_text(encoding="ascii").split()
        self.numbers = random.Random("mix")

    def questions(self, name):
        return (self.work / name).read_text().splitlines()

    # --- what is asked

    def write_misses(self, tag):
        path = self.work / "misses"
        path.write_text("".join(f"{tag}-{i}.www.example.net A\n" for i in range(MISSES)))
        return path

    def write_mix(self, tag, blocked):
        """Of 20 questions 17 are hits, 2 blocked, 1 a miss."""
        path = self.work / "mix"
        warm, number = self.questions("warm"), self.numbers.random
        with open(path, "w", encoding="ascii") as out:
            for i in range(MIXED):
                draw = i % 20
                if draw == 0:
                    out.write(f"{tag}-{i}.mix.example.net A\n")
                else:
                    names = blocked if draw in (7, 14) else warm
                    out.write(names[int(number() * len(names))] + "\n")
        return path

    # --- measuring

    def ask_udp(self, server, path, once=False, seconds=None):
        command = [*self.load, "--seconds", str(seconds or self.args.seconds), *(["--once"] if once else []),
                   server.address()]
        with open(path, "rb") as questions:
            done = subprocess.run(command, stdin=questions, stdout=subprocess.PIPE)
        facts = dict(word.split("=") for word in done.stdout.decode().split())
        if done.returncode != 0:
            sys.exit(f"{server.name}: no answers")
        return {key: float(value) for key, value in facts.items()}

    def ask_tcp(self, server, path):
        out = subprocess.run(["dnsperf", "-m", "tcp", "-e", "-s", "127.0.0.1", "-p", str(server.port), "-c", "16",
                              "-q", "800", "-l", str(self.args.seconds), "-d", path],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout.decode()
        facts = {}
        for line in out.splitlines():
            words = line.split()
            if "Queries completed:" in line:
                facts["answered"] = float(words[2])
            elif "Queries lost:" in line:
                facts["lost"] = float(words[2])
            elif "Run time (s):" in line:
                facts["seconds"] = float(words[3])
            elif "Response codes:" in line and "NOERROR" in words:
                facts["noerror"] = float(words[words.index("NOERROR") + 1])
        return facts if facts.get("answered") and "seconds" in facts else None

    def measure(self, number, server, case, path, **how):
        """The floor, then the server."""
        floor = self.measure_one(self.bare, "bare", self.work / "warm")
        facts = self.measure_one(server, case, path, **how)
        if facts is not None:
            self.results.append(Result(number, "bare", "bare", *floor[:4], floor[3], *floor[4:]))
            self.results.append(Result(number, server.name, case, *facts[:4], floor[3], *facts[4:]))

    def measure_one(self, server, case, path, **how):
        counted = server.counters()
        used, events = server.used_us(), server.events_us()
        facts = self.ask_tcp(server, path) if case == "tcp" else self.ask_udp(server, path, **how)
        if facts is None:
            # dnsperf 2.10 gives up where a server closes connections.
            if counted is not None:
                sys.exit(f"{server.name}: no answers over TCP")
            return None
        time.sleep(0.3)  # the events of the last questions are written
        used, events = server.used_us() - used, server.events_us() - events
        answered = facts["answered"]
        note = 0.0  # events lost, as a part of those due
        if facts.get("noerror", 0) < answered * 0.999:
            sys.exit(f"{server.name}, {case}: of {answered:.0f} answers {facts.get('noerror', 0):.0f} were NOERROR")
        if counted is not None:
            note = self.check(server, case, answered, counted)
        return (answered, facts["lost"], facts["seconds"], used / answered, events / answered,
                used / 1e6 / facts["seconds"], note)

    @staticmethod
    def check(server, case, answered, before):
        """Whether the server did what the case says."""
        after = server.counters()
        delta = {key: after[key] - before[key] for key in after}
        share = {key: delta[key] / answered for key in ("cache_hits", "cache_misses", "blocked")}
        wanted = {"hit": (1, 0, 0), "tcp": (1, 0, 0), "blocked": (0, 0, 1), "miss": (0, 1, 0), "mixed": (.85, .05, .1)}
        for key, want in zip(("cache_hits", "cache_misses", "blocked"), wanted[case]):
            if abs(share[key] - want) > 0.02:
                sys.exit(f"{server.name}, {case}: {key} are {share[key]:.3f} of {answered:.0f} answers, not {want}; {delta}")
        lost = delta["events_lost"]
        return lost / max(1, delta["blocked"])

    def round(self, number, servers):
        for server, blocked in servers:
            warm = self.work / "warm"
            tag = f"r{number}{server.name[:12]}"
            self.ask_udp(server, warm, once=True)
            self.ask_udp(server, warm, once=True)
            self.measure(number, server, "hit", warm)
            self.measure(number, server, "tcp", warm)
            self.measure(number, server, "blocked", self.work / blocked)
            self.measure(number, server, "mixed", self.write_mix(tag, self.questions(blocked)), once=True)
            self.measure(number, server, "miss", self.write_misses(tag), once=True)

    # --- telling

    def table(self, name):
        print(f"{'case':<9}{'ratio to bare':>15}{'(least-most)':>15}{'us':>8}{'(least-most)':>15}{'of it events':>14}"
              f"{'questions/s':>13}{'busy':>6}{'lost':>7}{'events lost':>13}")
        for case in ("bare", "hit", "blocked", "mixed", "miss", "tcp"):
            rows = [r for r in self.results if r.server == name and r.case == case]
            if not rows:
                continue
            us = [r.us for r in rows]
            ratios = [r.us / r.floor_us for r in rows]
            missing = statistics.median(r.events_lost for r in rows)
            print(f"{case:<9}{statistics.median(ratios):>15.2f}{f'({min(ratios):.2f}-{max(ratios):.2f})':>15}"
                  f"{statistics.median(us):>8.2f}{f'({min(us):.2f}-{max(us):.2f})':>15}"
                  f"{statistics.median(r.events_us for r in rows):>14.2f}"
                  f"{statistics.median(r.answered / r.seconds for r in rows):>13,.0f}"
                  f"{statistics.median(r.busy for r in rows):>6.0%}{sum(r.lost for r in rows):>7.0f}"
                  f"{missing:>13.0%}")

    def write_raw(self):
        with open(self.args.raw, "w", encoding="ascii") as out:
            out.write("\t".join(Result._fields) + "\n")
            for result in self.results:
                out.write("\t".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in result) + "\n")

    def run(self):
        args, work = self.args, self.work
        (work / "keys").mkdir()
        for key in ("list-a", "list-b"):
            subprocess.run([self.build / "cordon", "key", "generate", "--no-password", work / "keys" / key], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run([self.build / "cordon", "list", "sign", "--key", work / f"keys/{key}.key", work / "bench.list"],
                           check=True, stdout=subprocess.DEVNULL)
        bare_command = self.build / "tests/bench_bare_udp"
        ports = [free_port(), free_port()]
        self.bare = Server(self, "bare", [bare_command, f"127.0.0.1@{ports[0]}"], ports[0])
        upstream = Server(self, "upstream", [bare_command, f"127.0.0.1@{ports[1]}"], ports[1]).port
        bench = Cordond(self, "cordond-bench", work, ["bench"], upstream)
        shipped = Cordond(self, "cordond-shipped", ROOT / "blocklists", SHIPPED, upstream)
        servers = [(bench, "bench.blocked"), (shipped, "shipped.blocked")]
        if args.peers:
            servers += [(start(self, upstream), "bench.blocked") for start in (start_unbound, start_dnsdist)]
        print(f"Processor time of the server per answered question: {args.rounds} rounds of {args.seconds} s each, "
              "median and range", flush=True)
        for number in range(1, args.rounds + 1):
            self.round(number, servers)
        print("\nbare responder (the floor)")
        self.table("bare")
        titles = {"cordond-bench": f"cordond, one worker, a list of {len(self.rules):,} rules",
                  "cordond-shipped": "cordond, one worker, the lists that are enforced by default",
                  "unbound": f"unbound, one thread, {len(self.rules):,} local zones",
                  "dnsdist": f"dnsdist, one listener, SuffixMatchNode with {len(self.rules):,} names"}
        for server, _ in servers:
            print(f"\n{titles[server.name]}: answers {server.start_s:.1f} s after its start, "
                  f"{server.resident_mib():.0f} MiB resident now")
            self.table(server.name)
        if args.raw:
            self.write_raw()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--raw")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bench = Bench(args, args.folder)
    try:
        bench.run()
    finally:
        for server in bench.servers:
            server.stop()


if __name__ == "__main__":
    main()

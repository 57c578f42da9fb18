#!/usr/bin/env python3
"""Processor time per answered question of cordond with one worker, beside a bare responder and beside others.

usage: server.py --build DIR --folder DIR [--seconds N] [--rounds N] [--peers NAME,...] [--cases CASE,...]
                 [--parts server,log,dot,scale,latency,memory] [--raw FILE] [--figures FILE]

Called by tests/bench/run, after names.py has filled the folder. The servers of a part are started once and sleep while
another is measured. In each round every case is measured once, each right after the bare responder: a ratio is that of
these two measurements. What a measurement of cordond was of is checked by its own counters; a peer is asked first
whether it answers the same.
"""
import argparse
import collections
import pathlib
import random
import signal
import statistics
import subprocess
import sys
import time

import figures
import latency
import names
import peers
import process

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHIPPED = ["huawei-cloud", "alibaba-cloud", "tencent-cloud", "baidu-cloud"]
CASES = ["hit", "blocked", "mixed", "miss", "tcp"]
PARTS = ["server", "log", "dot", "scale", "latency", "memory"]
MISSES = 400_000    # different names at most for one measurement of misses
MIXED = 800_000     # questions at most for one measurement of the mix
SAME = 100          # names of each sort that a peer must answer alike
SAME_S = 60         # so long it is given until it does
LISTS = 20          # of the part scale
TIMES = 10          # so many times as many rules, there
ANSWER, SINKHOLE = (0, ["192.0.2.1"]), (0, ["0.0.0.0"])
# Shares of hits, misses and blocked names.
SHARES = {"hit": (1, 0, 0), "tcp": (1, 0, 0), "blocked": (0, 0, 1), "miss": (0, 1, 0), "dot": (0, 1, 0), "mixed": (.8, .1, .1)}

Result = collections.namedtuple("Result", "round server case answered lost seconds us floor_us writers_us busy events_lost")
Subject = collections.namedtuple("Subject", "server title cases blocked")


class Bench:
    def __init__(self, args, work):
        self.args, self.work, self.build = args, work, pathlib.Path(args.build).resolve()
        self.servers, self.results, self.failed = [], [], []
        self.subjects = []
        self.loaded = {}  # resident KiB and start of a peer with its rules, before it is asked
        self.bare = None
        self.rules = (work / "names").read_text(encoding="ascii").split()
        self.numbers = random.Random("mix")
        self.figures = figures.Figures(args.figures)

    def questions(self, name):
        return (self.work / name).read_text().splitlines()

    # --- what is asked

    def write_misses(self, tag):
        path = self.work / "misses"
        path.write_text("".join(f"{tag}-{i}.www.example.net A\n" for i in range(MISSES)))
        return path

    def write_mix(self, tag, blocked):
        """Of ten questions eight are hits, one is blocked, one is a miss."""
        path = self.work / "mix"
        warm, number = self.questions("warm"), self.numbers.random
        with open(path, "w", encoding="ascii") as out:
            for i in range(MIXED):
                draw = i % 10
                if draw == 0:
                    out.write(f"{tag}-{i}.mix.example.net A\n")
                else:
                    from_these = blocked if draw == 5 else warm
                    out.write(from_these[int(number() * len(from_these))] + "\n")
        return path

    # --- measuring

    def ask(self, server, path, tcp=False, once=False, seconds=None):
        command = [self.build / f"tests/bench_load_{'tcp' if tcp else 'udp'}", "--seconds", str(seconds or self.args.seconds)]
        command += ["--once"] if once else []
        command += [] if tcp else ["--window", str(server.window)]
        with open(path, "rb") as questions:
            done = subprocess.run([*command, server.address()], stdin=questions, stdout=subprocess.PIPE)
        facts = dict(word.split("=") for word in done.stdout.decode().split())
        if done.returncode != 0:
            raise RuntimeError(f"{server.name}: no answers")
        return {key: float(value) for key, value in facts.items()}

    def measure(self, number, server, case, path, **how):
        """The floor, then the server."""
        floor = self.measure_one(self.bare, "bare", self.work / "warm")
        if case in ("hit", "blocked"):  # the names are warm, also where others were asked for minutes
            self.ask(server, path, once=True)
        facts = self.measure_one(server, case, path, **how)
        self.results.append(Result(number, "bare", "bare", *floor[:4], floor[3], *floor[4:]))
        self.results.append(Result(number, server.name, case, *facts[:4], floor[3], *facts[4:]))

    def measure_one(self, server, case, path, **how):
        counted = server.counters()
        used, writers = server.used_us(), server.writers_us()
        facts = self.ask(server, path, tcp=case == "tcp", **how)
        time.sleep(0.3)  # the events of the last questions are written
        used, writers = server.used_us() - used, server.writers_us() - writers
        answered = facts["answered"]
        if facts["noerror"] < answered * 0.999:
            raise RuntimeError(f"{server.name}, {case}: of {answered:.0f} answers {facts['noerror']:.0f} were NOERROR")
        events_lost = self.check(server, case, answered, counted) if counted is not None else 0.0
        return (answered, facts["lost"], facts["seconds"], used / answered, writers / answered,
                used / 1e6 / facts["seconds"], events_lost)

    @staticmethod
    def check(server, case, answered, before):
        """Whether the server did what the case says. Returns the part of the due events that were lost."""
        after = server.counters()
        delta = {key: after[key] - before[key] for key in after}
        share = {key: delta[key] / answered for key in ("cache_hits", "cache_misses", "blocked")}
        for key, want in zip(("cache_hits", "cache_misses", "blocked"), SHARES[case]):
            if abs(share[key] - want) > 0.02:
                sys.exit(f"{server.name}, {case}: {key} are {share[key]:.3f} of {answered:.0f} answers, not {want}; {delta}")
        due = delta["blocked"] + (answered if server.queries else 0)
        return max(delta["events_lost"] / max(1, delta["blocked"]), delta["audit_lost"] / max(1, due))

    def find_window(self, server):
        """As many questions on their way as it takes without losing one: not all have large buffers."""
        while self.ask(server, self.work / "warm", once=True)["lost"] > 0 and server.window > 4:
            server.window //= 2

    def answers_the_same(self, server, blocked):
        """None, or what is not as it must be."""
        step = max(1, len(blocked) // SAME)
        asked = [(line, ANSWER) for line in self.questions("warm")[::step]]
        asked += [(line, SINKHOLE) for line in blocked[::step]]
        asked += [(f"same-{i}.{server.name}.example.net A", ANSWER) for i in range(SAME // 10)]
        for line, want in asked:
            name = line.split(" ")[0]
            found = process.ask(server.port, name) or process.ask(server.port, name)
            if found != want:
                return f"{name}: {found}, not {want}"
        return None

    def round(self, number, subject):
        server, warm = subject.server, self.work / "warm"
        tag = f"r{number}{server.name}"
        if {"hit", "tcp", "mixed"} & set(subject.cases):
            self.ask(server, warm, once=True)
            self.ask(server, warm, once=True)
        if "tcp" in subject.cases:  # some keep what they answer over TCP apart
            self.ask(server, warm, tcp=True)
        for case in subject.cases:
            if case in ("hit", "tcp"):
                self.measure(number, server, case, warm)
            elif case == "blocked":
                self.measure(number, server, case, self.work / subject.blocked)
            elif case == "mixed":
                self.measure(number, server, case, self.write_mix(tag, self.questions(subject.blocked)), once=True)
            else:
                self.measure(number, server, case, self.write_misses(tag + case), once=True)

    # --- the servers of a part

    def make_lists(self, folder, rules, count):
        """Signed lists in a folder; returns their ids."""
        ids = [f"bench-{i}" for i in range(count)]
        folder.mkdir()
        (folder / "keys").symlink_to(self.work / "keys")
        for i, one in enumerate(ids):
            names.write_list(folder / f"{one}.list", rules if count == 1 else rules[i::count])
            self.sign(folder / f"{one}.list")
        return ids

    def sign(self, path):
        for key in ("list-a", "list-b"):
            subprocess.run([self.build / "cordon", "list", "sign", "--key", self.work / f"keys/{key}.key", path],
                           check=True, stdout=subprocess.DEVNULL)

    def add(self, server, title, cases, blocked="bench.blocked"):
        # Some answer before all their rules are there.
        began = time.monotonic()
        while (wrong := self.answers_the_same(server, self.questions(blocked))) and time.monotonic() - began < SAME_S:
            time.sleep(0.2)
        if wrong is not None:
            server.stop()
            raise RuntimeError(f"{server.name} does not answer the same: {wrong}")
        if server.counters() is None:
            self.find_window(server)
        subject = Subject(server, title, cases, blocked)
        self.subjects.append(subject)
        return subject

    def add_peer(self, name, title, cases, **how):
        """One that does not start, or answers otherwise, is left out and told of."""
        try:
            self.add(self.loaded_peer(name, **how), title, cases)
        except RuntimeError as error:
            self.failed.append(str(error))
            print(error, flush=True)

    def loaded_peer(self, name, **how):
        server = peers.start_peer(self, name, self.upstream, self.rules, **how)
        if not how:
            self.loaded[name] = server.memory_kib()["VmRSS"], server.start_s
        return server

    def measure_all(self, subjects):
        for number in range(1, self.args.rounds + 1):
            for subject in list(subjects):
                try:
                    self.round(number, subject)
                except RuntimeError as error:
                    if subject.server.counters() is not None:
                        raise
                    self.failed.append(str(error))
                    print(error, flush=True)
                    subjects.remove(subject)

    def part_server(self):
        main = self.main()
        here = [main, self.add(process.Cordond(self, "cordond-shipped", ROOT / "blocklists", SHIPPED, f"127.0.0.1@{self.upstream}"),
                               "cordond, the lists that are enforced by default", self.cases("hit", "blocked"), "shipped.blocked"),
                self.add(process.Cordond(self, "cordond-lines", self.work, ["bench"], f"127.0.0.1@{self.upstream}", lines=True),
                         "cordond, that list, a line of JSON for each as well", self.cases("blocked"))]
        before = len(self.subjects)
        for name in self.args.peers:
            self.add_peer(name, peers.PEERS[name].title, self.cases())
        here += self.subjects[before:]
        self.measure_all(here)
        for subject in here[1:]:
            subject.server.stop()
        self.tell("server", here)

    def part_log(self):
        cases = self.cases("hit", "blocked")
        here = [self.add(process.Cordond(self, "cordond-log", self.work, ["bench"], f"127.0.0.1@{self.upstream}", queries=True),
                         "cordond, every question recorded", cases),
                self.add(process.Cordond(self, "cordond-log-lines", self.work, ["bench"], f"127.0.0.1@{self.upstream}", queries=True, lines=True),
                         "cordond, the same, a line of JSON for each decision as well", self.cases("blocked"))]
        before = len(self.subjects)
        for name in self.args.peers:
            if peers.PEERS[name].log:
                self.add_peer(name, peers.PEERS[name].title + ", text log", cases, log=True)
        here += self.subjects[before:]
        self.measure_all(here)
        for subject in here:
            subject.server.stop()
        self.tell("log", here)

    def part_dot(self):
        tls = peers.start_tls_upstream(self)
        here = [self.add(process.Cordond(self, "cordond-dot", self.work, ["bench"], f'"tls://127.0.0.1@{tls.port}#{tls.name}"',
                                         ca=tls.ca), "cordond, upstream over TLS", ["dot"])]
        before = len(self.subjects)
        for name in self.args.peers:
            if name == "dnsdist":
                self.add_peer(name, "dnsdist, upstream over TLS", ["dot"], tls=tls)
        here += self.subjects[before:]
        self.measure_all(here)
        for subject in here:
            subject.server.stop()
        tls.server.stop()
        self.tell("dot", here)

    def part_scale(self):
        def many():
            for times in range(TIMES):
                for name in self.rules:
                    yield f"v{times}-{name}" if times else name

        cases, upstream = self.cases("hit", "blocked"), f"127.0.0.1@{self.upstream}"
        twenty, ten = self.work / "twenty", self.work / "ten"
        self.main()
        here = [self.add(process.Cordond(self, "cordond-one", self.work, ["bench"], upstream), "cordond, one list", cases),
                self.add(process.Cordond(self, "cordond-lists", twenty, self.make_lists(twenty, self.rules, LISTS), upstream),
                         f"the same in {LISTS} lists", cases),
                self.add(process.Cordond(self, "cordond-rules", ten, self.make_lists(ten, many(), 1), upstream),
                         f"{TIMES} times as many rules", cases),
                self.add(process.Cordond(self, "cordond-workers", self.work, ["bench"], upstream, workers=2), "two workers", cases)]
        self.measure_all(here)
        for subject in here:
            subject.server.stop()
        self.tell("scale", here)

    def part_latency(self):
        latency.run(self, self.main().server)

    def part_memory(self):
        """The anonymous memory of cordond, and what a rule costs in each: resident with the rules less resident without."""
        main = self.main().server
        # As it is from the second start on: the compiled lists are kept.
        main.start_again()
        main.wait_until_read()
        fresh, resident = main.own_kib()[0], main.memory_kib()["VmRSS"]
        self.ask(main, self.work / "warm", once=True)
        self.ask(main, self.work / "bench.blocked", seconds=1)
        time.sleep(15)  # the newest block of the audit log is written after audit.block-time, 10 s
        rows = [("cordond", resident, self.memory_without(self.cordond_without), main.start_s)]
        for name in self.args.peers:
            try:
                if name not in self.loaded:
                    self.loaded_peer(name).stop()
                full, start_s = self.loaded[name]
                rows.append((peers.PEERS[name].title, full, self.memory_without(
                    lambda: peers.start_peer(self, name, self.upstream, [])), start_s))
            except RuntimeError as error:
                self.failed.append(str(error))
        own, cache, image = main.own_kib()
        figures.print_memory(rows, len(self.rules), own, cache, image, fresh)
        self.figures.put("memory", [fresh * 1.024 / 1000], "before the first question")
        self.figures.put("memory-worked", [own * 1.024 / 1000], f"cache {cache / 1024:.0f} MiB and image {image / 1024:.0f} MiB besides")
        for title, full, empty, _ in rows:
            self.figures.put(f"rule-{title}", [(full - empty) * 1024 / len(self.rules)], "octets of resident memory a rule")

    def cordond_without(self):
        folder = self.work / "none"
        return process.Cordond(self, "cordond-none", folder, self.make_lists(folder, self.rules[:1], 1), f"127.0.0.1@{self.upstream}")

    @staticmethod
    def memory_without(start):
        server = start()
        resident = server.memory_kib()["VmRSS"]
        server.stop()
        return resident

    # --- all

    def cases(self, *only):
        return [case for case in CASES if case in self.args.cases and (not only or case in only)]

    def main(self):
        """The cordond that most parts measure; started once."""
        for subject in self.subjects:
            if subject.server.name == "cordond":
                return subject
        server = process.Cordond(self, "cordond", self.work, ["bench"], f"127.0.0.1@{self.upstream}")
        return self.add(server, f"cordond, a list of {len(self.rules):,} rules", self.cases())

    def tell(self, part, subjects):
        figures.print_tables(part, subjects, self.results)
        figures.keep(self.figures, part, subjects, self.results)

    def write_raw(self):
        with open(self.args.raw, "w", encoding="ascii") as out:
            out.write("\t".join(Result._fields) + "\n")
            for result in self.results:
                out.write("\t".join(f"{v:.4f}" if isinstance(v, float) else str(v) for v in result) + "\n")

    def run(self):
        work = self.work
        (work / "keys").mkdir()
        for key in ("list-a", "list-b"):
            subprocess.run([self.build / "cordon", "key", "generate", "--no-password", work / "keys" / key], check=True,
                           stdout=subprocess.DEVNULL)
        self.sign(work / "bench.list")
        bare_command = self.build / "tests/bench_bare_udp"
        ports = [process.free_port(), process.free_port()]
        self.bare = process.Server(self, "bare", [bare_command, f"127.0.0.1@{ports[0]}"], ports[0])
        self.upstream = process.Server(self, "upstream", [bare_command, f"127.0.0.1@{ports[1]}"], ports[1]).port
        print(f"Processor time of a server per answered question: {self.args.rounds} rounds of {self.args.seconds} s each, "
              "median and range", flush=True)
        for part in PARTS:
            if part in self.args.parts:
                getattr(self, f"part_{part}")()
                sys.stdout.flush()
        floor = [r.us for r in self.results if r.server == "bare"]
        if floor:
            print(f"\nThe bare responder took {statistics.median(floor):.2f} us ({min(floor):.2f}-{max(floor):.2f}).")
        if self.args.raw:
            self.write_raw()
        for line in self.failed:
            print(f"left out: {line}")
        return 1 if self.failed else 0


def words(text):
    return text.split(",") if text else []


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", type=words, default=[])
    parser.add_argument("--cases", type=words, default=CASES)
    parser.add_argument("--parts", type=words, default=["server"])
    parser.add_argument("--raw")
    parser.add_argument("--figures")
    args = parser.parse_args()
    for given, known, what in ((args.peers, peers.PEERS, "peer"), (args.cases, CASES, "case"), (args.parts, PARTS, "part")):
        for word in given:
            if word not in known:
                parser.error(f"no {what} '{word}': {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    process.allow_descriptors()
    bench = Bench(args, args.folder)
    try:
        sys.exit(bench.run())
    except RuntimeError as error:
        sys.exit(str(error))
    finally:
        for server in list(bench.servers):
            server.stop()


if __name__ == "__main__":
    main()

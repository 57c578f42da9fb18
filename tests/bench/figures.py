#!/usr/bin/env python3
"""The figures that have been measured last, and the table of goals with its verdicts.

usage: figures.py FILE                        prints the table; FILE: where tests/bench/run keeps figures
       figures.py FILE put KEY NOTE VALUE...  keeps a figure: median, least and most of the values
       figures.py FILE counts CSV             keeps what tests/bench/count --to CSV counted
       figures.py FILE start TEXT             keeps what tests/bench/start printed into a file
"""
import csv
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

# What the goal is about, the figure, the most that it may be (None: reported), how it is written.
GOALS = [
    ("cache hit, to the bare responder", "hit", 1.25, "{:.2f}"),
    ("cache hit, every question recorded, to the bare responder", "hit-log", 1.5, "{:.2f}"),
    ("cache hit, to the best peer", "hit-best", 0.8, "{:.2f}"),
    ("blocked, to the bare responder", "blocked", 1.25, "{:.2f}"),
    ("blocked, every question recorded, to the bare responder", "blocked-log", 1.5, "{:.2f}"),
    ("blocked, to the best peer", "blocked-best", 0.8, "{:.2f}"),
    ("blocked, a line of JSON for each as well, to the bare responder", "blocked-lines", None, "{:.2f}"),
    ("the same, every question recorded", "blocked-log-lines", None, "{:.2f}"),
    ("the same, to the best peer", "blocked-lines-best", None, "{:.2f}"),
    ("forwarded miss, to dnsdist", "miss-dnsdist", 0.9, "{:.2f}"),
    ("80 % hits, 10 % blocked, 10 % misses, to the bare responder", "mixed", None, "{:.2f}"),
    ("TCP kept open and pipelined, to dnsdist", "tcp-dnsdist", 0.8, "{:.2f}"),
    ("forwarded miss over TLS, to dnsdist", "dot-dnsdist", None, "{:.2f}"),
    ("99th percentile of latency at 10,000 questions a second, to the bare responder", "latency", None, "{:.2f}"),
    ("anonymous memory without cache and image, idle, MB", "memory", 8, "{:.1f}"),
    ("the same, idle again after seconds at saturation, MB", "memory-worked", 8, "{:.1f}"),
    ("start to first answer, ms, less 50 and twice copying and hashing the image", "start", 0, "{:.0f}"),
    ("new image of 1 million rules under load, from prebuilt file to effect, s", "swap", 0.5, "{:.2f}"),
    ("questions lost meanwhile", "swap-lost", 0, "{:.0f}"),
    ("hit with 20 lists, to one", "lists-hit", 1.1, "{:.3f}"),
    ("blocked with 20 lists, to one", "lists-blocked", 1.1, "{:.3f}"),
    ("hit with ten times the rules", "rules-hit", 1.1, "{:.3f}"),
    ("blocked with ten times the rules", "rules-blocked", 1.1, "{:.3f}"),
    ("instructions of a hit with 20 lists, to one", "count-lists-hit", 1.05, "{:.3f}"),
    ("instructions of a blocked question with 20 lists", "count-lists-blocked", 1.05, "{:.3f}"),
    ("instructions of a hit with ten times the rules", "count-rules-hit", 1.05, "{:.3f}"),
    ("instructions of a blocked question with ten times the rules", "count-rules-blocked", 1.05, "{:.3f}"),
    ("hit with two workers, to one", "workers-hit", None, "{:.2f}"),
    ("blocked with two workers, to one", "workers-blocked", None, "{:.2f}"),
    ("an address looked up among prefixes, ns", "prefix", None, "{:.0f}"),
]
CASE_TITLES = {"hit": "hit", "blocked": "blocked", "mixed": "mixed", "miss": "miss", "tcp": "TCP", "dot": "miss over TLS"}


class Figures:
    """Kept in a file, if one is named."""

    def __init__(self, path):
        self.path = pathlib.Path(path) if path else None
        self.kept = json.loads(self.path.read_text()) if self.path and self.path.exists() else {}

    def put(self, key, values, note=""):
        program = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL).stdout.decode().strip()
        self.kept[key] = {"value": statistics.median(values), "least": min(values), "most": max(values), "note": note,
                          "program": program or "unknown", "when": time.strftime("%Y-%m-%d %H:%M", time.gmtime())}
        if self.path:
            self.path.write_text(json.dumps(self.kept, indent=1, sort_keys=True) + "\n")


# --- results of servers

def ratios(results, server, case):
    """To the bare responder, by round."""
    return {r.round: r.us / r.floor_us for r in results if (r.server, r.case) == (server, case)}


def quotients(ours, theirs):
    return [ours[number] / theirs[number] for number in ours if number in theirs]


def keep(kept, part, subjects, results):
    """What the goals are about, of a part's results. The first of its servers is cordond's."""
    ours, others = subjects[0].server.name, subjects[1:]
    for case in subjects[0].cases:
        mine = ratios(results, ours, case)
        if not mine:
            continue
        if part in ("server", "log", "dot"):
            kept.put(case + ("-log" if part == "log" else ""), list(mine.values()))
        peers = [(statistics.median(found.values()), one, found) for one in others if not one.server.name.startswith("cordond")
                 for found in [ratios(results, one.server.name, case)] if found]
        lines = ratios(results, f"{ours}-lines", case)
        if lines:
            kept.put(f"{case}-log-lines" if part == "log" else f"{case}-lines", list(lines.values()))
        if part == "server" and peers:
            _, best, found = min(peers, key=lambda row: row[0])
            kept.put(f"{case}-best", quotients(mine, found), best.title)
            if lines:
                kept.put(f"{case}-lines-best", quotients(lines, found), best.title)
        peers = [row for row in peers if row[1].server.name.startswith("dnsdist")]
        if part in ("server", "dot") and peers:
            _, best, found = min(peers, key=lambda row: row[0])
            kept.put(f"{case}-dnsdist", quotients(mine, found), best.title)
        for one in others if part == "scale" else []:
            kept.put(f"{one.server.name.split('-')[1]}-{case}", quotients(ratios(results, one.server.name, case), mine))


def spread(values, form="{:.2f}"):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))}-{form.format(max(values))})"


def print_tables(part, subjects, results):
    """Ratios, then what they are ratios of, as Markdown."""
    cases = [case for case in CASE_TITLES if any(case in one.cases for one in subjects)]
    for title, value in (("ratio to the bare responder", lambda r: r.us / r.floor_us), ("microseconds", lambda r: r.us)):
        print(f"\n| {part}: {title} | {' | '.join(CASE_TITLES[case] for case in cases)} |\n| --- |{' --- |' * len(cases)}")
        for one in subjects:
            cells = []
            for case in cases:
                found = [value(r) for r in results if (r.server, r.case) == (one.server.name, case)]
                cells.append(spread(found) if found else "")
            print(f"| {one.title} | {' | '.join(cells)} |")
    print(f"\n| {part} | started in | resident at the end | in flight | questions/s, processors busy, by case | lost | "
          "of it writers | events lost |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for one in subjects:
        rows = [r for r in results if r.server == one.server.name]
        if not rows:
            continue
        rates = []
        for case in one.cases:
            found = [r for r in rows if r.case == case]
            if found:
                rates.append(f"{case} {statistics.median(r.answered / r.seconds for r in found):,.0f} "
                             f"{statistics.median(r.busy for r in found):.2f}")
        print(f"| {one.title} | {one.server.start_s:.2f} s | {one.server.resident_mib():.0f} MiB | {one.server.window * 8} | "
              f"{'; '.join(rates)} | {sum(r.lost for r in rows):.0f} | "
              f"{max(r.writers_us for r in rows):.2f} us | {max(r.events_lost for r in rows):.1%} |")


def print_memory(rows, rules, own, cache, image, fresh):
    print(f"\n| memory with {rules:,} rules | resident | without rules | octets a rule | started in |\n| --- | --- | --- | --- | --- |")
    for title, full, empty, start_s in rows:
        print(f"| {title} | {full / 1024:.0f} MiB | {empty / 1024:.0f} MiB | {(full - empty) * 1024 / rules:.0f} | {start_s:.1f} s |")
    print(f"\ncordond, RssAnon + RssShmem: {own:,} KiB of its own after work at saturation ({fresh:,} KiB before the first question), "
          f"{cache:,} KiB of the cache, {image:,} KiB of the image")


# --- counted instructions

def put_counts(kept, path):
    """The rows of 20 lists, and of ten times the rules, to those of one list."""
    with open(path, encoding="ascii") as lines:
        rows = [row for row in csv.reader(lines) if row and row[0].isdigit()]
    counted = {(int(rules), int(lists), kind): int(count) for rules, lists, kind, count in rows}
    least = min(rules for rules, _, _ in counted)
    most = max(rules for rules, _, _ in counted)
    for kind in sorted({kind for _, _, kind in counted}):
        one = counted[(least, 1, kind)]
        for key, other in (("lists", (least, 20, kind)), ("rules", (most, 1, kind))):
            if other in counted:
                kept.put(f"count-{key}-{kind}", [counted[other] / one], f"{one:,} and {counted[other]:,}")


# --- starts and new lists

def put_start(kept, path):
    text = pathlib.Path(path).read_text(encoding="utf-8")
    number = r" *([\d.]+) ms \(([\d.]+) to ([\d.]+)\)"
    start = re.search(r"^start, fresh state, +to the first answer" + number + r" .*bar +([\d.]+) ms", text, re.MULTILINE)
    if start:
        middle, least, most, bar = (float(word) for word in start.groups())
        kept.put("start", [least - bar, middle - bar, most - bar], f"{middle:.0f} ms, with a fresh state directory")
    swap = re.search(r"^swap, asked, +to effect" + number, text, re.MULTILINE)
    if swap:
        kept.put("swap", [float(word) / 1000 for word in swap.groups()])
    lost = re.search(r"([\d]+) sent, (\d+) lost, (\d+) wrong", text)
    if lost:
        kept.put("swap-lost", [int(lost[2]) + int(lost[3])], f"of {int(lost[1]):,}")


# --- the table of goals

def verdict(figure, bar):
    if bar is None:
        return "reported"
    return "reached" if figure["value"] <= bar else "not reached"


def print_goals(kept):
    print("| work | bar | figure | | |\n| --- | --- | --- | --- | --- |")
    for title, key, bar, form in GOALS:
        bar_words = "" if bar is None else f"{bar:g}"
        if key not in kept:
            print(f"| {title} | {bar_words} | | not measured | |")
            continue
        figure = kept[key]
        words = form.format(figure["value"])
        if figure["least"] != figure["most"]:
            words += f" ({form.format(figure['least'])}-{form.format(figure['most'])})"
        print(f"| {title} | {bar_words} | {words} | {verdict(figure, bar)} | {figure['note']} |")
    print(f"\nMeasured {', '.join(sorted({f['when'][:10] + ' at ' + f['program'] for f in kept.values()}))}.")


def main():
    if len(sys.argv) < 2 or sys.argv[1] == "--help":
        sys.exit(__doc__)
    kept = Figures(sys.argv[1])
    if len(sys.argv) > 4 and sys.argv[2] == "put":
        kept.put(sys.argv[3], [float(value) for value in sys.argv[5:]], sys.argv[4])
    elif len(sys.argv) == 4 and sys.argv[2] == "counts":
        put_counts(kept, sys.argv[3])
    elif len(sys.argv) == 4 and sys.argv[2] == "start":
        put_start(kept, sys.argv[3])
    elif len(sys.argv) == 2:
        print_goals(kept.kept)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

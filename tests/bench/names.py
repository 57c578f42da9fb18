#!/usr/bin/env python3
"""Writes a list of made-up names and the questions that go with it, the same on every machine.

usage: names.py [--rules N] [--names FILE] [--questions N] FOLDER

FOLDER/bench.list      N rules `block suffix` (default 100,000), unsigned
FOLDER/names           the names of its rules, one a line
FOLDER/bench.blocked   names at or below a rule of it
FOLDER/warm            names that no rule of it covers, beneath the same top-level domains
FOLDER/shipped.blocked names at or below the rules of the lists given by --shipped FILE

The names look like those of real lists where it matters for a look-up: few top-level domains hold
most names, most rules have two or three labels, labels have 3 to 20 letters. With --names the
rules are the first N different names of FILE (one a line; lines beginning with # are ignored).
"""
import argparse
import pathlib
import random
import sys

ENDS = [("com", 46), ("net", 10), ("org", 7), ("cn", 8), ("com.cn", 4), ("de", 3), ("ru", 3), ("io", 3),
        ("co.uk", 2), ("fr", 2), ("jp", 2), ("info", 2), ("top", 3), ("xyz", 3), ("app", 1), ("cloud", 1)]
HEADS = ["www", "cdn", "api", "img", "static", "login", "m", "edge", "assets", "s3", "push", "log"]
ONSETS = ["b", "c", "d", "f", "g", "h", "j", "k", "l", "m", "n", "p", "r", "s", "t", "v", "w", "z", "ch", "sh", "tr", "st"]
VOWELS = ["a", "e", "i", "o", "u", "ai", "ou"]
CODAS = ["", "", "", "n", "r", "s", "ng", "x"]
LINE_MAX = 253


class Maker:
    """random() alone is promised to give the same sequence in every version of Python."""

    def __init__(self, seed):
        self.random = random.Random(seed).random
        self.ends = [end for end, weight in ENDS for _ in range(weight)]

    def pick(self, words):
        return words[int(self.random() * len(words))]

    def label(self):
        syllables = 2 + int(self.random() * 3)
        text = "".join(self.pick(ONSETS) + self.pick(VOWELS) + self.pick(CODAS)
                       for _ in range(syllables))
        draw = self.random()
        if draw < 0.12:
            text += str(int(self.random() * 1000))
        elif draw < 0.18:
            text += "-" + self.pick(HEADS)
        return text

    def name(self):
        text = self.label() + "." + self.pick(self.ends)
        draw = self.random()
        if draw < 0.35:
            text = self.pick(HEADS) + "." + text
        elif draw < 0.45:
            text = self.label() + "." + self.pick(HEADS) + "." + text
        return text


def different(names, count, avoid=()):
    """The first count different names, none of them at or below one of avoid."""
    found = {}
    for name in names:
        labels = name.split(".")
        if name in found or any(".".join(labels[i:]) in avoid for i in range(len(labels))):
            continue
        found[name] = None
        if len(found) == count:
            break
    return list(found)


def read_names(path):
    for line in path.read_text(encoding="ascii").splitlines():
        name = line.strip().rstrip(".").lower()
        if name and not name.startswith("#") and "." in name and len(name) <= LINE_MAX:
            yield name


def endless(maker):
    while True:
        yield maker.name()


def at_or_below(rules, count, maker):
    """Evenly drawn from the rules; half of the names lie below theirs."""
    step = max(1, len(rules) // count)
    asked = [rules[(i * step + i // len(rules)) % len(rules)] for i in range(count)]
    return [name if maker.random() < 0.5 or len(name) > 240 else maker.pick(HEADS) + "." + name
            for name in asked]


def shipped_rules(paths):
    """The suffixes that these lists block by the operator's action."""
    rules = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("block suffix ") and " action=" not in line.split(' evidence="')[0]:
                rules.append(line.split(" ")[2])
    return rules


def write_list(path, rules):
    """The list has the id that the file is named for."""
    with path.open("w", encoding="ascii") as out:
        out.write(f"cordon-list 1\nid {path.stem}\ntitle Made-up names for the benchmark\n"
                  "provider bench Nobody\nserial 1\ncreated 2026-01-01T00:00:00Z\n"
                  "expires 2036-01-01T00:00:00Z\n\nrules\n")
        for name in rules:
            out.write(f"block suffix {name} category=benchmark scope=cloud confidence=high "
                      f'evidence="made up"\n')
        out.write("end\n")


def write_questions(path, names):
    path.write_text("".join(f"{name} A\n" for name in names), encoding="ascii")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--names", type=pathlib.Path)
    parser.add_argument("--shipped", type=pathlib.Path, action="append", default=[])
    parser.add_argument("folder", type=pathlib.Path)
    args = parser.parse_args()

    source = read_names(args.names) if args.names else endless(Maker("rules"))
    rules = different(source, args.rules)
    if len(rules) < args.rules:
        sys.exit(f"names.py: {args.names} has only {len(rules)} different names with two labels or more")
    shipped = shipped_rules(args.shipped)
    maker = Maker("questions")
    write_list(args.folder / "bench.list", rules)
    (args.folder / "names").write_text("".join(f"{name}\n" for name in rules), encoding="ascii")
    write_questions(args.folder / "bench.blocked", at_or_below(rules, args.questions, maker))
    if shipped:
        write_questions(args.folder / "shipped.blocked", at_or_below(shipped, args.questions, maker))
    write_questions(args.folder / "warm",
                    different(endless(Maker("warm")), args.questions, set(rules) | set(shipped)))


if __name__ == "__main__":
    main()

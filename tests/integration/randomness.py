#!/usr/bin/env python3
"""Are the ids, source ports and letter cases of captured questions unpredictable?

usage: randomness.py LOG SUFFIX [--least N]     LOG of fake_upstream.py; names that end in SUFFIX
       randomness.py --self-test                the statistics must refuse what is predictable

Ports and ids are put into bins of equal width and compared with a uniform distribution by
chi-square; likewise the differences of successive ids and ports (which a counter would make
equal), and both together. A good generator fails once in about a million runs: the limit is
five standard deviations of the statistic, to both sides, since numbers that are too even were
not drawn by chance either.

Under load a socket carries up to CARRIES questions within a second, up to BURST of them one after the other, so
ports are judged as they were when their sockets were opened; and at any time there must be many to choose from."""
import math
import random
import sys

PORT_MIN, PORT_MAX = 1024, 65535
LIMIT = 5.0
CARRIES = 64      # questions of one socket: UPSTREAM_UDP_QUESTIONS_MAX
BURST = 16        # questions that leave by one socket together: UPSTREAM_UDP_BURST_MAX
LIFE = 2000       # other sockets between two uses of one, at most
CHOICE = 64       # sockets to choose from, at least: UPSTREAM_UDP_CHOICE_MIN


def deviation(values, low, high, least_in_bin=10):
    """How many standard deviations the chi-square of equal bins is from its mean."""
    span = high - low + 1
    count = len(values)
    width = max(1, math.ceil(span * least_in_bin / count))
    bins = span // width  # the rest of the span is left out, so that all bins are equal
    counts = [0] * bins
    taken = 0
    for value in values:
        place = (value - low) // width
        if 0 <= place < bins:
            counts[place] += 1
            taken += 1
    expected = taken / bins
    chi2 = sum((found - expected) ** 2 for found in counts) / expected
    return (chi2 - (bins - 1)) / math.sqrt(2 * (bins - 1)), bins


def opened(ports):
    """The numbers of the questions for which a socket was opened."""
    last, carried, numbers, uses, before = {}, {}, [], 0, None
    for number, port in enumerate(ports):
        uses += port != before
        before = port
        if uses - last.get(port, -LIFE) >= LIFE or carried[port] == CARRIES:
            numbers.append(number)
            carried[port] = 0
        last[port] = uses
        carried[port] += 1
    return numbers


def judge(ids, ports, upper, letters, least):
    """A list of faults; prints the numbers."""
    faults = []

    def check(what, values, low, high):
        score, bins = deviation(values, low, high)
        print("   %-34s %6d values in %5d bins: %+.2f" % (what, len(values), bins, score))
        if abs(score) > LIMIT:
            faults.append("%s: %.1f standard deviations" % (what, score))

    if len(ids) < least:
        faults.append("only %d questions" % len(ids))
        return faults
    left_by = [port for port, before in zip(ports, [None, *ports]) if port != before]  # one for each burst
    numbers = opened(ports)
    fresh = [ports[i] for i in numbers]
    print("   %d questions from %d sockets on %d ports" % (len(ports), len(fresh), len(set(ports))))
    if len(left_by) * BURST < len(ports) / 2:
        faults.append("%d questions left in only %d bursts" % (len(ports), len(left_by)))
    if len(fresh) * CARRIES < len(ports):
        faults.append("only %d sockets" % len(fresh))
    window = 8 * CHOICE
    for start in range(0, len(left_by) - window, window):
        choice = len(set(left_by[start:start + window]))
        if choice < CHOICE:
            faults.append("from burst %d on only %d ports" % (start, choice))
            break
    if min(ports) < PORT_MIN:
        faults.append("port %d belongs to the system" % min(ports))
    check("ports", fresh, PORT_MIN, PORT_MAX)
    check("ids", ids, 0, 65535)
    check("differences of successive ids", [(b - a) % 65536 for a, b in zip(ids, ids[1:])], 0, 65535)
    span = PORT_MAX - PORT_MIN + 1
    check("differences of successive ports", [(b - a) % span for a, b in zip(fresh, fresh[1:])], 0,
          span - 1)
    check("id and port together", [(ids[i] >> 11) * 32 + (ports[i] - PORT_MIN) * 32 // span
                                   for i in numbers], 0, 32 * 32 - 1)
    for bit in range(16):
        ones = sum(i >> bit & 1 for i in ids)
        score = (ones - len(ids) / 2) / math.sqrt(len(ids) / 4)
        if abs(score) > LIMIT:
            faults.append("bit %d of the id: %.1f standard deviations" % (bit, score))
    if letters:
        score = (upper - letters / 2) / math.sqrt(letters / 4)
        print("   %-34s %6d of %d: %+.2f" % ("letters in upper case", upper, letters, score))
        if abs(score) > LIMIT:
            faults.append("letter case: %.1f standard deviations" % score)
    return faults


def read(path, suffix):
    ids, ports, upper, letters = [], [], 0, 0
    with open(path, encoding="latin-1") as file:
        for line in file:
            protocol, ident, port, _, name, *_ = line.split()
            if protocol == "udp" and name.lower().endswith(suffix):
                ids.append(int(ident))
                ports.append(int(port))
                upper += sum(c.isupper() for c in name)
                letters += sum(c.isalpha() for c in name)
    return ids, ports, upper, letters


def self_test():
    rng = random.Random(1)
    count = 20000

    def good_ids():
        return [rng.randrange(65536) for _ in range(count)]

    def good_ports():
        return [rng.randrange(PORT_MIN, PORT_MAX + 1) for _ in range(count)]

    lean = [min(rng.randrange(65536) for _ in range(rng.choice((1, 1, 1, 2)))) for _ in range(count)]
    cases = (
        ("a good generator", good_ids(), good_ports(), count * 4, False),
        ("ids that count up", [i * 3 % 65536 for i in range(count)], good_ports(), count * 4, True),
        ("the kernel's ports alone", good_ids(), [rng.randrange(32768, 61000) for _ in range(count)],
         count * 4, True),
        ("ports that count up", good_ids(), [PORT_MIN + i for i in range(count)], count * 4, True),
        ("few ports", good_ids(), [1024 + rng.randrange(5000) * 12 for _ in range(count)], count * 4, True),
        ("a socket for four hundred questions", good_ids(),
         (lambda drawn: [drawn[i // 25600 * 64 + rng.randrange(64)] for i in range(count)])(good_ports()), count * 4, True),
        ("ten sockets at a time", good_ids(),
         (lambda drawn: [drawn[i // 160 * 10 + i % 10] for i in range(count)])(good_ports()), count * 4, True),
        ("sockets that carry sixteen", good_ids(),
         (lambda drawn: [drawn[i // 1600 * 100 + i % 100] for i in range(count)])(good_ports()), count * 4, False),
        ("sockets that carry sixty-four in fours of sixteen", good_ids(),
         (lambda drawn: [drawn[i // 6400 * 100 + i // 16 % 100] for i in range(count)])(good_ports()), count * 4, False),
        ("ids of 15 bits", [i & 0x7fff for i in good_ids()], good_ports(), count * 4, True),
        ("ids that lean", lean, good_ports(), count * 4, True),
        ("port from the id", *(lambda ids: (ids, [PORT_MIN + i * 63 // 64 for i in ids]))(good_ids()),
         count * 4, True),
        ("lower case", good_ids(), good_ports(), 0, True),
    )
    for what, ids, ports, upper, refused in cases:
        print("   " + what)
        if bool(judge(ids, ports, upper, count * 8, count)) != refused:
            print("the statistics %s %s" % ("accept" if refused else "refuse", what))
            return 1
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    least = int(sys.argv[4]) if sys.argv[3:4] == ["--least"] else 1000
    faults = judge(*read(sys.argv[1], sys.argv[2]), least)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

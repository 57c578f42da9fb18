#!/usr/bin/env python3
"""Checks a page of metrics by the text format of Prometheus 0.0.4, strictly: what its parser
takes, and what a monitor needs beyond that.

Usage: check_metrics.py FILE [OLDER-FILE]
Each family has one HELP and one TYPE before its samples and stands in one piece; names, labels
and values are well formed; no sample twice; counters end in _total and begin with a number that
is not negative; histograms are cumulative and end in +Inf = _count; at most 1000 samples. With an
older page of the same process: no counter has gone down. Exit status 0; 1: faults, one a line.
"""
import math
import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'^({NAME})(?:\{{(.*)\}})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')
faults = []


def labels_of(text, where):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found:
            faults.append(f"{where}: labels {text[at:]!r}")
            return labels
        if found.group(1) in labels:
            faults.append(f"{where}: label {found.group(1)} twice")
        labels[found.group(1)] = found.group(2)
        at = found.end()
    return labels


def family_of(name, kinds):
    for suffix in ("_bucket", "_sum", "_count"):
        if name.endswith(suffix) and kinds.get(name[: -len(suffix)]) == "histogram":
            return name[: -len(suffix)]
    return name


def read(path):
    text = open(path, encoding="ascii").read()
    kinds, helps, samples, closed, current = {}, set(), {}, set(), None
    if not text.endswith("\n"):
        faults.append("the page does not end with a newline")
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{path}:{number}"
        head = re.match(rf"^# (HELP|TYPE) ({NAME}) (.+)$", line)
        if head:
            word, name, rest = head.groups()
            if name != current:
                closed.add(current)
                if name in closed:
                    faults.append(f"{where}: {name} stands in two places")
                current = name
            if word == "HELP":
                if name in helps:
                    faults.append(f"{where}: a second HELP")
                helps.add(name)
            elif name in kinds or rest not in ("counter", "gauge", "histogram"):
                faults.append(f"{where}: TYPE {rest}")
            else:
                kinds[name] = rest
            continue
        sample = SAMPLE.match(line)
        if not sample:
            faults.append(f"{where}: neither head nor sample: {line!r}")
            continue
        name, labels, value = sample.groups()
        family = family_of(name, kinds)
        if family != current or family not in kinds or family not in helps:
            faults.append(f"{where}: {name} without HELP and TYPE right before it")
        key = (name, tuple(sorted(labels_of(labels or "", where).items())))
        if key in samples:
            faults.append(f"{where}: {key} twice")
        try:
            samples[key] = float(value)
        except ValueError:
            faults.append(f"{where}: value {value}")
            continue
        if not math.isfinite(samples[key]) or samples[key] < 0:
            faults.append(f"{where}: value {value}")
    return kinds, samples


def check_names(kinds):
    for name, kind in kinds.items():
        if not name.startswith("cordon_"):
            faults.append(f"{name}: not ours")
        if (kind == "counter") != name.endswith("_total"):
            faults.append(f"{name}: a {kind} by its TYPE, not by its name")
        if re.search(r"_(us|ms|milliseconds|microseconds|octets|kib|mib)(_|$)", name):
            faults.append(f"{name}: base units are seconds and bytes")


def check_histograms(kinds, samples):
    series = {}
    for (name, labels), value in samples.items():
        if name.endswith("_bucket") and kinds.get(name[:-7]) == "histogram":
            rest = tuple(label for label in labels if label[0] != "le")
            series.setdefault((name[:-7], rest), []).append((float(dict(labels)["le"]), value))
    for (name, rest), buckets in series.items():
        buckets.sort()
        if any(a[1] > b[1] for a, b in zip(buckets, buckets[1:])):
            faults.append(f"{name}{rest}: not cumulative")
        if not math.isinf(buckets[-1][0]) or buckets[-1][1] != samples.get((name + "_count", rest)):
            faults.append(f"{name}{rest}: +Inf is not _count")
        if (name + "_sum", rest) not in samples:
            faults.append(f"{name}{rest}: no _sum")


def main():
    kinds, samples = read(sys.argv[1])
    check_names(kinds)
    check_histograms(kinds, samples)
    if len(samples) > 1000:
        faults.append(f"{len(samples)} samples: too many")
    if len(sys.argv) > 2:
        for key, value in read(sys.argv[2])[1].items():
            is_counter = kinds.get(family_of(key[0], kinds)) in ("counter", "histogram")
            if is_counter and samples.get(key, 0) < value:
                faults.append(f"{key}: was {value}, is {samples.get(key)}")
    print("\n".join(faults) if faults else f"{len(kinds)} families, {len(samples)} samples")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())

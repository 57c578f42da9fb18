#!/usr/bin/env python3
"""Two lists of made-up names that look like real ones, zones that have every other name, and the
questions of steady_load.

usage: swap_lists.py RULES FOLDER

FOLDER/lists/a.list, b.list    RULES rules each, unsigned; 1,000 of them in both
FOLDER/zones/TLD.zone          each with a wildcard: any name has the address 192.0.2.1
FOLDER/tlds                    their names
FOLDER/questions               80 % names on no list, 8 % on both, 2 % on a alone, 10 % new ones
FOLDER/fill                    new names and blocked ones, by turns
FOLDER/flip                    a name that is on a alone
"""
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
import names  # noqa: E402

SINKHOLE, FREE = "0.0.0.0", "192.0.2.1"
COMMON, ALONE, WARM, QUESTIONS = 1000, 200, 10000, 40000  # the first three at most


def write_list(path, ident, rules):
    with path.open("w", encoding="ascii") as out:
        out.write(f"cordon-list 1\nid {ident}\ntitle Made-up names {ident}\nprovider made-up Nobody\nserial 1\n"
                  "created 2026-01-01T00:00:00Z\nexpires 2036-01-01T00:00:00Z\nrules\n")
        for name in rules:
            out.write(f"block suffix {name} category=made-up scope=cloud confidence=high evidence=\"none\"\n")
        out.write("end\n")


def main():
    count, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
    draw = random.Random("questions")
    both = names.different(names.endless(names.Maker("both")), min(COMMON, count // 2))
    found = {}
    for ident in "ab":
        found[ident] = names.different(names.endless(names.Maker("rules-" + ident)), count - len(both), set(both))
        write_list(folder / "lists" / f"{ident}.list", ident, both + found[ident])
    listed = set(both) | set(found["a"]) | set(found["b"])
    other = set(both) | set(found["b"])
    # On a alone: and nothing of b above it.
    alone = [name for name in found["a"] if not any(
        ".".join(name.split(".")[i:]) in other for i in range(name.count(".") + 1))][:ALONE]
    warm = names.different(names.endless(names.Maker("warm")), min(WARM, count // 20), listed)
    tlds = sorted({name.split(".")[-1] for name in warm + both + alone})
    (folder / "tlds").write_text(" ".join(tlds) + "\n", encoding="ascii")
    for tld in tlds:
        (folder / "zones" / f"{tld}.zone").write_text(
            f"$ORIGIN {tld}.\n@ 86400 IN SOA ns h 1 3600 600 86400 300\n@ 86400 IN NS ns\nns 86400 IN A 127.0.0.1\n"
            f"* 86400 IN A {FREE}\n", encoding="ascii")
    lines = []
    for i in range(QUESTIONS):
        share = i % 50
        if share < 40:
            lines.append(f"hit {warm[(i // 50 * 40 + share) % len(warm)]} {FREE}")
        elif share < 44:
            lines.append(f"blocked {draw.choice(both)} {SINKHOLE}")
        elif share < 45:
            lines.append(f"either {draw.choice(alone)} {SINKHOLE} {FREE}")
        else:
            lines.append(f"miss {warm[i % len(warm)]} {FREE}")
    draw.shuffle(lines)
    (folder / "questions").write_text("\n".join(lines) + "\n", encoding="ascii")
    (folder / "fill").write_text("".join(
        f"miss {name} {FREE}\nblocked {draw.choice(both)} {SINKHOLE}\n" for name in warm[:1000]), encoding="ascii")
    (folder / "flip").write_text(alone[0], encoding="ascii")


if __name__ == "__main__":
    main()

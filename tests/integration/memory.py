"""What the memory of a cordond is: its own, that of its cache, that of its policy image.

usage: memory.py PID OCTETS   OCTETS: cache.size, as `cordon status --json` has it. Prints the three in KiB.
"""
import pathlib
import sys


def mappings(pid):
    """(address, end, rights, name, resident KiB) of each."""
    found = []
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if words[0] == "Rss:":
            found[-1].append(int(words[1]))
        elif not words[0].endswith(":"):
            start, end = (int(text, 16) for text in words[0].split("-"))
            found.append([start, end, words[1], words[5] if len(words) > 5 else ""])
    return [tuple(one) for one in found if len(one) == 5]


def cache_of(found, octets):
    """Resident KiB of the one mapping of the cache's size between two that nobody may touch (base/pages.h)."""
    for before, one, behind in zip(found, found[1:], found[2:]):
        if (0 <= one[1] - one[0] - octets < 4096 and before[2].startswith("---") and before[1] == one[0] and
                behind[2].startswith("---") and behind[0] == one[1]):
            return one[4]
    raise RuntimeError(f"no mapping is a cache of {octets} octets")


def status_kib(pid):
    """RssAnon, RssShmem, RssFile, VmRSS."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines() if line.startswith(("Rss", "VmRSS"))}


def own_kib(pid, cache_octets):
    """RssAnon + RssShmem without the cache and the image, and those two."""
    found, status = mappings(pid), status_kib(pid)
    cache = cache_of(found, cache_octets)
    image = sum(one[4] for one in found if one[3].startswith("/memfd:cordon-policy"))
    return status["RssAnon"] + status["RssShmem"] - image - cache, cache, image


if __name__ == "__main__":
    print(*own_kib(int(sys.argv[1]), int(sys.argv[2])))

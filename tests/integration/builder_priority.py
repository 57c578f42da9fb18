#!/usr/bin/env python3
"""Watches the threads of a process until one is called "builder", and says at what priority it and
the others run.

usage: builder_priority.py PID SECONDS

Prints "builder nice=N policy=N" once the thread has stepped back, and "others nice=N policy=N" for
the main thread. Exit status 0: seen; 1: no such thread in that time."""
import os
import sys
import time


def read(path):
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


def priority(folder):
    """nice and scheduling class, fields 19 and 41 of stat; None: the thread is gone."""
    fields = read(folder + "/stat").rpartition(")")[2].split()
    return (int(fields[16]), int(fields[38])) if fields else None


def main():
    pid, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        for thread in os.listdir("/proc/%s/task" % pid):
            folder = "/proc/%s/task/%s" % (pid, thread)
            if read(folder + "/comm") != "builder\n":
                continue
            found = priority(folder)
            if found is None or found[0] == 0:
                continue  # it has not stepped back yet, or has ended
            print("builder nice=%d policy=%d" % found)
            print("others nice=%d policy=%d" % priority("/proc/%s" % pid))
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())

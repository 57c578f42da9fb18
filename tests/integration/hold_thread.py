#!/usr/bin/env python3
"""Stops one thread of a process, and no other, until a line comes on standard input.

Usage: hold_thread.py THREAD-ID      prints "held" once it stands still
Exit status 0; 3: this machine does not allow that (ptrace)."""
import ctypes
import os
import sys

ATTACH, DETACH, WALL = 16, 17, 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
thread = int(sys.argv[1])
if libc.ptrace(ATTACH, thread, None, None) != 0:
    print(os.strerror(ctypes.get_errno()))
    sys.exit(3)
os.waitpid(thread, WALL)
print("held", flush=True)
sys.stdin.readline()
libc.ptrace(DETACH, thread, None, None)

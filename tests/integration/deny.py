#!/usr/bin/env python3
"""Runs a program with system calls that fail, as in a container or on a kernel that forbids them.

usage: deny.py [--user UID] [CALL[:ARGUMENT]=ERROR...] -- PROGRAM [ARGUMENT...]
CALL:ARGUMENT denies it with this first argument alone. ERROR is a name such as EPERM. As root it does
not set no_new_privs, so that a test can deny that too. Needs libseccomp."""
import ctypes
import errno
import os
import sys

ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # SCMP_ACT_*
NO_NEW_PRIVS = 3  # SCMP_FLTATR_CTL_NNP
EQUAL = 4  # SCMP_CMP_EQ


class Compare(ctypes.Structure):
    """struct scmp_arg_cmp"""
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def deny(library, context, rule):
    call, error = rule.split("=")
    call, _, argument = call.partition(":")
    number = library.seccomp_syscall_resolve_name(call.encode())
    if number < 0:
        sys.exit("deny.py: there is no call %s" % call)
    compare = (Compare * 1)(Compare(0, EQUAL, int(argument or 0), 0))
    failed = library.seccomp_rule_add_array(
        ctypes.c_void_p(context), ctypes.c_uint32(ERRNO | getattr(errno, error)), number,
        1 if argument else 0, compare if argument else None)
    if failed:
        sys.exit("deny.py: %s: %s" % (rule, os.strerror(-failed)))


def main():
    at = sys.argv.index("--")
    words, program = sys.argv[1:at], sys.argv[at + 1:]
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    if words[:1] == ["--user"]:
        os.setgroups([])
        os.setgid(int(words[1]))
        os.setuid(int(words[1]))
        words = words[2:]
    if words:
        context = library.seccomp_init(ctypes.c_uint32(ALLOW))
        library.seccomp_attr_set(ctypes.c_void_p(context), NO_NEW_PRIVS, 1 if os.geteuid() else 0)
        for rule in words:
            deny(library, context, rule)
        failed = library.seccomp_load(ctypes.c_void_p(context))
        if failed:
            sys.exit("deny.py: the filter cannot be loaded: %s" % os.strerror(-failed))
    os.execv(program[0], program)


main()

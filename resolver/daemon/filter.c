#include "daemon/filter.h"

#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* By name, since not every architecture has each, and the library may be older than a call. */
static const char *const allowed[] = {
    /* files */
    "read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "close",
    "close_range", "lseek", "_llseek", "open", "openat", "openat2", "access", "faccessat",
    "faccessat2", "stat", "stat64", "lstat", "lstat64", "fstat", "fstat64", "newfstatat",
    "fstatat64", "statx", "utimensat", "utimensat_time64", "statfs", "statfs64", "fstatfs",
    "fstatfs64", "readlink", "readlinkat", "getdents", "getdents64", "getcwd", "mkdir",
    "mkdirat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "fsync", "fdatasync",
    "ftruncate", "ftruncate64", "memfd_create", "fallocate", "fadvise64", "fadvise64_64",
    "chmod", "fchmod", "fchmodat", "umask", "flock", "fcntl", "fcntl64", "dup", "dup2", "dup3",
    "pipe", "pipe2", "inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    /* waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2",
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
    "eventfd", "eventfd2", "timerfd_create", "timerfd_settime", "timerfd_gettime",
    /* sockets; which families is below */
    "socketcall", "socketpair", "bind", "listen", "accept", "accept4", "connect", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "send", "sendto", "sendmsg", "sendmmsg", "recv",
    "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "shutdown",
    /* memory; what may be executed is below */
    "brk", "munmap", "mremap", "madvise", "membarrier",
    /* threads */
    "set_robust_list", "get_robust_list", "rseq", "futex", "futex_time64", "futex_waitv",
    "sched_yield", "sched_getaffinity", "set_tid_address", "exit", "exit_group", "gettid",
    "arch_prctl", "set_thread_area",
    /* signals, to ourselves alone: see tgkill below */
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "rt_sigtimedwait",
    "rt_sigpending", "sigaltstack", "restart_syscall",
    /* time, chance, who we are */
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64",
    "clock_nanosleep", "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "times",
    "getrandom", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32",
    "geteuid32", "getgid32", "getegid32", "getresuid", "getresgid", "getgroups", "getcpu",
    "getrusage", "sysinfo", "uname"};

/* What a sanitizer does beside: at the end it stops all threads by tracing them. */
static const char *const instruments[] = {"clone",
                                          "ptrace",
                                          "wait4",
                                          "mmap",
                                          "mmap2",
                                          "mprotect",
                                          "prctl",
                                          "prlimit64",
                                          "tgkill",
                                          "tkill",
                                          "kill",
                                          "ioctl",
                                          "mlock",
                                          "munlock",
                                          "sched_getparam",
                                          "sched_getscheduler",
                                          "process_vm_readv",
                                          "personality",
                                          "setrlimit",
                                          "getrlimit",
                                          "ugetrlimit"};

/* A call whose arguments decide: (argument & mask) == value. */
struct condition {
    const char *call;
    unsigned argument;
    scmp_datum_t mask, value;
};

#define EXACTLY ((scmp_datum_t)-1)

static const struct condition conditions[] = {
    {"socket", 0, EXACTLY, AF_INET},
    {"socket", 0, EXACTLY, AF_INET6},
    {"socket", 0, EXACTLY, AF_UNIX},
    {"socket", 0, EXACTLY, AF_NETLINK}, /* getifaddrs(3): which addresses are ours */
    {"ioctl", 1, 0xffffffffu, FIONBIO},
    {"ioctl", 1, 0xffffffffu, FIOCLEX},
    {"ioctl", 1, 0xffffffffu, FIONCLEX},
    {"ioctl", 1, 0xffffffffu, FIONREAD},
    {"ioctl", 1, 0xffffffffu, TCGETS}, /* isatty(3) */
    /* No memory becomes code. */
    {"mmap", 2, PROT_EXEC, 0},
    {"mmap2", 2, PROT_EXEC, 0},
    {"mprotect", 2, PROT_EXEC, 0},
    /* Threads, not processes. clone3 hides its flags: glibc falls back to clone, see below. */
    {"clone", 0, CLONE_THREAD, CLONE_THREAD},
    {"prctl", 0, 0xffffffffu, PR_SET_NAME},
    {"prctl", 0, 0xffffffffu, 0x53564d41}, /* PR_SET_VMA: malloc names its memory */
    {"prctl", 0, 0xffffffffu, PR_GET_NO_NEW_PRIVS},
    {"prctl", 0, 0xffffffffu, PR_GET_DUMPABLE},
    /* Of the calling thread, and only downwards (builder.h). */
    {"setpriority", 0, 0xffffffffu, PRIO_PROCESS},
    {"sched_setscheduler", 1, 0xffffffffu, SCHED_BATCH},
    /* Limits are read, not set. */
    {"prlimit64", 2, EXACTLY, 0},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What this architecture does not have cannot be called either; what is allowed already needs
 * no condition. */
static int only_known(int rc)
{
    return rc == -EDOM || rc == -EEXIST ? 0 : rc;
}

static int allow(scmp_filter_ctx context, const char *const *names, size_t count)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < count; i++) {
        const int number = seccomp_syscall_resolve_name(names[i]);
        if (number != __NR_SCMP_ERROR) {
            rc = only_known(seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0));
        }
    }
    return rc;
}

static int allow_on_conditions(scmp_filter_ctx context)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < COUNT(conditions); i++) {
        const struct condition *c = &conditions[i];
        const int number = seccomp_syscall_resolve_name(c->call);
        const struct scmp_arg_cmp compare = {c->argument, SCMP_CMP_MASKED_EQ, c->mask,
                                             c->value};
        if (number != __NR_SCMP_ERROR) {
            rc = only_known(
                seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 1, &compare));
        }
    }
    return rc;
}

static int fill(scmp_filter_ctx context, bool instrumented)
{
    /* A program of another word size on the same machine: not ours, and no reason to die. */
    int rc = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    const int clone3 = seccomp_syscall_resolve_name("clone3");
    const int tgkill = seccomp_syscall_resolve_name("tgkill");

    /* A tree instead of a chain, and no brake on speculation: both are about speed alone, and
     * libraries before 2.5 do not know them. */
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    (void)seccomp_attr_set(context, SCMP_FLTATR_CTL_SSB, 1);
    rc = rc != 0 ? rc : allow(context, allowed, COUNT(allowed));
    if (rc == 0 && instrumented) {
        rc = allow(context, instruments, COUNT(instruments));
    }
    rc = rc != 0 ? rc : allow_on_conditions(context);
    if (rc == 0) { /* abort(3) */
        const struct scmp_arg_cmp ours = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};

        rc = only_known(seccomp_rule_add_array(context, SCMP_ACT_ALLOW, tgkill, 1, &ours));
    }
    if (rc == 0 && clone3 != __NR_SCMP_ERROR) {
        rc = only_known(seccomp_rule_add(context, SCMP_ACT_ERRNO(ENOSYS), clone3, 0));
    }
    return rc;
}

int filter_install(bool instrumented)
{
    const scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (context == NULL) {
        return -ENOMEM;
    }
    int rc = fill(context, instrumented);
    if (rc == 0) {
        rc = seccomp_load(context);
    }
    seccomp_release(context);
    return rc;
}

/* The kernel's structures and numbers are written here, so that a program built with old
 * headers uses what a new kernel has. */
#include "daemon/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The same on every architecture: they came after the tables were joined. */
#define CALL_CREATE   444
#define CALL_ADD_RULE 445
#define CALL_RESTRICT 446

#define CREATE_VERSION    (1u << 0)
#define RULE_PATH_BENEATH 1

struct ruleset {
    uint64_t files;   /* from version 1 */
    uint64_t network; /* 4 */
    uint64_t scoped;  /* 6 */
};

struct path_beneath {
    uint64_t allowed;
    int32_t folder;
} __attribute__((packed));

/* Rights to files. */
#define EXECUTE     (UINT64_C(1) << 0)
#define WRITE_FILE  (UINT64_C(1) << 1)
#define READ_FILE   (UINT64_C(1) << 2)
#define READ_DIR    (UINT64_C(1) << 3)
#define REMOVE_DIR  (UINT64_C(1) << 4)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_DIR    (UINT64_C(1) << 7)
#define MAKE_REG    (UINT64_C(1) << 8)
#define MAKE_SOCK   (UINT64_C(1) << 9)
#define ALL_OF_1    ((UINT64_C(1) << 13) - 1)
#define REFER       (UINT64_C(1) << 13) /* version 2 */
#define TRUNCATE    (UINT64_C(1) << 14) /* 3 */
#define IOCTL_DEV   (UINT64_C(1) << 15) /* 5 */
/* Those that a rule for something that is no folder may give. */
#define OF_A_FILE (EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV)

#define BIND_TCP (UINT64_C(1) << 0)

#define SCOPE_ABSTRACT (UINT64_C(1) << 0)
#define SCOPE_SIGNAL   (UINT64_C(1) << 1)

int landlock_version(void)
{
    const long version = syscall(CALL_CREATE, NULL, (size_t)0, CREATE_VERSION);

    return version < 0 ? -errno : version == 0 ? -EOPNOTSUPP : (int)version;
}

static uint64_t known_rights(int version)
{
    return ALL_OF_1 | (version >= 2 ? REFER : 0) | (version >= 3 ? TRUNCATE : 0) |
           (version >= 5 ? IOCTL_DEV : 0);
}

static int add_rule(int set, const struct landlock_rule *rule, uint64_t known)
{
    uint64_t rights = READ_FILE | READ_DIR;
    struct stat status;

    if (rule->what == LANDLOCK_CHANGE) {
        rights |= WRITE_FILE | TRUNCATE | MAKE_DIR | MAKE_REG | MAKE_SOCK | REMOVE_FILE;
    }
    const int fd = open(rule->path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : -errno;
    }
    int rc = fstat(fd, &status) == 0 ? 0 : -errno;
    if (rc == 0) {
        rights &= S_ISDIR(status.st_mode) ? known : known & OF_A_FILE;
        const struct path_beneath beneath = {.allowed = rights, .folder = fd};
        rc = syscall(CALL_ADD_RULE, set, RULE_PATH_BENEATH, &beneath, 0u) == 0 ? 0 : -errno;
    }
    close(fd);
    return rc;
}

int landlock_restrict(const struct landlock_rule *rules, size_t count, bool hide_abstract)
{
    const int version = landlock_version();
    const struct ruleset wanted = {
        .files = known_rights(version),
        .network = version >= 4 ? BIND_TCP : 0,
        .scoped = version >= 6 ? SCOPE_SIGNAL | (hide_abstract ? SCOPE_ABSTRACT : 0) : 0,
    };
    /* A kernel refuses a structure that is longer than its own. */
    const size_t size = version >= 6   ? sizeof(wanted)
                        : version >= 4 ? sizeof(wanted) - sizeof(wanted.scoped)
                                       : sizeof(wanted.files);

    if (version < 0) {
        return version;
    }
    const int set = (int)syscall(CALL_CREATE, &wanted, size, 0u);
    if (set < 0) {
        return -errno;
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = add_rule(set, &rules[i], wanted.files);
    }
    if (rc == 0 && syscall(CALL_RESTRICT, set, 0u) != 0) {
        rc = -errno;
    }
    close(set);
    return rc;
}

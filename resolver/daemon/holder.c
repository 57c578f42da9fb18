#include "daemon/holder.h"

#include "base/file.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN "0A" /* state in /proc/net/tcp */

/* "0100007F:14B4": words of 32 bits in the order of this machine, each as 8 digits; the port as
 * it is. */
static bool parse_bound(const char *text, struct address *out)
{
    const char *colon = strchr(text, ':');
    const size_t digits = colon == NULL ? 0 : (size_t)(colon - text);
    unsigned port = 0;

    memset(out, 0, sizeof(*out));
    if ((digits != 8 && digits != 32) || sscanf(colon, ":%4x", &port) != 1) {
        return false;
    }
    for (size_t i = 0; i < digits / 8; i++) {
        char word[9] = {0};
        memcpy(word, text + i * 8, 8);
        const uint32_t value = (uint32_t)strtoul(word, NULL, 16);
        memcpy(out->octets + i * 4, &value, 4);
    }
    out->family = digits == 8 ? ADDRESS_V4 : ADDRESS_V6;
    out->port = (uint16_t)port;
    return true;
}

static bool collides(const struct address *bound, const struct address *wanted)
{
    if (bound->port != wanted->port) {
        return false;
    }
    if (bound->family != wanted->family) { /* a dual-stack wildcard takes both */
        return bound->family == ADDRESS_V6 && address_is_any(bound);
    }
    return address_same_host(bound, wanted) || address_is_any(bound) || address_is_any(wanted);
}

bool holder_line(const char *line, bool tcp, const struct address *wanted, struct holder *out)
{
    char local[80];
    char state[8];
    uint64_t inode = 0;
    unsigned uid = 0;
    struct address bound;

    /* sl local rem st tx:rx tr:when retrnsmt uid timeout inode */
    if (sscanf(line, "%*s %79s %*s %7s %*s %*s %*s %u %*s %" SCNu64, local, state, &uid,
               &inode) != 4 ||
        !parse_bound(local, &bound) || !collides(&bound, wanted) ||
        (tcp && strcmp(state, TCP_LISTEN) != 0)) {
        return false;
    }
    *out = (struct holder){.inode = inode, .uid = (uid_t)uid, .tcp = tcp, .address = bound};
    return true;
}

static bool find_socket(const char *path, bool tcp, const struct address *wanted,
                        struct holder *out)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t room = 0;
    bool found = false;

    if (file == NULL) {
        return false;
    }
    while (!found && getline(&line, &room, file) > 0) {
        found = holder_line(line, tcp, wanted, out);
    }
    free(line);
    fclose(file);
    return found;
}

/* True if the process has the socket open. */
static bool process_has(const char *pid, uint64_t inode)
{
    char path[300];
    char wanted[48];
    char target[64];
    bool found = false;

    snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        return false; /* not ours to look into, or gone */
    }
    const struct dirent *entry;
    while (!found && (entry = readdir(folder)) != NULL) {
        const ssize_t len =
            readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1);
        if (len > 0) {
            target[len] = '\0';
            found = strcmp(target, wanted) == 0;
        }
    }
    closedir(folder);
    return found;
}

static void read_name(const char *pid, char *out, size_t size)
{
    char path[300];
    uint8_t *text = NULL;
    size_t len = 0;

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    if (file_read(path, 4096, &text, &len) == 0) {
        snprintf(out, size, "%.*s", (int)strcspn((const char *)text, "\n"), (const char *)text);
        free(text);
    }
}

static void find_process(struct holder *holder)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;

    if (folder == NULL) {
        return;
    }
    while (holder->pid == 0 && (entry = readdir(folder)) != NULL) {
        if (strspn(entry->d_name, "0123456789") == strlen(entry->d_name) &&
            process_has(entry->d_name, holder->inode)) {
            holder->pid = (pid_t)strtol(entry->d_name, NULL, 10);
            read_name(entry->d_name, holder->name, sizeof(holder->name));
        }
    }
    closedir(folder);
}

/* The tables of UDP come first. Not /proc/net, which a service with ProcSubset=pid does not
 * see. */
static const struct {
    const char *path;
    bool tcp;
} tables[] = {
    {"/proc/self/net/udp", false},
    {"/proc/self/net/udp6", false},
    {"/proc/self/net/tcp", true},
    {"/proc/self/net/tcp6", true},
};

static bool find(const struct address *address, bool udp, struct holder *holder)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if ((tables[i].tcp || udp) &&
            find_socket(tables[i].path, tables[i].tcp, address, holder)) {
            find_process(holder);
            return true;
        }
    }
    return false;
}

bool holder_find(const struct address *address, struct holder *holder)
{
    return find(address, true, holder);
}

bool holder_find_tcp(const struct address *address, struct holder *holder)
{
    return find(address, false, holder);
}

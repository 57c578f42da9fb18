#include "daemon/start.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/activation.h"
#include "daemon/holder.h"
#include "daemon/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER_MODE 0750

void start_process(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit limit;

    sigaction(SIGPIPE, &ignore, NULL); /* a client that goes away is no reason to die */
    umask(027);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
            log_write(LOG_LEVEL_WARNING, "the limit of open files stays low: %s",
                      strerror(errno));
        }
    }
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* kernels before 3.5 have none */
}

unsigned start_worker_count(unsigned configured)
{
    cpu_set_t set;
    unsigned count = configured;

    if (count == 0) {
        const int found =
            sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1; /* over 1024 */
        count = found < 1 ? 1 : (unsigned)found;
    }
    return count > DAEMON_WORKERS_MAX ? DAEMON_WORKERS_MAX : count;
}

static int make_folder(const char *path, const char *what, const struct passwd *owner)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        return 0; /* somebody else's to arrange */
    }
    int rc = file_make_folder(path, FOLDER_MODE);
    if (rc == 0 && owner != NULL && chown(path, owner->pw_uid, owner->pw_gid) != 0) {
        rc = -errno;
    }
    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR,
                  "cannot make the folder %s (%s): %s. Make it, or name another one.", path,
                  what, cordon_strerror(rc));
    }
    return rc;
}

static int make_folder_of(const char *file, const char *what, const struct passwd *owner)
{
    char *folder = strdup(file);
    char *slash = folder == NULL ? NULL : strrchr(folder, '/');
    int rc = folder == NULL ? -ENOMEM : 0;

    if (slash != NULL && slash != folder) {
        *slash = '\0';
        rc = make_folder(folder, what, owner);
    }
    free(folder);
    return rc;
}

int start_folders(const struct config *config)
{
    const struct passwd *owner = NULL;
    int rc = 0;

    if (config->user != NULL && geteuid() == 0) {
        owner = getpwnam(config->user); /* a name that does not exist: start_drop_rights */
    }
    if (config->state_directory != NULL) {
        rc = make_folder(config->state_directory, "state.directory", owner);
    }
    if (rc == 0 && config->control_socket != NULL) {
        rc = make_folder_of(config->control_socket, "control.socket", owner);
    }
    if (rc == 0 && config->events_to != NULL && strcmp(config->events_to, "stdout") != 0) {
        rc = make_folder_of(config->events_to, "events.to", owner);
    }
    return rc;
}

/* The process that holds a port, and how to get it back. */
static void explain_holder(FILE *out, const struct address *address, const char *where)
{
    struct holder holder;
    char bound[ADDRESS_TEXT_MAX];

    if (!holder_find(address, &holder)) {
        fprintf(out, "error: %s is in use, by a socket that /proc/net does not show.\n", where);
        return;
    }
    address_format(&holder.address, true, bound);
    if (holder.pid == 0) {
        const struct passwd *user = getpwuid(holder.uid);
        fprintf(out,
                "error: %s is in use: a process of user %s holds %s (%s).\n"
                "       Its name is only shown to root: sudo ss -%sanp 'sport = :%u'\n",
                where, user == NULL ? "?" : user->pw_name, bound, holder.tcp ? "TCP" : "UDP",
                holder.tcp ? "tl" : "u", address->port);
        return;
    }
    fprintf(out, "error: %s is in use: %s (process %ld) holds %s (%s).\n", where, holder.name,
            (long)holder.pid, bound, holder.tcp ? "TCP" : "UDP");
    if (strncmp(holder.name, "systemd-resolve", 15) == 0) {
        fprintf(out, "       To free port 53, switch its stub listener off and start again:\n"
                     "         mkdir -p /etc/systemd/resolved.conf.d\n"
                     "         printf '[Resolve]\\nDNSStubListener=no\\n' "
                     ">/etc/systemd/resolved.conf.d/cordon.conf\n"
                     "         systemctl restart systemd-resolved\n"
                     "       It goes on resolving for this machine through "
                     "/run/systemd/resolve/resolv.conf:\n"
                     "       let /etc/resolv.conf be a link to that file.\n");
    } else if (strncmp(holder.name, "dnsmasq", 7) == 0) {
        fprintf(out,
                "       dnsmasq often serves libvirt or NetworkManager: let it stay on its "
                "own addresses\n"
                "       with `bind-interfaces` and `except-interface`, or `port=0` to "
                "switch its DNS off.\n");
    } else if (strncmp(holder.name, "cordond", 7) == 0) {
        fprintf(out,
                "       Another cordond is running: stop it (kill %ld), or ask it with "
                "`cordon status`.\n",
                (long)holder.pid);
    }
}

void start_explain_port(FILE *out, const struct address *address, int error)
{
    const unsigned other = address->port == 5300 ? 5400 : 5300; /* any that is likely free */
    char text[ADDRESS_TEXT_MAX];
    char where[ADDRESS_TEXT_MAX + 32];
    char elsewhere[ADDRESS_TEXT_MAX + 32];

    address_format(address, false, text);
    snprintf(elsewhere, sizeof(elsewhere),
             address->family == ADDRESS_V6 ? "\"[%s]@%u\"" : "%s@%u", text, other);
    snprintf(where, sizeof(where), "port %u of %s", address->port, text);
    switch (error) {
    case -EADDRINUSE:
        explain_holder(out, address, where);
        fprintf(out, "       Or let cordond listen elsewhere: set server.listen to [%s].\n",
                elsewhere);
        break;
    case -EACCES:
    case -EPERM:
        fprintf(out,
                "error: %s is a port that only root may open. One of these helps:\n"
                "         start as root with server.user set: rights are dropped once the "
                "ports are open\n"
                "         setcap cap_net_bind_service=+ep the cordond program\n"
                "         sysctl net.ipv4.ip_unprivileged_port_start=%u (the whole machine)\n"
                "         a higher port: set server.listen to [%s]\n",
                where, address->port, elsewhere);
        break;
    case -EADDRNOTAVAIL:
    case -EAFNOSUPPORT:
        fprintf(out,
                "error: %s cannot be opened: this machine has no such address.\n"
                "       `ip address` shows those that it has; 0.0.0.0 and :: stand for all.\n",
                where);
        break;
    default:
        fprintf(out, "error: %s cannot be opened: %s\n", where, cordon_strerror(error));
    }
}

/* A machine without IPv6 is no reason to serve nobody. */
static bool may_leave_out(const struct address *address, int error)
{
    return (error == -EADDRNOTAVAIL || error == -EAFNOSUPPORT) &&
           address->family == ADDRESS_V6 && address_is_loopback(address);
}

/* Opens the first worker's pairs, which settles the addresses. */
static int open_first(const struct config *config, struct activation *passed,
                      struct start_sockets *sockets, struct net_sockets *first)
{
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < config->listen_count && i < NET_LISTEN_MAX; i++) {
        struct address address = config->listen[i];
        int rc = activation_pair(passed, &address, &first[sockets->count], stderr);
        if (rc != 0 && rc != -ENOENT) {
            return rc;
        }
        sockets->passed[sockets->count] = rc == 0;
        if (rc != 0) {
            rc = net_sockets_open(&address, true, &first[sockets->count]);
        }
        if (rc == 0) {
            sockets->listen[sockets->count++] = address;
        } else if (may_leave_out(&address, rc) && config->listen_count > 1) {
            address_format(&address, true, text);
            log_write(LOG_LEVEL_WARNING, "%s is left out: this machine has no IPv6 loopback",
                      text);
        } else {
            start_explain_port(stderr, &address, rc);
            return rc;
        }
    }
    return sockets->count > 0 ? 0 : -EADDRNOTAVAIL;
}

static int duplicate(const struct net_sockets *from, struct net_sockets *to)
{
    to->udp = fcntl(from->udp, F_DUPFD_CLOEXEC, 3);
    to->tcp = to->udp < 0 ? -1 : fcntl(from->tcp, F_DUPFD_CLOEXEC, 3);
    return to->tcp < 0 ? -errno : 0; /* the caller closes all pairs */
}

static int open_others(struct start_sockets *sockets)
{
    for (unsigned w = 1; w < sockets->workers; w++) {
        for (size_t a = 0; a < sockets->count; a++) {
            struct net_sockets *pair = &sockets->pairs[w * sockets->count + a];
            const int rc = sockets->passed[a]
                               ? duplicate(&sockets->pairs[a], pair)
                               : net_sockets_open(&sockets->listen[a], false, pair);
            if (rc != 0) {
                start_explain_port(stderr, &sockets->listen[a], rc);
                return rc;
            }
        }
    }
    return 0;
}

int start_sockets_open(const struct config *config, unsigned workers,
                       struct start_sockets *sockets)
{
    *sockets = (struct start_sockets){.workers = workers};
    const size_t room = (size_t)workers * NET_LISTEN_MAX;
    sockets->pairs = malloc(room * sizeof(*sockets->pairs));
    if (sockets->pairs == NULL) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < room; i++) {
        sockets->pairs[i] = (struct net_sockets){.udp = -1, .tcp = -1};
    }
    struct activation passed;
    int rc = activation_take(&passed, stderr);
    if (rc == 0) {
        const bool any = passed.count > 0;
        rc = open_first(config, &passed, sockets, sockets->pairs);
        const int left = rc == 0 ? activation_finish(&passed, stderr) : 0;
        rc = rc != 0 ? rc : left;
        if (rc == 0 && any) {
            log_write(LOG_LEVEL_INFO, "the service manager has passed sockets: workers share "
                                      "them");
        }
    }
    if (rc == 0) {
        rc = open_others(sockets);
    }
    if (rc != 0) {
        start_sockets_close(sockets, 0);
    }
    return rc;
}

void start_sockets_close(struct start_sockets *sockets, unsigned first)
{
    for (size_t i = first * sockets->count;
         sockets->pairs != NULL && i < sockets->workers * sockets->count; i++) {
        if (sockets->pairs[i].udp >= 0 || sockets->pairs[i].tcp >= 0) {
            net_sockets_close(&sockets->pairs[i]);
        }
    }
    free(sockets->pairs);
    *sockets = (struct start_sockets){0};
}

int start_drop_rights(const char *user)
{
    if (user == NULL) {
        return 0;
    }
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        log_write(LOG_LEVEL_ERROR, "server.user: there is no user '%s' on this machine", user);
        return errno == 0 ? -ENOENT : -errno;
    }
    if (entry->pw_uid == geteuid() && geteuid() != 0) {
        return 0; /* we are that user already */
    }
    if (initgroups(entry->pw_name, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0) {
        const int error = errno;
        log_write(LOG_LEVEL_ERROR, "cannot become user '%s': %s. Only root can.", user,
                  strerror(error));
        return -error;
    }
    if (entry->pw_uid != 0 && setuid(0) == 0) {
        log_write(LOG_LEVEL_ERROR, "rights could be had back after they were dropped");
        return -EPERM;
    }
    return 0;
}

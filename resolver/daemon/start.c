#include "daemon/start.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "daemon/holder.h"
#include "daemon/limits.h"

#include <errno.h>
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

static void mask_hangups(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(how, &set, NULL);
}

void start_take_hangups(void)
{
    mask_hangups(SIG_UNBLOCK);
}

void start_process(void)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    struct rlimit limit;

    sigaction(SIGPIPE, &ignore, NULL); /* a client that goes away is no reason to die */
    mask_hangups(SIG_BLOCK);           /* nor is a reload that is asked for too early */
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
    if (rc == 0 && config->http_socket != NULL) {
        rc = make_folder_of(config->http_socket, "http.listen", owner);
    }
    if (rc == 0 && config_events_file(config) != NULL) {
        rc = make_folder_of(config_events_file(config), "events.to", owner);
    }
    if (rc == 0 && config->audit_directory != NULL) {
        /* Answers do not need it: that it is not there is said, and it may yet come. */
        (void)make_folder(config->audit_directory, "audit.directory", owner);
    }
    return rc;
}

void start_remove_unfinished(const struct config *config)
{
    const unsigned count =
        config->state_directory == NULL ? 0 : file_remove_unfinished(config->state_directory);

    if (count > 0) {
        log_write(LOG_LEVEL_INFO,
                  "%s: %u file%s that a killed process left half written %s "
                  "removed",
                  config->state_directory, count, count == 1 ? "" : "s",
                  count == 1 ? "is" : "are");
    }
}

/* How to get a port back from a program that often has it. */
static void advise(FILE *out, const char *program, const struct holder *holder)
{
    if (strncmp(program, "systemd-resolve", 15) == 0) {
        fprintf(out, "       To free port 53, switch its stub listener off and start again:\n"
                     "         mkdir -p /etc/systemd/resolved.conf.d\n"
                     "         printf '[Resolve]\\nDNSStubListener=no\\n' "
                     ">/etc/systemd/resolved.conf.d/cordon.conf\n"
                     "         systemctl restart systemd-resolved\n"
                     "       It goes on resolving for this machine through "
                     "/run/systemd/resolve/resolv.conf:\n"
                     "       let /etc/resolv.conf be a link to that file.\n");
    } else if (strncmp(program, "dnsmasq", 7) == 0) {
        fprintf(out,
                "       dnsmasq often serves libvirt or NetworkManager: let it stay on its "
                "own addresses\n"
                "       with `bind-interfaces` and `except-interface`, or `port=0` to "
                "switch its DNS off.\n");
    } else if (strncmp(program, "cordond", 7) == 0) {
        fprintf(out,
                "       Another cordond is running: stop it (kill %ld), or ask it with "
                "`cordon status -c ITS-CONFIGURATION`.\n",
                (long)holder->pid);
    }
}

/* The process that holds a port, and how to get it back. */
static void explain_holder(FILE *out, const struct address *address, const char *where)
{
    struct holder holder;
    char bound[ADDRESS_TEXT_MAX];

    if (!holder_find(address, &holder)) {
        fprintf(out, "error: %s is in use, by a socket that /proc/self/net does not show.\n",
                where);
        return;
    }
    address_format(&holder.address, true, bound);
    if (holder.pid == 0) {
        const struct passwd *user = getpwuid(holder.uid);
        const char *name = user == NULL ? "?" : user->pw_name;

        fprintf(out,
                "error: %s is in use: a process of user %s holds %s (%s).\n"
                "       Its name is only shown to root: sudo ss -%sanp 'sport = :%u'\n",
                where, name, bound, holder.tcp ? "TCP" : "UDP", holder.tcp ? "tl" : "u",
                address->port);
        advise(out, name, &holder); /* such services have users of their own name */
        return;
    }
    fprintf(out, "error: %s is in use: %s (process %ld) holds %s (%s).\n", where, holder.name,
            (long)holder.pid, bound, holder.tcp ? "TCP" : "UDP");
    advise(out, holder.name, &holder);
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
                "         under systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE, or a socket "
                "unit (deploy/systemd)\n"
                "         setcap cap_net_bind_service=+ep the cordond program\n"
                "         sysctl net.ipv4.ip_unprivileged_port_start=%u (the whole machine)\n"
                "         a higher port: set server.listen to [%s]\n",
                where, address->port, elsewhere);
        break;
    case -EADDRNOTAVAIL:
    case -EAFNOSUPPORT:
        if (net_is_broadcast(address)) {
            fprintf(out,
                    "error: %s cannot be opened: it is a broadcast address, which everybody on "
                    "the link has.\n"
                    "       Name this machine's own address there: `ip address` shows it.\n",
                    where);
            break;
        }
        fprintf(out,
                "error: %s cannot be opened: this machine has no such address.\n"
                "       `ip address` shows those that it has; 0.0.0.0 and :: stand for all.\n",
                where);
        break;
    default:
        fprintf(out, "error: %s cannot be opened: %s\n", where, cordon_strerror(error));
    }
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
        if (geteuid() != 0) {
            log_write(
                LOG_LEVEL_WARNING,
                "rights: server_user is not in force (only root can become another user): "
                "start it as root or as '%s'",
                user);
            return 0;
        }
        log_write(LOG_LEVEL_ERROR,
                  "root cannot become user '%s' (%s): give it the capabilities setuid and "
                  "setgid, or start it as that user",
                  user, strerror(error));
        return -error;
    }
    if (entry->pw_uid != 0 && setuid(0) == 0) {
        log_write(LOG_LEVEL_ERROR, "rights could be had back after they were dropped");
        return -EPERM;
    }
    return 0;
}

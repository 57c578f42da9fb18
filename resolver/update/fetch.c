#include "update/fetch.h"

#include "base/error.h"
#include "base/file.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Octets of an error page that are read so that the connection can be kept. */
#define PAGE_OCTETS_MAX 65536u
#define COPY_OCTETS     65536u

struct update_fetcher {
    const struct update_patience *patience;
    CURL *curl;
    bool outside; /* an address was refused since it is not of this network */
};

/* What happens to one answer. */
struct transfer {
    struct update_fetcher *fetcher;
    const struct update_wanted *wanted;
    struct update_gotten *gotten;
    struct update_headers headers;
    uint64_t page; /* octets of an answer that is not the file */
    bool begun;    /* the file */
    bool too_large, flood, odd;
};

int update_fetch_library(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -EIO;
}

int update_fetcher_open(const struct update_patience *patience, struct update_fetcher **fetcher)
{
    struct update_fetcher *new = calloc(1, sizeof(*new));

    if (new != NULL) {
        new->patience = patience;
        new->curl = curl_easy_init();
    }
    if (new == NULL || new->curl == NULL) {
        free(new);
        return -ENOMEM;
    }
    *fetcher = new;
    return 0;
}

void update_fetcher_close(struct update_fetcher *fetcher)
{
    if (fetcher != NULL) {
        curl_easy_cleanup(fetcher->curl);
        free(fetcher);
    }
}

static void why(struct update_gotten *gotten, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void why(struct update_gotten *gotten, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(gotten->why, sizeof(gotten->why), format, arguments);
    va_end(arguments);
}

/* From the beginning, whatever was there. */
static bool begin_anew(struct transfer *transfer)
{
    const int fd = transfer->wanted->fd;

    transfer->gotten->octets = 0;
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
        transfer->gotten->rc = -errno;
        return false;
    }
    return true;
}

/* The first octet of a file is about to come. False: it is not wanted. */
static bool begin(struct transfer *transfer)
{
    const struct update_headers *headers = &transfer->headers;
    const struct update_wanted *wanted = transfer->wanted;

    transfer->begun = true;
    if (headers->status == 200) {
        transfer->too_large = headers->has_length && headers->length > wanted->max;
        return !transfer->too_large && begin_anew(transfer);
    }
    if (wanted->from == 0 || !headers->has_range || headers->range_from != wanted->from) {
        why(transfer->gotten, "it sends another part than was asked for");
        transfer->odd = true;
        return false;
    }
    transfer->too_large = headers->range_all > wanted->max;
    transfer->gotten->octets = wanted->from;
    transfer->gotten->resumed = true;
    return !transfer->too_large;
}

static bool is_file(const struct update_headers *headers)
{
    return headers->status == 200 || headers->status == 206;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const size_t len = size * count;

    if (!is_file(&transfer->headers)) {
        transfer->page += len;
        return transfer->page > PAGE_OCTETS_MAX ? 0 : len;
    }
    if (!transfer->begun && !begin(transfer)) {
        return 0;
    }
    if (len > transfer->wanted->max - transfer->gotten->octets) {
        transfer->too_large = true;
        return 0;
    }
    const int rc = file_write_to(transfer->wanted->fd, data, len);
    if (rc != 0) {
        transfer->gotten->rc = rc;
        return 0;
    }
    transfer->gotten->octets += len;
    return len;
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    const size_t len = size * count;

    if (transfer->begun) { /* fields behind the body say nothing that counts */
        transfer->headers.octets += len;
        transfer->flood = transfer->headers.octets > UPDATE_HEADER_OCTETS_MAX;
    } else {
        transfer->flood = !update_headers_add(&transfer->headers, line, len);
    }
    return transfer->flood ? 0 : len;
}

/* Of this machine or its networks. */
static bool is_near(const struct sockaddr *at)
{
    static const char *const prefixes[] = {"127.0.0.0/8",    "10.0.0.0/8",     "172.16.0.0/12",
                                           "192.168.0.0/16", "169.254.0.0/16", "::1/128",
                                           "fe80::/10",      "fc00::/7"};
    struct address address;
    struct address_prefix prefix;

    if (!address_from_sockaddr(at, &address)) {
        return false;
    }
    address_unmap(&address);
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (address_prefix_parse(prefixes[i], strlen(prefixes[i]), &prefix) == 0 &&
            address_prefix_covers(&prefix, &address)) {
            return true;
        }
    }
    return false;
}

/* Whatever the name of an http:// source is, the address counts that it leads to now. */
static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *at)
{
    struct update_fetcher *fetcher = context;

    (void)purpose;
    if (!is_near(&at->addr)) {
        fetcher->outside = true;
        return CURL_SOCKET_BAD;
    }
    return socket(at->family, at->socktype | SOCK_CLOEXEC, at->protocol);
}

/* What all requests have in common. */
static void set_up(struct update_fetcher *fetcher, bool clear)
{
    const struct update_patience *patience = fetcher->patience;
    CURL *curl = fetcher->curl;

    curl_easy_reset(curl); /* connections stay */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "cordon-update");
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, clear ? "http" : "https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)UPDATE_REDIRECTS_MAX);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)patience->connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1000L * (long)patience->timeout_s);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)UPDATE_SLOWEST_PER_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)patience->stalled_s);
    if (patience->ca != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, patience->ca);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL); /* these alone */
    }
    if (clear && patience->clear == CONFIG_CLEAR_LOCAL) {
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); /* a proxy would hide where it leads */
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
        curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, fetcher);
        fetcher->outside = false;
    }
}

static bool add_line(struct curl_slist **lines, const char *name, const char *value)
{
    char line[UPDATE_VALIDATOR_MAX + 64];

    if (value == NULL || value[0] == '\0') {
        return true;
    }
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*lines, line);
    if (longer == NULL) {
        return false;
    }
    *lines = longer;
    return true;
}

/* The conditions of the request. */
static bool add_lines(const struct update_wanted *wanted, struct curl_slist **lines)
{
    char range[64] = "";

    if (wanted->from > 0) {
        snprintf(range, sizeof(range), "bytes=%" PRIu64 "-", wanted->from);
    }
    return add_line(lines, "Range", range) &&
           add_line(lines, "If-Range",
                    wanted->from > 0 && wanted->if_range != NULL &&
                            update_tag_is_strong(wanted->if_range)
                        ? wanted->if_range
                        : NULL) &&
           add_line(lines, "If-None-Match", wanted->if_none_match) &&
           add_line(lines, "If-Modified-Since", wanted->if_modified_since);
}

/* The answer was whole, whatever it says. */
static enum update_got whole(struct transfer *transfer)
{
    const struct update_wanted *wanted = transfer->wanted;
    struct update_gotten *gotten = transfer->gotten;
    const unsigned status = transfer->headers.status;
    const bool asked =
        (wanted->if_none_match != NULL && wanted->if_none_match[0] != '\0') ||
        (wanted->if_modified_since != NULL && wanted->if_modified_since[0] != '\0');

    switch (status) {
    case 200:
    case 206:
        if (!transfer->begun && !begin(transfer)) { /* an empty one */
            return transfer->too_large ? UPDATE_TOO_LARGE
                   : gotten->rc != 0   ? UPDATE_UNWRITABLE
                                       : UPDATE_UNREACHABLE;
        }
        return UPDATE_GOT;
    case 304:
        if (asked) {
            return UPDATE_GOT_NOTHING;
        }
        why(gotten, "it says 304, and nobody asked whether the file has changed");
        return UPDATE_UNREACHABLE;
    case 403: /* object stores say so of what they do not have */
    case 404:
    case 410:
        why(gotten, "it has no such file (%u)", status);
        return UPDATE_ABSENT;
    case 416:
        if (wanted->from > 0) { /* its file is shorter: all of it is to be had anew */
            gotten->resumed = true;
            return begin_anew(transfer) ? UPDATE_GOT : UPDATE_UNWRITABLE;
        }
        /* fall through */
    default:
        why(gotten, "it answers %u", status);
        gotten->retry_after_s = transfer->headers.retry_after_s;
        return UPDATE_UNREACHABLE;
    }
}

static enum update_got failed(struct transfer *transfer, CURLcode code, const char *words)
{
    struct update_gotten *gotten = transfer->gotten;

    if (gotten->rc != 0) {
        return UPDATE_UNWRITABLE;
    }
    if (transfer->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        return UPDATE_TOO_LARGE;
    }
    if (transfer->odd) {
        return UPDATE_UNREACHABLE;
    }
    if (transfer->flood) {
        why(gotten, "it sends header lines without end");
    } else if (transfer->page > PAGE_OCTETS_MAX) {
        why(gotten, "it answers %u, with a body without end", transfer->headers.status);
    } else if (transfer->fetcher->outside && code == CURLE_COULDNT_CONNECT) {
        why(gotten,
            "http:// without TLS is for addresses of this machine and private networks, and "
            "this name leads elsewhere: use https://, or set update.http to any");
    } else if (code == CURLE_UNSUPPORTED_PROTOCOL) {
        why(gotten, "it redirects to what is no https:// address: that is not followed");
    } else if (code == CURLE_TOO_MANY_REDIRECTS) {
        why(gotten, "it redirects more than %u times", UPDATE_REDIRECTS_MAX);
    } else {
        why(gotten, "%s", words[0] != '\0' ? words : curl_easy_strerror(code));
    }
    return transfer->begun ? UPDATE_GOT_PART : UPDATE_UNREACHABLE;
}

static enum update_got fetch_url(struct update_fetcher *fetcher,
                                 const struct update_wanted *wanted,
                                 struct update_gotten *gotten)
{
    const bool clear = config_source_kind(wanted->source) == CONFIG_SOURCE_HTTP;
    struct transfer transfer = {.fetcher = fetcher, .wanted = wanted, .gotten = gotten};
    struct curl_slist *lines = NULL;
    char url[CONFIG_SOURCE_OCTETS_MAX + NAME_MAX + 2];
    char words[CURL_ERROR_SIZE] = "";
    CURL *curl = fetcher->curl;
    enum update_got got = UPDATE_UNREACHABLE;

    if (clear && fetcher->patience->clear == CONFIG_CLEAR_OFF) {
        why(gotten, "http:// is off (update.http)");
        return UPDATE_UNREACHABLE;
    }
    snprintf(url, sizeof(url), "%s/%s", wanted->source, wanted->name);
    update_headers_init(&transfer.headers);
    set_up(fetcher, clear);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &transfer);
    if (!add_lines(wanted, &lines)) {
        gotten->rc = -ENOMEM;
        got = UPDATE_UNWRITABLE;
    } else {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
        const CURLcode code = curl_easy_perform(curl);

        got = code == CURLE_OK ? whole(&transfer) : failed(&transfer, code, words);
        memcpy(gotten->etag, transfer.headers.etag, sizeof(gotten->etag));
        memcpy(gotten->modified, transfer.headers.modified, sizeof(gotten->modified));
    }
    curl_easy_reset(curl); /* it points at what is ours */
    curl_slist_free_all(lines);
    return got;
}

/* All of a regular file, as far as it may be long. */
static enum update_got copy(int from, const struct update_wanted *wanted,
                            struct update_gotten *gotten)
{
    char *buffer = malloc(COPY_OCTETS);
    enum update_got got = UPDATE_GOT;

    gotten->rc = buffer == NULL ? -ENOMEM : 0;
    while (gotten->rc == 0) {
        const ssize_t len = read(from, buffer, COPY_OCTETS);

        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0) {
            why(gotten, "it cannot be read: %s", cordon_strerror(-errno));
            got = UPDATE_UNREACHABLE;
            break;
        }
        if (len == 0) {
            break;
        }
        if ((uint64_t)len > wanted->max - gotten->octets) {
            got = UPDATE_TOO_LARGE;
            break;
        }
        gotten->rc = file_write_to(wanted->fd, buffer, (size_t)len);
        gotten->octets += (uint64_t)len;
    }
    free(buffer);
    return gotten->rc != 0 ? UPDATE_UNWRITABLE : got;
}

static enum update_got fetch_file(const struct update_wanted *wanted,
                                  struct update_gotten *gotten)
{
    struct transfer transfer = {.wanted = wanted, .gotten = gotten};
    char path[PATH_MAX];
    struct stat status;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", wanted->source, wanted->name) >=
        sizeof(path)) {
        why(gotten, "its path is too long");
        return UPDATE_UNREACHABLE;
    }
    const int from = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (from < 0) {
        /* A folder that is not there is another fault than a file that it does not have. */
        const bool absent =
            errno == ENOENT && stat(wanted->source, &status) == 0 && S_ISDIR(status.st_mode);

        why(gotten, "%s: %s", wanted->name, cordon_strerror(-errno));
        return absent ? UPDATE_ABSENT : UPDATE_UNREACHABLE;
    }
    enum update_got got = UPDATE_UNREACHABLE;
    if (fstat(from, &status) != 0 || !S_ISREG(status.st_mode)) {
        why(gotten, "%s is no regular file", wanted->name);
    } else if (!begin_anew(&transfer)) {
        got = UPDATE_UNWRITABLE;
    } else {
        got = copy(from, wanted, gotten);
    }
    close(from);
    return got;
}

enum update_got update_fetch(struct update_fetcher *fetcher, const struct update_wanted *wanted,
                             struct update_gotten *gotten)
{
    memset(gotten, 0, sizeof(*gotten));
    gotten->octets = wanted->from;
    const enum update_got got = config_source_kind(wanted->source) == CONFIG_SOURCE_FOLDER
                                    ? fetch_file(wanted, gotten)
                                    : fetch_url(fetcher, wanted, gotten);
    if (got == UPDATE_TOO_LARGE) {
        why(gotten, "%s has more than the %" PRIu64 " octets that it can have", wanted->name,
            wanted->max);
    }
    if (got == UPDATE_UNWRITABLE) {
        why(gotten, "%s cannot be written: %s", wanted->name, cordon_strerror(gotten->rc));
    }
    return got;
}

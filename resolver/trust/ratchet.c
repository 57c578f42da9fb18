#include "trust/ratchet.h"

#include "base/error.h"
#include "base/file.h"
#include "trust/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Octets of a line that has a hash, and of what stands around the lines. */
#define LINE_OCTETS  232u
#define FRAME_OCTETS 4096u

void trust_ratchet_free(struct trust_ratchet *ratchet)
{
    if (ratchet != NULL) {
        for (size_t i = 0; ratchet->marks != NULL && i < ratchet->count; i++) {
            free(ratchet->marks[i].lists);
        }
        free(ratchet->marks);
        free(ratchet);
    }
}

static struct trust_ratchet *empty(void)
{
    struct trust_ratchet *ratchet = calloc(1, sizeof(*ratchet));

    if (ratchet != NULL) {
        ratchet->marks = calloc(TRUST_PUBLISHERS_MAX, sizeof(ratchet->marks[0]));
    }
    if (ratchet == NULL || ratchet->marks == NULL) {
        trust_ratchet_free(ratchet);
        return NULL;
    }
    return ratchet;
}

const struct trust_mark *trust_ratchet_find(const struct trust_ratchet *ratchet,
                                            const char *publisher)
{
    for (size_t i = 0; i < ratchet->count; i++) {
        if (strcmp(ratchet->marks[i].publisher, publisher) == 0) {
            return &ratchet->marks[i];
        }
    }
    return NULL;
}

const struct trust_mark_list *trust_mark_find(const struct trust_mark *mark, const char *id)
{
    size_t from = 0;
    size_t to = mark->count;

    while (from < to) {
        const size_t middle = from + (to - from) / 2;
        const int order = strcmp(mark->lists[middle].id, id);

        if (order == 0) {
            return &mark->lists[middle];
        }
        if (order < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return NULL;
}

/* "KEY NUMBER HASH". */
static bool read_numbered(struct lines *lines, const char *key, uint32_t *number,
                          uint8_t hash[TRUST_HASH_OCTETS])
{
    char value[TRUST_LINE_MAX];
    uint64_t parsed = 0;

    if (!lines_value(lines, key, value, sizeof(value))) {
        return false;
    }
    const size_t len = strcspn(value, " ");
    if (value[len] != ' ' || !lines_parse_number(value, len, UINT32_MAX, &parsed) ||
        !lines_parse_hex(value + len + 1, strlen(value + len + 1), hash, TRUST_HASH_OCTETS)) {
        return lines_fault(lines, "the line before is \"%s NUMBER 128-DIGITS\"", key);
    }
    *number = (uint32_t)parsed;
    return true;
}

/* "list ID NUMBER HASH". */
static bool read_list(struct lines *lines, struct trust_mark *mark)
{
    char value[TRUST_LINE_MAX];
    uint64_t serial = 0;
    struct trust_mark_list *list = &mark->lists[mark->count];

    if (!lines_value(lines, "list", value, sizeof(value))) {
        return false;
    }
    const size_t id_len = strcspn(value, " ");
    const char *number = value + id_len + (value[id_len] == ' ' ? 1 : 0);
    const size_t number_len = strcspn(number, " ");
    const char *hash = number + number_len + (number[number_len] == ' ' ? 1 : 0);
    if (!lines_is_id(value, id_len) ||
        !lines_parse_number(number, number_len, UINT32_MAX, &serial) ||
        !lines_parse_hex(hash, strlen(hash), list->hash, TRUST_HASH_OCTETS)) {
        return lines_fault(lines, "the line before is \"list ID SERIAL 128-DIGITS\"");
    }
    memcpy(list->id, value, id_len);
    list->id[id_len] = '\0';
    list->serial = (uint32_t)serial;
    if (mark->count > 0 && strcmp(list[-1].id, list->id) >= 0) {
        return lines_fault(lines, "lists stand in ascending order, each once");
    }
    mark->count++;
    return true;
}

static bool read_mark(struct lines *lines, struct trust_ratchet *ratchet)
{
    struct trust_mark *mark = &ratchet->marks[ratchet->count];

    if (ratchet->count == TRUST_PUBLISHERS_MAX) {
        return lines_fault(lines, "there are more than %u publishers", TRUST_PUBLISHERS_MAX);
    }
    mark->lists = calloc(TRUST_MARKS_MAX, sizeof(mark->lists[0]));
    if (mark->lists == NULL) {
        lines->rc = -ENOMEM;
        return false;
    }
    ratchet->count++; /* from here on it is freed with the others */
    if (!lines_id(lines, "publisher", mark->publisher) ||
        !read_numbered(lines, "root", &mark->root_version, mark->root_hash) ||
        !read_numbered(lines, "catalogue", &mark->serial, mark->hash)) {
        return false;
    }
    if (ratchet->count > 1 && strcmp(mark[-1].publisher, mark->publisher) >= 0) {
        return lines_fault(lines, "publishers stand in ascending order, each once");
    }
    while (lines_is(lines, "key")) {
        struct trust_public_key key;

        if (!lines_key(lines, "key", &key)) {
            return false;
        }
        if (trust_keyring_add(&mark->keys, &key) != 0) {
            return lines_fault(lines, "a key stands here twice, or there are too many");
        }
    }
    mark->keys.threshold = 1; /* whose keys they were is all that is asked */
    while (lines_is(lines, "list")) {
        if (mark->count == TRUST_MARKS_MAX) {
            return lines_fault(lines, "there are more than %u lists", TRUST_MARKS_MAX);
        }
        if (!read_list(lines, mark)) {
            return false;
        }
    }
    return lines->rc == 0;
}

/* The last line but one is a hash of all octets before it. */
static bool read_check(struct lines *lines, const char *text)
{
    char value[TRUST_LINE_MAX];
    uint8_t named[TRUST_HASH_OCTETS];
    uint8_t found[TRUST_HASH_OCTETS];

    if (!lines_is(lines, "check")) {
        return lines_fault(lines, "a line \"check HASH\" is expected here");
    }
    trust_hash(text, (size_t)(lines->at - text), found);
    if (!lines_value(lines, "check", value, sizeof(value))) {
        return false;
    }
    if (!lines_parse_hex(value, strlen(value), named, sizeof(named)) ||
        memcmp(named, found, sizeof(found)) != 0) {
        return lines_fault(lines, "the file is not what was written: its check differs");
    }
    return true;
}

int trust_ratchet_parse(const char *text, size_t len, const char *file, struct report *report,
                        struct trust_ratchet **ratchet)
{
    struct lines lines;
    struct trust_ratchet *new = empty();

    if (new == NULL) {
        return -ENOMEM;
    }
    lines_open(&lines, text, len, file, report);
    bool good =
        lines_first(&lines, "cordon-ratchet") && lines_time(&lines, "seen", &new->seen_s);
    while (good && lines_is(&lines, "publisher")) {
        good = read_mark(&lines, new);
    }
    if (!good || !read_check(&lines, text) || !lines_end(&lines)) {
        trust_ratchet_free(new);
        return lines.rc == CORDON_E_REFUSED ? CORDON_E_CORRUPT : lines.rc;
    }
    trust_hash(text, len, new->was);
    *ratchet = new;
    return 0;
}

static void put_numbered(struct text *text, const char *key, uint32_t number,
                         const uint8_t hash[TRUST_HASH_OCTETS])
{
    text_printf(text, "%s %" PRIu32 " ", key, number);
    lines_put_hex(text, hash, TRUST_HASH_OCTETS);
    text_add(text, "\n");
}

int trust_ratchet_format(const struct trust_ratchet *ratchet, char **text, size_t *len)
{
    size_t size = FRAME_OCTETS;
    uint8_t hash[TRUST_HASH_OCTETS];
    struct text out;

    for (size_t i = 0; i < ratchet->count; i++) {
        size += FRAME_OCTETS + ratchet->marks[i].count * LINE_OCTETS;
    }
    char *buffer = malloc(size);
    if (buffer == NULL) {
        return -ENOMEM;
    }
    text_init(&out, buffer, size);
    text_add(&out, "cordon-ratchet 1\n");
    lines_put_time(&out, "seen", ratchet->seen_s);
    for (size_t i = 0; i < ratchet->count; i++) {
        const struct trust_mark *mark = &ratchet->marks[i];

        text_printf(&out, "publisher %s\n", mark->publisher);
        put_numbered(&out, "root", mark->root_version, mark->root_hash);
        put_numbered(&out, "catalogue", mark->serial, mark->hash);
        for (size_t k = 0; k < mark->keys.count; k++) {
            lines_put_key(&out, "key", &mark->keys.keys[k]);
        }
        for (size_t k = 0; k < mark->count; k++) {
            text_printf(&out, "list %s ", mark->lists[k].id);
            text_printf(&out, "%" PRIu32 " ", mark->lists[k].serial);
            lines_put_hex(&out, mark->lists[k].hash, TRUST_HASH_OCTETS);
            text_add(&out, "\n");
        }
    }
    trust_hash(out.at, out.len, hash);
    text_add(&out, "check ");
    lines_put_hex(&out, hash, sizeof(hash));
    text_add(&out, "\nend\n");
    if (out.overflow) {
        free(buffer);
        return -ENOMEM;
    }
    *text = buffer;
    *len = out.len;
    return 0;
}

int trust_ratchet_read(const char *path, struct report *report, struct trust_ratchet **ratchet)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, TRUST_RATCHET_OCTETS_MAX, &text, &len);

    if (rc == -ENOENT) {
        *ratchet = empty();
        return *ratchet == NULL ? -ENOMEM : 0;
    }
    if (rc != 0) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "what was accepted before cannot be read (%s), so nobody can tell what is "
                   "older: make it readable for cordond",
                   cordon_strerror(rc));
        return rc;
    }
    rc = trust_ratchet_parse((const char *)text, len, path, report, ratchet);
    free(text);
    if (rc != 0 && rc != -ENOMEM) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "this file remembers what was accepted before, and is damaged: restore it "
                   "from a copy. If there is none, compare the serials of `cordon catalogue "
                   "verify` with what the publisher says by another way, and only then remove "
                   "it: the next load begins a new one");
    }
    return rc;
}

/* One process at a time looks whether the file is the one it read, and replaces it. The lock
 * goes with the descriptor, and with the process. */
static int take_lock(const char *path, int *fd)
{
    char name[PATH_MAX];
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if ((size_t)snprintf(name, sizeof(name), "%s.lock", path) >= sizeof(name)) {
        return -ENAMETOOLONG;
    }
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0) {
        return -errno;
    }
    if (fcntl(*fd, F_OFD_SETLK, &lock) != 0) {
        const int rc = errno == EACCES ? -EAGAIN : -errno;

        close(*fd);
        return rc;
    }
    return 0;
}

/* -EAGAIN if the file is another one than was read. */
static int check_same(const struct trust_ratchet *ratchet, const char *path)
{
    uint8_t found[TRUST_HASH_OCTETS] = {0};
    uint8_t *text = NULL;
    size_t len = 0;
    const int rc = file_read(path, TRUST_RATCHET_OCTETS_MAX, &text, &len);

    if (rc == 0) {
        trust_hash(text, len, found);
        free(text);
    } else if (rc != -ENOENT) {
        return rc;
    }
    return memcmp(found, ratchet->was, sizeof(found)) == 0 ? 0 : -EAGAIN;
}

int trust_ratchet_write(struct trust_ratchet *ratchet, const char *path, struct report *report)
{
    char *text = NULL;
    size_t len = 0;
    int fd = -1;
    int rc = trust_ratchet_format(ratchet, &text, &len);

    if (rc == 0) {
        rc = take_lock(path, &fd);
    }
    if (rc == 0) {
        rc = check_same(ratchet, path);
        if (rc == 0) {
            rc = file_write_atomic(path, text, len, 0600);
        }
        close(fd);
    }
    if (rc == 0) {
        trust_hash(text, len, ratchet->was);
    } else if (rc == -EAGAIN) {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "another process changes what was accepted: load again");
    } else {
        report_add(report, REPORT_ERROR, path, 0, 0,
                   "what is accepted cannot be written down (%s), and nothing is put in force "
                   "that could be rolled back unseen: make room, or make the folder writable "
                   "for cordond",
                   cordon_strerror(rc));
    }
    free(text);
    return rc;
}

/* The lists of a catalogue, and with them those that are known and not in it. Both ascend. */
static int merge(const struct trust_mark *mark, const struct trust_catalogue *catalogue,
                 bool anew, struct trust_mark_list *out, size_t *count)
{
    const size_t known = anew || mark == NULL ? 0 : mark->count;
    size_t old = 0;
    size_t new = 0;

    *count = 0;
    while (old < known || new < catalogue->count) {
        int order = old == known ? 1 : new == catalogue->count ? -1 : 0;

        if (order == 0) {
            order = strcmp(mark->lists[old].id, catalogue->entries[new].id);
        }
        if (*count == TRUST_MARKS_MAX) {
            return CORDON_E_LIMIT;
        }
        struct trust_mark_list *list = &out[(*count)++];
        if (order < 0) {
            *list = mark->lists[old++];
            continue;
        }
        const struct trust_entry *entry = &catalogue->entries[new ++];
        memcpy(list->id, entry->id, sizeof(list->id));
        memcpy(list->hash, entry->hash, sizeof(list->hash));
        list->serial = entry->serial;
        old += order == 0 ? 1 : 0;
    }
    return 0;
}

/* The place of a publisher, made if there is none. NULL: no room. */
static struct trust_mark *place_of(struct trust_ratchet *ratchet, const char *publisher)
{
    size_t at = 0;

    while (at < ratchet->count && strcmp(ratchet->marks[at].publisher, publisher) < 0) {
        at++;
    }
    if (at < ratchet->count && strcmp(ratchet->marks[at].publisher, publisher) == 0) {
        return &ratchet->marks[at];
    }
    if (ratchet->count == TRUST_PUBLISHERS_MAX) {
        return NULL;
    }
    memmove(&ratchet->marks[at + 1], &ratchet->marks[at],
            (ratchet->count - at) * sizeof(ratchet->marks[0]));
    memset(&ratchet->marks[at], 0, sizeof(ratchet->marks[at]));
    ratchet->count++;
    return &ratchet->marks[at];
}

int trust_ratchet_note(struct trust_ratchet *ratchet, const struct trust_root *root,
                       const struct trust_catalogue *catalogue, bool anew)
{
    struct trust_mark_list *lists = calloc(TRUST_MARKS_MAX, sizeof(lists[0]));
    size_t count = 0;

    if (lists == NULL) {
        return -ENOMEM;
    }
    const int rc =
        merge(trust_ratchet_find(ratchet, root->publisher), catalogue, anew, lists, &count);
    struct trust_mark *mark = rc == 0 ? place_of(ratchet, root->publisher) : NULL;
    if (mark == NULL) {
        free(lists);
        return CORDON_E_LIMIT;
    }
    memcpy(mark->publisher, root->publisher, sizeof(mark->publisher));
    mark->root_version = root->version;
    memcpy(mark->root_hash, root->hash, sizeof(mark->root_hash));
    if (anew || mark->serial == 0 ||
        memcmp(mark->hash, catalogue->hash, sizeof(mark->hash)) != 0) {
        mark->serial = catalogue->serial;
        memcpy(mark->hash, catalogue->hash, sizeof(mark->hash));
        mark->keys = root->list;
        mark->keys.threshold = 1;
    } /* else those who could set the mark are those of then */
    free(mark->lists);
    mark->lists = lists;
    mark->count = count;
    return 0;
}

#include "setup/fingerprint_lines.h"

#include "base/invariant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for the head of a page: "cordon-fingerprint 1 PART HASH 12/34 56", as a string. */
#define HEAD_MAX \
    (sizeof("cordon-fingerprint 1 exceptions  999/999 999999999") + SETUP_FINGERPRINT_TEXT)

_Static_assert((QUERY_TOLD_PAGE_MAX - HEAD_MAX - SETUP_FINGERPRINT_LINE_MAX) *
                       QUERY_TOLD_PAGES_MAX >=
                   SETUP_FINGERPRINT_SHOWN_MAX,
               "what is shown has room on the pages");

int fingerprint_open(struct fingerprint_lines *lines)
{
    *lines = (struct fingerprint_lines){NULL, NULL, 0};
    lines->out = open_memstream(&lines->text, &lines->len);
    return lines->out != NULL ? 0 : -ENOMEM;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every line becomes a string, in order, each once. Points into lines->text. */
static int sort(struct fingerprint_lines *lines, char ***sorted, size_t *count)
{
    size_t all = 0;
    size_t kept = 0;

    for (size_t i = 0; i < lines->len; i++) {
        all += lines->text[i] == '\n';
    }
    char **at = calloc(all + 1, sizeof(at[0]));
    if (at == NULL) {
        return -ENOMEM;
    }
    char *line = lines->text;
    for (size_t i = 0; i < all; i++) {
        char *end = strchr(line, '\n');

        at[i] = line;
        *end = '\0';
        line = end + 1;
    }
    qsort(at, all, sizeof(at[0]), compare);
    for (size_t i = 0; i < all; i++) {
        if (kept == 0 || strcmp(at[kept - 1], at[i]) != 0) {
            at[kept++] = at[i];
        }
    }
    *sorted = at;
    *count = kept;
    return 0;
}

/* Closes the stream and sorts: the text is still to be freed. */
static int end(struct fingerprint_lines *lines, char ***sorted, size_t *count)
{
    *sorted = NULL;
    *count = 0;
    const bool failed = ferror(lines->out) != 0;
    const bool closed = fclose(lines->out) == 0;
    lines->out = NULL;
    return failed || !closed || lines->text == NULL ? -ENOMEM : sort(lines, sorted, count);
}

static void add_line(struct digest *digest, const char *line)
{
    digest_add(digest, line, strlen(line));
    digest_add(digest, "\n", 1);
}

int fingerprint_part(struct fingerprint_lines *lines, const char *name,
                     struct setup_fingerprint_part *part)
{
    struct digest digest;
    char head[64];
    char **sorted;
    size_t count;
    bool room = true;
    int rc = end(lines, &sorted, &count);

    *part = (struct setup_fingerprint_part){.count = count};
    part->lines = rc == 0 ? malloc(SETUP_FINGERPRINT_SHOWN_MAX + 1) : NULL;
    rc = part->lines == NULL ? -ENOMEM : 0;
    snprintf(head, sizeof(head), "cordon-fingerprint %u %s", SETUP_FINGERPRINT_FORMAT, name);
    digest_init(&digest, NULL, DIGEST_OCTETS);
    add_line(&digest, head);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const size_t len = strlen(sorted[i]);

        invariant(len <= SETUP_FINGERPRINT_LINE_MAX);
        add_line(&digest, sorted[i]);
        room = room && part->shown_octets + len + 1 <= SETUP_FINGERPRINT_SHOWN_MAX;
        if (room) {
            memcpy(part->lines + part->shown_octets, sorted[i], len);
            part->shown_octets += len;
            part->lines[part->shown_octets++] = '\n';
            part->shown++;
        }
    }
    if (rc == 0) {
        char *fits = realloc(part->lines, part->shown_octets + 1);

        part->lines = fits != NULL ? fits : part->lines;
        part->lines[part->shown_octets] = '\0';
        digest_end(&digest, part->hash, sizeof(part->hash));
        rc = fingerprint_pages(name, part);
    }
    free(sorted);
    free(lines->text);
    return rc;
}

static void write_hash(char *const *sorted, size_t count, char out[FINGERPRINT_VALUE_SIZE])
{
    struct digest digest;
    uint8_t hash[DIGEST_OCTETS];
    char hex[SETUP_FINGERPRINT_TEXT];

    digest_init(&digest, NULL, DIGEST_OCTETS);
    for (size_t i = 0; i < count; i++) {
        add_line(&digest, sorted[i]);
    }
    digest_end(&digest, hash, sizeof(hash));
    digest_hex(hash, sizeof(hash), hex);
    snprintf(out, FINGERPRINT_VALUE_SIZE, "%zu:%s", count, hex);
}

int fingerprint_value(struct fingerprint_lines *lines, char out[FINGERPRINT_VALUE_SIZE])
{
    char **sorted;
    size_t count;
    size_t len = 0;
    bool plain = true;
    const int rc = end(lines, &sorted, &count);

    snprintf(out, FINGERPRINT_VALUE_SIZE, "-");
    for (size_t i = 0; i < count; i++) {
        len += strlen(sorted[i]) + 1;
        plain = plain && strpbrk(sorted[i], ", ") == NULL && sorted[i][0] != '\0';
    }
    if (count > 0 && (!plain || len > SETUP_FINGERPRINT_VALUE_MAX)) {
        write_hash(sorted, count, out);
    } else if (count > 0) {
        size_t used = 0;

        for (size_t i = 0; i < count; i++) {
            used += (size_t)snprintf(out + used, FINGERPRINT_VALUE_SIZE - used, "%s%s",
                                     i > 0 ? "," : "", sorted[i]);
        }
    }
    free(sorted);
    free(lines->text);
    return rc;
}

int fingerprint_word(const char *text, char out[FINGERPRINT_VALUE_SIZE])
{
    struct fingerprint_lines lines;

    out[0] = '\0';
    if (fingerprint_open(&lines) != 0) {
        return -ENOMEM;
    }
    fprintf(lines.out, "%s\n", text);
    return fingerprint_value(&lines, out);
}

/* --- pages --- */

/* A character string; len is at most 255. */
static size_t put_string(uint8_t *to, const char *text, size_t len)
{
    to[0] = (uint8_t)len;
    memcpy(to + 1, text, len);
    return len + 1;
}

/* Octets of the first page of these lines, without its head; *next: the lines behind it. */
static size_t measure(const char *lines, size_t head, const char **next)
{
    size_t used = 0;

    while (*lines != '\0') {
        const size_t len = strcspn(lines, "\n");

        if (head + used + len + 1 > QUERY_TOLD_PAGE_MAX) {
            break;
        }
        used += len + 1;
        lines += len + 1;
    }
    *next = lines;
    return used;
}

int fingerprint_pages(const char *name, struct setup_fingerprint_part *part)
{
    char hex[SETUP_FINGERPRINT_TEXT];
    const char *at = part->lines;
    size_t used = 0;

    do {
        (void)measure(at, HEAD_MAX, &at);
        part->page_count++;
    } while (*at != '\0');
    invariant(part->page_count <= QUERY_TOLD_PAGES_MAX);
    part->pages = calloc(part->page_count, sizeof(part->pages[0]));
    part->octets = malloc(part->page_count * HEAD_MAX + part->shown_octets);
    if (part->pages == NULL || part->octets == NULL) {
        return -ENOMEM;
    }
    digest_hex(part->hash, sizeof(part->hash), hex);
    at = part->lines;
    for (size_t i = 0; i < part->page_count; i++) {
        char head[2 * HEAD_MAX]; /* it fits in one: the compiler cannot see that */
        const char *next;
        const size_t from = used;

        snprintf(head, sizeof(head), "cordon-fingerprint %u %s %s %zu/%zu %zu",
                 SETUP_FINGERPRINT_FORMAT, name, hex, i + 1, part->page_count, part->count);
        used += put_string(part->octets + used, head, strlen(head));
        (void)measure(at, HEAD_MAX, &next);
        while (at < next) {
            const size_t len = strcspn(at, "\n");

            used += put_string(part->octets + used, at, len);
            at += len + 1;
        }
        part->pages[i] = (struct query_told_page){part->octets + from, (uint16_t)(used - from)};
    }
    return 0;
}

void fingerprint_part_deinit(struct setup_fingerprint_part *part)
{
    free(part->lines);
    free(part->pages);
    free(part->octets);
}

void fingerprint_total(struct setup_fingerprint *fingerprint)
{
    struct query_told *told = &fingerprint->told;
    struct digest digest;
    char hex[SETUP_FINGERPRINT_TEXT];
    char line[128];
    size_t used;

    snprintf(line, sizeof(line), "cordon-fingerprint %u", SETUP_FINGERPRINT_FORMAT);
    digest_init(&digest, NULL, DIGEST_OCTETS);
    add_line(&digest, line);
    /* The head comes first, and is known last: it is always as long. */
    used = 1 + strlen(line) + 1 + 2 * (size_t)DIGEST_OCTETS;
    for (size_t i = 0; i < SETUP_FINGERPRINT_PARTS; i++) {
        const struct setup_fingerprint_part *part = fingerprint->parts[i];
        const char *name = setup_fingerprint_name((enum setup_fingerprint_number)i);

        digest_hex(part->hash, sizeof(part->hash), hex);
        snprintf(line, sizeof(line), "%s %s", name, hex);
        add_line(&digest, line);
        invariant(used + strlen(line) + 1 <= sizeof(fingerprint->first));
        used += put_string(fingerprint->first + used, line, strlen(line));
        told->parts[i] = (struct query_told_part){name, part->pages, part->page_count};
    }
    digest_end(&digest, fingerprint->total, sizeof(fingerprint->total));
    digest_hex(fingerprint->total, sizeof(fingerprint->total), hex);
    snprintf(line, sizeof(line), "cordon-fingerprint %u %s", SETUP_FINGERPRINT_FORMAT, hex);
    (void)put_string(fingerprint->first, line, strlen(line));
    told->first = (struct query_told_page){fingerprint->first, (uint16_t)used};
    told->count = SETUP_FINGERPRINT_PARTS;
}

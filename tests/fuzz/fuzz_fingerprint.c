/*
 * Reads arbitrary octets as what a resolver tells of its fingerprint: a first page, pages of
 * its parts, or a document. What is accepted is printable, bounded and consistent, and compared
 * with itself it is the same; with one octet of a part's hash changed it differs.
 */
#include "require.h"

#include "cli/compare_find.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    for (; *text != '\0'; text++) {
        require(*text == '\n' || (*text >= 0x20 && *text <= 0x7e));
    }
}

static void tell(void *context, const char *part, const char *subject, const char *a,
                 const char *b, const char *words)
{
    (void)context;
    check_text(part);
    check_text(subject);
    check_text(words);
    require(strchr(words, '\n') == NULL && words[0] != '\0');
    require(a != NULL || b != NULL);
}

static void check(const struct fingerprint *made)
{
    const struct compare_side here = {"here", made};

    require(made->count <= FINGERPRINT_PARTS_MAX);
    for (size_t i = 0; i < made->count; i++) {
        const struct fingerprint_part *part = &made->parts[i];

        require(strlen(part->hash) == FINGERPRINT_HEX - 1);
        if (part->lines != NULL) {
            require(strlen(part->lines) == part->octets && part->told <= part->count);
            require(part->octets <= (size_t)FINGERPRINT_PAGES_MAX * FINGERPRINT_PAGE_MAX);
            check_text(part->lines);
        }
    }
    require(compare_find(&here, &here, tell, NULL) == 0);
    struct fingerprint other = *made; /* shares its lines */
    const struct compare_side there = {"there", &other};
    other.total[0] = other.total[0] == '0' ? '1' : '0';
    for (size_t i = 0; i < other.count; i++) {
        other.parts[i].hash[0] = other.parts[i].hash[0] == '0' ? '1' : '0';
    }
    require(compare_find(&here, &there, tell, NULL) >= (int)made->count);
}

/* Pages, each with two octets of length before it, as after a first page that names the part.
 */
static void read_pages(const uint8_t *data, size_t size)
{
    char fault[FINGERPRINT_FAULT_MAX] = "";
    struct fingerprint made = {.count = 1, .parts = {{.name = "lists"}}};
    struct fingerprint_part *part = &made.parts[0];
    unsigned page = 0;

    memset(part->hash, 'a', FINGERPRINT_HEX - 1);
    while (size >= 2) {
        const size_t len = (size_t)data[0] << 8 | data[1];

        if (len > size - 2 || !fingerprint_read_page(data + 2, len, ++page, part, fault)) {
            break;
        }
        require(part->pages <= FINGERPRINT_PAGES_MAX && part->count <= FINGERPRINT_LINES_MAX);
        check_text(part->lines);
        data += 2 + len;
        size -= 2 + len;
    }
    (void)fingerprint_check_part(part, fault);
    check_text(fault);
    fingerprint_deinit(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char fault[FINGERPRINT_FAULT_MAX] = "";
    struct fingerprint made = {.count = 0};

    if (size == 0) {
        return 0;
    }
    switch (data[0]) {
    case 'F':
        if (fingerprint_read_first(data + 1, size - 1, &made, fault)) {
            check(&made);
        }
        break;
    case 'P':
        read_pages(data + 1, size - 1);
        break;
    default:
        if (fingerprint_read_json((const char *)data, size, &made, fault)) {
            check(&made);
        }
        break;
    }
    check_text(fault);
    fingerprint_deinit(&made);
    return 0;
}

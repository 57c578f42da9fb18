/*
 * Feeds arbitrary octets to the reader of the ratchet, as they are or, if the first octet is
 * odd, with a check that fits (else nothing would get past it). What is accepted must be, octet
 * by octet, what would be written.
 */
#include "base/random.h"
#include "require.h"
#include "trust/ratchet.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The octets with "check HASH" and "end" behind them; the caller frees them. */
static char *sealed(const uint8_t *data, size_t *size)
{
    uint8_t hash[TRUST_HASH_OCTETS];
    char *text = malloc(*size + 6 + 2 * sizeof(hash) + 6);

    require(text != NULL);
    memcpy(text, data, *size);
    trust_hash(data, *size, hash);
    size_t used = *size + (size_t)sprintf(text + *size, "check ");
    for (size_t i = 0; i < sizeof(hash); i++) {
        used += (size_t)sprintf(text + used, "%02x", hash[i]);
    }
    memcpy(text + used, "\nend\n", 5);
    *size = used + 5;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct trust_ratchet *ratchet = NULL;
    struct report report;
    char *again = NULL;
    size_t again_len = 0;

    if (size == 0) {
        return 0;
    }
    require(random_library_init() == 0);
    size_t len = size - 1;
    char *text = data[0] % 2 == 1 ? sealed(data + 1, &len) : malloc(size);
    require(text != NULL);
    if (data[0] % 2 == 0) {
        memcpy(text, data + 1, len);
    }
    report_init(&report);
    if (trust_ratchet_parse(text, len, "input", &report, &ratchet) == 0) {
        require(report.count == 0);
        require(trust_ratchet_format(ratchet, &again, &again_len) == 0);
        /* The form of before is only read. */
        require(memcmp(text, "cordon-ratchet 1", 16) == 0 ||
                (again_len == len && memcmp(again, text, len) == 0));
        for (size_t i = 0; i < ratchet->count; i++) {
            const struct trust_mark *mark = &ratchet->marks[i];

            require(trust_ratchet_find(ratchet, mark->publisher) == mark);
            for (size_t k = 0; k < mark->count; k++) {
                require(trust_mark_find(mark, mark->lists[k].id) == &mark->lists[k]);
            }
        }
        for (size_t i = 0; i < ratchet->file_count; i++) {
            require(trust_ratchet_find_file(ratchet, ratchet->files[i].id) ==
                    &ratchet->files[i]);
        }
        free(again);
        trust_ratchet_free(ratchet);
    } else {
        require(ratchet == NULL && report.errors == 1);
    }
    report_deinit(&report);
    free(text);
    return 0;
}

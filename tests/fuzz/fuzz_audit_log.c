/*
 * Feeds arbitrary octets to the readers of the audit log. The first octet says as what: the
 * header and body of a block, a file of a log (searched, verified and gone on with), a signed
 * note with a checkpoint, a proof, one event, a key, a request to a witness. What is taken for
 * one must be written again as it was read, and nothing may be verified that no key has signed.
 */
#include "require.h"

#include "audit/block.h"
#include "audit/checkpoint.h"
#include "audit/files.h"
#include "audit/frame.h"
#include "audit/proof.h"
#include "audit/search.h"
#include "audit/shown.h"
#include "audit/varint.h"
#include "audit/verify.h"
#include "audit/witness.h"
#include "base/error.h"
#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One file in memory, as number 1. */
struct memory {
    const uint8_t *data;
    size_t size;
};

static int open_memory(void *context, uint32_t number, bool create, uint64_t *size)
{
    const struct memory *memory = context;

    require(!create);
    *size = memory->size;
    return number == 1 ? 0 : -ENOENT;
}

static void close_memory(void *context, int file)
{
    (void)context;
    require(file == 0);
}

static int read_memory(void *context, int file, uint64_t at, void *out, size_t len, size_t *got)
{
    const struct memory *memory = context;

    require(file == 0);
    *got = at >= memory->size ? 0 : memory->size - at;
    *got = *got < len ? *got : len;
    if (*got > 0) {
        memcpy(out, memory->data + at, *got);
    }
    return 0;
}

static int last_memory(void *context, uint32_t *number)
{
    (void)context;
    *number = 1;
    return 0;
}

static int next_memory(void *context, uint32_t from, uint32_t *number)
{
    (void)context;
    *number = from <= 1 ? 1 : 0;
    return 0;
}

static int read_no_head(void *context, char *out, size_t size, size_t *len)
{
    (void)context;
    (void)out;
    (void)size;
    (void)len;
    return -ENOENT;
}

/* Whatever an event has, its JSON is one line that drives no terminal, and all of it fits. */
static void show(const struct audit_row *row)
{
    static char line[AUDIT_JSON_MAX];
    const struct audit_id id = {1, AUDIT_DECISIONS, 0};
    struct text text;

    text_init(&text, line, sizeof(line));
    audit_row_json(row, &id, &text);
    require(!text.overflow || !audit_row_is_writable(row));
    for (size_t i = 0; i < text.len; i++) {
        require((uint8_t)line[i] >= 0x20 && line[i] != 0x7f);
    }
    require(text.overflow || (line[0] == '{' && line[text.len - 1] == '}'));
    for (unsigned column = AUDIT_TIME; column <= AUDIT_COLUMN_LAST; column++) {
        text_init(&text, line, sizeof(line));
        audit_row_show(row, (enum audit_column)column, &text);
    }
    text_init(&text, line, sizeof(line));
    audit_row_show_deed(row, &text);
}

/* The body for a header that says the least of it. */
static void read_body(const uint8_t *data, size_t size)
{
    struct audit_header header = {.stream = AUDIT_DECISIONS, .file = 1};
    struct audit_block *block = audit_block_create();
    static uint8_t leaves[4096][DIGEST_OCTETS];
    uint8_t form[AUDIT_EVENT_MAX];
    uint8_t salt[AUDIT_LEAF_SALT];
    uint8_t leaf[DIGEST_OCTETS];
    struct audit_row row;
    struct audit_row again;
    size_t form_len = 0;

    require(block != NULL);
    if (size < 2) {
        audit_block_destroy(block);
        return;
    }
    header.events = 1u + data[0] + 256u * (data[1] & 15);
    header.body_len = (uint32_t)size - 2;
    if (audit_block_open(block, &header, data + 2, header.body_len) == 0 &&
        audit_block_load(block, UINT64_MAX) == 0) {
        const bool hashed = audit_block_leaves(block, leaves) == 0;

        for (uint32_t i = 0; i < header.events; i += 1 + header.events / 16) {
            audit_block_row(block, i, &row);
            require(audit_row_has(&row, AUDIT_TIME));
            show(&row);
            if (hashed) { /* each alone, as a proof shows it */
                require(audit_block_opening(block, i, salt, form, &form_len) == 0);
                require(audit_row_decode(form, form_len, &again));
                audit_leaf(salt, &again, leaf);
                require(memcmp(leaf, leaves[i], sizeof(leaf)) == 0);
            }
            if (audit_row_is_writable(&row)) {
                const size_t len = audit_row_encode(&row, form);

                require(audit_row_decode(form, len, &again) && audit_row_equal(&row, &again));
            }
        }
    }
    audit_block_destroy(block);
}

static void read_header(const uint8_t *data, size_t size)
{
    uint8_t octets[AUDIT_HEADER_OCTETS];
    struct audit_header header;

    if (size >= sizeof(octets) && audit_header_get(data, &header)) {
        audit_header_put(&header, octets);
        require(memcmp(octets, data, sizeof(octets)) == 0);
    }
}

static bool see(void *context, const struct audit_header *header, struct audit_block *block,
                uint32_t i)
{
    unsigned *count = context;
    struct audit_row row;

    require(i < header->events);
    if (audit_block_load(block, UINT64_MAX) == 0) {
        audit_block_row(block, i, &row);
        show(&row);
    }
    return ++*count < 100;
}

static void read_file(const uint8_t *data, size_t size, const struct trust_note_key *key)
{
    struct memory memory = {data, size};
    const struct audit_files files = {.context = &memory,
                                      .open = open_memory,
                                      .close = close_memory,
                                      .read = read_memory,
                                      .last = last_memory,
                                      .next = next_memory,
                                      .read_head = read_no_head};
    const struct audit_verify_options options = {.key = key, .deep = true};
    const struct audit_query query = {.words = {{AUDIT_EVENT, "query"}}, .word_count = 1};
    struct audit_search_stats stats;
    struct audit_verdict verdict;
    unsigned count = 0;
    char *text = NULL;
    size_t len = 0;

    require(audit_search(&files, &query, see, &count, &stats) == 0);
    require(stats.found == count);
    if (count < 100) { /* from the other end there are as many */
        const struct audit_search_way way = {.newest_first = true};
        struct audit_query back = query;

        back.way = &way;
        count = 0;
        require(audit_search(&files, &back, see, &count, &stats) == 0);
        require(stats.found == count);
    }
    require(audit_verify(&files, &options, &verdict) == 0);
    /* Nobody has this key: nothing is signed by it. */
    require(verdict.signed_blocks == 0 && verdict.checkpoints == 0);
    require(verdict.blocks == 0 || verdict.integrity.fault != AUDIT_SOUND);
    require(audit_prove(&files, key, AUDIT_DECISIONS, 0, NULL, 0, &text, &len) != 0);
}

static void read_note(const uint8_t *data, size_t size, const struct trust_note_key *key)
{
    struct trust_note note;
    struct audit_checkpoint checkpoint;
    uint64_t time_s = 0;

    if (trust_note_parse((const char *)data, size, &note) == 0) {
        require(note.count > 0 && note.text_len > 0 && note.text[note.text_len - 1] == '\n');
        require(trust_note_verify(&note, key, &time_s) != 0);
        if (audit_checkpoint_parse(&note, &checkpoint) == 0) {
            require(checkpoint.origin[0] != '\0');
        }
    }
}

static void read_key(const uint8_t *data, size_t size)
{
    char text[TRUST_NOTE_KEY_TEXT_MAX];
    struct trust_note_key key;

    if (trust_note_key_parse((const char *)data, size, &key) == 0) {
        const size_t len = trust_note_key_format(&key, text);

        require(len == size || (len + 1 == size && data[len] == '\n'));
        require(memcmp(text, data, len) == 0);
    }
}

/* What is taken for a request has one spelling: the digests, written again, are there. */
static void read_request(const uint8_t *data, size_t size)
{
    static struct audit_request request;
    char line[128];

    if (audit_request_parse((const char *)data, size, &request) == 0) {
        const char *at = (const char *)data;
        int len = snprintf(line, sizeof(line), "old %llu\n", (unsigned long long)request.old);

        require(request.count <= AUDIT_REQUEST_PROOF_MAX && request.note_len > 0);
        require(memcmp(at, line, (size_t)len) == 0);
        at += len;
        for (unsigned i = 0; i < request.count; i++) {
            len = (int)trust_base64_encode(request.proof[i], DIGEST_OCTETS, line, sizeof(line));
            require(memcmp(at, line, (size_t)len) == 0 && at[len] == '\n');
            at += len + 1;
        }
        require(at[0] == '\n' && at + 1 == request.note);
        require(request.note + request.note_len == (const char *)data + size);
    }
}

static void read_event(const uint8_t *data, size_t size)
{
    uint8_t form[AUDIT_EVENT_MAX];
    struct audit_basis_view basis;
    struct audit_client client;
    struct audit_row row;

    if (size <= AUDIT_EVENT_MAX && audit_row_decode(data, size, &row)) {
        require(audit_row_encode(&row, form) == size && memcmp(form, data, size) == 0);
        show(&row);
    }
    audit_basis_get(data, size, &basis);
    audit_client_get(data, size, &client);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t nobody[32] = {9};
    struct trust_note_key key;
    struct audit_proven proven;
    uint8_t *copy = NULL;

    require(random_library_init() == 0);
    require(trust_note_key_make("log.example/audit", TRUST_NOTE_ED25519, nobody, &key) == 0);
    if (size == 0) {
        return 0;
    }
    copy = malloc(size); /* its end is where the octets end */
    require(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    size--;
    switch (data[0] % 8) {
    case 0:
        read_header(copy, size);
        break;
    case 1:
        read_body(copy, size);
        break;
    case 2:
        read_file(copy, size, &key);
        break;
    case 3:
        read_note(copy, size, &key);
        break;
    case 4:
        require(audit_proof_verify((const char *)copy, size, &key, &proven) != 0);
        break;
    case 5:
        read_event(copy, size);
        break;
    case 6:
        read_key(copy, size);
        break;
    default:
        read_request(copy, size);
        break;
    }
    free(copy);
    return 0;
}

#include "audit/leaf.h"

#include "audit/events_tree.h"
#include "base/invariant.h"

#include <stdlib.h>
#include <string.h>

/* Of a form: the octet that tells leaves from nodes, and the salt. */
#define HEAD (1u + AUDIT_LEAF_SALT)

/* Events that are hashed at once, and octets of them that are enough: they stay in the first
 * cache. */
#define BATCH        DIGEST_MANY_MAX
#define BATCH_OCTETS 16384u

_Static_assert(BATCH % AUDIT_SALTS_AT_ONCE == 0,
               "salts are made in whole blocks of the stream");
_Static_assert(AUDIT_EVENTS_AT_ONCE % BATCH == 0, "no batch goes over the end of a level");

struct audit_leaves {
    uint8_t salt[AUDIT_SALT_OCTETS];
    uint32_t event;                                       /* the next */
    uint8_t (*out)[DIGEST_OCTETS];                        /* NULL: they go to the tree */
    uint8_t salts[BATCH][AUDIT_LEAF_SALT];                /* of the next and those around it */
    struct digest_buffer waiting[BATCH], findings[BATCH]; /* these come first */
    uint32_t count, finding_count;
    size_t len;
    struct audit_events_tree tree;
    uint8_t octets[BATCH_OCTETS + HEAD + AUDIT_LEAF_FORM_MAX + AUDIT_FINDING_MAX];
};

void audit_leaf_salts(const uint8_t salt[AUDIT_SALT_OCTETS], uint32_t from, uint32_t count,
                      uint8_t (*out)[AUDIT_LEAF_SALT])
{
    const uint32_t blocks = (count + AUDIT_SALTS_AT_ONCE - 1) / AUDIT_SALTS_AT_ONCE;

    invariant(from % AUDIT_SALTS_AT_ONCE == 0);
    random_stream(salt, from / AUDIT_SALTS_AT_ONCE, out, (size_t)blocks * RANDOM_STREAM_BLOCK);
}

void audit_leaf_salt(const uint8_t salt[AUDIT_SALT_OCTETS], uint32_t event,
                     uint8_t out[AUDIT_LEAF_SALT])
{
    uint8_t salts[AUDIT_SALTS_AT_ONCE][AUDIT_LEAF_SALT];
    const uint32_t place = event % AUDIT_SALTS_AT_ONCE;

    audit_leaf_salts(salt, event - place, 1, salts);
    memcpy(out, salts[place], AUDIT_LEAF_SALT);
}

void audit_leaf_of(const uint8_t salt[AUDIT_LEAF_SALT], const uint8_t *form, size_t len,
                   uint8_t out[DIGEST_OCTETS])
{
    static const uint8_t prefix = 0;
    struct digest digest;

    digest_init(&digest, NULL, DIGEST_OCTETS);
    digest_add(&digest, &prefix, 1);
    digest_add(&digest, salt, AUDIT_LEAF_SALT);
    digest_add(&digest, form, len);
    digest_end(&digest, out, DIGEST_OCTETS);
}

void audit_leaf(const uint8_t salt[AUDIT_LEAF_SALT], const struct audit_row *row,
                uint8_t out[DIGEST_OCTETS])
{
    uint8_t form[AUDIT_LEAF_FORM_MAX];

    audit_leaf_of(salt, form, audit_leaf_form(row, form), out);
}

struct audit_leaves *audit_leaves_create(void)
{
    return calloc(1, sizeof(struct audit_leaves));
}

void audit_leaves_destroy(struct audit_leaves *leaves)
{
    free(leaves);
}

void audit_leaves_begin(struct audit_leaves *leaves, const uint8_t salt[AUDIT_SALT_OCTETS],
                        uint8_t (*out)[DIGEST_OCTETS])
{
    memcpy(leaves->salt, salt, sizeof(leaves->salt));
    leaves->event = 0;
    leaves->out = out;
    leaves->count = 0;
    leaves->finding_count = 0;
    leaves->len = 0;
    if (out == NULL) {
        audit_events_begin(&leaves->tree);
    }
}

uint8_t *audit_leaves_room(struct audit_leaves *leaves)
{
    return leaves->octets + leaves->len + HEAD;
}

void audit_leaves_add(struct audit_leaves *leaves, size_t len, uint8_t *finding,
                      size_t found_len)
{
    const uint32_t place = leaves->event % BATCH;
    uint8_t *at = leaves->octets + leaves->len;

    if (place == 0) {
        audit_leaf_salts(leaves->salt, leaves->event, BATCH, leaves->salts);
    }
    at[0] = 0;
    memcpy(at + 1, leaves->salts[place], AUDIT_LEAF_SALT);
    leaves->waiting[leaves->count] = (struct digest_buffer){
        at, HEAD + len,
        leaves->out != NULL ? leaves->out[leaves->event]
                            : audit_events_place(&leaves->tree, leaves->count)};
    if (finding != NULL) {
        leaves->findings[leaves->finding_count++] =
            (struct digest_buffer){at + HEAD + len, found_len, finding};
    }
    leaves->count++;
    leaves->event++;
    leaves->len += HEAD + len + found_len;
    if (place == BATCH - 1 || leaves->len >= BATCH_OCTETS) {
        audit_leaves_end(leaves);
    }
}

void audit_leaves_add_row(struct audit_leaves *leaves, const struct audit_row *row)
{
    uint8_t *const form = audit_leaves_room(leaves);
    uint8_t *finding = NULL;
    uint8_t *const end = audit_own_put(row, audit_steady_put(row, form), &finding);
    const size_t found_len = finding != NULL ? (size_t)(audit_finding_put(row, end) - end) : 0;

    audit_leaves_add(leaves, (size_t)(end - form), finding, found_len);
}

void audit_leaves_end(struct audit_leaves *leaves)
{
    digest_of_many(leaves->findings, leaves->finding_count);
    digest_of_many(leaves->waiting, leaves->count);
    if (leaves->out == NULL) {
        audit_events_add(&leaves->tree, leaves->count);
    }
    leaves->count = 0;
    leaves->finding_count = 0;
    leaves->len = 0;
}

void audit_leaves_root(struct audit_leaves *leaves, uint8_t root[DIGEST_OCTETS])
{
    invariant(leaves->out == NULL);
    audit_leaves_end(leaves);
    audit_events_end(&leaves->tree, root);
}

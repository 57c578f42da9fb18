/*
 * Two builders of blocks, one fed the general way and one the short ways of the writer: what
 * comes of both is compared octet for octet.
 */
#ifndef CORDON_TESTS_AUDIT_BOTH_WAYS_H
#define CORDON_TESTS_AUDIT_BOTH_WAYS_H

#include "audit/block_inside.h"
#include "audit/event_kits.h"
#include "audit/privacy.h"
#include "audit/repeat.h"
#include "audit/stencil.h"

#include <stdlib.h>

/* Both ways of the same records, as the writer goes them. */
struct scene {
    struct audit_builder *plain, *builder;
    struct audit_event_kits *kits;
    struct audit_stencils *stencils;
    struct audit_repeats *repeats;
    struct audit_privacy *privacy;
    struct audit_event event;
    struct audit_event_words words, plain_words;
    char line[AUDIT_LINE_MAX], plain_line[AUDIT_LINE_MAX];
    unsigned repeated;
};

/* Blocks differ by their salts, and here by nothing else. */
static inline void begin_with_one_salt(struct scene *scene)
{
    struct audit_builder *builder = scene->builder;

    memcpy(builder->salt, scene->plain->salt, sizeof(builder->salt));
    audit_leaves_begin(builder->hashing, builder->salt, NULL);
}

static inline struct scene *open_scene(const struct audit_privacy_settings *privacy)
{
    struct scene *scene = calloc(1, sizeof(*scene));

    assert_non_null(scene);
    scene->plain = audit_builder_create(AUDIT_DECISIONS, 1);
    scene->builder = audit_builder_create(AUDIT_DECISIONS, 1);
    scene->kits = audit_event_kits_create();
    scene->stencils = audit_stencils_create();
    scene->repeats = audit_repeats_create();
    scene->privacy = audit_privacy_create(privacy);
    assert_true(scene->plain != NULL && scene->builder != NULL && scene->kits != NULL &&
                scene->stencils != NULL && scene->repeats != NULL && scene->privacy != NULL);
    begin_with_one_salt(scene);
    return scene;
}

/* The one record of a ring, which ends. Returns its length. */
static inline size_t take_record(struct ring *ring, uint8_t *out)
{
    size_t len = 0;
    const void *const record = ring_peek(ring, &len);

    assert_non_null(record);
    memcpy(out, record, len);
    ring_destroy(ring);
    return len;
}

/* Ends both blocks: they are the same, octet for octet. */
static inline void assert_same_blocks(struct scene *scene)
{
    struct audit_header plain = {.number = 0};
    struct audit_header header = {.number = 0};
    const uint8_t *want;
    const uint8_t *have;

    assert_int_equal(audit_builder_finish(scene->plain, &plain, &want), 0);
    assert_int_equal(audit_builder_finish(scene->builder, &header, &have), 0);
    assert_int_equal(header.events, plain.events);
    assert_true(header.first_us == plain.first_us && header.last_us == plain.last_us);
    assert_int_equal(header.body_len, plain.body_len);
    assert_memory_equal(have, want, plain.body_len);
    assert_memory_equal(header.tree, plain.tree, sizeof(plain.tree));
    assert_memory_equal(header.body, plain.body, sizeof(plain.body));
    audit_builder_clear(scene->plain);
    audit_builder_clear(scene->builder);
    begin_with_one_salt(scene);
}

static inline void close_scene(struct scene *scene)
{
    audit_builder_destroy(scene->plain);
    audit_builder_destroy(scene->builder);
    audit_event_kits_destroy(scene->kits);
    audit_stencils_destroy(scene->stencils);
    audit_repeats_destroy(scene->repeats);
    audit_privacy_destroy(scene->privacy);
    free(scene);
}

#endif

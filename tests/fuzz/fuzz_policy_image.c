/*
 * Opens damaged images and looks things up in them: whatever the octets, a reader stays inside
 * and keeps the bounds that its callers rely on. The first octet of the input chooses: 0 takes
 * the rest as an image; others damage a real one at the places that the rest names.
 */
#include "require.h"

#include "policy/image.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] =
    "cordon-list 1\nid a\ntitle T\nprovider p P\nserial 1\ncreated 2026-01-01T00:00:00Z\n"
    "expires 2027-01-01T00:00:00Z\nfact designated\nentity E\nauthority A\nstate in-force\n"
    "checked 2026-01-01\nrules\n"
    "block suffix a.example category=c scope=cdn confidence=low action=redirect:*.w.example "
    "evidence=\"e\"\n"
    "pass exact x.a.example category=c scope=cdn confidence=low evidence=\"e\"\n"
    "block below b.example category=d scope=cdn confidence=low action=log evidence=\"e\"\n"
    "block suffix 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde.b.example "
    "category=d scope=cdn confidence=low evidence=\"e\"\n"
    "block prefix 192.0.2.0/24 category=n scope=cloud confidence=high evidence=\"e\"\n"
    "pass prefix 192.0.2.64/26 category=n scope=cloud confidence=high evidence=\"e\"\n"
    "block prefix 2001:db8::/32 category=n scope=cloud confidence=high evidence=\"e\"\n"
    "end\n";

static const char *const names[] = {
    ".",
    "example",
    "a.example",
    "x.a.example",
    "q.b.example",
    "r.0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde.b.example",
    "other.test",
};

static void check_matches(const struct policy_image *image,
                          const struct policy_matches *matches, unsigned most)
{
    require(matches->count <= sizeof(matches->at) / sizeof(matches->at[0]));
    require(matches->pass_below == 0 || matches->pass_below < policy_image_sets(image));
    for (unsigned i = 0; i < matches->count; i++) {
        require(matches->at[i].set != 0 && matches->at[i].set < policy_image_sets(image));
        require(matches->at[i].labels <= most);
    }
}

static void check_sets(const struct policy_image *image)
{
    const size_t count = policy_image_sets(image) < 32 ? policy_image_sets(image) : 32;
    struct policy_row row;
    size_t seen = 0; /* what is read is used, so that it is read */

    for (uint32_t set = 0; set < count; set++) {
        const size_t size = policy_image_set_size(image, set);

        require(size <= 256);
        for (size_t i = 0; i < size; i++) {
            if (!policy_image_row(image, set, i, &row)) {
                continue;
            }
            require(row.list < policy_image_lists(image));
            require(policy_action_name(row.action) != NULL);
            seen += strlen(row.category);
            for (unsigned k = 0; k < row.redirect_len; k++) {
                seen += row.redirect[k];
            }
        }
        require(!policy_image_row(image, set, size, &row));
    }
    require(seen != SIZE_MAX);
}

static void look(const struct policy_image *image)
{
    struct policy_matches matches;
    struct policy_image_list list;
    struct policy_image_stats stats;
    struct wire_name name;
    size_t seen = 0; /* what is read is used, so that it is read */

    policy_image_stats(image, &stats);
    require(stats.octets > 0);
    for (size_t i = 0; i < policy_image_lists(image); i++) {
        if (policy_image_list_at(image, i, &list)) {
            seen += strlen(list.id) + strlen(list.title) + strlen(list.legal_requirement) +
                    strlen(list.status_citation);
        }
    }
    require(!policy_image_list_at(image, policy_image_lists(image), &list));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        require(wire_name_from_text(names[i], strlen(names[i]), &name) == WIRE_TEXT_OK);
        policy_image_find_name(image, &name, &matches);
        check_matches(image, &matches, name.labels);
        seen += policy_image_line(image, 0, &name, POLICY_MATCH_SUFFIX, POLICY_BLOCK,
                                  POLICY_SUBJECT_ANSWER);
    }
    const struct address v4 = {.octets = {192, 0, 2, 70}, .family = ADDRESS_V4};
    const struct address v6 = {.octets = {0x20, 1, 0x0d, 0xb8, 1}, .family = ADDRESS_V6};
    policy_image_find_address(image, POLICY_SUBJECT_ANSWER, &v4, &matches);
    check_matches(image, &matches, 32);
    policy_image_find_address(image, POLICY_SUBJECT_ANSWER, &v6, &matches);
    check_matches(image, &matches, 128);
    require(seen != SIZE_MAX);
    check_sets(image);
}

static void open_and_look(const uint8_t *octets, size_t len)
{
    struct policy_image *image = NULL;

    if (policy_image_open(octets, len, &image) == 0) {
        look(image);
        policy_image_free(image);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_list *list = NULL;
    struct policy_image *good = NULL;
    size_t len = 0;

    if (size == 0 || size > 65536) {
        return -1;
    }
    if (data[0] == 0) {
        open_and_look(data + 1, size - 1);
        return 0;
    }
    require(policy_list_parse(text, sizeof(text) - 1, "list", NULL, &list) == 0);
    const struct policy_list *lists[] = {list};
    require(policy_image_build(lists, 1, &good) == 0);
    const uint8_t *octets = policy_image_octets(good, &len);
    uint8_t *copy = malloc(len);
    require(copy != NULL);
    memcpy(copy, octets, len);
    /* Three octets a change: where (two, from the header's table on), and what. */
    for (size_t i = 1; i + 2 < size; i += 3) {
        copy[((size_t)data[i] << 8 | data[i + 1]) % len] = data[i + 2];
    }
    open_and_look(copy, len);
    free(copy);
    policy_image_free(good);
    policy_list_free(list);
    return 0;
}

/*
 * policy/image: look-ups in many rules say exactly what a naive model says: a table that holds
 * each rule under its own text, asked for each suffix of a name.
 *
 * CORDON_EXACT_RULES and CORDON_EXACT_ASKED say how many (tests/run --exact: millions);
 * CORDON_EXACT_NAMES names a file with real names, a name a line.
 */
#include "policy/make.h"

#include "base/file.h"
#include "base/random.h"
#include "base/siphash.h"
#include "policy/image.h"

#define LISTS 5u
#define KINDS 2u
#define SORTS 3u /* suffix, exact, below */

static const uint8_t table_key[SIPHASH_KEY_OCTETS] = "naive model";

/* Which rules stand at a name: a bit for each list, kind and match. */
struct model {
    struct {
        char *name; /* NULL: free */
        uint32_t bits;
    } * slots;
    size_t size, count;
};

static uint32_t bit_of(unsigned list, unsigned kind, unsigned sort)
{
    return 1u << ((list * KINDS + kind) * SORTS + sort);
}

static uint32_t *slot_of(struct model *model, const char *name, size_t len, bool add)
{
    size_t at = siphash24(name, len, table_key) & (model->size - 1);

    while (model->slots[at].name != NULL) {
        if (strlen(model->slots[at].name) == len &&
            memcmp(model->slots[at].name, name, len) == 0) {
            return &model->slots[at].bits;
        }
        at = (at + 1) & (model->size - 1);
    }
    if (!add) {
        return NULL;
    }
    assert_true(2 * ++model->count < model->size);
    model->slots[at].name = strndup(name, len);
    assert_non_null(model->slots[at].name);
    return &model->slots[at].bits;
}

static size_t number_of(const char *variable, size_t otherwise)
{
    const char *text = getenv(variable);

    return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

/* Names of the file, and others that lie above, below and beside them. */
struct names {
    uint8_t *text;
    char **at;
    size_t count;
};

static void read_names(struct names *names)
{
    const char *path = getenv("CORDON_EXACT_NAMES");
    size_t len = 0;

    *names = (struct names){.text = NULL};
    if (path == NULL) {
        return;
    }
    assert_int_equal(file_read(path, (size_t)1 << 30, &names->text, &len), 0);
    names->at = calloc(len / 2 + 1, sizeof(names->at[0]));
    assert_non_null(names->at);
    for (size_t at = 0; at < len;) {
        uint8_t *lf = memchr(names->text + at, '\n', len - at);

        if (lf == NULL) {
            break;
        }
        *lf = '\0';
        const char *name = (const char *)names->text + at;
        if (strchr(name, '.') != NULL && strlen(name) <= 200 && name[0] != '.' &&
            strstr(name, "..") == NULL && name[strlen(name) - 1] != '.') {
            names->at[names->count++] = (char *)names->text + at;
        }
        at = (size_t)(lf - names->text) + 1;
    }
    assert_true(names->count > 0);
}

/* Few labels in many places, so that names lie below each other. */
static void make_up(uint64_t *state, size_t spread, char out[256])
{
    static const char *const tails[] = {"com", "net", "org", "co.uk", "xn--p1ai"};
    const size_t labels = 1 + random_under(state, 4);
    size_t len = 0;

    for (size_t i = 0; i < labels; i++) {
        const size_t one = random_under(state, i + 1 == labels ? spread : 40);

        len +=
            (size_t)sprintf(out + len, "%c%zx%s.", (int)('g' + one % 20), one,
                            one % 97 == 0 ? "-long-label-with-a-number-of-octets-in-it" : "");
    }
    strcpy(out + len, tails[random_under(state, ITEMS(tails))]);
}

static void any_name(const struct names *names, uint64_t *state, size_t spread, char out[256])
{
    const size_t choice = random_under(state, 8);

    if (names->count == 0) {
        make_up(state, spread, out);
    } else {
        strcpy(out, names->at[random_under(state, names->count)]);
    }
    const char *dot = strchr(out, '.');
    if (choice == 0 && strchr(dot + 1, '.') != NULL) {
        memmove(out, dot + 1, strlen(dot)); /* the name above */
    } else if (choice == 1 && strlen(out) < 200) {
        memmove(out + 4, out, strlen(out) + 1); /* a name below */
        memcpy(out, "www.", 4);
    } else if (choice == 2) {
        out[0] = out[0] == 'z' ? 'y' : 'z'; /* one beside it */
    }
}

static struct policy_list *make_list(struct model *model, const struct names *names,
                                     uint64_t *state, unsigned number, size_t rules,
                                     size_t spread)
{
    static const char *const kinds[] = {"block", "pass"};
    static const char *const sorts[] = {"suffix", "exact", "below"};
    char *text = malloc(400 + rules * 360);
    struct policy_list *list = NULL;
    struct report report;
    size_t used;

    assert_non_null(text);
    used =
        (size_t)sprintf(text,
                        "cordon-list 1\nid m%u\ntitle T\nprovider p P\nserial 1\n"
                        "created 2026-01-01T00:00:00Z\nexpires 2027-01-01T00:00:00Z\nrules\n",
                        number);
    for (size_t i = 0; i < rules; i++) {
        const unsigned kind = random_under(state, 4) == 0 ? 1 : 0;
        const unsigned sort = (unsigned)random_under(state, 5) % SORTS;
        char name[256];

        any_name(names, state, spread, name);
        uint32_t *bits = slot_of(model, name, strlen(name), true);
        if ((*bits & (bit_of(number, 0, sort) | bit_of(number, 1, sort))) != 0) {
            continue; /* it stands there already */
        }
        *bits |= bit_of(number, kind, sort);
        used += (size_t)sprintf(text + used,
                                "%s %s %s category=c scope=cloud confidence=high "
                                "evidence=\"e\"\n",
                                kinds[kind], sorts[sort], name);
    }
    memcpy(text + used, "end\n", 4);
    report_init(&report);
    const int rc = policy_list_parse(text, used + 4, "m", &report, &list);
    report_print(&report, stderr);
    assert_int_equal(rc, 0);
    report_deinit(&report);
    free(text);
    return list;
}

/* The bits of the rows that the image has for the suffix of so many labels. */
static uint32_t found_at(const struct policy_image *image, const struct policy_matches *matches,
                         unsigned labels)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < matches->count; i++) {
        struct policy_row row;

        for (size_t k = 0; matches->at[i].labels == labels &&
                           policy_image_row(image, matches->at[i].set, k, &row);
             k++) {
            const uint32_t bit = bit_of(row.list, (unsigned)row.kind, (unsigned)row.match);

            assert_true((bits & bit) == 0); /* no row twice */
            bits |= bit;
        }
    }
    return bits;
}

/* However far somebody has gone ahead, the rest comes out the same. */
static void find_in_stages(const struct policy_image *image, const struct wire_name *name,
                           size_t stages, struct policy_matches *out)
{
    struct policy_image_aim aim;

    memset(&aim, 0xaa, sizeof(aim));
    policy_image_take_aim(image, name, &aim);
    for (size_t i = 0; i < stages; i++) {
        policy_image_go_near(image, name, &aim);
    }
    policy_image_find_aimed(image, name, &aim, out);
}

static void check_name(struct model *model, const struct policy_image *image, const char *text,
                       size_t stages, size_t *matched)
{
    struct policy_matches matches;
    const struct wire_name name = name_of(text);
    const char *suffix = text;

    find_in_stages(image, &name, stages, &matches);
    for (unsigned labels = name.labels; labels > 0; labels--) {
        const uint32_t *bits = slot_of(model, suffix, strlen(suffix), false);
        uint32_t wanted = bits == NULL ? 0 : *bits;

        for (unsigned list = 0; list < LISTS; list++) {
            for (unsigned kind = 0; kind < KINDS; kind++) {
                /* exact: the name alone; below: not the name */
                wanted &= ~bit_of(list, kind, labels == name.labels ? 2 : 1);
            }
        }
        if (found_at(image, &matches, labels) != wanted) {
            fail_msg("%s: at %u labels there is %x, not %x", text, labels,
                     found_at(image, &matches, labels), wanted);
        }
        *matched += wanted != 0;
        suffix = strchr(suffix, '.') == NULL ? "" : strchr(suffix, '.') + 1;
    }
}

static void look_ups_say_what_a_naive_model_says(void **state)
{
    const size_t rules = number_of("CORDON_EXACT_RULES", 20000);
    const size_t asked = number_of("CORDON_EXACT_ASKED", 100000);
    const size_t spread = rules / 2 + 1;
    struct policy_list *lists[LISTS];
    struct policy_image *image = NULL;
    struct model model = {.size = 1024};
    struct names names;
    uint64_t seed = 20260101;
    size_t matched = 0;

    (void)state;
    while (model.size < 3 * rules) {
        model.size *= 2;
    }
    model.slots = calloc(model.size, sizeof(model.slots[0]));
    assert_non_null(model.slots);
    read_names(&names);
    for (unsigned i = 0; i < LISTS; i++) {
        lists[i] = make_list(&model, &names, &seed, i, rules / LISTS, spread);
    }
    assert_int_equal(
        policy_image_build((const struct policy_list *const *)lists, LISTS, &image), 0);
    for (size_t i = 0; i < asked; i++) {
        char name[256];

        any_name(&names, &seed, spread, name);
        check_name(&model, image, name, i % 4, &matched);
    }
    assert_true(matched > asked / 10); /* or this shows less than it says */
    printf("%zu names asked of %zu rules, %zu suffixes with rules\n", asked, rules, matched);
    policy_image_free(image);
    for (unsigned i = 0; i < LISTS; i++) {
        policy_list_free(lists[i]);
    }
    for (size_t i = 0; i < model.size; i++) {
        free(model.slots[i].name);
    }
    free(model.slots);
    free(names.at);
    free(names.text);
}

static int start(void **state)
{
    (void)state;
    return random_library_init();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(look_ups_say_what_a_naive_model_says),
    };
    return cmocka_run_group_tests_name("policy/image_exact", tests, start, NULL);
}

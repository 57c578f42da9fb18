/* policy/allow: names with all below them, against a look through all of them. */
#include "policy/make.h"

#include "policy/allow.h"

static struct policy_allow *allow_of(const char *const *names, size_t count)
{
    struct wire_name parsed[64];
    struct policy_allow *allow = NULL;

    assert_true(count <= ITEMS(parsed));
    for (size_t i = 0; i < count; i++) {
        parsed[i] = name_of(names[i]);
    }
    assert_int_equal(policy_allow_build(parsed, count, &allow), 0);
    return allow;
}

static void a_name_covers_itself_and_all_below_it(void **state)
{
    static const char *const names[] = {"b.example", "a.b.example", "example.net", "x",
                                        "ab.example"};
    static const struct {
        const char *name;
        bool covered, above; /* above: one of them is below it (told of those not covered) */
    } cases[] = {
        {"b.example", true, false},
        {"www.b.example", true, false},
        {"z.y.www.b.example", true, false},
        {"a.b.example", true, false},
        {"ab.example", true, false},
        {"x", true, false},
        {"a.x", true, false},
        /* neither above it, nor beside it, nor what is glued to it */
        {"example", false, true},
        {"a.example", false, false},
        {"xb.example", false, false},
        {"b.example.net", true, false},
        {"b.examplee", false, false},
        {"net", false, true},
        {"ne", false, false},
        {"xx", false, false},
        {"", false, true},
        /* labels are not joined: ab is not a.b */
        {"a.b", false, false},
    };
    struct policy_allow *allow = allow_of(names, ITEMS(names));

    (void)state;
    for (size_t i = 0; i < ITEMS(cases); i++) {
        const struct wire_name name = name_of(cases[i].name);

        if (policy_allow_covers(allow, &name) != cases[i].covered) {
            fail_msg("%s", cases[i].name);
        }
        if (!cases[i].covered && policy_allow_below(allow, &name) != cases[i].above) {
            fail_msg("above: %s", cases[i].name);
        }
    }
    policy_allow_free(allow);
}

static void none_covers_nothing_and_the_root_everything(void **state)
{
    static const char *const root[] = {"", "a.example"};
    const struct wire_name name = name_of("www.example");
    const struct wire_name empty = name_of("");
    struct policy_allow *allow = allow_of(NULL, 0);

    (void)state;
    assert_null(allow);
    assert_false(policy_allow_covers(allow, &name));
    assert_false(policy_allow_below(allow, &name));
    policy_allow_free(allow);
    allow = allow_of(root, 2);
    assert_true(policy_allow_covers(allow, &name));
    assert_true(policy_allow_covers(allow, &empty));
    policy_allow_free(allow);
}

static void random_name(uint64_t *state, char out[32])
{
    static const char *const labels[] = {"a", "b", "aa", "ab", "ba"};

    out[0] = '\0';
    for (size_t i = 0, count = random_under(state, 4) + 1; i < count; i++) {
        strcat(out, i > 0 ? "." : "");
        strcat(out, labels[random_under(state, ITEMS(labels))]);
    }
}

static void it_says_what_a_look_through_all_says(void **state)
{
    uint64_t seed = 0xa110;
    unsigned covered = 0;

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        struct wire_name names[16];
        const size_t count = random_under(&seed, ITEMS(names)) + 1;
        struct policy_allow *allow = NULL;
        char text[32];

        for (size_t i = 0; i < count; i++) {
            random_name(&seed, text);
            names[i] = name_of(text);
        }
        assert_int_equal(policy_allow_build(names, count, &allow), 0);
        for (unsigned i = 0; i < 50; i++) {
            bool within = false, strictly = false;

            random_name(&seed, text);
            const struct wire_name asked = name_of(text);
            for (size_t j = 0; j < count; j++) {
                within = within || wire_name_is_within(&asked, &names[j]);
                strictly = strictly || (names[j].labels > asked.labels &&
                                        wire_name_is_within(&names[j], &asked));
            }
            assert_int_equal(policy_allow_covers(allow, &asked), within);
            if (!within) {
                assert_int_equal(policy_allow_below(allow, &asked), strictly);
            }
            covered += within;
        }
        policy_allow_free(allow);
    }
    assert_true(covered > 5000 && covered < 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_covers_itself_and_all_below_it),
        cmocka_unit_test(none_covers_nothing_and_the_root_everything),
        cmocka_unit_test(it_says_what_a_look_through_all_says),
    };
    return cmocka_run_group_tests_name("policy/allow", tests, NULL, NULL);
}

/*
 * export/: what each format means to the program that reads it, by a small model of that
 * program, against what the policy engine decides with the same lists. A format may say less;
 * it may never block what the engine lets through. tests/integration/test_exports.sh asks the
 * real programs.
 */
#include "../policy/make.h"

#include "base/error.h"
#include "export/formats.h"
#include "export/rpz.h"
#include "policy/explain.h"

#define LISTS_MAX 3
#define LINES_MAX 4096

/* Lists, the engine over them, and an export. */
struct world {
    struct policy_list *lists[LISTS_MAX];
    struct trust_verdict verdicts[LISTS_MAX];
    struct export_source sources[LISTS_MAX];
    size_t count;
    struct policy *policy;
    struct export_set *set;
    struct export_job job;
    char *text;
    size_t len;
    char *lines[LINES_MAX]; /* of text, without those that begin with a comment */
    size_t line_count;
};

static void world_make(struct world *world, const char *const *rules, size_t count,
                       enum policy_action action)
{
    static const char *const ids[LISTS_MAX] = {"a", "b", "c"};
    struct policy_list_setting settings[LISTS_MAX];
    const struct policy_list *lists[LISTS_MAX];
    struct policy_view_setting view = {.name = "default", .action = action, .lists = settings};
    struct report report;

    memset(world, 0, sizeof(*world));
    world->count = view.list_count = count;
    for (size_t i = 0; i < count; i++) {
        lists[i] = world->lists[i] = list_of(ids[i], rules[i]);
        world->sources[i] = (struct export_source){lists[i], &world->verdicts[i]};
        settings[i] =
            (struct policy_list_setting){ids[i], POLICY_MODE_ENFORCE, POLICY_ACTION_DEFAULT};
    }
    report_init(&report);
    assert_int_equal(
        policy_create(image_of(lists, count), &view, 1, 1, &report, &world->policy), 0);
    report_deinit(&report);
    assert_int_equal(export_set_create(world->sources, count, action, &world->set), 0);
    world->job.set = world->set;
}

static void world_free(struct world *world)
{
    for (size_t i = 0; i < world->count; i++) {
        policy_list_free(world->lists[i]);
    }
    policy_destroy(world->policy);
    export_set_destroy(world->set);
    free(world->text);
}

static void split(struct world *world, char comment)
{
    char *save = NULL;

    world->line_count = 0;
    for (char *line = strtok_r(world->text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (line[0] != comment) {
            assert_true(world->line_count < LINES_MAX);
            world->lines[world->line_count++] = line;
        }
    }
}

static void world_export(struct world *world, const char *format)
{
    const struct export_format *found = export_format_find(format);

    assert_non_null(found);
    free(world->text);
    world->text = NULL;
    memset(world->job.losses, 0, sizeof(world->job.losses));
    memset(world->job.last, 0, sizeof(world->job.last));
    world->job.out = open_memstream(&world->text, &world->len);
    assert_int_equal(export_format_write(found, &world->job), 0);
    fclose(world->job.out);
    if (!found->is_octets) {
        split(world, strcmp(format, "adguard") == 0 ? '!' : '#');
    }
}

static bool has_line(const struct world *world, const char *line)
{
    for (size_t i = 0; i < world->line_count; i++) {
        if (strcmp(world->lines[i], line) == 0) {
            return true;
        }
    }
    return false;
}

/* A pass decides, and lets through all that the answer leads to as well. */
static bool ends_chain(const struct world *world, const char *text)
{
    const struct wire_name name = name_of(text);
    struct policy_outcome outcome;

    policy_decide_question(world->policy, 0, &name, &outcome);
    return policy_outcome_passes_chain(&outcome);
}

/* The engine's word: "-" lets through, else the action. */
static const char *engine(const struct world *world, const char *text)
{
    const struct wire_name name = name_of(text);
    struct policy_outcome outcome;

    policy_decide_question(world->policy, 0, &name, &outcome);
    if (!policy_outcome_blocks(&outcome)) {
        return "-";
    }
    if (outcome.hit.action == POLICY_ACTION_NXDOMAIN &&
        policy_passes_below(world->policy, 0, &name)) {
        return "nodata";
    }
    return policy_action_name((enum policy_action)outcome.hit.action);
}

/* --- models of the programs: the same words --- */

static bool is_within(const char *name, const char *suffix)
{
    const size_t a = strlen(name), b = strlen(suffix);

    return a >= b && strcmp(name + a - b, suffix) == 0 && (a == b || name[a - b - 1] == '.');
}

static const char *hosts(const struct world *world, const char *name)
{
    char line[300];

    snprintf(line, sizeof(line), "0.0.0.0 %s", name);
    return has_line(world, line) ? "sinkhole" : "-";
}

/* As the widest reader takes it: with all below. */
static const char *domains(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->line_count; i++) {
        if (is_within(name, world->lines[i])) {
            return "sinkhole";
        }
    }
    return "-";
}

/* The longest domain wins; "*." asks for a label more. */
static const char *dnsmasq(const struct world *world, const char *name)
{
    const char *best = "-";
    size_t best_len = 0;

    for (size_t i = 0; i < world->line_count; i++) {
        const char *line = world->lines[i];
        const bool address = strncmp(line, "address=/", 9) == 0;
        char domain[300];

        if (strncmp(line, "local=/", 7) == 0) {
            /* Other types beside an address. */
            snprintf(domain, sizeof(domain), "address=/%s#", line + 7);
            assert_true(has_line(world, domain));
            continue;
        }
        assert_true(address || strncmp(line, "server=/", 8) == 0);
        snprintf(domain, sizeof(domain), "%s", line + (address ? 9 : 8));
        char *slash = strchr(domain, '/');
        assert_non_null(slash);
        *slash = '\0';
        const bool wild = strncmp(domain, "*.", 2) == 0;
        const char *suffix = wild ? domain + 2 : domain;
        const size_t len = 2 * strlen(suffix) + wild;
        if (is_within(name, suffix) && !(wild && strcmp(name, suffix) == 0) && len > best_len) {
            best_len = len;
            best = !address ? "-" : strcmp(slash + 1, "#") == 0 ? "sinkhole" : "nxdomain";
        }
    }
    return best;
}

/* The closest zone; data of its own name before its type. */
static const char *unbound(const struct world *world, const char *name)
{
    static const char *const types[][2] = {
        {"always_null", "sinkhole"},
        {"always_nxdomain", "nxdomain"},
        {"always_nodata", "nodata"},
        {"always_refuse", "refused"},
        {"always_deny", "drop"},
        {"redirect", "redirect"},
        {"always_transparent", "-"},
        {"transparent", "-"},
        {"inform", "-"},
    };
    char data[600];
    const char *best = "-";
    size_t best_len = 0;

    for (size_t i = 0; i < world->line_count; i++) {
        char zone[300];
        char type[32];

        if (sscanf(world->lines[i], "local-zone: \"%299[^\"]\" %31s", zone, type) != 2) {
            continue;
        }
        zone[strlen(zone) - 1] = '\0';
        if (is_within(name, zone) && strlen(zone) > best_len) {
            best = NULL;
            best_len = strlen(zone);
            for (size_t k = 0; k < ITEMS(types); k++) {
                if (strcmp(types[k][0], type) == 0) {
                    best = types[k][1];
                }
            }
            assert_non_null(best);
        }
    }
    snprintf(data, sizeof(data), "local-data: \"%s. 60 A 0.0.0.0\"", name);
    return strcmp(best, "-") == 0 && has_line(world, data) ? "sinkhole" : best;
}

static const char *adguard(const struct world *world, const char *name)
{
    int best = 0;

    for (size_t i = 0; i < world->line_count; i++) {
        const char *line = world->lines[i];
        int rank = 1;
        char domain[300];

        if (strncmp(line, "@@", 2) == 0) {
            line += 2;
            rank++;
        }
        rank += strstr(line, "$important") != NULL ? 2 : 0;
        assert_int_equal(line[0], '|');
        const bool exact = line[1] != '|';
        snprintf(domain, sizeof(domain), "%s", line + (exact ? 1 : 2));
        domain[strcspn(domain, "^")] = '\0';
        if ((exact ? strcmp(name, domain) == 0 : is_within(name, domain)) && rank > best) {
            best = rank;
        }
    }
    return best % 2 == 1 ? "sinkhole" : "-";
}

static uint32_t get32(const char *at)
{
    const uint8_t *o = (const uint8_t *)at;

    return (uint32_t)o[0] | (uint32_t)o[1] << 8 | (uint32_t)o[2] << 16 | (uint32_t)o[3] << 24;
}

/* The value of a key of a constant database, by its published description. */
static const char *cdb_find(const struct world *world, const uint8_t *key, size_t len,
                            size_t *value_len)
{
    uint32_t hash = 5381;

    for (size_t i = 0; i < len; i++) {
        hash = (hash * 33) ^ key[i];
    }
    const char *table = world->text + 8 * (hash & 255);
    const uint32_t start = get32(table), slots = get32(table + 4);
    for (uint32_t i = 0; i < slots; i++) {
        const char *slot = world->text + start + 8 * ((hash / 256 + i) % slots);
        const uint32_t at = get32(slot + 4);

        assert_true((size_t)(slot - world->text) + 8 <= world->len);
        if (at == 0) {
            return NULL;
        }
        const char *record = world->text + at;
        if (get32(slot) == hash && get32(record) == len && memcmp(record + 8, key, len) == 0) {
            *value_len = get32(record + 4);
            return record + 8 + len;
        }
    }
    return NULL;
}

/* The first suffix that has a value; the value says what the name is to it. */
static const char *cdb(const struct world *world, const char *text)
{
    static char word[64];
    const struct wire_name name = name_of(text);

    for (unsigned i = 0; i < name.labels; i++) {
        size_t len = 0;
        const char *value =
            cdb_find(world, name.octets + name.at[i], (size_t)(name.len - name.at[i]), &len);
        unsigned labels;
        char at[64], below[64];

        if (value != NULL) {
            char copy[1024];

            snprintf(copy, sizeof(copy), "%.*s", (int)len, value);
            assert_int_equal(sscanf(copy, "%u %63s %63s", &labels, at, below), 3);
            assert_int_equal(labels, name.labels - i);
            snprintf(word, sizeof(word), "%s", name.labels == labels ? at : below);
            word[strcspn(word, ":")] = '\0';
            return strcmp(word, "none") == 0 || strcmp(word, "pass") == 0 ||
                           strcmp(word, "log") == 0
                       ? "-"
                       : word;
        }
    }
    return "-";
}

/* --- response policy zones --- */

/* The data of an owner of a zone's lines, or NULL. */
static const char *rpz_data(char *const *lines, size_t count, const char *owner)
{
    const size_t len = strlen(owner);

    for (size_t i = 0; i < count; i++) {
        if (strncmp(lines[i], owner, len) == 0 && lines[i][len] == ' ') {
            return lines[i] + len + 1;
        }
    }
    return NULL;
}

/* True if the name exists in the zone: an owner is it, or below it. */
static bool rpz_exists(char *const *lines, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        char owner[300];

        snprintf(owner, sizeof(owner), "%.*s", (int)strcspn(lines[i], " "), lines[i]);
        if (is_within(owner, name)) {
            return true;
        }
    }
    return false;
}

static const char *rpz_word(const char *data)
{
    static const char *const words[][2] = {
        {"A 0.0.0.0", "sinkhole"},   {"CNAME .", "nxdomain"},
        {"CNAME *.", "nodata"},      {"CNAME rpz-passthru.", "pass"},
        {"CNAME rpz-drop.", "drop"}, {"CNAME rpz-tcp-only.", "truncate"},
    };

    for (size_t i = 0; i < ITEMS(words); i++) {
        if (strcmp(words[i][0], data) == 0) {
            return words[i][1];
        }
    }
    return "redirect";
}

/* closest: a wildcard is that of the closest name that exists (RFC 4592), else the longest. */
static const char *rpz_zone(char *const *lines, size_t count, const char *name, bool closest)
{
    const char *data = rpz_data(lines, count, name);

    if (data != NULL) {
        return rpz_word(data);
    }
    if (closest && rpz_exists(lines, count, name)) {
        return NULL;
    }
    for (const char *dot = strchr(name, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        char wildcard[300];

        snprintf(wildcard, sizeof(wildcard), "*%s", dot);
        data = rpz_data(lines, count, wildcard);
        if (data != NULL || (closest && rpz_exists(lines, count, dot + 1))) {
            return data != NULL ? rpz_word(data) : NULL;
        }
    }
    return NULL;
}

/* The zones of all lists. */
struct zones {
    struct world worlds[LISTS_MAX]; /* only text and lines of each */
};

static void zones_make(struct world *world, struct zones *zones)
{
    char name[WIRE_NAME_TEXT_MAX];

    memset(world->job.losses, 0, sizeof(world->job.losses));
    memset(world->job.last, 0, sizeof(world->job.last));
    for (size_t i = 0; i < world->count; i++) {
        struct world *zone = &zones->worlds[i];
        uint32_t serial = 0;

        memset(zone, 0, sizeof(*zone));
        assert_int_equal(export_rpz_name(world->lists[i], "rpz.test", name), 0);
        world->job.out = open_memstream(&zone->text, &zone->len);
        assert_int_equal(export_rpz_zone(&world->job, i, name, &serial), 0);
        fclose(world->job.out);
        split(zone, ';');
    }
}

static void zones_free(struct zones *zones, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(zones->worlds[i].text);
    }
}

/* The first zone with a word decides; turned: the last. */
static const char *zones_say(const struct zones *zones, size_t count, const char *name,
                             bool closest, bool turned)
{
    for (size_t i = 0; i < count; i++) {
        const struct world *zone = &zones->worlds[turned ? count - 1 - i : i];
        const char *word =
            rpz_zone((char *const *)zone->lines, zone->line_count, name, closest);

        if (word != NULL) {
            return strcmp(word, "pass") == 0 ? "-" : word;
        }
    }
    return "-";
}

/* --- tests --- */

static void random_name(uint64_t *random, char *out, size_t size, size_t labels_max)
{
    static const char *const labels[] = {"p", "q", "not-p"};
    const size_t count = 1 + random_under(random, labels_max);
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        used += (size_t)snprintf(out + used, size - used, "%s.",
                                 labels[random_under(random, ITEMS(labels))]);
    }
    snprintf(out + used, size - used, "x");
}

/* Up to 8 rules, no two of them for one match and name. */
static void random_rules(uint64_t *random, char *out, size_t size)
{
    static const char *const matches[] = {"suffix", "suffix", "exact", "below"};
    static const char *const actions[] = {"",
                                          "",
                                          " action=nxdomain",
                                          " action=nodata",
                                          " action=refused",
                                          " action=drop",
                                          " action=truncate",
                                          " action=log",
                                          " action=pass",
                                          " action=redirect:led.test"};
    const size_t count = random_under(random, 9);
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        const char *match = matches[random_under(random, ITEMS(matches))];
        const bool pass = random_under(random, 4) == 0;
        char name[100];
        char what[140];

        random_name(random, name, sizeof(name), 4);
        snprintf(what, sizeof(what), " %s %s ", match, name);
        if (strstr(out, what) == NULL) {
            used += (size_t)snprintf(out + used, size - used, "%s %s %s%s ;",
                                     pass ? "pass" : "block", match, name,
                                     !pass ? actions[random_under(random, ITEMS(actions))]
                                     : random_under(random, 2) == 0 ? ""
                                                                    : " ends=chain");
        }
    }
    /* No space before the separators, and none at the end. */
    char *to = out;
    for (char *from = out; *from != '\0'; from++) {
        if (!(from[0] == ' ' && (from[1] == ';' || from[1] == '\0'))) {
            *to++ = *from;
        }
    }
    while (to > out && to[-1] == ';') {
        to--;
    }
    *to = '\0';
}

static void tell_rules(const struct world *world)
{
    for (size_t l = 0; l < world->count; l++) {
        for (size_t i = 0; i < world->lists[l]->rule_count; i++) {
            const struct policy_list_rule *rule = &world->lists[l]->rules[i];
            struct wire_name name;
            char text[WIRE_NAME_TEXT_MAX];
            size_t pos = rule->name;

            wire_name_read(world->lists[l]->names, world->lists[l]->names_len, &pos, &name);
            wire_name_to_text(&name, text);
            print_message("%s: %s %s %s %s\n", world->lists[l]->id,
                          policy_kind_name(rule->kind), policy_match_name(rule->match), text,
                          policy_action_name(rule->action));
        }
    }
}

static void check_name(struct world *world, const char *format,
                       const char *(*model)(const struct world *, const char *),
                       const char *name)
{
    const char *said = model(world, name);
    const char *meant = engine(world, name);

    /* These leave the answer to their reader. */
    if ((model == domains || model == adguard) && strcmp(meant, "-") != 0) {
        meant = "sinkhole";
    }
    if (strcmp(said, "-") != 0 && strcmp(meant, "-") == 0) {
        tell_rules(world);
        fail_msg("%s blocks %s, which is let through", format, name);
    }
    /* Whatever is lost is told. */
    size_t lost = 0;
    for (int i = 0; i < EXPORT_LOSSES; i++) {
        lost += i == EXPORT_LOSS_LOG || i == EXPORT_LOSS_BASIS ? 0 : world->job.losses[i];
    }
    if (strcmp(said, meant) != 0 && lost == 0) {
        tell_rules(world);
        fail_msg("%s says %s of %s instead of %s, and tells nothing", format, said, name,
                 meant);
    }
    /* Only an answer is told to differ: then blocked it must be. */
    if (lost == world->job.losses[EXPORT_LOSS_ACTION] &&
        (strcmp(said, "-") == 0) != (strcmp(meant, "-") == 0)) {
        tell_rules(world);
        fail_msg("%s says %s of %s instead of %s", format, said, name, meant);
    }
}

static void check_rpz(struct world *world, const char *name)
{
    static struct zones zones;
    const char *meant = engine(world, name);

    if (strcmp(meant, "refused") == 0) {
        meant = "nodata"; /* told */
    }
    zones_make(world, &zones);
    for (int i = 0; i < 4; i++) {
        const char *said = zones_say(&zones, world->count, name, i % 2 == 0, i >= 2);

        for (size_t z = 0; z < world->count && ends_chain(world, name); z++) {
            const struct world *zone = &zones.worlds[z];
            const char *word =
                rpz_zone((char *const *)zone->lines, zone->line_count, name, i % 2 == 0);

            if (word == NULL || strcmp(word, "pass") != 0) {
                tell_rules(world);
                fail_msg("zone %zu would look at the answer of %s", z, name);
            }
        }
        if (strcmp(said, meant) != 0) {
            tell_rules(world);
            fail_msg("zones say %s of %s instead of %s", said, name, meant);
        }
    }
    zones_free(&zones, world->count);
}

static void no_format_blocks_what_the_lists_let_through(void **state)
{
    static const struct {
        const char *format;
        const char *(*model)(const struct world *, const char *);
    } all[] = {{"hosts", hosts},     {"domains", domains}, {"dnsmasq", dnsmasq},
               {"unbound", unbound}, {"adguard", adguard}, {"cdb", cdb}};
    static const enum policy_action actions[] = {POLICY_ACTION_SINKHOLE, POLICY_ACTION_NXDOMAIN,
                                                 POLICY_ACTION_NODATA};
    static struct world world;
    uint64_t random = 20261122;

    (void)state;
    for (int turn = 0; turn < 600; turn++) {
        char rules[LISTS_MAX][2048];
        const char *at[LISTS_MAX];
        const size_t count = 1 + random_under(&random, LISTS_MAX);

        for (size_t i = 0; i < count; i++) {
            random_rules(&random, rules[i], sizeof(rules[i]));
            at[i] = rules[i];
        }
        world_make(&world, at, count, actions[turn % 3]);
        for (size_t f = 0; f < ITEMS(all); f++) {
            world_export(&world, all[f].format);
            for (int n = 0; n < 40; n++) {
                char name[200];

                random_name(&random, name, sizeof(name), 6);
                check_name(&world, all[f].format, all[f].model, name);
            }
        }
        for (int n = 0; n < 20; n++) {
            char name[200];

            random_name(&random, name, sizeof(name), 6);
            check_rpz(&world, name);
        }
        world_free(&world);
    }
}

/* What a format must not have, and must have, and how many rules it must tell of. */
struct row {
    const char *format, *rules;
    const char *has[6], *has_not[4];
    enum export_loss loss;
    size_t losses;
};

static const struct row table[] = {
    /* hosts: only names, with their own decision */
    {"hosts",
     "block suffix n.test;pass suffix free.n.test;block exact e.test;block below b.test",
     {"0.0.0.0 n.test", ":: n.test", "0.0.0.0 e.test"},
     {"0.0.0.0 free.n.test", "0.0.0.0 b.test"},
     EXPORT_LOSS_BELOW,
     1},
    {"hosts",
     "block suffix n.test action=nxdomain",
     {"0.0.0.0 n.test"},
     {NULL},
     EXPORT_LOSS_ACTION,
     1},
    {"hosts",
     "block prefix 192.0.2.0/24;block suffix n.test action=log",
     {NULL},
     {"0.0.0.0 n.test"},
     EXPORT_LOSS_ADDRESS,
     1},
    /* domains: what may be read as a suffix must be one */
    {"domains",
     "block suffix n.test;block exact e.test;block suffix x.n.test",
     {"n.test"},
     {"e.test", "x.n.test"},
     EXPORT_LOSS_EXACT,
     1},
    {"domains",
     "block suffix n.test;pass exact a.b.n.test;block suffix o.n.test",
     {"o.n.test"},
     {"n.test", "b.n.test", "a.b.n.test"},
     EXPORT_LOSS_HOLE,
     1},
    {"domains", "block below n.test", {NULL}, {"n.test"}, EXPORT_LOSS_BELOW, 1},
    /* dnsmasq: everything but answers */
    {"dnsmasq",
     "block exact e.test;block below b.test;block suffix n.test;pass exact p.n.test",
     {"address=/e.test/#", "server=/*.e.test/#", "address=/*.b.test/#", "address=/n.test/#",
      "server=/p.n.test/#", "address=/*.p.n.test/#"},
     {"address=/b.test/#", "server=/b.test/#"},
     EXPORT_LOSS_ACTION,
     0},
    {"dnsmasq",
     "block suffix n.test action=refused",
     {"address=/n.test/#"},
     {NULL},
     EXPORT_LOSS_ACTION,
     1},
    /* NXDOMAIN would deny what is let through below */
    {"dnsmasq",
     "block suffix n.test action=nxdomain;pass suffix a.b.n.test",
     {"address=/n.test/#", "address=/*.n.test/", "address=/b.n.test/#", "address=/*.b.n.test/",
      "server=/a.b.n.test/#"},
     {"address=/n.test/", "address=/b.n.test/"},
     EXPORT_LOSS_ACTION,
     1},
    /* Unbound */
    {"unbound",
     "block suffix n.test;pass suffix p.n.test;block suffix l.test action=log",
     {"local-zone: \"n.test.\" always_null", "local-zone: \"p.n.test.\" always_transparent",
      "local-zone: \"l.test.\" inform"},
     {NULL},
     EXPORT_LOSS_LOG,
     0},
    {"unbound",
     "block exact e.test",
     {"local-zone: \"e.test.\" transparent", "local-data: \"e.test. 60 A 0.0.0.0\"",
      "local-data: \"e.test. 60 AAAA ::\""},
     {NULL},
     EXPORT_LOSS_ACTION,
     0},
    {"unbound",
     "block below b.test",
     {NULL},
     {"local-zone: \"b.test.\" always_null"},
     EXPORT_LOSS_BELOW,
     1},
    {"unbound",
     "block suffix n.test;pass exact p.n.test",
     {"local-zone: \"p.n.test.\" always_transparent"},
     {NULL},
     EXPORT_LOSS_WIDE,
     1},
    {"unbound",
     "block suffix n.test action=redirect:*.led.test",
     {"local-zone: \"n.test.\" redirect", "local-data: \"n.test. 60 CNAME *.led.test.\""},
     {NULL},
     EXPORT_LOSS_ACTION,
     0},
    /* AdGuard: ranks */
    {"adguard",
     "block suffix n.test;pass suffix a.n.test;block suffix b.a.n.test;"
     "pass suffix c.b.a.n.test;block suffix d.c.b.a.n.test",
     {"||n.test^", "@@||a.n.test^", "||b.a.n.test^$important", "@@||c.b.a.n.test^$important"},
     {"||d.c.b.a.n.test^", "||d.c.b.a.n.test^$important"},
     EXPORT_LOSS_DEPTH,
     1},
    {"adguard",
     "block exact e.test;block below b.test",
     {"|e.test^", "||b.test^", "@@|b.test^"},
     {"||e.test^"},
     EXPORT_LOSS_BELOW,
     0},
    /* It looks at aliases of what is not let through */
    {"adguard",
     "block suffix n.test;pass suffix p.test ends=chain;block exact b.p.test;"
     "pass exact e.test ends=chain;pass suffix plain.test",
     {"||n.test^", "@@||p.test^", "|b.p.test^$important", "@@|e.test^"},
     {"@@||plain.test^", "|b.p.test^"},
     EXPORT_LOSS_DEPTH,
     0},
};

static void each_format_says_what_it_can(void **state)
{
    static struct world world;

    (void)state;
    for (size_t i = 0; i < ITEMS(table); i++) {
        const struct row *row = &table[i];

        world_make(&world, &row->rules, 1, POLICY_ACTION_SINKHOLE);
        world_export(&world, row->format);
        for (size_t k = 0; k < ITEMS(row->has) && row->has[k] != NULL; k++) {
            if (!has_line(&world, row->has[k])) {
                fail_msg("row %zu: %s lacks %s", i, row->format, row->has[k]);
            }
        }
        for (size_t k = 0; k < ITEMS(row->has_not) && row->has_not[k] != NULL; k++) {
            if (has_line(&world, row->has_not[k])) {
                fail_msg("row %zu: %s has %s", i, row->format, row->has_not[k]);
            }
        }
        if (world.job.losses[row->loss] != row->losses) {
            fail_msg("row %zu: %zu instead of %zu are told: %s", i, world.job.losses[row->loss],
                     row->losses, export_loss_words(row->loss));
        }
        world_free(&world);
    }
}

/* The zone of the only list. */
static void one_zone(struct world *world, const char *rules, struct zones *zones)
{
    world_make(world, &rules, 1, POLICY_ACTION_SINKHOLE);
    zones_make(world, zones);
}

static void a_zone_has_names_wildcards_and_addresses(void **state)
{
    static const char *const lines[] = {
        "n.test CNAME .",
        "*.n.test CNAME .",
        "e.test CNAME rpz-drop.",
        "*.b.test CNAME rpz-tcp-only.",
        "led.x.test CNAME stop.test.",
        "*.led.x.test CNAME *.walled.test.",
        "24.0.2.0.192.rpz-ip A 0.0.0.0",
        "32.1.2.0.192.rpz-ip CNAME rpz-passthru.",
        "32.zz.db8.2001.rpz-ip A 0.0.0.0",
        "128.1.zz.1.0.0.db8.2001.rpz-ip CNAME rpz-passthru.",
    };
    static struct world world;
    static struct zones zones;

    (void)state;
    one_zone(
        &world,
        "block suffix n.test action=nxdomain;block exact e.test action=drop;"
        "block below b.test action=truncate;block exact led.x.test action=redirect:stop.test;"
        "block below led.x.test action=redirect:*.walled.test;block prefix 192.0.2.0/24;"
        "pass prefix 192.0.2.1/32;block prefix 2001:db8::/32;"
        "pass prefix 2001:db8:0:0:1::1/128;pass suffix apart.test",
        &zones);
    for (size_t i = 0; i < ITEMS(lines); i++) {
        if (!has_line(&zones.worlds[0], lines[i])) {
            fail_msg("no line %s", lines[i]);
        }
    }
    assert_null(rpz_data(zones.worlds[0].lines, zones.worlds[0].line_count, "*.e.test"));
    assert_null(rpz_data(zones.worlds[0].lines, zones.worlds[0].line_count, "b.test"));
    assert_null(rpz_data(zones.worlds[0].lines, zones.worlds[0].line_count, "apart.test"));
    zones_free(&zones, 1);
    world_free(&world);
}

/* A pass of one list stands in the zone of the other, whose block covers it. */
static void lists_do_not_contradict_each_other_in_their_zones(void **state)
{
    static const char *const rules[] = {"block suffix n.test",
                                        "pass suffix p.n.test;block suffix q.n.test "
                                        "action=nodata;block prefix 192.0.2.0/24"};
    static struct world world;
    static struct zones zones;

    (void)state;
    world_make(&world, rules, 2, POLICY_ACTION_SINKHOLE);
    zones_make(&world, &zones);
    assert_true(has_line(&zones.worlds[0], "p.n.test CNAME rpz-passthru."));
    assert_true(has_line(&zones.worlds[0], "*.p.n.test CNAME rpz-passthru."));
    assert_true(has_line(&zones.worlds[0], "q.n.test CNAME *."));
    assert_true(has_line(&zones.worlds[1], "q.n.test CNAME *."));
    assert_false(has_line(&zones.worlds[1], "p.n.test CNAME rpz-passthru."));
    assert_int_equal(world.job.losses[EXPORT_LOSS_BASIS], 1);
    zones_free(&zones, 2);
    world_free(&world);
}

/* What lets through all that comes after it stands in each zone: its own would not hold against
 * those before, nor a zone without it against its own later triggers. */
static void what_ends_the_chain_stands_in_each_zone(void **state)
{
    static const char *const rules[] = {
        "block suffix n.test;block prefix 192.0.2.0/24;block suffix ns.test trigger=nameserver",
        "pass prefix 198.51.100.0/24 trigger=client ends=chain;pass prefix 203.0.113.0/24 "
        "trigger=client;pass suffix p.test ends=chain;pass exact a.b.p.test;"
        "pass exact e.test ends=chain;pass prefix 203.0.113.0/24 ends=chain;"
        "pass suffix q.ns.test trigger=nameserver ends=chain;pass suffix plain.test"};
    static const char *const lines[] = {
        "24.0.100.51.198.rpz-client-ip CNAME rpz-passthru.",
        "p.test CNAME rpz-passthru.",
        "*.p.test CNAME rpz-passthru.",
        "b.p.test CNAME rpz-passthru.",
        "*.b.p.test CNAME rpz-passthru.",
        "e.test CNAME rpz-passthru.",
        "24.0.113.0.203.rpz-ip CNAME rpz-passthru.",
        "*.q.ns.test.rpz-nsdname CNAME rpz-passthru.",
    };
    static const char *const others[] = {"24.0.113.0.203.rpz-client-ip", "*.e.test",
                                         "plain.test"};
    static struct world world;
    static struct zones zones;

    (void)state;
    world_make(&world, rules, 2, POLICY_ACTION_SINKHOLE);
    zones_make(&world, &zones);
    for (size_t z = 0; z < 2; z++) {
        for (size_t i = 0; i < ITEMS(lines); i++) {
            if (!has_line(&zones.worlds[z], lines[i])) {
                fail_msg("zone %zu: no line %s", z, lines[i]);
            }
        }
        for (size_t i = 0; i < ITEMS(others); i++) {
            assert_null(rpz_data(zones.worlds[z].lines, zones.worlds[z].line_count, others[i]));
        }
    }
    zones_free(&zones, 2);
    world_free(&world);
}

/* A format that knows no clients would block for them what the lists let through. */
static void clients_that_are_let_through_forbid_an_export_without_clients(void **state)
{
    static const char *const rules =
        "block suffix n.test;pass prefix 198.51.100.0/24 trigger=client ends=chain";
    static const char *const others =
        "block suffix n.test;pass prefix 198.51.100.0/24 trigger=client";
    static struct world world;

    (void)state;
    world_make(&world, &rules, 1, POLICY_ACTION_SINKHOLE);
    for (size_t i = 0; export_format_at(i) != NULL; i++) {
        memset(world.job.losses, 0, sizeof(world.job.losses));
        memset(world.job.last, 0, sizeof(world.job.last));
        assert_int_equal(export_format_write(export_format_at(i), &world.job),
                         CORDON_E_REFUSED);
        assert_int_equal(world.job.losses[EXPORT_LOSS_CLIENT], 1);
    }
    world_free(&world);
    world_make(&world, &others, 1, POLICY_ACTION_SINKHOLE);
    world_export(&world, "hosts");
    assert_true(has_line(&world, "0.0.0.0 n.test"));
    world_free(&world);
}

static void a_zone_refuses_a_name_that_it_has_no_room_for(void **state)
{
    char rules[600];
    const char *at = rules;
    char origin[130];
    char name[WIRE_NAME_TEXT_MAX];
    static struct world world;
    uint32_t serial = 0;
    char *text = NULL;
    size_t len = 0;

    (void)state;
    memset(origin, 'o', sizeof(origin));
    origin[60] = '.';
    origin[121] = '\0';
    snprintf(rules, sizeof(rules), "block suffix %.*s.%.*s.test", 60, origin, 60, origin);
    world_make(&world, &at, 1, POLICY_ACTION_SINKHOLE);
    assert_int_equal(export_rpz_name(world.lists[0], origin, name), 0);
    world.job.out = open_memstream(&text, &len);
    assert_int_equal(export_rpz_zone(&world.job, 0, name, &serial), 0);
    fclose(world.job.out);
    assert_int_equal(world.job.losses[EXPORT_LOSS_NAME], 1);
    free(text);
    world_free(&world);

    /* One that must be let through is no matter of telling. */
    snprintf(rules, sizeof(rules), "block suffix o.test;pass suffix %.*s.%.*s.o.test", 60,
             origin, 60, origin);
    world_make(&world, &at, 1, POLICY_ACTION_SINKHOLE);
    world.job.out = open_memstream(&text, &len);
    assert_int_equal(export_rpz_zone(&world.job, 0, name, &serial), CORDON_E_TOO_LARGE);
    fclose(world.job.out);
    free(text);
    world_free(&world);

    /* And an origin that leaves no room for anything. */
    char whole[256];
    memset(whole, 'o', sizeof(whole));
    whole[60] = whole[121] = whole[182] = '.';
    whole[243] = '\0';
    at = "block suffix n.test";
    world_make(&world, &at, 1, POLICY_ACTION_SINKHOLE);
    assert_int_equal(export_rpz_name(world.lists[0], whole, name), CORDON_E_TOO_LARGE);
    world_free(&world);
}

/* A name of a list cannot become another trigger in a zone. */
static void a_name_that_looks_like_a_trigger_is_left_out(void **state)
{
    static struct world world;
    static struct zones zones;

    (void)state;
    one_zone(&world, "block suffix 32.1.2.0.192.rpz-ip;block exact n.rpz-nsdname", &zones);
    for (size_t i = 0; i < zones.worlds[0].line_count; i++) {
        assert_null(strstr(zones.worlds[0].lines[i], "rpz-ip "));
        assert_null(strstr(zones.worlds[0].lines[i], "rpz-nsdname "));
    }
    assert_int_equal(world.job.losses[EXPORT_LOSS_NAME], 2);
    zones_free(&zones, 1);
    world_free(&world);
}

static void an_export_begins_with_serial_source_and_verification(void **state)
{
    static const char *const formats[] = {"hosts", "domains", "dnsmasq", "unbound", "adguard"};
    const char *rules = "block suffix n.test";
    static struct world world;
    size_t len = 0;

    (void)state;
    world_make(&world, &rules, 1, POLICY_ACTION_SINKHOLE);
    world.verdicts[0].count = 1;
    memset(world.verdicts[0].ids[0], 0xab, sizeof(world.verdicts[0].ids[0]));
    for (size_t i = 0; i < ITEMS(formats); i++) {
        const struct export_format *format = export_format_find(formats[i]);

        free(world.text);
        world.text = NULL;
        world.job.out = open_memstream(&world.text, &world.len);
        assert_int_equal(export_format_write(format, &world.job), 0);
        fclose(world.job.out);
        assert_non_null(strstr(world.text, " a serial 7: Names of a"));
        assert_non_null(strstr(world.text, "source a.list, BLAKE2b-256"));
        assert_non_null(
            strstr(world.text, "cordon list verify --keys KEYS --threshold 1 a.list"));
        assert_non_null(strstr(world.text, "minisign -V -p ABABABABABABABAB.pub -x "
                                           "a.list.ABABABABABABABAB.minisig -m a.list"));
    }
    world_export(&world, "cdb");
    assert_non_null(cdb_find(&world, (const uint8_t *)"#cordon", 7, &len));
    assert_true(len > 100);
    world_free(&world);
}

static void the_same_lists_give_the_same_octets(void **state)
{
    const char *rules = "block suffix n.test;pass suffix p.n.test;block exact e.test";
    const char *turned = "block exact e.test;pass suffix p.n.test;block suffix n.test";
    static struct world a, b;

    (void)state;
    for (size_t i = 0; export_format_at(i) != NULL; i++) {
        const struct export_format *format = export_format_at(i);

        world_make(&a, &rules, 1, POLICY_ACTION_SINKHOLE);
        world_make(&b, &turned, 1, POLICY_ACTION_SINKHOLE);
        memcpy(b.lists[0]->digest, a.lists[0]->digest, sizeof(b.lists[0]->digest));
        world_export(&a, format->name);
        world_export(&b, format->name);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.text, b.text, a.len);
        world_free(&a);
        world_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_says_what_it_can),
        cmocka_unit_test(no_format_blocks_what_the_lists_let_through),
        cmocka_unit_test(a_zone_has_names_wildcards_and_addresses),
        cmocka_unit_test(lists_do_not_contradict_each_other_in_their_zones),
        cmocka_unit_test(what_ends_the_chain_stands_in_each_zone),
        cmocka_unit_test(clients_that_are_let_through_forbid_an_export_without_clients),
        cmocka_unit_test(a_zone_refuses_a_name_that_it_has_no_room_for),
        cmocka_unit_test(a_name_that_looks_like_a_trigger_is_left_out),
        cmocka_unit_test(an_export_begins_with_serial_source_and_verification),
        cmocka_unit_test(the_same_lists_give_the_same_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* setup/fingerprint_parts.c - the lines of what a configuration and its lists decide. */
#include "base/calendar.h"
#include "setup/fingerprint_lines.h"
#include "setup/setup.h"
#include "setup/views.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* "nxdomain", "redirect:*.TARGET"; "-" for what stands above. */
static int put_action(enum policy_action action, const struct wire_name *target, bool prefixes,
                      char out[FINGERPRINT_VALUE_SIZE])
{
    char name[WIRE_NAME_TEXT_MAX];
    char text[WIRE_NAME_TEXT_MAX + 16];

    if (action != POLICY_ACTION_REDIRECT) {
        return fingerprint_word(
            action == POLICY_ACTION_DEFAULT ? "-" : policy_action_name(action), out);
    }
    wire_name_to_text(target, name);
    snprintf(text, sizeof(text), "redirect:%s%s", prefixes ? "*." : "", name);
    return fingerprint_word(text, out);
}

/* A view redirects to one name. */
static int action_value(enum policy_action action, const struct policy_view_setting *view,
                        char out[FINGERPRINT_VALUE_SIZE])
{
    return put_action(action, &view->redirect, view->redirect_prefixes, out);
}

/* As the configuration has it; "": as above. */
static int action_text_value(const char *text, char out[FINGERPRINT_VALUE_SIZE])
{
    enum policy_action action = POLICY_ACTION_DEFAULT;
    struct wire_name target;
    bool prefixes = false;

    target.labels = 0;
    (void)setup_action_parse(text, &action, &target, &prefixes); /* it was read before */
    return put_action(action, &target, prefixes, out);
}

/* --- lists --- */

static const struct policy_list_setting *find_use(const struct policy_view_setting *view,
                                                  const char *id)
{
    for (size_t i = 0; i < view->list_count; i++) {
        if (strcmp(view->lists[i].id, id) == 0) {
            return &view->lists[i];
        }
    }
    return NULL;
}

static int add_list(const struct setup_fingerprint_source *from,
                    const struct setup_fingerprint_list *list, FILE *out)
{
    const struct policy_list_setting *use = find_use(&from->views->at[0], list->id);
    char hex[SETUP_FINGERPRINT_TEXT];
    char publisher[FINGERPRINT_VALUE_SIZE];

    const int rc =
        fingerprint_word(list->publisher[0] != '\0' ? list->publisher : "-", publisher);
    digest_hex(list->hash, DIGEST_OCTETS, hex);
    fprintf(out, "list %s %" PRIu32 " %s %s %.65s\n", list->id, list->serial, hex,
            policy_mode_name(use != NULL ? use->mode : POLICY_MODE_OFF), publisher);
    if (list->dead && from->config->dead != CONFIG_DEAD_ENFORCE) {
        fprintf(out, "dead-list %s\n", list->id);
    }
    return rc;
}

static int add_lists(const struct setup_fingerprint_source *from, FILE *out)
{
    char action[FINGERPRINT_VALUE_SIZE];
    int rc = 0;

    for (size_t i = 0; i < from->list_count && rc == 0; i++) {
        rc = add_list(from, &from->lists[i], out);
    }
    for (size_t v = 0; v < from->views->count; v++) {
        const struct policy_view_setting *view = &from->views->at[v];

        for (size_t i = 0; i < view->list_count && rc == 0; i++) {
            rc = action_value(view->lists[i].action, view, action);
            fprintf(out, "use %s %03zu %s %s %s\n", view->name, i + 1, view->lists[i].id,
                    policy_mode_name(view->lists[i].mode), action);
        }
    }
    /* A list that never dies, or stays in force when it does, is as with nothing said. */
    if (from->config->dead != CONFIG_DEAD_ENFORCE && from->config->dead_after_s != 0) {
        fprintf(out, "dead %s %" PRIu32 "\n", config_dead_word(from->config->dead),
                from->config->dead_after_s);
    }
    return rc;
}

/* --- views --- */

/* A set of things, each as it is written by item(). */
typedef void fingerprint_item(const void *all, size_t index, char text[WIRE_NAME_TEXT_MAX]);

static int set_value(const void *all, size_t count, fingerprint_item *item,
                     char out[FINGERPRINT_VALUE_SIZE])
{
    char text[WIRE_NAME_TEXT_MAX];
    struct fingerprint_lines set;

    out[0] = '\0';
    if (fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        item(all, i, text);
        fprintf(set.out, "%s\n", text);
    }
    return fingerprint_value(&set, out);
}

static void write_prefix(const void *all, size_t index, char text[WIRE_NAME_TEXT_MAX])
{
    address_prefix_format((const struct address_prefix *)all + index, text);
}

static void write_address(const void *all, size_t index, char text[WIRE_NAME_TEXT_MAX])
{
    address_format((const struct address *)all + index, true, text);
}

static void write_name(const void *all, size_t index, char text[WIRE_NAME_TEXT_MAX])
{
    wire_name_to_text((const struct wire_name *)all + index, text);
}

_Static_assert(ADDRESS_TEXT_MAX <= WIRE_NAME_TEXT_MAX, "an address fits where a name does");

/* A cap that leaves everything to the mode of the list is as if it were not there. */
static int add_caps(const struct policy_view_setting *view, FILE *out)
{
    const struct policy_caps *caps = view->caps;
    char value[FINGERPRINT_VALUE_SIZE];
    struct fingerprint_lines set;

    if (fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < caps->category_count; i++) {
        if (caps->categories[i].mode != POLICY_MODE_ENFORCE) {
            fprintf(set.out, "%s=%s\n", caps->categories[i].word,
                    policy_mode_name(caps->categories[i].mode));
        }
    }
    int rc = fingerprint_value(&set, value);
    fprintf(out, "view %s categories %s\n", view->name, value);
    if (rc != 0 || fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < POLICY_SCOPES; i++) {
        if (caps->scopes[i] != POLICY_MODE_ENFORCE) {
            fprintf(set.out, "%s=%s\n", policy_scope_name((enum policy_scope)i),
                    policy_mode_name(caps->scopes[i]));
        }
    }
    rc = fingerprint_value(&set, value);
    fprintf(out, "view %s scopes %s\n", view->name, value);
    fprintf(out, "view %s confidence log=%s,apply=%s\n", view->name,
            policy_confidence_name(caps->log), policy_confidence_name(caps->apply));
    return rc;
}

static int add_places(const struct config *config, size_t number, FILE *out)
{
    const struct config_view *view = number > 0 ? &config->views[number - 1] : NULL;
    const char *name = view != NULL ? view->name : "default";
    char value[FINGERPRINT_VALUE_SIZE];

    int rc = set_value(view != NULL ? view->clients : NULL,
                       view != NULL ? view->client_count : 0, write_prefix, value);
    fprintf(out, "view %s clients %s\n", name, value);
    if (rc == 0) {
        rc = set_value(view != NULL ? view->listen : NULL,
                       view != NULL ? view->listen_count : 0, write_address, value);
        fprintf(out, "view %s listen %s\n", name, value);
    }
    return rc;
}

static int add_view(const struct setup_fingerprint_source *from, size_t number, FILE *out)
{
    const struct policy_view_setting *view = &from->views->at[number];
    char value[FINGERPRINT_VALUE_SIZE];

    int rc = action_value(view->action, view, value);
    fprintf(out, "view %s mode %s\n", view->name, view->log_only ? "log" : "enforce");
    fprintf(out, "view %s action %s\n", view->name, value);
    fprintf(out, "view %s default %s\n", view->name, view->deny ? "deny" : "allow");
    if (rc == 0) {
        rc = set_value(view->allow, view->allow_count, write_name, value);
    }
    fprintf(out, "view %s allow %s\n", view->name, value);
    fprintf(out, "view %s client %s\n", view->name, policy_client_name(view->client));
    fprintf(out, "view %s targets %s\n", view->name, policy_mode_name(view->targets));
    fprintf(out, "view %s name-servers %s\n", view->name, policy_mode_name(view->name_servers));
    if (rc == 0) {
        rc = add_caps(view, out);
    }
    return rc == 0 ? add_places(from->config, number, out) : rc;
}

static bool same_prefix(const struct address_prefix *a, const struct address_prefix *b)
{
    return a->family == b->family && a->bits == b->bits &&
           memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

static bool share_clients(const struct config_view *a, const struct config_view *b)
{
    for (size_t i = 0; i < a->client_count; i++) {
        for (size_t j = 0; j < b->client_count; j++) {
            if (same_prefix(&a->clients[i], &b->clients[j])) {
                return true;
            }
        }
    }
    return a->client_count == 0 && b->client_count == 0;
}

/* One names an address of a port, the other all of them: a question may come to both. */
static bool share_listeners(const struct config_view *a, const struct config_view *b)
{
    for (size_t i = 0; i < a->listen_count; i++) {
        for (size_t j = 0; j < b->listen_count; j++) {
            const struct address *one = &a->listen[i];
            const struct address *two = &b->listen[j];

            if (one->family == two->family && one->port == two->port &&
                address_is_any(one) != address_is_any(two)) {
                return true;
            }
        }
    }
    return false;
}

/* The order of views in the file counts between such two alone. */
static void add_order(const struct config *config, FILE *out)
{
    for (size_t i = 0; i < config->view_count; i++) {
        for (size_t j = i + 1; j < config->view_count; j++) {
            if (share_listeners(&config->views[i], &config->views[j]) &&
                share_clients(&config->views[i], &config->views[j])) {
                fprintf(out, "before %s %s\n", config->views[i].name, config->views[j].name);
            }
        }
    }
}

static int add_views(const struct setup_fingerprint_source *from, FILE *out)
{
    int rc = 0;

    for (size_t i = 0; i < from->views->count && rc == 0; i++) {
        rc = add_view(from, i, out);
    }
    add_order(from->config, out);
    return rc;
}

/* --- schedules --- */

static const struct config_whens *whens_of(const struct config *config, size_t number)
{
    return number > 0 && config->views[number - 1].has_when ? &config->views[number - 1].when
                                                            : &config->when;
}

/* "2026-12-24..2027-01-03" */
static void put_dates(const struct schedule_dates *dates, FILE *out)
{
    const struct calendar_date from = calendar_date(dates->from);
    const struct calendar_date to = calendar_date(dates->to);

    fprintf(out, "%04" PRId64 "-%02u-%02u..%04" PRId64 "-%02u-%02u\n", from.year, from.month,
            from.day, to.year, to.month, to.day);
}

static int dates_value(const struct schedule_dates *at, size_t count,
                       char out[FINGERPRINT_VALUE_SIZE])
{
    struct fingerprint_lines set;

    out[0] = '\0';
    if (fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        put_dates(&at[i], set.out);
    }
    return fingerprint_value(&set, out);
}

/* "mon,wed" */
static void put_days(unsigned days, FILE *out)
{
    static const char *const words[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    const char *before = "";

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if ((days & 1u << i) != 0) {
            fprintf(out, "%s%s", before, words[i]);
            before = ",";
        }
    }
}

static int add_schedule(const struct config_schedule *schedule, FILE *out)
{
    const struct schedule *times = &schedule->times;
    char value[FINGERPRINT_VALUE_SIZE];
    struct fingerprint_lines set;

    int rc = fingerprint_word(schedule->zone, value);
    fprintf(out, "schedule %s zone %s\n", schedule->name, value);
    fprintf(out, "schedule %s days ", schedule->name);
    put_days(times->days, out);
    fputc('\n', out);
    if (rc != 0 || fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < times->span_count; i++) {
        fprintf(set.out, "%02u:%02u-%02u:%02u\n", times->spans[i].from / 60u,
                times->spans[i].from % 60u, times->spans[i].to / 60u, times->spans[i].to % 60u);
    }
    rc = fingerprint_value(&set, value);
    fprintf(out, "schedule %s hours %s\n", schedule->name, value);
    if (rc == 0) {
        rc = dates_value(times->dates, times->date_count, value);
        fprintf(out, "schedule %s dates %s\n", schedule->name, value);
    }
    if (rc == 0) {
        rc = dates_value(times->but, times->but_count, value);
        fprintf(out, "schedule %s except %s\n", schedule->name, value);
    }
    return rc;
}

/* A list that the view has stays in its place, whatever the order here; others come behind them
 * in the order in which they stand here. One that is off in both says nothing. */
static int add_when_lists(const struct policy_view_setting *view,
                          const struct config_when *when, const char *head, FILE *out)
{
    static const char *const modes[] = {[CONFIG_MODE_OFF] = "off",
                                        [CONFIG_MODE_LOG] = "log",
                                        [CONFIG_MODE_ENFORCE] = "enforce"};
    char action[FINGERPRINT_VALUE_SIZE];
    size_t new = 0;
    int rc = 0;

    for (size_t i = 0; i < when->list_count && rc == 0; i++) {
        const struct config_list *list = &when->lists[i];
        const bool known = find_use(view, list->id) != NULL;
        char place[8] = "-";

        if (!known && list->mode == CONFIG_MODE_OFF) {
            continue;
        }
        if (!known) {
            snprintf(place, sizeof(place), "%03zu", ++new % 1000);
        }
        rc = action_text_value(list->action, action);
        fprintf(out, "%s list %s %s %s %s\n", head, place, list->id, modes[list->mode], action);
    }
    return rc;
}

static int add_whens(const struct setup_fingerprint_source *from, size_t number,
                     bool used[CONFIG_SCHEDULES_MAX], FILE *out)
{
    const struct policy_view_setting *view = &from->views->at[number];
    const struct config_whens *whens = whens_of(from->config, number);
    int rc = 0;

    for (size_t i = 0; i < whens->count && rc == 0; i++) {
        const struct config_when *when = &whens->at[i];
        char head[2 * CONFIG_VIEW_NAME_MAX + 32];
        char action[FINGERPRINT_VALUE_SIZE];

        snprintf(head, sizeof(head), "when %s %02zu %s", view->name, i + 1, when->schedule);
        rc = action_text_value(when->has_action ? when->action : "", action);
        fprintf(out, "%s mode %s action %s default %s\n", head,
                !when->has_mode  ? "-"
                : when->log_only ? "log"
                                 : "enforce",
                action,
                !when->has_default ? "-"
                : when->deny       ? "deny"
                                   : "allow");
        if (rc == 0) {
            rc = add_when_lists(view, when, head, out);
        }
        for (size_t s = 0; s < from->config->schedule_count; s++) {
            used[s] = used[s] || strcmp(from->config->schedules[s].name, when->schedule) == 0;
        }
    }
    return rc;
}

static int add_schedules(const struct setup_fingerprint_source *from, FILE *out)
{
    bool used[CONFIG_SCHEDULES_MAX] = {false}; /* others change nothing */
    int rc = 0;

    for (size_t i = 0; i < from->views->count && rc == 0; i++) {
        rc = add_whens(from, i, used, out);
    }
    for (size_t i = 0; i < from->config->schedule_count && rc == 0; i++) {
        if (used[i]) {
            rc = add_schedule(&from->config->schedules[i], out);
        }
    }
    return rc;
}

/* --- answers, and what is exempt --- */

static int add_answers(const struct setup_fingerprint_source *from, FILE *out)
{
    const struct config *config = from->config;
    char v4[ADDRESS_TEXT_MAX];
    char v6[ADDRESS_TEXT_MAX];
    char value[FINGERPRINT_VALUE_SIZE];

    for (size_t i = 0; i < from->views->count; i++) {
        const bool own = i > 0 && config->views[i - 1].has_sinkhole;

        address_format(own ? &config->views[i - 1].sinkhole4 : &config->sinkhole4, false, v4);
        address_format(own ? &config->views[i - 1].sinkhole6 : &config->sinkhole6, false, v6);
        fprintf(out, "answer sinkhole %s %s %s\n", from->views->at[i].name, v4, v6);
    }
    fprintf(out, "answer block-ttl %" PRIu32 "\n", config->block_ttl_s);
    if (!config->ede) {
        fprintf(out, "answer ede off\n");
    } else if (config->block_ede < 0) {
        fprintf(out, "answer ede auto\n");
    } else {
        fprintf(out, "answer ede %d\n", config->block_ede);
    }
    fprintf(out, "answer name-server-wait %" PRIu32 "\n", config->name_server_wait_ms);
    fprintf(out, "answer rebinding-protection %s\n",
            config->rebinding_protection ? "on" : "off");
    if (!config->rebinding_protection) {
        return 0; /* nothing to be let through */
    }
    const int rc =
        set_value(config->rebinding_allow.at, config->rebinding_allow.count, write_name, value);
    fprintf(out, "answer rebinding-allow %s\n", value);
    return rc;
}

/* Whether policy leaves names alone that are in the zones outside of this one: of the longest
 * of them, as a question is decided. */
static bool exempt_outside(const struct config *config, const struct config_zone *zone)
{
    const struct config_zone *longest = NULL;

    for (size_t i = 0; i < config->forward_count; i++) {
        const struct config_zone *other = &config->forward[i];

        if (other->name.labels < zone->name.labels &&
            wire_name_is_within(&zone->name, &other->name) &&
            (longest == NULL || other->name.labels > longest->name.labels)) {
            longest = other;
        }
    }
    return longest != NULL && longest->exempt;
}

/* A zone that is as those outside of it changes nothing. */
static int add_exempt(const struct setup_fingerprint_source *from, FILE *out)
{
    char value[FINGERPRINT_VALUE_SIZE];
    int rc = 0;

    for (size_t i = 0; i < from->config->forward_count && rc == 0; i++) {
        const struct config_zone *zone = &from->config->forward[i];

        if (zone->exempt != exempt_outside(from->config, zone)) {
            rc = set_value(&zone->name, 1, write_name, value);
            fprintf(out, "%s %s\n", zone->exempt ? "exempt" : "apply", value);
        }
    }
    return rc;
}

/* --- lists that are held --- */

/* For whom the newer version counts meanwhile: "-", "100/1000", names of views, or both. */
static int newer_value(const struct config *config, const struct setup_staged *staged,
                       char out[FINGERPRINT_VALUE_SIZE])
{
    struct fingerprint_lines set;

    if (staged == NULL || (staged->share == 0 && staged->views == 0)) {
        return fingerprint_word("-", out);
    }
    out[0] = '\0';
    if (fingerprint_open(&set) != 0) {
        return -ENOMEM;
    }
    if (staged->share > 0) {
        fprintf(set.out, "%u/1000\n", staged->share);
    }
    for (size_t i = 0; i <= config->view_count; i++) {
        if ((staged->views >> i & 1) != 0) {
            fprintf(set.out, "%s\n", i == 0 ? "default" : config->views[i - 1].name);
        }
    }
    return fingerprint_value(&set, out);
}

static const char *newer_word(const struct setup_staged *staged)
{
    return staged == NULL       ? "waits"
           : staged->views != 0 ? "views"
           : staged->share > 0  ? "share"
                                : "recorded";
}

static int add_held(const struct setup_fingerprint_source *from, FILE *out)
{
    char whom[FINGERPRINT_VALUE_SIZE];
    char hex[SETUP_FINGERPRINT_TEXT];
    int rc = 0;

    for (size_t i = 0; i < from->list_count && rc == 0; i++) {
        const struct setup_held *held = from->lists[i].held;

        if (held != NULL) {
            rc = newer_value(from->config, from->lists[i].staged, whom);
            fprintf(out, "held %s %" PRIu32 " %s %s\n", held->id, held->version.serial,
                    newer_word(from->lists[i].staged), whom);
        }
    }
    for (size_t i = 0; i < from->newer_count; i++) {
        const struct setup_fingerprint_list *list = &from->newer[i];

        digest_hex(list->hash, DIGEST_OCTETS, hex);
        fprintf(out, "newer %s %" PRIu32 " %s\n", list->id, list->serial, hex);
    }
    return rc;
}

void fingerprint_files(const struct setup_fingerprint_file *files, size_t count, FILE *out)
{
    char hex[SETUP_FINGERPRINT_TEXT];

    for (size_t i = 0; i < count; i++) {
        digest_hex(files[i].hash, DIGEST_OCTETS, hex);
        fprintf(out, "file %s %" PRIu32 " %s\n", files[i].id, files[i].serial, hex);
    }
}

int fingerprint_write(enum setup_fingerprint_number part,
                      const struct setup_fingerprint_source *from, FILE *out)
{
    switch (part) {
    case SETUP_FINGERPRINT_LISTS:
        return add_lists(from, out);
    case SETUP_FINGERPRINT_VIEWS:
        return add_views(from, out);
    case SETUP_FINGERPRINT_SCHEDULES:
        return add_schedules(from, out);
    case SETUP_FINGERPRINT_ANSWERS:
        return add_answers(from, out);
    case SETUP_FINGERPRINT_EXEMPT:
        return add_exempt(from, out);
    case SETUP_FINGERPRINT_EXCEPTIONS:
        fingerprint_files(from->files, from->file_count, out);
        return 0;
    case SETUP_FINGERPRINT_HELD:
        return add_held(from, out);
    case SETUP_FINGERPRINT_PAUSES:
    case SETUP_FINGERPRINT_PARTS:
        break;
    }
    return 0;
}

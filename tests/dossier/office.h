/*
 * A log as cordond would have written it in some weeks of an office: decisions of several
 * providers with every legal kind, and what was changed meanwhile. The same seed gives the same
 * events.
 */
#ifndef CORDON_TESTS_DOSSIER_OFFICE_H
#define CORDON_TESTS_DOSSIER_OFFICE_H

#include "audit/logs.h"
#include "base/random.h"

#include <sys/stat.h>
#include <unistd.h>

#define OFFICE_T0   UINT64_C(1793491200000000) /* 2026-11-01 */
#define OFFICE_DAY  UINT64_C(86400000000)
#define OFFICE_HOUR UINT64_C(3600000000)
#define OFFICE_MIN  UINT64_C(60000000)

/* What a list says; the serial is the same for all. */
struct office_list {
    struct audit_basis basis;
    const char *rule, *matched;
};

static const struct office_list office_lists[] = {
    {{2026112201, "cirrus-cloud", "cirrus-cloud", "Cirrus Cloud", "Stratus Holdings",
      "parent-designated", "Stratus Holdings Co., Ltd.", "Authority of Examples",
      "1 Ex. Reg. 23", "2025-01-07", "in-force", "2026-11-01"},
     "block suffix cirrus.example",
     "edge.cirrus.example"},
    {{2026112201, "nimbus", "nimbus", "Nimbus Computing", NULL, "designated",
      "Nimbus Computing Ltd.", "Authority of Examples", "2 Ex. Reg. 99", "2024-06-01",
      "in-force", "2026-11-01"},
     "block suffix nimbus.example",
     "cdn.nimbus.example"},
    {{2026112201, "nimbus-cdn", "nimbus", "Nimbus Computing", NULL, "designated",
      "Nimbus Delivery Ltd.", "Authority of Examples", NULL, NULL, "unverified", "2026-11-01"},
     "block suffix nimbus-cdn.example",
     "a.nimbus-cdn.example"},
    {{2026112201, "altocloud", "altocloud", "Altocloud \xe4\xba\x91", NULL, "named-urged",
      "Altocloud Inc.", "Chair of a Committee", "Letter of 2026-03-02", "2026-03-02", "request",
      "2026-11-01"},
     "block suffix altocloud.example",
     "files.altocloud.example"},
    {{2026112201, "haze", "haze", "Haze", NULL, "none-found", "Haze GmbH",
      "Searched: List A, List B", NULL, NULL, "unverified", "2026-08-22"},
     "block suffix haze.example",
     "api.haze.example"},
    {{2026112201, "fog", "fog", "Fog & <Mist>", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},
     "block suffix fog.example",
     "www.fog.example"},
};
#define OFFICE_LISTS (sizeof(office_lists) / sizeof(office_lists[0]))

static const char *const office_sites[] = {"shop",   "intranet", "news",   "build", "mail",
                                           "travel", "payroll",  "drive",  "maps",  "video",
                                           "fonts",  "update",   "metrics"};
#define OFFICE_SITES (sizeof(office_sites) / sizeof(office_sites[0]))

/* One decision, as far as a naive count asks about it. */
struct office_event {
    uint64_t time_us;
    unsigned list, client, site,
        effect; /* effect: 0 blocked, 1 log mode, 2 excepted, 3 paused */
    bool direct;
};

struct office {
    struct maker maker;
    struct audit_folder folder;
    struct audit_files files;
    struct audit_log *log;
    struct random random;
    struct row_store store;
    uint8_t chain[1024];
};

static inline size_t office_wire(const char *text, uint8_t *out)
{
    struct wire_name name;

    if (wire_name_from_text(text, strlen(text), &name) != WIRE_TEXT_OK) {
        abort();
    }
    memcpy(out, name.octets, name.len);
    return name.len;
}

/* Opens a log in a folder that is made; session tells runs apart. */
static inline void office_open(struct office *office, const char *folder, uint64_t now_us,
                               uint64_t session)
{
    struct audit_log_opened opened;

    (void)mkdir(folder, 0700);
    office->maker.settings.sync = false;
    if (audit_folder_open(folder, &office->folder, &office->files) != 0 ||
        audit_log_open(&office->files, &office->maker.settings, now_us, session, &office->log,
                       &opened) != 0) {
        abort();
    }
}

static inline void office_close(struct office *office, uint64_t now_us)
{
    if (audit_log_close(office->log, NULL, now_us) != 0) {
        abort();
    }
    audit_folder_close(&office->folder);
}

/* As if the process had been killed, right after a checkpoint. */
static inline void office_kill(struct office *office, uint64_t now_us)
{
    if (audit_log_flush(office->log, NULL, now_us) != 0) {
        abort();
    }
    audit_log_abandon(office->log);
    audit_folder_close(&office->folder);
}

static inline struct audit_row office_change(uint64_t time_us, const char *event,
                                             const char *what)
{
    struct audit_row row = {.present = 0};

    audit_row_number(&row, AUDIT_TIME, time_us);
    audit_row_text(&row, AUDIT_EVENT, event);
    audit_row_text(&row, AUDIT_WHAT, what);
    audit_row_text(&row, AUDIT_BY, "cordond");
    return row;
}

static inline void office_add(struct office *office, enum audit_stream stream,
                              const struct audit_row *row)
{
    const uint64_t now_us = row->at[AUDIT_TIME].number;

    if (audit_log_add(office->log, stream, row, now_us) != 0 ||
        audit_log_tick(office->log, NULL, now_us) != 0) {
        abort();
    }
}

static inline void office_tell(struct office *office, uint64_t time_us, const char *what)
{
    const struct audit_row row = office_change(time_us, "change", what);

    office_add(office, AUDIT_CHANGES, &row);
}

static inline void office_list_in_force(struct office *office, uint64_t time_us,
                                        const char *list, uint32_t serial)
{
    static const uint8_t digest[DIGEST_OCTETS] = {0x12, 0x34};
    struct audit_row row = office_change(time_us, "change", "list-in-force");

    audit_row_text(&row, AUDIT_LIST, list);
    audit_row_number(&row, AUDIT_SERIAL, serial);
    audit_row_octets(&row, AUDIT_DIGEST, digest, sizeof(digest));
    audit_row_text(&row, AUDIT_SUBJECT, "0123456789ABCDEF FEDCBA9876543210");
    office_add(office, AUDIT_CHANGES, &row);
}

static inline void office_list_state(struct office *office, uint64_t time_us, const char *list,
                                     const char *state)
{
    struct audit_row row = office_change(time_us, "list", "list-state");

    audit_row_text(&row, AUDIT_LIST, list);
    audit_row_text(&row, AUDIT_STATE, state);
    audit_row_number(&row, AUDIT_SERIAL, 2026112201);
    office_add(office, AUDIT_CHANGES, &row);
}

static inline void office_pause(struct office *office, uint64_t time_us, const char *what,
                                const char *list)
{
    struct audit_row row = office_change(time_us, "change", what);

    audit_row_text(&row, AUDIT_BY, "control");
    audit_row_number(&row, AUDIT_UID, 1000);
    audit_row_text(&row, AUDIT_USER, "alice");
    audit_row_text(&row, AUDIT_LIST, list);
    audit_row_text(&row, AUDIT_REASON, "an invoice cannot be paid");
    audit_row_number(&row, AUDIT_KEPT, 0);
    office_add(office, AUDIT_CHANGES, &row);
}

static inline void office_exception(struct office *office, uint64_t time_us, const char *what,
                                    const char *id)
{
    struct audit_row row = office_change(time_us, "change", what);

    audit_row_text(&row, AUDIT_BY, "control");
    audit_row_text(&row, AUDIT_USER, "alice");
    audit_row_text(&row, AUDIT_SUBJECT, "pay.cirrus.example");
    audit_row_text(&row, AUDIT_MATCH, "suffix");
    audit_row_text(&row, AUDIT_ID, id);
    audit_row_text(&row, AUDIT_TICKET, "HD-1234");
    audit_row_text(&row, AUDIT_APPROVER, "B. Lind");
    audit_row_text(&row, AUDIT_REASON, "the shop cannot pay");
    audit_row_number(&row, AUDIT_KEPT, 1);
    office_add(office, AUDIT_CHANGES, &row);
}

static inline void office_gap(struct office *office, uint64_t time_us, uint64_t count)
{
    struct audit_row row = office_change(time_us, "change", "gap");

    audit_row_number(&row, AUDIT_STREAM, AUDIT_DECISIONS);
    audit_row_number(&row, AUDIT_COUNT, count);
    audit_row_text(&row, AUDIT_CAUSE, "ring");
    office_add(office, AUDIT_CHANGES, &row);
}

/* What an event is by chance: few lists, clients and sites make up most. */
static inline struct office_event office_chance(struct office *office, uint64_t time_us)
{
    struct random *random = &office->random;
    struct office_event event = {.time_us = time_us};

    event.list = random_below(random, random_below(random, (uint32_t)OFFICE_LISTS) + 1);
    event.client = random_below(random, random_below(random, 40) + 1);
    event.site = random_below(random, random_below(random, (uint32_t)OFFICE_SITES) + 1);
    event.direct = random_below(random, 3) == 0;
    event.effect = random_below(random, 10) < 6 ? 0 : random_below(random, 4);
    return event;
}

/* The name asked, as text. */
static inline const char *office_name(const struct office_event *event, char out[128])
{
    snprintf(out, 128, event->direct ? "%s.%s" : "www.%s.example.org",
             office_sites[event->site],
             office_lists[event->list].rule + strlen("block suffix "));
    return out;
}

static inline void office_decision(struct office *office, const struct office_event *event)
{
    static const char *const modes[] = {"enforce", "log", "enforce", "log"};
    const struct office_list *list = &office_lists[event->list];
    char name[128];
    struct audit_row row;
    size_t len = 0;

    query_row(&office->store, event->time_us, event->client, office_name(event, name), &row);
    audit_row_text(&row, AUDIT_EVENT, "decision");
    audit_row_text(&row, AUDIT_VIEW, event->client % 5 == 0 ? "guests" : "default");
    len = audit_basis_put(&list->basis, office->store.octets[AUDIT_BASIS], AUDIT_TEXT_MAX);
    audit_row_octets(&row, AUDIT_BASIS, office->store.octets[AUDIT_BASIS], len);
    audit_row_text(&row, AUDIT_ACTION, event->effect == 2 ? "pass" : "sinkhole");
    audit_row_text(&row, AUDIT_MODE, modes[event->effect]);
    audit_row_number(&row, AUDIT_APPLIED, event->effect == 0);
    audit_row_number(&row, AUDIT_PAUSED, event->effect == 3);
    if (event->effect == 2) {
        len = office_wire("pay.cirrus.example", office->store.octets[AUDIT_EXCEPTION]);
        audit_row_octets(&row, AUDIT_EXCEPTION, office->store.octets[AUDIT_EXCEPTION], len);
        audit_row_text(&row, AUDIT_ID, "x-1");
        audit_row_text(&row, AUDIT_TICKET, "HD-1234");
        audit_row_text(&row, AUDIT_APPROVER, "B. Lind");
    }
    audit_row_text(&row, AUDIT_RULE, list->rule);
    audit_row_text(&row, AUDIT_CATEGORY, "object-storage");
    audit_row_text(&row, AUDIT_TRIGGER, event->direct ? "qname" : "hop");
    if (event->direct) {
        audit_row_octets(&row, AUDIT_MATCHED, row.at[AUDIT_NAME].octets,
                         row.at[AUDIT_NAME].number);
    } else {
        char hop[128];

        len = office_wire(list->matched, office->store.octets[AUDIT_MATCHED]);
        audit_row_octets(&row, AUDIT_MATCHED, office->store.octets[AUDIT_MATCHED], len);
        snprintf(hop, sizeof(hop), "%s.cdn.example.net", office_sites[event->site]);
        len = office_wire(name, office->chain);
        len += office_wire(hop, office->chain + len);
        len += office_wire(list->matched, office->chain + len);
        audit_row_octets(&row, AUDIT_CHAIN, office->chain, len);
        audit_row_number(&row, AUDIT_HOP, 2);
    }
    office_add(office, AUDIT_DECISIONS, &row);
}

/* The operator's own word, of which no list speaks. */
static inline void office_denied(struct office *office, uint64_t time_us, unsigned client)
{
    struct audit_row row;

    query_row(&office->store, time_us, client, "www.example.net", &row);
    audit_row_text(&row, AUDIT_EVENT, "default-deny");
    audit_row_text(&row, AUDIT_VIEW, "terminals");
    audit_row_text(&row, AUDIT_ACTION, "nxdomain");
    audit_row_text(&row, AUDIT_MODE, "enforce");
    audit_row_number(&row, AUDIT_APPLIED, 1);
    office_add(office, AUDIT_DECISIONS, &row);
}

static inline void office_start(struct office *office, uint64_t time_us, uint32_t serial)
{
    office_tell(office, time_us, "start");
    office_tell(office, time_us + 1000, "configuration");
    for (size_t i = 0; i < OFFICE_LISTS; i++) {
        office_list_in_force(office, time_us + 2000, office_lists[i].basis.list, serial);
    }
}

/*
 * Some weeks: a run of ten days with all that can happen, stopped for 20 minutes; a run that
 * is killed; and one that goes on. events: what was decided, as many as count says, for a naive
 * count; NULL: nobody wants them.
 */
static inline uint64_t office_weeks(struct office *office, const char *folder, unsigned count,
                                    struct office_event *events)
{
    const uint64_t step = 28 * OFFICE_DAY / count;
    uint64_t now = OFFICE_T0;

    chance_init(&office->random, 7);
    maker_init(&office->maker, LOG_NAME);
    office->maker.settings.checkpoint_us = 6 * OFFICE_HOUR;
    office_open(office, folder, now, 101);
    office_start(office, now, 2026112201);
    for (unsigned i = 0; i < count; i++) {
        const uint64_t before = now - OFFICE_T0;
        struct office_event event;

        now += step;
        const uint64_t after = now - OFFICE_T0;
#define OFFICE_AT(moment) (before < (moment) && after >= (moment))
        if (OFFICE_AT(2 * OFFICE_DAY)) {
            office_list_state(office, now, "haze", "stale");
            office_exception(office, now, "exception-added", "x-1");
        }
        if (OFFICE_AT(4 * OFFICE_DAY)) {
            office_list_state(office, now, "haze", "fresh");
            office_list_in_force(office, now, "haze", 2026112202);
            office_gap(office, now, 42);
        }
        if (OFFICE_AT(6 * OFFICE_DAY)) {
            office_pause(office, now, "pause-begun", "nimbus");
        }
        if (OFFICE_AT(6 * OFFICE_DAY + 2 * OFFICE_HOUR)) {
            office_pause(office, now, "pause-ended", "nimbus");
        }
        if (OFFICE_AT(10 * OFFICE_DAY)) {
            office_tell(office, now, "stop");
            office_close(office, now);
            now += 20 * OFFICE_MIN;
            office_open(office, folder, now, 102);
            office_start(office, now, 2026112202);
        }
        if (OFFICE_AT(20 * OFFICE_DAY)) {
            office_kill(office, now);
            now += 3 * OFFICE_HOUR;
            office_open(office, folder, now, 103);
            office_start(office, now, 2026112203);
        }
#undef OFFICE_AT
        event = office_chance(office, now);
        office_decision(office, &event);
        if (events != NULL) {
            events[i] = event;
        }
        if (i % 97 == 0) {
            office_denied(office, now, i % 3);
        }
    }
    if (audit_log_flush(office->log, NULL, now) != 0) {
        abort();
    }
    office_close(office, now);
    return now;
}

#endif

#include "query/told.h"

#include "query/engine.h"

#include <string.h>

/* The label, from the left, as octets. */
static const uint8_t *label(const struct wire_name *name, unsigned at, size_t *len)
{
    const uint8_t *octets = name->octets + name->at[at];

    *len = octets[0];
    return octets + 1;
}

static bool label_is(const struct wire_name *name, unsigned at, const char *word)
{
    size_t len;
    const uint8_t *octets = label(name, at, &len);

    return len == strlen(word) && memcmp(octets, word, len) == 0;
}

/* The number of a page, from 1; 0: it is none. */
static size_t page_number(const struct wire_name *name, unsigned at)
{
    size_t len;
    const uint8_t *octets = label(name, at, &len);
    size_t number = 0;

    if (len == 0 || len > 3 || octets[0] == '0') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (octets[i] < '0' || octets[i] > '9') {
            return 0;
        }
        number = 10 * number + (size_t)(octets[i] - '0');
    }
    return number;
}

/* hot */
enum query_told_result query_told_find(const struct query_told *told,
                                       const struct wire_name *name,
                                       const struct query_told_page **page)
{
    const unsigned labels = name->labels;

    if (labels < 2 || !label_is(name, labels - 1, "cordon") ||
        !label_is(name, labels - 2, "fingerprint")) {
        return QUERY_TOLD_NOT;
    }
    if (labels == 2) {
        *page = &told->first;
        return QUERY_TOLD_PAGE;
    }
    const size_t number = labels == 3 ? 1 : page_number(name, 0);

    for (size_t i = 0; labels <= 4 && i < told->count; i++) {
        const struct query_told_part *part = &told->parts[i];

        if (label_is(name, labels - 3, part->name) && number >= 1 && number <= part->count) {
            *page = &part->pages[number - 1];
            return QUERY_TOLD_PAGE;
        }
    }
    return QUERY_TOLD_NONE;
}

/* As any other resolver would that tells nobody: whoever is no operator does not learn that
 * there is something to be told. */
static enum query_state refuse(struct query_engine *engine, struct query *q)
{
    return respond_empty(engine, q, WIRE_REFUSED, 0, WIRE_EDE_NONE, NULL);
}

/* hot */
enum query_state query_tell(struct query_engine *engine, struct query *q)
{
    const struct query_settings *settings = engine->settings;
    const struct wire_question *question = &q->question;
    const struct query_told_page *page = NULL;
    struct wire_writer writer;

    if (settings->told == NULL || !query_settings_is_operator(settings, &q->client.from)) {
        return refuse(engine, q);
    }
    switch (query_told_find(settings->told, &question->name, &page)) {
    case QUERY_TOLD_NOT:
        return refuse(engine, q);
    case QUERY_TOLD_NONE:
        return respond_empty(engine, q, WIRE_NXDOMAIN, 0, WIRE_EDE_NONE, NULL);
    case QUERY_TOLD_PAGE:
        break;
    }
    if (question->type != WIRE_TXT && question->type != WIRE_ANY) {
        return respond_empty(engine, q, WIRE_NOERROR, 0, WIRE_EDE_NONE, NULL);
    }
    engine->counters.told++;
    if (!respond_begin(engine, q, &writer)) {
        return QUERY_RECORD;
    }
    wire_write_chaos(&writer, &question->name, page->rdata, page->len);
    return respond_end(engine, q, &writer, WIRE_NOERROR, WIRE_EDE_NONE, NULL);
}

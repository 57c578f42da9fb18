#include "config/zone_text.h"

#include "base/error.h"
#include "wire/rdata.h"
#include "wire/type.h"

#include <errno.h>
#include <ldns/ldns.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What ldns gives a record that states no TTL while there is no $TTL: no real one is so large
 * (RFC 2181, 8). */
#define TTL_NONE  UINT32_MAX
#define TTL_MAX   0x7fffffffu
#define RDATA_MAX 65535u

/* Of a name in a message: the line is told too. */
#define NAME_SHOWN_MAX 80u

struct reader {
    FILE *in;
    const char *file;
    struct report *report;
    const char *(*take)(void *context, const struct config_zone_record *record);
    void *context;
    uint8_t *rdata; /* RDATA_MAX octets */
    const char *text;
    size_t read;            /* octets of it */
    size_t began;           /* where the record starts */
    size_t line, next_line; /* where the record ends; after it */
    uint32_t ttl_s;         /* that was stated last, or TTL_NONE */
    unsigned faults;
};

static void refuse(struct reader *reader, const char *what, const char *why)
{
    reader->faults++;
    report_add(reader->report, REPORT_ERROR, reader->file, reader->line, 0,
               "local.zones: %s%s%s", what, what[0] == '\0' ? "" : ": ", why);
}

static const char ttl_too_long[] = "a TTL of more than 2147483647 s (RFC 2181, 8)";

/* Digits, or a time as 1w2d; what is above 2^32 is that and one. False if it is no number. */
static bool read_number(const char *at, size_t len, uint64_t *out)
{
    static const char units[] = "sSmMhHdDwW";
    static const uint32_t seconds[] = {1, 60, 3600, 86400, 604800};
    const uint64_t most = UINT64_C(1) << 32;
    uint64_t part = 0;

    *out = 0;
    if (len == 0 || *at < '0' || *at > '9') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        const char *unit = memchr(units, at[i], sizeof(units) - 1);
        if (at[i] >= '0' && at[i] <= '9') {
            part = part > most ? part : 10 * part + (uint64_t)(at[i] - '0');
        } else if (unit != NULL && at[i - 1] >= '0' && at[i - 1] <= '9') {
            *out += part * seconds[(unit - units) / 2];
            part = 0;
        } else {
            return false;
        }
        *out = *out > most ? most + 1 : *out;
    }
    *out = *out + part > most ? most + 1 : *out + part;
    return true;
}

/* Before ldns: what it would take for something else without a word. */

struct scan {
    size_t line, opened; /* counted from 1; where the outermost parenthesis stands */
    unsigned depth;
    bool quoted, comment;
};

static bool is_directive(const char *at, const char *end, const char *word)
{
    const size_t len = strlen(word);

    return (size_t)(end - at) > len && memcmp(at, word, len) == 0 &&
           (at[len] == ' ' || at[len] == '\t');
}

static const char *scan_directive(const char *at, const char *end)
{
    if (is_directive(at, end, "$INCLUDE")) {
        return "$INCLUDE is not supported: put it all into one file";
    }
    if (is_directive(at, end, "$ORIGIN")) {
        return NULL;
    }
    if (!is_directive(at, end, "$TTL")) {
        return "of the directives only $ORIGIN and $TTL, in capitals, are supported";
    }
    for (at += strlen("$TTL"); at < end && (*at == ' ' || *at == '\t');) {
        at++;
    }
    const char *from = at;
    uint64_t ttl_s;
    while (at < end && strchr(" \t\r\n;", *at) == NULL) {
        at++;
    }
    if (!read_number(from, (size_t)(at - from), &ttl_s)) {
        return "$TTL without a time";
    }
    return ttl_s <= TTL_MAX ? NULL : ttl_too_long;
}

static const char *scan_octet(struct scan *scan, char octet)
{
    if (octet == '\n') {
        if (scan->quoted) {
            return "a quote is not closed on its line";
        }
        scan->comment = false;
        scan->line++;
    } else if (scan->comment) {
        return NULL;
    } else if (octet == '"') {
        scan->quoted = !scan->quoted;
    } else if (scan->quoted) {
        return NULL;
    } else if (octet == ';') {
        scan->comment = true;
    } else if (octet == '(') {
        scan->opened = scan->depth == 0 ? scan->line : scan->opened;
        scan->depth++;
    } else if (octet == ')') {
        if (scan->depth == 0) {
            return "a parenthesis is closed that was not opened";
        }
        scan->depth--;
    }
    return octet == '\0' ? "a zero octet: no text" : NULL;
}

static bool scan_text(struct reader *reader, const char *text, size_t len)
{
    struct scan scan = {.line = 1};
    const char *end = text + len;
    const char *why = NULL;
    bool at_start = true; /* of a line */

    for (const char *at = text; at < end && why == NULL; at++) {
        if (at_start && *at == '$' && scan.depth == 0) {
            why = scan_directive(at, end);
        } else if (*at == '\\' && !scan.comment && at + 1 < end && at[1] != '\n') {
            at++;
        } else {
            at_start = *at == '\n';
            why = scan_octet(&scan, *at);
            continue;
        }
        at_start = false;
    }
    if (why == NULL && scan.quoted) {
        why = "a quote is not closed on its line";
    }
    reader->line = scan.line;
    if (why == NULL && scan.depth > 0) {
        reader->line = scan.opened;
        why = "a parenthesis is not closed";
    }
    if (why != NULL) {
        refuse(reader, "", why);
    }
    return why == NULL;
}

/* The record's rdata as octets. False if it is too long. */
static bool copy_rdata(const ldns_rr *rr, uint8_t *out, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        const size_t size = ldns_rdf_size(rdf);

        if (*len + size > RDATA_MAX) {
            return false;
        }
        memcpy(out + *len, ldns_rdf_data(rdf), size);
        *len += size;
    }
    return true;
}

static bool is_meta(unsigned type)
{
    return type == 0 || type == WIRE_OPT || (type >= 128 && type <= 255);
}

/* NULL, or why not. A record without a TTL has that of $TTL (RFC 2308, 4), or the one that was
 * stated last (RFC 1035, 5.1). */
static const char *settle_ttl(struct reader *reader, uint32_t *ttl_s)
{
    if (*ttl_s == TTL_NONE) {
        *ttl_s = reader->ttl_s;
    }
    if (*ttl_s == TTL_NONE) {
        return "without a TTL: put a line like \"$TTL 1h\" at the top";
    }
    reader->ttl_s = *ttl_s;
    return *ttl_s > TTL_MAX ? ttl_too_long : NULL;
}

static const char *name_fault(const struct wire_name *name)
{
    for (size_t i = 0; i + 1 < name->len; i++) {
        if (name->octets[i] >= 0x80) {
            return "a name that is not ASCII: write it in its xn-- form";
        }
    }
    return NULL;
}

static const char *take_record(struct reader *reader, const ldns_rr *rr,
                               struct config_zone_record *record)
{
    const char *why = name_fault(&record->name);

    if (why == NULL) {
        why = settle_ttl(reader, &record->ttl_s);
    }
    if (why != NULL) {
        return why;
    }
    if (ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN) {
        return "only the class IN is served";
    }
    if (is_meta(record->type)) {
        return "this type is for questions and has no records";
    }
    if (!copy_rdata(rr, reader->rdata, &record->rdata_len)) {
        return "a record is longer than 65535 octets";
    }
    if (!wire_rdata_is_whole(record->type, record->rdata, record->rdata_len)) {
        return "data that its type does not have"; /* by \\#, which ldns copies */
    }
    return reader->take(reader->context, record);
}

/* After ldns: numbers that it has wrapped round without a word. */

struct token {
    const char *at;
    size_t len;
};

/* *owner: whether what follows stands at the start of its line. */
static const char *skip_blanks(const char *at, const char *end, bool *owner)
{
    bool comment = false;

    for (; at < end; at++) {
        if (*at == '\n') {
            comment = false;
            *owner = true;
        } else if (comment) {
            continue;
        } else if (*at == ' ' || *at == '\t') {
            *owner = false;
        } else if (*at == ';') {
            comment = true;
        } else if (*at != '\r' && *at != '(' && *at != ')') {
            break;
        }
    }
    return at;
}

/* The next word of a record; len 0: there is none. */
static struct token next_token(const char **at, const char *end)
{
    bool owner = false;
    bool quoted = false;
    struct token token = {skip_blanks(*at, end, &owner), 0};

    for (*at = token.at; *at < end; ++*at) {
        if (**at == '\\' && *at + 1 < end) {
            ++*at;
        } else if (**at == '"') {
            quoted = !quoted;
        } else if (!quoted && strchr(" \t\r\n();", **at) != NULL) {
            break;
        }
    }
    token.len = (size_t)(*at - token.at);
    return token;
}

static bool is_class(struct token token)
{
    return (token.len == 2 && strncasecmp(token.at, "IN", 2) == 0) ||
           (token.len > 5 && strncasecmp(token.at, "CLASS", 5) == 0);
}

static bool is_number(ldns_rdf_type type)
{
    return type == LDNS_RDF_TYPE_INT8 || type == LDNS_RDF_TYPE_INT16 ||
           type == LDNS_RDF_TYPE_INT32 || type == LDNS_RDF_TYPE_PERIOD ||
           type == LDNS_RDF_TYPE_ALG || type == LDNS_RDF_TYPE_CERT_ALG ||
           type == LDNS_RDF_TYPE_CERTIFICATE_USAGE || type == LDNS_RDF_TYPE_SELECTOR ||
           type == LDNS_RDF_TYPE_MATCHING_TYPE;
}

static bool is_one_word(ldns_rdf_type type)
{
    return is_number(type) || type == LDNS_RDF_TYPE_DNAME || type == LDNS_RDF_TYPE_A ||
           type == LDNS_RDF_TYPE_AAAA || type == LDNS_RDF_TYPE_STR ||
           type == LDNS_RDF_TYPE_TAG || type == LDNS_RDF_TYPE_TYPE ||
           type == LDNS_RDF_TYPE_TIME;
}

static bool is_too_large(struct token token, size_t octets)
{
    uint64_t number;

    if (token.len > 1 && token.at[0] == '-') {
        return true;
    }
    return read_number(token.at, token.len, &number) && number >> (8 * octets) != 0;
}

/* NULL, or why the record is not what its text says. */
static const char *wrapped(const struct reader *reader, const ldns_rr *rr)
{
    const char *end = reader->text + reader->read;
    bool owner = true;
    const char *at = skip_blanks(reader->text + reader->began, end, &owner);
    uint64_t ttl_s;

    if (owner) {
        (void)next_token(&at, end);
    }
    struct token token = next_token(&at, end);
    if (read_number(token.at, token.len, &ttl_s)) {
        if (ttl_s > TTL_MAX) {
            return ttl_too_long;
        }
        token = next_token(&at, end);
    }
    if (is_class(token)) {
        token = next_token(&at, end);
    }
    if (token.len > 4 && strncasecmp(token.at, "TYPE", 4) == 0 &&
        is_too_large((struct token){token.at + 4, token.len - 4}, 2)) {
        return "a type of more than 65535";
    }
    for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        const ldns_rdf_type type = ldns_rdf_get_type(rdf);

        token = next_token(&at, end);
        if (!is_one_word(type) || (token.len == 2 && memcmp(token.at, "\\#", 2) == 0)) {
            return NULL;
        }
        if (is_number(type) && is_too_large(token, ldns_rdf_size(rdf))) {
            return "a number in its data that does not fit there";
        }
    }
    return NULL;
}

static void read_record(struct reader *reader, const ldns_rr *rr)
{
    struct config_zone_record record = {.type = (uint16_t)ldns_rr_get_type(rr),
                                        .ttl_s = ldns_rr_ttl(rr),
                                        .rdata = reader->rdata};
    const ldns_rdf *owner = ldns_rr_owner(rr);
    char words[WIRE_NAME_TEXT_MAX];
    size_t pos = 0;

    if (owner == NULL || wire_name_read(ldns_rdf_data(owner), ldns_rdf_size(owner), &pos,
                                        &record.name) != WIRE_OK) {
        refuse(reader, "", "the name of a record is none");
        return;
    }
    const char *why = wrapped(reader, rr);
    if (why == NULL) {
        why = take_record(reader, rr, &record);
    }
    if (why != NULL) {
        wire_name_to_text(&record.name, words);
        if (strlen(words) > NAME_SHOWN_MAX) {
            memcpy(words + NAME_SHOWN_MAX, "...", sizeof("..."));
        }
        refuse(reader, words, why);
    }
}

/* ldns counts lines, but not always all. */
static void find_line(struct reader *reader)
{
    const long place = ftell(reader->in);

    while (place > 0 && reader->read < (size_t)place) {
        reader->line = reader->next_line;
        reader->next_line += reader->text[reader->read++] == '\n';
    }
}

/* What ldns says, for people. */
static const char *fault_of(ldns_status status)
{
    switch (status) {
    case LDNS_STATUS_MEM_ERR:
        return "out of memory";
    case LDNS_STATUS_SYNTAX_TTL_ERR:
        return "a record without a type, or with a TTL that is none";
    case LDNS_STATUS_SYNTAX_RDATA_ERR:
        return "an unknown type, or data that the type does not have: a record is name, TTL, "
               "class, type, data";
    case LDNS_STATUS_SYNTAX_ERR:
    case LDNS_STATUS_SYNTAX_DNAME_ERR:
        return "a name with a label that is empty or longer than 63 octets, or a wrong escape";
    case LDNS_STATUS_DOMAINNAME_OVERFLOW:
    case LDNS_STATUS_DOMAINNAME_UNDERFLOW:
    case LDNS_STATUS_LABEL_OVERFLOW:
    case LDNS_STATUS_PACKET_OVERFLOW:
        return "a name longer than 255 octets, or a text longer than its place";
    case LDNS_STATUS_SYNTAX_MISSING_VALUE_ERR:
        return "data are missing";
    case LDNS_STATUS_SYNTAX_SUPERFLUOUS_TEXT_ERR:
        return "more data than the type has";
    default:
        return "no record: name, TTL, class, type, data";
    }
}

static void read_all(struct reader *reader)
{
    uint32_t ttl_s = TTL_NONE;
    ldns_rdf *origin = NULL;
    ldns_rdf *previous = NULL;

    while (feof(reader->in) == 0 && reader->faults < CONFIG_ZONE_FAULTS_MAX) {
        ldns_rr *rr = NULL;
        const ldns_status status =
            ldns_rr_new_frm_fp_l(&rr, reader->in, &ttl_s, &origin, &previous, NULL);

        reader->began = reader->read;
        find_line(reader);
        switch (status) {
        case LDNS_STATUS_OK:
            read_record(reader, rr);
            break;
        case LDNS_STATUS_SYNTAX_EMPTY:
        case LDNS_STATUS_SYNTAX_TTL:
        case LDNS_STATUS_SYNTAX_ORIGIN:
            break;
        default:
            refuse(reader, "", fault_of(status));
        }
        ldns_rr_free(rr);
    }
    ldns_rdf_deep_free(origin);
    ldns_rdf_deep_free(previous);
}

int config_zone_read(const char *text, size_t len, const char *file, struct report *report,
                     const char *(*take)(void *context,
                                         const struct config_zone_record *record),
                     void *context)
{
    struct reader reader = {.text = text,
                            .next_line = 1,
                            .file = file,
                            .report = report,
                            .take = take,
                            .context = context,
                            .ttl_s = TTL_NONE};

    if (len == 0) {
        return 0;
    }
    if (!scan_text(&reader, text, len)) {
        return CORDON_E_REFUSED;
    }
    reader.rdata = malloc(RDATA_MAX);
    reader.in = fmemopen((void *)(uintptr_t)text, len, "r");
    if (reader.rdata != NULL && reader.in != NULL) {
        read_all(&reader);
    }
    const bool lacks = reader.rdata == NULL || reader.in == NULL;
    if (reader.in != NULL) {
        fclose(reader.in);
    }
    free(reader.rdata);
    return lacks ? -ENOMEM : reader.faults > 0 ? CORDON_E_REFUSED : 0;
}

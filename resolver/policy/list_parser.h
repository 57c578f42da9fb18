/*
 * policy/list_parser.h - what the parts of the list parser share: list.c (lines), list_head.c
 * (header and facts), list_rule.c (rules), list_what.c (what those are on) and list_twice.c
 * (those that stand twice). Internal to the room.
 */
#ifndef CORDON_POLICY_LIST_PARSER_H
#define CORDON_POLICY_LIST_PARSER_H

#include "policy/list.h"
#include "policy/strings.h"

#include <stdbool.h>

#define LIST_HEADER_KEYS 8u  /* header lines that there are */
#define LIST_FACT_KEYS   10u /* lines of a fact that there are */

/* One line, without its LF. */
struct list_line {
    const char *at;
    size_t len;
    uint32_t number; /* from 1 */
};

struct list_parser {
    struct policy_list *list; /* under construction; owned */
    struct policy_strings *strings;
    const char *file;
    struct report *report;
    struct list_line line; /* the current one */
    size_t faults;
    int rc; /* not 0: stop now (no memory, unknown version) */

    uint32_t header_lines[LIST_HEADER_KEYS]; /* where each was seen; 0: not yet */
    uint32_t fact_lines[LIST_FACT_KEYS];     /* the same for the fact that is open */
    uint32_t fact_line;                      /* where that began */

    size_t rules_room, names_room, prefixes_room, forced_room;

    const char *empty; /* "", kept */
};

/* Reports an error at a column (from 1; 0: the whole line) of the current line. Always false,
 * so that a parser can return it. */
bool list_fault(struct list_parser *parser, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The kept copy of a string, or NULL with parser->rc set. */
char *list_keep(struct list_parser *parser, const char *octets, size_t len);

/* True for 1 to max octets of a-z, 0-9 and '-'. */
bool list_is_word(const char *text, size_t len, size_t max);

/* What lists and files of exceptions (exception_file.c) have in common. Each is false after a
 * fault. Length and characters of the current line; the line as "KEY VALUE"; a value at this
 * column as a number that rises, as a time. */
bool list_check_octets(struct list_parser *parser);
bool list_split(struct list_parser *parser, size_t *key_len, const char **value,
                size_t *value_len);
bool list_read_serial(struct list_parser *parser, size_t column, const char *value, size_t len,
                      uint32_t *out);
bool list_read_time(struct list_parser *parser, size_t column, const char *value, size_t len,
                    uint64_t *out);

/* Reads the current line as "KEY VALUE" of the header. False after a fault. */
bool list_header_read(struct list_parser *parser);
/* Reports what the header lacks. */
void list_header_close(struct list_parser *parser);

/* Begins a fact of this class, reads one of its lines, reports what it lacks. */
bool list_fact_open(struct list_parser *parser, const char *class, size_t len);
bool list_fact_read(struct list_parser *parser);
void list_fact_close(struct list_parser *parser);

/* "oss.example" -> wire format. False after a fault. */
bool list_name_read(struct list_parser *parser, size_t column, const char *text, size_t len,
                    uint8_t out[WIRE_NAME_MAX], uint8_t *out_len);
/* "192.0.2.0/24". False after a fault. */
bool list_prefix_read(struct list_parser *parser, size_t column, const char *text, size_t len,
                      struct address_prefix *out);

/* Reads the current line as a rule and adds it to the list. False after a fault. */
bool list_rule_read(struct list_parser *parser);

/* list_twice.c. When all rules are read: reports those that match what another one does, each
 * with both lines. */
void list_twice_check(struct list_parser *parser);

#endif

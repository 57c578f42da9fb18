/*
 * audit/shown.h - events of the audit log for people and programs: the text of a column, and an
 * event as the JSON of docs/events.md.
 *
 * Everything that shows, sends or counts events takes its words from here, so that one thing is
 * called by one word. What is shown may be a stranger's: JSON has no control characters, and
 * the other texts are to be made harmless by whoever puts them on a terminal.
 */
#ifndef CORDON_AUDIT_SHOWN_H
#define CORDON_AUDIT_SHOWN_H

#include "audit/id.h"
#include "audit/row.h"
#include "base/text.h"

/* "192.0.2.7"; "192.0.2.0/24"; "k:2026-11-22:" and 32 hexadecimal digits for a keyed pseudonym;
 * octets that are none of these: "?" and hexadecimal digits. Returns the length. */
#define AUDIT_CLIENT_TEXT_MAX 128
size_t audit_client_format(const struct audit_value *value, char out[AUDIT_CLIENT_TEXT_MAX]);
/* A client as people name it: what is above. An address whose port is named is none. False if
 * it is none. */
bool audit_client_parse(const char *text, size_t len, struct audit_client *out);

/*
 * The text of a column of a row, appended: names without the final dot (one that was hashed:
 * ".hashed:2026-11-22:" and 32 hexadecimal digits, which no name can be), those of a chain with
 * a space between, addresses, types, response codes, times (RFC 3339), "true" and "false",
 * digests in hexadecimal digits; numbers in decimal, words as they are. Nothing where it is
 * absent. The basis has no text: its words are below.
 */
void audit_row_show(const struct audit_row *row, enum audit_column column, struct text *out);

/* The same, cut to what fits, and its length. */
size_t audit_row_words(const struct audit_row *row, enum audit_column column,
                       char out[AUDIT_TEXT_MAX + 1]);

/* The ground of a decision. False: the row has none, or it is no basis. */
bool audit_row_basis(const struct audit_row *row, struct audit_basis_view *out);

/* What was done, in a word for people: the action of a rule that was applied ("sinkhole");
 * "exception", "paused", "trial" or "log" where it was not, or "not-applied"; of a question its
 * response code; of a change what it was. Appended. */
void audit_row_show_deed(const struct audit_row *row, struct text *out);

/*
 * One object, without a newline, appended: the fields of docs/events.md, with `id` (of the
 * event) in place of `seq`. Each event has every field of its kind; what does not apply is
 * null. What the log has of a kind that this version does not know is shown column by column.
 * If it does not fit, out->overflow is set. A row of at most AUDIT_EVENT_MAX octets fits into
 * AUDIT_JSON_MAX.
 */
#define AUDIT_JSON_MAX (8u * AUDIT_EVENT_MAX)
void audit_row_json(const struct audit_row *row, const struct audit_id *id, struct text *out);
/* The same for those who get events of many logs: id is a text, and `log` follows it: the log's
 * origin, null where no log has the event. */
void audit_row_json_of(const struct audit_row *row, const char *id, const char *log,
                       struct text *out);

#endif

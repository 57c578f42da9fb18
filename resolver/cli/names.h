/*
 * cli/names.h - names as people write them, for the tool alone: U-labels (RFC 5890) and public
 * suffixes. What the daemon reads has A-labels only.
 */
#ifndef CORDON_CLI_NAMES_H
#define CORDON_CLI_NAMES_H

#include "base/report.h"
#include "policy/list.h"
#include "wire/name.h"

/* Converts what has U-labels into A-labels (RFC 5891, by libidn2); ASCII stays as it is. False
 * if it is no such name. */
bool cli_name_to_ascii(const char *text, char out[WIRE_NAME_TEXT_MAX]);

/* The same for a name of the command line: what is meant is said on standard error. Returns
 * out, or text itself if it is ASCII or cannot be converted. */
const char *cli_name_shown(const char *text, char out[WIRE_NAME_TEXT_MAX]);

/* Reads a name of the command line as wire_name_from_text does. If it has U-labels, the
 * A-labels that are meant are said on standard error. */
enum wire_text_result cli_name_read(const char *text, struct wire_name *name);

/*
 * Reports rules that cover a whole public suffix (com.cn) and do not say why, as errors, and
 * those that say why though their name is none, as warnings. A public suffix is what the ICANN
 * part of the Public Suffix List says, in the version that this machine has; names of the
 * private part (of providers for their customers) are what lists are made for. 0 or
 * CORDON_E_REFUSED.
 */
int cli_list_check_suffixes(const struct policy_list *list, const char *path,
                            struct report *report);

/* True for a whole public suffix of more than one label, by the same list; false also if this
 * machine has none. */
bool cli_name_is_public_suffix(const char *text);

/* For a text that was refused: notes what names with U-labels in its rules are as A-labels. */
void cli_list_note_labels(const char *text, size_t len, const char *path,
                          struct report *report);

#endif

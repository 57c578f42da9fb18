/*
 * cli/signing.h - what the commands that sign have in common.
 */
#ifndef CORDON_CLI_SIGNING_H
#define CORDON_CLI_SIGNING_H

#include "base/report.h"
#include "trust/keyring.h"

/* Reads a secret key, asking for its password only if it has one; fd: where it is read, -1 the
 * terminal. 0, or a code after a message that names the verb ("list sign"). The caller wipes
 * *key. */
int cli_secret_read(const char *verb, const char *path, int fd, struct trust_secret_key *key);

/* Writes PATH.KEYID.minisig over these octets and prints its name. 0 or a code. */
int cli_sign_beside(const char *path, const uint8_t *text, size_t len, const char *comment,
                    const struct trust_secret_key *key);

/* Signs each file that is left on the command line. sign: reads the file, checks it (reporting
 * what is wrong with it) and signs it. Options: --key and --password-fd. */
int cli_sign_files(int argc, char **argv, const char *verb, const char *help,
                   int (*sign)(const char *path, const struct trust_secret_key *key,
                               struct report *report));

/* Prints the report and, if it has no error of its own, what the code means. CLI_OK for 0. */
int cli_reported(const char *verb, const char *path, int rc, struct report *report);

/* Keys named in one word, "a.pub,b.pub": files or base64 lines. False after a report. */
bool cli_keys_parse(const char *named, struct trust_keyring *keyring, struct report *report);

/* A time as "2027-01-31" or in full; named NULL: *out stays. False after a message. */
bool cli_time_parse(const char *verb, const char *option, const char *named, uint64_t *out);

#endif

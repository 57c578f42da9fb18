/*
 * cli/audit_cosign.h - witnesses, as commands of the auditor and the operator name and count
 * them.
 */
#ifndef CORDON_CLI_AUDIT_COSIGN_H
#define CORDON_CLI_AUDIT_COSIGN_H

#include "audit/cosigned.h"
#include "base/text.h"

struct cli_witnesses {
    struct audit_cosigner at[AUDIT_WITNESSES_MAX];
    size_t count, quorum;
};

/* What --witness KEY[,KEY...] and --quorum N say (NULL: not said). Keys are those that `cordon
 * audit witness key` shows, or files with them; none twice, and none that is the log's own.
 * Without --quorum all of them have to sign. CLI_GO_ON, else the exit code after a message. */
int cli_witnesses(const char *command, const char *named, const char *quorum,
                  const struct trust_note_key *log, struct cli_witnesses *out);

/* One key. CLI_GO_ON or CLI_REFUSED. */
int cli_witness_key(const char *command, const char *named, struct trust_note_key *out);

/* So many have signed, and none of them falsely. */
bool cli_witnesses_hold(const struct cli_witnesses *witnesses);
/* A line for each, and one for all; blocks: that the log has. Nothing if nobody was named. */
void cli_witnesses_print(const struct cli_witnesses *witnesses, uint64_t blocks);
/* "witnesses": [...], "quorum", "witnessed_blocks". */
void cli_witnesses_json(const struct cli_witnesses *witnesses, struct text *out);

#endif

/*
 * cli/audit_note.h - checkpoints as others have kept them: the lines of audit.publish.
 */
#ifndef CORDON_CLI_AUDIT_NOTE_H
#define CORDON_CLI_AUDIT_NOTE_H

#include <stddef.h>
#include <stdint.h>

/* The note of the last line that tells of a checkpoint, whatever a collector has put before it,
 * takes the place of the text. Its octets; 0: there is none. */
size_t cli_audit_note_of_lines(uint8_t *text, size_t len);

#endif

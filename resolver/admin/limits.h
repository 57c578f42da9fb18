/*
 * admin/limits.h - bounds of the control socket, of what people change for a while and of the
 * HTTP socket, and why.
 */
#ifndef CORDON_ADMIN_LIMITS_H
#define CORDON_ADMIN_LIMITS_H

/* Octets of a command with its arguments, and of a line of the file of changes: an exception
 * fits with every text at its bound and escaped. */
#define REQUEST_LINE_MAX    4096u
#define REQUEST_COMMAND_MAX 32u  /* octets of a command's word */
#define REQUEST_FIELDS_MAX  24u  /* of one command: what the getters ask for */
#define REQUEST_FAULT_MAX   256u /* octets of a message, the terminator included */

/* Clients at once: some people and scripts. More wait in the kernel's queue. */
#define CONTROL_CLIENTS_MAX 16u

/* Octets of a document: 4,096 exceptions come in pages, all others are smaller. */
#define CONTROL_REPLY_MAX (4u << 20)

/* For the whole line, and then for a client that reads nothing: whoever holds a place for
 * longer keeps another one out. */
#define CONTROL_PATIENCE_MS 5000u

/* Octets: a sentence or two for the record, and an id as the configuration allows it. */
#define OVERRIDES_REASON_MAX 512u
#define OVERRIDES_ID_MAX     64u /* of a list, a view, a user */

/* A way out is for a while: who needs longer changes lists.use, or the list. */
#define OVERRIDES_PAUSE_S_MAX     86400u
#define OVERRIDES_EXCEPTION_S_MAX 31622400u /* 366 days */
#define OVERRIDES_LABELS_MIN      2u        /* of an exception: never a whole TLD */

/* Connections at a time: some monitors and a person. More wait in the kernel's queue. */
#define HTTP_CONNECTIONS_MAX 16u

/* Octets of memory for one connection: the head of a request, and that of the answer. Monitors
 * send some 300; what does not fit is refused (431). */
#define HTTP_MEMORY_MAX 8192u

/* Seconds without an octet in either direction. */
#define HTTP_IDLE_S 5u

/* A connection is given up after this long however busy it is: one octet every four seconds
 * would otherwise hold a place for hours. */
#define HTTP_CONNECTION_MS 10000u
#define HTTP_SWEEP_MS      500u /* looked at so often */

#endif

/*
 * admin/limits.h - bounds of the HTTP socket, and why.
 */
#ifndef CORDON_ADMIN_LIMITS_H
#define CORDON_ADMIN_LIMITS_H

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

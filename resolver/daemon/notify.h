/*
 * daemon/notify.h - telling the service manager where we are (sd_notify(3)), if there is one.
 */
#ifndef CORDON_DAEMON_NOTIFY_H
#define CORDON_DAEMON_NOTIFY_H

#include <stdint.h>

#define NOTIFY_MAX 512u /* octets of one message; a longer one is cut */

/* Sends lines such as "READY=1\nSTATUS=..." to $NOTIFY_SOCKET; nothing if that is not set. A
 * failure is ignored: a service manager that does not listen must not stop answers. */
void notify_manager(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The time after which the manager restarts us unless it hears WATCHDOG=1, in microseconds:
 * $WATCHDOG_USEC, if $WATCHDOG_PID is us or not set. 0: there is no watchdog. */
uint64_t notify_watchdog_us(void);

#endif

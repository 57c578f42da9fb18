/*
 * daemon/notify.h - telling the service manager where we are (sd_notify(3)), if there is one.
 */
#ifndef CORDON_DAEMON_NOTIFY_H
#define CORDON_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOTIFY_MAX 512u /* octets of one message; a longer one is cut */

/* Sends lines such as "READY=1\nSTATUS=..." to $NOTIFY_SOCKET; nothing if that is not set. A
 * failure is ignored: a service manager that does not listen must not stop answers. */
void notify_manager(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* One message names so many descriptors at most. */
#define NOTIFY_STORE_MAX 64u

/* Asks the manager to keep duplicates of these until the next start, under this name
 * (sd_pid_notify_with_fds(3), FDSTORE=1); poll: only until the other side hangs up. Whether it
 * does is not known: FileDescriptorStoreMax= of the unit must allow for it. Waits for at most
 * NOTIFY_STORE_MS if the manager is busy. Any thread. */
#define NOTIFY_STORE_MS 200u
void notify_store(const int *fds, size_t count, const char *name, bool poll);
/* The manager gives up what it keeps under this name. */
void notify_forget(const char *name);
/* Is there a manager at all? */
bool notify_is_managed(void);

/* The time after which the manager restarts us unless it hears WATCHDOG=1, in microseconds:
 * $WATCHDOG_USEC, if $WATCHDOG_PID is us or not set. 0: there is no watchdog. */
uint64_t notify_watchdog_us(void);

#endif

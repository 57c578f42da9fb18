/*
 * daemon/watchdog.h - the service manager hears WATCHDOG=1 as long as everybody works.
 *
 * Four times in each period every worker is asked to turn its loop once; the manager is told
 * only if all have done so since the time before. The main loop proves itself by asking. Time
 * comes from libuv; no manager: no timer.
 */
#ifndef CORDON_DAEMON_WATCHDOG_H
#define CORDON_DAEMON_WATCHDOG_H

struct daemon;

void watchdog_init(struct daemon *daemon); /* the handle; the loop must be open */
void watchdog_start(struct daemon *daemon);
void watchdog_close(struct daemon *daemon);

#endif

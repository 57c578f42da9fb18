/*
 * daemon/notify.h - telling the service manager where we are (sd_notify(3)), if there is one.
 */
#ifndef CORDON_DAEMON_NOTIFY_H
#define CORDON_DAEMON_NOTIFY_H

/* Sends "READY=1", "STOPPING=1" or the like to $NOTIFY_SOCKET; nothing if that is not set. A
 * failure is ignored: a service manager that does not listen must not stop answers. */
void notify_manager(const char *state);

#endif

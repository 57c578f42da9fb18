/*
 * config/defaults.h - where things are on an installed machine. A package may define its own.
 */
#ifndef CORDON_CONFIG_DEFAULTS_H
#define CORDON_CONFIG_DEFAULTS_H

#ifndef CONFIG_FILE_DEFAULT
#define CONFIG_FILE_DEFAULT "/etc/cordon/cordon.yaml"
#endif
#ifndef CONFIG_ZONE_DIRECTORY
#define CONFIG_ZONE_DIRECTORY "/usr/share/zoneinfo" /* of time zones */
#endif
#ifndef CONFIG_LIST_DIRECTORY
#define CONFIG_LIST_DIRECTORY "/usr/share/cordon/blocklists"
#endif
#ifndef CONFIG_STATE_DIRECTORY
#define CONFIG_STATE_DIRECTORY "/var/lib/cordon"
#endif
#ifndef CONFIG_UPDATE_DIRECTORY
#define CONFIG_UPDATE_DIRECTORY "/var/lib/cordon-update"
#endif
#ifndef CONFIG_CONTROL_SOCKET
#define CONFIG_CONTROL_SOCKET "/run/cordon/control.sock"
#endif

#endif

#include "export/formats.h"

#include <string.h>

static const struct export_format formats[] = {
    {"adguard", export_adguard, false, "filter rules of AdGuard"},
    {"cdb", export_cdb, true, "constant database for dnsdist's key-value look-up"},
    {"dnsmasq", export_dnsmasq, false, "configuration of dnsmasq"},
    {"domains", export_domains, false, "a name a line: the name and all below it"},
    {"hosts", export_hosts, false, "a hosts file: names alone"},
    {"unbound", export_unbound, false, "local zones of Unbound"},
};

const struct export_format *export_format_at(size_t index)
{
    return index < sizeof(formats) / sizeof(formats[0]) ? &formats[index] : NULL;
}

const struct export_format *export_format_find(const char *name)
{
    const struct export_format *format;

    for (size_t i = 0; (format = export_format_at(i)) != NULL; i++) {
        if (strcmp(format->name, name) == 0) {
            return format;
        }
    }
    return NULL;
}

#include "export/formats.h"

#include "base/error.h"

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

int export_format_write(const struct export_format *format, struct export_job *job)
{
    const struct export_set *clients = job->set->parts[POLICY_SUBJECT_CLIENT];
    bool lets_clients_through = false;

    for (size_t i = 0; clients != NULL && i < clients->prefix_count; i++) {
        if (export_word_ends_chain(&clients->prefixes[i].word)) {
            export_lose(job, EXPORT_LOSS_CLIENT, &clients->prefixes[i].word);
            lets_clients_through = true;
        }
    }
    return lets_clients_through ? CORDON_E_REFUSED : format->write(job);
}

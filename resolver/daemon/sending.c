#include "daemon/sending.h"

#include "audit/change.h"
#include "base/error.h"
#include "base/log.h"
#include "daemon/state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOST_MAX 256

/* A loss that goes on is told again after this, so that a dead sink fills no log. */
#define TELL_US UINT64_C(3600000000)

static const enum sink_format formats[] = {[CONFIG_SINK_JSON] = SINK_JSON,
                                           [CONFIG_SINK_OCSF] = SINK_OCSF,
                                           [CONFIG_SINK_DNSTAP] = SINK_DNSTAP,
                                           [CONFIG_SINK_SYSLOG] = SINK_SYSLOG};
static const enum sink_way ways[] = {[CONFIG_SINK_FILE] = SINK_FILE,
                                     [CONFIG_SINK_UNIX] = SINK_UNIX,
                                     [CONFIG_SINK_UDP] = SINK_UDP,
                                     [CONFIG_SINK_TCP] = SINK_TCP,
                                     [CONFIG_SINK_TLS] = SINK_TLS};

static struct sink_settings settings_of(const struct daemon *daemon,
                                        const struct config_sink *sink)
{
    return (struct sink_settings){
        .name = sink->name,
        .format = formats[sink->format],
        .way = ways[sink->place],
        .path = sink->path,
        .server = sink->server,
        .ca = sink->ca,
        .streams = {false, sink->decisions, sink->queries, sink->changes},
        .queue_octets = sink->queue_octets,
        .rotate_octets = sink->rotate_octets,
        .keep = sink->keep,
        .joins = daemon->takeover.channel >= 0,
        .facility = sink->facility,
        .enterprise = sink->enterprise,
    };
}

int sending_open(struct daemon *daemon)
{
    const struct config *config = daemon->config;
    struct sink_settings settings[CONFIG_SINKS_MAX];
    char host[HOST_MAX] = "";

    _Static_assert(CONFIG_SINKS_MAX <= SINK_MAX, "a sink more than the room takes");
    if (config->sink_count == 0) {
        return 0;
    }
    if (gethostname(host, sizeof(host) - 1) != 0) {
        host[0] = '\0';
    }
    for (size_t i = 0; i < config->sink_count; i++) {
        settings[i] = settings_of(daemon, &config->sinks[i]);
    }
    const int rc = sink_hub_start(settings, config->sink_count, host[0] != '\0' ? host : "-",
                                  &daemon->sending.hub);
    if (rc != 0) {
        log_write(LOG_LEVEL_ERROR, "audit.sinks cannot be made: %s", cordon_strerror(rc));
    }
    return rc;
}

void sending_close(struct daemon *daemon)
{
    sink_hub_stop(daemon->sending.hub);
    daemon->sending.hub = NULL;
}

struct audit_tap sending_tap(const struct daemon *daemon)
{
    return daemon->sending.hub != NULL ? sink_hub_tap(daemon->sending.hub)
                                       : (struct audit_tap){.taken = NULL};
}

static uint64_t sum_of(const uint64_t counts[AUDIT_STREAMS + 1])
{
    return counts[AUDIT_DECISIONS] + counts[AUDIT_QUERIES] + counts[AUDIT_CHANGES];
}

void sending_look(struct daemon *daemon, struct clock_now now, bool at_end)
{
    struct sending *sending = &daemon->sending;
    struct sink_stats stats;

    for (size_t i = 0; i < sink_hub_count(sending->hub); i++) {
        sink_hub_stats(sending->hub, i, &stats);
        const uint64_t lost = sum_of(stats.dropped);
        const bool is_over = at_end || stats.state == SINK_SENDING;

        if (lost == sending->told[i] || (!is_over && sending->told_us[i] != 0 &&
                                         now.mono_us - sending->told_us[i] < TELL_US)) {
            continue;
        }
        recording_tell(daemon, &(struct audit_note){
                                   .what = "sink-lost",
                                   .by_daemon = true,
                                   .reason = stats.error[0] != '\0' ? stats.error : NULL,
                                   .subject = stats.name,
                                   .state = sink_state_word(stats.state),
                                   .count = lost - sending->told[i],
                               });
        sending->told[i] = lost;
        sending->told_us[i] = now.mono_us;
    }
}

void sending_write(struct daemon *daemon, struct text *out)
{
    struct sink_stats stats;

    json_array_begin(out, "sinks");
    for (size_t i = 0; i < sink_hub_count(daemon->sending.hub); i++) {
        sink_hub_stats(daemon->sending.hub, i, &stats);
        json_object_begin(out, NULL);
        json_string(out, "name", stats.name);
        json_string(out, "format", sink_format_word(stats.format));
        json_string(out, "to", stats.to);
        json_string(out, "state", sink_state_word(stats.state));
        json_string(out, "error", stats.error[0] != '\0' ? stats.error : NULL);
        json_uint(out, "sent", stats.sent);
        json_uint(out, "connects", stats.connects);
        json_object_begin(out, "lost");
        for (unsigned stream = 1; stream <= AUDIT_STREAMS; stream++) {
            json_uint(out, audit_stream_word(stream), stats.dropped[stream]);
        }
        json_object_end(out);
        json_uint(out, "queued_octets", stats.queued);
        json_uint(out, "queue_octets", stats.queue);
        json_object_end(out);
    }
    json_array_end(out);
}

/* cordon list build: compiles the verified lists of a configuration into one image. */
#include "base/clock.h"
#include "base/digest.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/output.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cordon list build [-c CONFIG] [--output FILE] [--quiet] [--json]\n"
    "\n"
    "Verifies the lists that the configuration names and compiles them, as the daemon does. "
    "The\n"
    "same lists always give the same octets: the digest can be compared between machines.\n"
    "  --output FILE  also write the image, without the key that ties it to one machine\n"
    "  --quiet        do not show at a terminal how far it is\n";

int cli_list_build(int argc, char **argv)
{
    const char *config_path = NULL;
    const char *output = NULL;
    struct cli_progress progress;
    bool json = false, quiet = false;
    const struct cli_option options[] = {{"config", 'c', &config_path, NULL},
                                         {"output", 'o', &output, NULL},
                                         {"quiet", 'q', NULL, &quiet},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "list build", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    code = CLI_OK;
    if (optind != argc) {
        return cli_usage("list build", "the lists are those of the configuration: -c CONFIG");
    }
    const uint64_t from = clock_read().mono_us;
    cli_progress_start(&progress, quiet);
    struct setup_snapshot *snapshot = cli_snapshot_shown(config_path, &progress);
    if (snapshot == NULL) {
        return CLI_REFUSED;
    }
    const struct policy_image *image = policy_image_of(snapshot->policy);
    struct policy_image_stats stats;
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);
    uint8_t digest[DIGEST_OCTETS];
    char hex[2 * DIGEST_OCTETS + 1];

    policy_image_stats(image, &stats);
    digest_of(octets, len, NULL, digest);
    digest_hex(digest, sizeof(digest), hex);
    const uint64_t took_ms = (clock_read().mono_us - from) / 1000;
    if (output != NULL) {
        code = cli_output("list build", output, octets, len);
    }
    printf(json ? "{\"lists\":%zu,\"rules\":%" PRIu64 ",\"nodes\":%" PRIu64
                  ",\"prefixes\":%" PRIu64 ",\"octets\":%zu,\"milliseconds\":%" PRIu64
                  ",\"blake2b256\":\"%s\"}\n"
                : "%zu lists, %" PRIu64 " rules, %" PRIu64 " names in the tree, %" PRIu64
                  " prefixes: %zu octets in %" PRIu64 " ms\nblake2b-256 %s\n",
           policy_image_lists(image), stats.rules, stats.nodes, stats.prefixes, len, took_ms,
           hex);
    setup_snapshot_free(snapshot);
    return code;
}

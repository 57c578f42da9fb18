/* cordon list build: compiles the verified lists of a configuration, or texts, into one image.
 */
#include "base/clock.h"
#include "base/digest.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char help[] =
    "usage: cordon list build [-c CONFIG] [--output FILE] [--quiet] [--json]\n"
    "       cordon list build [--output FILE] [--quiet] [--json] FILE...\n"
    "\n"
    "Verifies the lists that the configuration names and compiles them, as the daemon does; "
    "or\n"
    "compiles the texts that are named, whoever signed them, for a publisher who ships "
    "images.\n"
    "The same lists always give the same octets: the digest can be compared between machines.\n"
    "  --output FILE  also write the image, without the key that ties it to one machine\n"
    "  --quiet        do not show at a terminal how far it is\n";

struct built {
    const struct policy_image *image; /* of one of these: */
    struct setup_snapshot *snapshot;
    struct policy_image *made;
};

/* The texts, compiled. CLI_OK, or a code after a message. */
static int build_texts(char **paths, size_t count, struct cli_progress *progress,
                       struct built *built)
{
    struct policy_list *lists[POLICY_LISTS_MAX] = {NULL};
    struct report report;
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        lists[i] = cli_list_read("build", paths[i]);
        rc = lists[i] == NULL ? CORDON_E_REFUSED : rc;
    }
    if (rc == 0) {
        report_init(&report);
        cli_progress_watch(progress, &report);
        rc = policy_image_build_told((const struct policy_list *const *)lists, count, &report,
                                     &built->made);
        cli_progress_end(progress);
        report_deinit(&report);
        if (rc != 0) {
            fprintf(stderr, "cordon list build: %s\n",
                    rc == -EEXIST ? "two of the lists have one id: name each once"
                                  : cordon_strerror(rc));
        }
    }
    for (size_t i = 0; i < count; i++) {
        policy_list_free(lists[i]);
    }
    built->image = built->made;
    return rc == 0 ? CLI_OK : CLI_REFUSED;
}

static int build_configured(const char *config_path, struct cli_progress *progress,
                            struct built *built)
{
    built->snapshot = cli_snapshot_shown(config_path, progress);
    if (built->snapshot == NULL) {
        return CLI_REFUSED;
    }
    built->image = policy_image_of(built->snapshot->policy);
    return CLI_OK;
}

/* Writes the image, if that is wanted, and says what it is. */
static int show(const struct policy_image *image, const char *output, bool json,
                uint64_t took_ms)
{
    struct policy_image_stats stats;
    size_t len = 0;
    const uint8_t *octets = policy_image_octets(image, &len);
    uint8_t digest[DIGEST_OCTETS];
    char hex[2 * DIGEST_OCTETS + 1];
    int code = CLI_OK;

    policy_image_stats(image, &stats);
    digest_of(octets, len, NULL, digest);
    digest_hex(digest, sizeof(digest), hex);
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
    return code;
}

int cli_list_build(int argc, char **argv)
{
    const char *config_path = NULL;
    const char *output = NULL;
    struct cli_progress progress;
    struct built built = {.image = NULL};
    bool json = false, quiet = false;
    const struct cli_option options[] = {{"config", 'c', &config_path, NULL},
                                         {"output", 'o', &output, NULL},
                                         {"quiet", 'q', NULL, &quiet},
                                         {"json", 0, NULL, &json}};
    int code = cli_options(argc, argv, "list build", help, options, CLI_COUNT(options));

    if (code != CLI_GO_ON) {
        return code;
    }
    const size_t count = (size_t)(argc - optind);
    if ((count > 0 && config_path != NULL) || count > POLICY_LISTS_MAX) {
        return cli_usage("list build", "name a configuration, or 1 to %u texts",
                         POLICY_LISTS_MAX);
    }
    const uint64_t from = clock_read().mono_us;
    cli_progress_start(&progress, quiet);
    code = count > 0 ? build_texts(argv + optind, count, &progress, &built)
                     : build_configured(config_path, &progress, &built);
    if (code == CLI_OK) {
        code = show(built.image, output, json, (clock_read().mono_us - from) / 1000);
    }
    setup_snapshot_free(built.snapshot);
    policy_image_free(built.made);
    return code;
}

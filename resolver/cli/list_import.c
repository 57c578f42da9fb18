/* cordon list import: a response policy zone as the text of a list, to be read and signed. */
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/cli.h"
#include "cli/list.h"
#include "cli/output.h"
#include "export/limits.h"
#include "export/rpz_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cordon list import rpz --id ID --provider TEXT [OPTION...] FILE\n"
    "\n"
    "Writes the response policy zone in FILE as the text of a list, for people to read and "
    "sign. What\n"
    "a list cannot express is left out, and told by line; nothing is blocked that the zone "
    "lets through.\n"
    "Exit status 4: something is left out, or said in part.\n"
    "  --id ID            of the list\n"
    "  --provider TEXT    an id, a space, and the name of whom the names belong to\n"
    "  --output FILE      instead of standard output\n"
    "  --origin ZONE      of relative names, if the file does not say (default rpz.invalid)\n"
    "  --title TEXT, --serial N (default: that of the SOA), --created, --expires (default: "
    "now and in\n"
    "                     90 days; YYYY-MM-DDTHH:MM:SSZ)\n"
    "  --category WORD, --scope WORD, --confidence WORD  of every rule (default imported, "
    "cloud, medium)\n"
    "  --quiet            counts alone\n";

#define LIFE_S (90u * 86400u)

static void tell(void *arg, enum export_rpz_tell what, uint32_t line, const char *words)
{
    static const char *const kinds[EXPORT_RPZ_TELLS] = {
        [EXPORT_RPZ_LEFT_OUT] = "left out",
        [EXPORT_RPZ_PARTLY] = "in part",
        [EXPORT_RPZ_IMPLIED] = "added",
    };

    if (kinds[what] != NULL) {
        fprintf(stderr, "%s:%" PRIu32 ": %s: %s\n", (const char *)arg, line, kinds[what],
                words);
    }
}

static int run(struct export_rpz_import *import, const char *output)
{
    uint8_t *text = NULL;
    char *list = NULL;
    size_t len = 0, list_len = 0;
    struct report report;
    int rc = file_read(import->file, EXPORT_RPZ_OCTETS_MAX, &text, &len);
    FILE *out = rc == 0 ? open_memstream(&list, &list_len) : NULL;

    report_init(&report);
    if (rc == 0) {
        rc = out == NULL ? -ENOMEM
                         : export_rpz_import(import, (const char *)text, len, &report, out);
    }
    if (out != NULL && fclose(out) != 0 && rc == 0) {
        rc = -ENOMEM;
    }
    report_print(&report, stderr);
    if (rc != 0 && report.errors == 0) {
        fprintf(stderr, "cordon list import: %s: %s\n", import->file, cordon_strerror(rc));
    }
    report_deinit(&report);
    int code = rc == 0 ? CLI_OK : CLI_REFUSED;
    if (rc == 0 && output != NULL) {
        code = cli_output("list import", output, list, list_len);
    } else if (rc == 0) {
        fwrite(list, 1, list_len, stdout);
    }
    free(list);
    free(text);
    if (code != CLI_OK) {
        return code;
    }
    fprintf(stderr,
            "%zu records of policy, %zu rules; left out %zu, in part %zu, added %zu, of the "
            "zone itself %zu\n",
            import->records, import->rules, import->told[EXPORT_RPZ_LEFT_OUT],
            import->told[EXPORT_RPZ_PARTLY], import->told[EXPORT_RPZ_IMPLIED],
            import->told[EXPORT_RPZ_IGNORED]);
    return import->told[EXPORT_RPZ_LEFT_OUT] + import->told[EXPORT_RPZ_PARTLY] > 0 ? CLI_PARTLY
                                                                                   : CLI_OK;
}

int cli_list_import(int argc, char **argv)
{
    static const struct option options[] = {{"id", required_argument, NULL, 'i'},
                                            {"provider", required_argument, NULL, 'p'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"origin", required_argument, NULL, 'O'},
                                            {"title", required_argument, NULL, 't'},
                                            {"serial", required_argument, NULL, 's'},
                                            {"created", required_argument, NULL, 'c'},
                                            {"expires", required_argument, NULL, 'e'},
                                            {"category", required_argument, NULL, 'C'},
                                            {"scope", required_argument, NULL, 'S'},
                                            {"confidence", required_argument, NULL, 'F'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const uint64_t now_s = clock_read().wall_us / 1000000;
    char created[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX];
    struct export_rpz_import import = {.created = created,
                                       .expires = expires,
                                       .category = "imported",
                                       .scope = "cloud",
                                       .confidence = "medium",
                                       .tell = tell};
    const char *output = NULL;
    int option;

    clock_format_s(now_s, created);
    clock_format_s(now_s + LIFE_S, expires);
    while ((option = getopt_long(argc, argv, "o:qh", options, NULL)) != -1) {
        const char **where = option == 'i'   ? &import.id
                             : option == 'p' ? &import.provider
                             : option == 'o' ? &output
                             : option == 'O' ? &import.origin
                             : option == 't' ? &import.title
                             : option == 's' ? &import.serial
                             : option == 'c' ? &import.created
                             : option == 'e' ? &import.expires
                             : option == 'C' ? &import.category
                             : option == 'S' ? &import.scope
                             : option == 'F' ? &import.confidence
                                             : NULL;
        if (where != NULL) {
            *where = optarg;
        } else if (option == 'q') {
            import.tell = NULL;
        } else if (option == 'h') {
            fputs(help, stdout);
            return CLI_OK;
        } else {
            return cli_usage("list import", "wrong option");
        }
    }
    if (argc - optind != 2 || strcmp(argv[optind], "rpz") != 0) {
        return cli_usage("list import", "name the format, rpz, and one file");
    }
    if (import.id == NULL || import.provider == NULL) {
        return cli_usage("list import", "name the list with --id and the --provider");
    }
    import.file = argv[optind + 1];
    import.arg = argv[optind + 1];
    return run(&import, output);
}
